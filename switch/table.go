package nvswitch

import (
	"time"

	"github.com/rackstate/rackstate/lifecycle"
)

// table lists every legal transition of a switch.
var table = lifecycle.Table[State, Trigger]{
	{From: "", On: DeviceDiscovered, To: Created, Note: "reported by the host application"},
	{From: Created, On: ControllerStarted, To: WaitForInterface},

	{From: WaitForInterface, On: InterfacesAssociated, To: CertificateStart, Note: "an expected NVOS MAC is seen on the network and now belongs to this switch"},
	{From: WaitForInterface, On: InitializationFailed, To: Error, Note: "no BMC MAC, no expected switch for it, no NVOS MACs expected, or a MAC that belongs to another switch"},
	{From: CertificateStart, On: CertificateJobStarted, To: CertificateWait, Note: "the domain name is the rack id"},
	{From: CertificateStart, On: CertificateSkipped, To: RotateOsPassword, Note: "no rack id, or the driver has no certificate capability"},
	{From: CertificateStart, On: CertificateFailed, To: Error, Note: "the driver refuses for good"},
	{From: CertificateWait, On: CertificateConfigured, To: RotateOsPassword},
	{From: CertificateWait, On: CertificateFailed, To: Error, Note: "the job failed, is lost, or did not end before its deadline"},
	{From: RotateOsPassword, On: PasswordRotated, To: FetchInfo, Note: "the credential of the switch OS is in the credential store"},
	{From: RotateOsPassword, On: ConfigurationFailed, To: Error, Note: "no expected switch or no BMC MAC"},
	{From: FetchInfo, On: InfoFetched, To: Validation, Note: "a failed look-up is a warning and does not block"},
	{From: Validation, On: ValidationPassed, To: BomValidation},
	{From: Validation, On: ValidationFailed, To: Error, Note: "the driver's check reports a fault"},
	{From: BomValidation, On: BomValidated, To: Ready},
	{From: BomValidation, On: BomMismatch, To: Error, Note: "expected and found part are listed"},

	{From: Ready, On: MaintenanceRequested, To: PoweringOn, Guard: "the operation is PowerOn"},
	{From: Ready, On: MaintenanceRequested, To: PoweringOff, Guard: "the operation is PowerOff"},
	{From: Ready, On: MaintenanceRequested, To: Resetting, Guard: "the operation is Reset"},
	{From: Ready, On: MaintenanceRequested, To: NewCertificateStart, Guard: "the operation is ReconfigureCertificate"},
	{From: Ready, On: ReprovisionRequested, To: WaitingForFirmware, Guard: "the first awaited step is firmware"},
	{From: Ready, On: ReprovisionRequested, To: WaitingForNVOS, Guard: "the first awaited step is nvos"},
	{From: Ready, On: ReprovisionRequested, To: WaitingForNMXC, Guard: "the first awaited step is nmxc"},

	{From: NewCertificateStart, On: CertificateJobStarted, To: NewCertificateWait, Note: "the domain name is the rack id"},
	{From: maintenance, On: OperationCompleted, To: Ready, Note: "consumes the request"},
	{From: maintenance, On: OperationFailed, To: Error, Note: "consumes the request, so that it does not loop"},
	{From: maintenance, On: OperationCancelled, To: Ready, Guard: "nothing was asked of the hardware, and it came from Ready"},
	{From: maintenance, On: OperationCancelled, To: Error, Guard: "it came from Error, or a certificate job may still run"},

	{From: WaitingForFirmware, On: FirmwareUpgraded, To: WaitingForNVOS, Guard: "the next awaited step is nvos"},
	{From: WaitingForFirmware, On: FirmwareUpgraded, To: WaitingForNMXC, Guard: "the next awaited step is nmxc"},
	{From: WaitingForFirmware, On: FirmwareUpgraded, To: Ready, Guard: "no step is awaited any more"},
	{From: WaitingForNVOS, On: NvosUpdated, To: WaitingForNMXC, Guard: "the next awaited step is nmxc"},
	{From: WaitingForNVOS, On: NvosUpdated, To: Ready, Guard: "no step is awaited any more"},
	{From: WaitingForNMXC, On: FabricConfigured, To: Ready},
	{From: reprovisioning, On: ReprovisionFailed, To: Error, Note: "the step failed on this switch; consumes the request"},
	{From: reprovisioning, On: RackCycleEnded, To: Ready, Note: "the rack is in Error or has left the cycle; consumes the request"},
	{From: reprovisioning, On: RequestCleared, To: Ready, Note: "an operator cancelled or cleared the request"},

	{From: Error, On: MaintenanceRequested, To: PoweringOn, Guard: "the operation is PowerOn"},
	{From: Error, On: MaintenanceRequested, To: PoweringOff, Guard: "the operation is PowerOff"},
	{From: Error, On: MaintenanceRequested, To: Resetting, Guard: "the operation is Reset"},
	{From: Error, On: MaintenanceRequested, To: NewCertificateStart, Guard: "the operation is ReconfigureCertificate"},
	{From: Error, On: ReprovisionRequested, To: WaitingForFirmware, Guard: "the first awaited step is firmware"},
	{From: Error, On: ReprovisionRequested, To: WaitingForNVOS, Guard: "the first awaited step is nvos"},
	{From: Error, On: ReprovisionRequested, To: WaitingForNMXC, Guard: "the first awaited step is nmxc"},

	{From: lifecycle.Any, On: Deleted, To: Deleting, Note: "before everything else; in the middle of hardware work after the current step"},
	{From: Deleting, On: Removed, To: ""},
}

