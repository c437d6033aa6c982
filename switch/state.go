package nvswitch

// State is a lifecycle state of a switch. The strings are stored and public; they must not change.
type State string

// The states.
const (
	// Created: the switch was discovered. The engine moves it on at once.
	Created State = "Created"
	// WaitForInterface: none of its NVOS interfaces is known to be on the network. The host moves it on by reporting one.
	WaitForInterface State = "Initializing/WaitForOsMachineInterface"
	// CertificateStart: the certificate job is not submitted yet. The engine moves it on when the driver has taken the job.
	CertificateStart State = "Configuring/ConfigureCertificate/Start"
	// CertificateWait: the certificate job runs. The engine moves it on when the job ends, or at the deadline.
	CertificateWait State = "Configuring/ConfigureCertificate/WaitForComplete"
	// RotateOsPassword: the credential of its NVOS is not known to be stored. The engine moves it on when it is.
	RotateOsPassword State = "Configuring/RotateOsPassword"
	// FetchInfo: slot and tray index have not been asked for. The engine moves it on, whatever the answer.
	FetchInfo State = "FetchInfo"
	// Validation: the driver's check of the switch is outstanding. The engine moves it on.
	Validation State = "Validating/ValidationComplete"
	// BomValidation: expected and found part have not been compared. The engine moves it on at once.
	BomValidation State = "BomValidating/BomValidationComplete"
	// Ready: in service. A maintenance request, a request of the rack or a deletion moves it.
	Ready State = "Ready"
	// PoweringOn: an operator has it switched on. The engine moves it on after one attempt.
	PoweringOn State = "Maintenance/PowerOn"
	// PoweringOff: an operator has it switched off by force. The engine moves it on after one attempt.
	PoweringOff State = "Maintenance/PowerOff"
	// Resetting: an operator has it restarted by force. The engine moves it on after one attempt.
	Resetting State = "Maintenance/Reset"
	// NewCertificateStart: an operator wants a new certificate; the job is not submitted yet. The engine moves it on.
	NewCertificateStart State = "Maintenance/ReconfigureCertificate/Start"
	// NewCertificateWait: that job runs. The engine moves it on when the job ends, or at the deadline.
	NewCertificateWait State = "Maintenance/ReconfigureCertificate/WaitForComplete"
	// WaitingForFirmware: the rack updates its firmware. The rack moves it on by its status, or by leaving the cycle.
	WaitingForFirmware State = "ReProvisioning/WaitingForRackFirmwareUpgrade"
	// WaitingForNVOS: the rack updates its NVOS. The rack moves it on by its status, or by leaving the cycle.
	WaitingForNVOS State = "ReProvisioning/WaitingForNVOSUpgrade"
	// WaitingForNMXC: the rack configures the fabric. The rack moves it on by its status, or by leaving the cycle.
	WaitingForNMXC State = "ReProvisioning/WaitingForNMXCConfigure"
	// Error: something failed; Cause says what. A maintenance request, a request of the rack or a deletion moves it.
	Error State = "Error"
	// Deleting: on its way out. The engine removes it.
	Deleting State = "Deleting"
)

// The paths above sub-states that share rows of the table or a clock.
const (
	configuring    State = "Configuring"
	maintenance    State = "Maintenance"
	reprovisioning State = "ReProvisioning"
)

// Trigger names what moves a switch. The strings are stored in the history and must not change.
type Trigger string

// The triggers. Discovery is called DeviceDiscovered because Discovered is what a host reports.
const (
	DeviceDiscovered      Trigger = "Discovered"
	ControllerStarted     Trigger = "ControllerStarted"
	InterfacesAssociated  Trigger = "InterfacesAssociated"
	InitializationFailed  Trigger = "InitializationFailed"
	CertificateJobStarted Trigger = "CertificateJobStarted"
	CertificateSkipped    Trigger = "CertificateSkipped"
	CertificateConfigured Trigger = "CertificateConfigured"
	CertificateFailed     Trigger = "CertificateFailed"
	PasswordRotated       Trigger = "PasswordRotated"
	ConfigurationFailed   Trigger = "ConfigurationFailed"
	InfoFetched           Trigger = "InfoFetched"
	ValidationPassed      Trigger = "ValidationPassed"
	ValidationFailed      Trigger = "ValidationFailed"
	BomValidated          Trigger = "BomValidated"
	BomMismatch           Trigger = "BomMismatch"
	MaintenanceRequested  Trigger = "MaintenanceRequested"
	OperationCompleted    Trigger = "OperationCompleted"
	OperationFailed       Trigger = "OperationFailed"
	OperationCancelled    Trigger = "OperationCancelled"
	ReprovisionRequested  Trigger = "ReprovisionRequested"
	FirmwareUpgraded      Trigger = "FirmwareUpgraded"
	NvosUpdated           Trigger = "NvosUpdated"
	FabricConfigured      Trigger = "FabricConfigured"
	RackCycleEnded        Trigger = "RackCycleEnded"
	RequestCleared        Trigger = "RequestCleared"
	ReprovisionFailed     Trigger = "ReprovisionFailed"
	Deleted               Trigger = "Deleted"
	Removed               Trigger = "Removed"
)
