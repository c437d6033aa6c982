package rack

// State is a lifecycle state of a rack. The strings are stored and public; they must not change.
type State string

// The states. A sub-state is a path.
const (
	// Created: at least one device of the expected rack was found. The engine moves it on when all are.
	Created State = "Created"
	// Discovering: all expected devices are there. The engine moves it on when all are ready.
	Discovering State = "Discovering"

	// FirmwareStart: the firmware batch is to be submitted.
	FirmwareStart State = "Maintenance/FirmwareUpgrade/Start"
	// FirmwareWait: the firmware batch runs.
	FirmwareWait State = "Maintenance/FirmwareUpgrade/WaitForComplete"
	// NVOSStart: the batch of switch images is to be submitted.
	NVOSStart State = "Maintenance/NVOSUpdate/Start"
	// NVOSWait: the batch of switch images runs.
	NVOSWait State = "Maintenance/NVOSUpdate/WaitForComplete"
	// ClusterStart: the switches are checked for what the fabric configuration needs.
	ClusterStart State = "Maintenance/ConfigureNmxCluster/Start"
	// CertificatesStart: the service certificates of the primary switch are to be installed.
	CertificatesStart State = "Maintenance/ConfigureNmxCluster/ConfigureCertificates/Start"
	// CertificatesWait: the certificates are being installed.
	CertificatesWait State = "Maintenance/ConfigureNmxCluster/ConfigureCertificates/WaitForComplete"
	// FabricDisable: the fabric is to be turned off on every switch.
	FabricDisable State = "Maintenance/ConfigureNmxCluster/DisableScaleUpFabricState"
	// FabricConfigure: the fabric manager of the primary switch is to be configured.
	FabricConfigure State = "Maintenance/ConfigureNmxCluster/ConfigureScaleUpFabricManager"
	// FabricWait: the fabric is coming up.
	FabricWait State = "Maintenance/ConfigureNmxCluster/WaitForFabricStatus"
	// PoweringOff: machines, then switches, then power shelves are switched off.
	PoweringOff State = "Maintenance/PowerSequence/PoweringOff"
	// PoweredOff: everything in scope is off, as asked. A power request moves it.
	PoweredOff State = "Maintenance/PowerSequence/PoweredOff"
	// PoweringOn: power shelves, then switches, then machines are switched on.
	PoweringOn State = "Maintenance/PowerSequence/PoweringOn"
	// Completed: every activity is done. The engine moves it on when every device in scope is back.
	Completed State = "Maintenance/Completed"

	// ValidationPending: no machine carries the id of a validation run yet. The validation service moves it.
	ValidationPending State = "Validating/Pending"
	// ValidationInProgress: a run goes on, no partition has a result.
	ValidationInProgress State = "Validating/InProgress"
	// ValidationPartial: some partitions have passed, none has failed.
	ValidationPartial State = "Validating/Partial"
	// ValidationFailedPartial: some partitions have failed.
	ValidationFailedPartial State = "Validating/FailedPartial"
	// Validated: every partition has passed. The engine moves it on when every child is ready.
	Validated State = "Validating/Validated"
	// ValidationFailed: every partition has failed.
	ValidationFailed State = "Validating/Failed"

	// Ready: in service.
	Ready State = "Ready"
	// Error: a component, a maintenance or a validation failed; Cause and Origin say which. It recovers when all children are healthy, or by maintenance.
	Error State = "Error"
	// Deleting: on its way out, children first.
	Deleting State = "Deleting"
)

// Paths above sub-states.
const (
	inMaintenance State = "Maintenance"
	inFirmware    State = "Maintenance/FirmwareUpgrade"
	inNVOS        State = "Maintenance/NVOSUpdate"
	inCluster     State = "Maintenance/ConfigureNmxCluster"
	inPower       State = "Maintenance/PowerSequence"
	inValidating  State = "Validating"
)

// Trigger names what moves a rack.
type Trigger string

// The triggers.
const (
	Discovered             Trigger = "Discovered"
	ExpectedDevicesPresent Trigger = "ExpectedDevicesPresent"
	AllDevicesReady        Trigger = "AllDevicesReady"
	ActivityDone           Trigger = "ActivityDone"
	JobsSubmitted          Trigger = "JobsSubmitted"
	ClusterChecked         Trigger = "ClusterChecked"
	CertificateJobStarted  Trigger = "CertificateJobStarted"
	CertificateSkipped     Trigger = "CertificateSkipped"
	CertificateConfigured  Trigger = "CertificateConfigured"
	FabricDisabled         Trigger = "FabricDisabled"
	FabricConfigured       Trigger = "FabricConfigured"
	PowerIsOff             Trigger = "PowerIsOff"
	PowerOnRequested       Trigger = "PowerOnRequested"
	MaintenanceFailed      Trigger = "MaintenanceFailed"
	MaintenanceCompleted   Trigger = "MaintenanceCompleted"
	ValidationDisabled     Trigger = "ValidationDisabled"
	RunStarted             Trigger = "RunStarted"
	RunGone                Trigger = "RunGone"
	PartitionFailed        Trigger = "PartitionFailed"
	PartitionValidated     Trigger = "PartitionValidated"
	PartitionRunning       Trigger = "PartitionRunning"
	PartitionsIdle         Trigger = "PartitionsIdle"
	AllValidated           Trigger = "AllValidated"
	AllFailed              Trigger = "AllFailed"
	FailureRepeated        Trigger = "FailureRepeated"
	ValidationPassed       Trigger = "ValidationPassed"
	RunFailed              Trigger = "ValidationFailed"
	TopologyChanged        Trigger = "TopologyChanged"
	ReprovisionRequested   Trigger = "ReprovisionRequested"
	MaintenanceRequested   Trigger = "MaintenanceRequested"
	ComponentFailed        Trigger = "ComponentFailed"
	ComponentsRecovered    Trigger = "ComponentsRecovered"
	Deleted                Trigger = "Deleted"
	Removed                Trigger = "Removed"
)