const (
	workSLA        = 5 * time.Minute
	reprovisionSLA = 4 * time.Hour
)

// states declares every state.
var states = []lifecycle.StateInfo[State]{
	{State: Created, Class: lifecycle.Working, SLA: workSLA, Doc: "discovered, nothing done yet"},
	{
		State: WaitForInterface, Class: lifecycle.Waiting, SLA: workSLA, NoDeadline: "the switch is installed when people install it; it is reported after its SLA",
		Doc: "waits until one of its NVOS interfaces is seen on the network",
	},
	{State: CertificateStart, Class: lifecycle.Working, SLA: workSLA, Clock: configuring, Doc: "the certificate job is about to be submitted"},
	{
		State: CertificateWait, Class: lifecycle.Working, SLA: workSLA, Clock: configuring, Deadline: DefaultCertificateDeadline,
		Doc: "the certificate job runs; its deadline counts from its submission",
	},
	{State: RotateOsPassword, Class: lifecycle.Working, SLA: workSLA, Clock: configuring, Doc: "the credential of its NVOS must be in the credential store"},
	{State: FetchInfo, Class: lifecycle.Working, SLA: workSLA, Doc: "slot and tray index are about to be read"},
	{State: Validation, Class: lifecycle.Working, SLA: workSLA, Doc: "the driver checks the switch for faults"},
	{State: BomValidation, Class: lifecycle.Working, SLA: workSLA, Doc: "expected and found part are about to be compared"},
	{State: Ready, Class: lifecycle.Resting, Doc: "in service"},
	{State: PoweringOn, Class: lifecycle.Working, SLA: workSLA, Doc: "being switched on"},
	{State: PoweringOff, Class: lifecycle.Working, SLA: workSLA, Doc: "being switched off by force"},
	{State: Resetting, Class: lifecycle.Working, SLA: workSLA, Doc: "being restarted by force"},
	{
		State: NewCertificateStart, Class: lifecycle.Working, SLA: workSLA, Clock: maintenance, Deadline: DefaultCertificateDeadline,
		Doc: "a new certificate was asked for; its job is about to be submitted",
	},
	{
		State: NewCertificateWait, Class: lifecycle.Working, SLA: workSLA, Clock: maintenance, Deadline: DefaultCertificateDeadline,
		Doc: "the job of the new certificate runs; its deadline counts from its submission",
	},
	{State: WaitingForFirmware, Class: lifecycle.Waiting, SLA: reprovisionSLA, Clock: reprovisioning, NoDeadline: cycleBounds, Doc: "the rack updates the firmware"},
	{State: WaitingForNVOS, Class: lifecycle.Waiting, SLA: reprovisionSLA, Clock: reprovisioning, NoDeadline: cycleBounds, Doc: "the rack updates NVOS"},
	{State: WaitingForNMXC, Class: lifecycle.Waiting, SLA: reprovisionSLA, Clock: reprovisioning, NoDeadline: cycleBounds, Doc: "the rack configures the fabric"},
	{State: Error, Class: lifecycle.Failed, Doc: "something failed, the cause is on record; a maintenance request, the rack's request or a deletion leads out"},
	{State: Deleting, Class: lifecycle.Deleting, SLA: workSLA, Doc: "on its way out"},
}

const cycleBounds = "the deadlines of the rack's activities bound its cycle, and the end of the cycle lets the switch go"
