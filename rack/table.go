package rack

import (
	"time"

	"github.com/rackstate/rackstate/lifecycle"
)

// Guards that several rows share.
const (
	thenNVOS      = "the next activity is NVOSUpdate"
	thenCluster   = "the next activity is ConfigureNmxCluster"
	thenOff       = "the next activity is PowerSequence off or reset"
	thenOn        = "the next activity is PowerSequence on"
	thenCompleted = "no activity is left"
	firstFirmware = "its first activity is FirmwareUpgrade"
	firstNVOS     = "its first activity is NVOSUpdate"
	firstCluster  = "its first activity is ConfigureNmxCluster"
	firstOff      = "its first activity is PowerSequence off or reset"
	firstOn       = "its first activity is PowerSequence on"
)

// table lists every legal transition of a rack.
var table = lifecycle.Table[State, Trigger]{
	{From: "", On: Discovered, To: Created, Note: "the first device of an expected rack was found"},
	{From: Created, On: ExpectedDevicesPresent, To: Discovering, Note: "devices of each kind >= profile count"},
	{From: Discovering, On: AllDevicesReady, To: FirmwareStart, Note: "machines Ready or Assigned, switches and power shelves Ready, each >= profile count"},

	{From: FirmwareStart, On: JobsSubmitted, To: FirmwareWait, Note: "one batch; a reprovision request on every machine and switch in it"},
	{From: inFirmware, On: ActivityDone, To: NVOSStart, Guard: thenNVOS},
	{From: inFirmware, On: ActivityDone, To: ClusterStart, Guard: thenCluster},
	{From: inFirmware, On: ActivityDone, To: PoweringOff, Guard: thenOff},
	{From: inFirmware, On: ActivityDone, To: PoweringOn, Guard: thenOn},
	{From: inFirmware, On: ActivityDone, To: Completed, Guard: thenCompleted},
	{From: NVOSStart, On: JobsSubmitted, To: NVOSWait, Note: "one batch; a reprovision request on every switch in it that has none"},
	{From: inNVOS, On: ActivityDone, To: ClusterStart, Guard: thenCluster},
	{From: inNVOS, On: ActivityDone, To: PoweringOff, Guard: thenOff},
	{From: inNVOS, On: ActivityDone, To: PoweringOn, Guard: thenOn},
	{From: inNVOS, On: ActivityDone, To: Completed, Guard: thenCompleted},
	{From: ClusterStart, On: ClusterChecked, To: CertificatesStart, Note: "every switch has an NVOS address and a credential"},
	{From: CertificatesStart, On: CertificateJobStarted, To: CertificatesWait, Note: "on the primary switch"},
	{From: CertificatesStart, On: CertificateSkipped, To: FabricDisable, Note: "the driver has no certificate capability"},
	{From: CertificatesWait, On: CertificateConfigured, To: FabricDisable},
	{From: FabricDisable, On: FabricDisabled, To: FabricConfigure, Note: "on every switch in scope"},
	{From: FabricConfigure, On: FabricConfigured, To: FabricWait, Note: "on the primary switch, which is recorded"},
	{From: inCluster, On: ActivityDone, To: PoweringOff, Guard: thenOff},
	{From: inCluster, On: ActivityDone, To: PoweringOn, Guard: thenOn},
	{From: inCluster, On: ActivityDone, To: Completed, Guard: thenCompleted},
	{From: PoweringOff, On: PowerIsOff, To: PoweringOn, Guard: "the sequence is a reset"},
	{From: PoweringOff, On: PowerIsOff, To: PoweredOff, Guard: "the sequence is off alone"},
	{From: PoweredOff, On: PowerOnRequested, To: PoweringOn, Note: "continues the same cycle"},
	{From: inPower, On: ActivityDone, To: Completed},
	{From: inMaintenance, On: MaintenanceFailed, To: Error, Note: "sets cause and origin, ends the request, puts alerts on unfinished devices"},
	{From: Completed, On: MaintenanceCompleted, To: ValidationPending, Note: "every child in scope is back; strips every rv.* label; consumes the request"},

	{From: ValidationPending, On: ValidationDisabled, To: Ready, Note: "by configuration, or there is no machine to validate; all children ready"},
	{From: ValidationPending, On: RunStarted, To: ValidationInProgress, Note: "a machine carries rv.run-id"},
	{From: ValidationInProgress, On: RunGone, To: ValidationPending, Note: "no machine carries this run's id any more"},
	{From: ValidationInProgress, On: PartitionFailed, To: ValidationFailedPartial, Note: "failed > 0"},
	{From: ValidationInProgress, On: PartitionValidated, To: ValidationPartial, Note: "validated > 0"},
	{From: ValidationPartial, On: RunGone, To: ValidationPending, Note: "no machine carries this run's id any more"},
	{From: ValidationPartial, On: AllValidated, To: Validated, Note: "validated = total"},
	{From: ValidationPartial, On: PartitionFailed, To: ValidationFailedPartial, Note: "failed > 0"},
	{From: ValidationFailedPartial, On: RunGone, To: ValidationPending, Note: "no machine carries this run's id, or no partition is left"},
	{From: ValidationFailedPartial, On: AllFailed, To: ValidationFailed, Note: "failed = total"},
	{From: ValidationFailedPartial, On: PartitionValidated, To: ValidationPartial, Note: "failed = 0, validated > 0"},
	{From: ValidationFailedPartial, On: PartitionRunning, To: ValidationInProgress, Note: "failed = 0, in progress > 0"},
	{From: ValidationFailedPartial, On: PartitionsIdle, To: ValidationPending, Note: "failed = 0, none validated or in progress"},
	{From: ValidationFailed, On: RunGone, To: ValidationPending, Note: "no machine carries this run's id any more"},
	{From: ValidationFailed, On: FailureRepeated, To: ValidationFailedPartial, Note: "failed < total"},
	{From: ValidationFailed, On: RunFailed, To: Error, Note: "after the grace; the cause lists partitions and rv.fail-desc"},
	{From: ValidationPending, On: RunFailed, To: Error, Note: "deadline"},
	{From: ValidationInProgress, On: RunFailed, To: Error, Note: "deadline"},
	{From: Validated, On: ValidationPassed, To: Ready, Note: "all children ready"},

	{From: Ready, On: TopologyChanged, To: Discovering, Note: "first; consumes the flag"},
	{From: Ready, On: ReprovisionRequested, To: FirmwareStart, Note: "second; full rack, defaults; supersedes a pending maintenance request"},
	{From: Ready, On: MaintenanceRequested, To: FirmwareStart, Guard: firstFirmware, Note: "third"},
	{From: Ready, On: MaintenanceRequested, To: NVOSStart, Guard: firstNVOS},
	{From: Ready, On: MaintenanceRequested, To: ClusterStart, Guard: firstCluster},
	{From: Ready, On: MaintenanceRequested, To: PoweringOff, Guard: firstOff},
	{From: Ready, On: MaintenanceRequested, To: PoweringOn, Guard: firstOn},
	{From: Ready, On: ComponentFailed, To: Error, Note: "fourth; cause lists kinds, counts, ids"},
	{From: Error, On: MaintenanceRequested, To: FirmwareStart, Guard: firstFirmware, Note: "first"},
	{From: Error, On: MaintenanceRequested, To: NVOSStart, Guard: firstNVOS},
	{From: Error, On: MaintenanceRequested, To: ClusterStart, Guard: firstCluster},
	{From: Error, On: MaintenanceRequested, To: PoweringOff, Guard: firstOff},
	{From: Error, On: MaintenanceRequested, To: PoweringOn, Guard: firstOn},
	{From: Error, On: ComponentsRecovered, To: Ready, Note: "at least one child, all ready and healthy"},
	{From: lifecycle.Any, On: Deleted, To: Deleting, Note: "before everything else"},
	{From: Deleting, On: Removed, To: "", Note: "when no child remains"},
}

const (
	hour = time.Hour
	min1 = time.Minute
)

// states declares every state. The sub-states of an activity share its clock.
var states = []lifecycle.StateInfo[State]{
	{State: Created, Class: lifecycle.Waiting, SLA: hour, NoDeadline: "devices arrive when they are racked and cabled", Doc: "some devices of the expected rack were found"},
	{State: Discovering, Class: lifecycle.Waiting, SLA: hour, NoDeadline: "a device that cannot be brought up is reported by itself", Doc: "all expected devices are there, not all are ready"},
	{State: FirmwareStart, Class: lifecycle.Working, Clock: inFirmware, SLA: 2 * hour, Deadline: 4 * hour, Doc: "the firmware batch is to be submitted"},
	{State: FirmwareWait, Class: lifecycle.Waiting, Clock: inFirmware, SLA: 2 * hour, Deadline: 4 * hour, Doc: "the firmware batch runs"},
	{State: NVOSStart, Class: lifecycle.Working, Clock: inNVOS, SLA: hour, Deadline: 2 * hour, Doc: "the batch of switch images is to be submitted"},
	{State: NVOSWait, Class: lifecycle.Waiting, Clock: inNVOS, SLA: hour, Deadline: 2 * hour, Doc: "the batch of switch images runs"},
	{State: ClusterStart, Class: lifecycle.Working, Clock: inCluster, SLA: 15 * min1, Deadline: 30 * min1, Doc: "the switches are checked for what the fabric configuration needs"},
	{State: CertificatesStart, Class: lifecycle.Working, Clock: inCluster, SLA: 15 * min1, Deadline: 30 * min1, Doc: "the certificates of the primary switch are to be installed"},
	{State: CertificatesWait, Class: lifecycle.Waiting, Clock: inCluster, SLA: 15 * min1, Deadline: 30 * min1, Doc: "the certificates of the primary switch are being installed"},
	{State: FabricDisable, Class: lifecycle.Working, Clock: inCluster, SLA: 15 * min1, Deadline: 30 * min1, Doc: "the fabric is being turned off on every switch in scope"},
	{State: FabricConfigure, Class: lifecycle.Working, Clock: inCluster, SLA: 15 * min1, Deadline: 30 * min1, Doc: "the fabric manager of the primary switch is being configured"},
	{State: FabricWait, Class: lifecycle.Waiting, Clock: inCluster, SLA: 15 * min1, Deadline: 30 * min1, Doc: "the fabric is coming up"},
	{State: PoweringOff, Class: lifecycle.Working, Clock: inPower, SLA: 15 * min1, Deadline: 30 * min1, Doc: "machines, then switches, then power shelves are switched off"},
	{State: PoweredOff, Class: lifecycle.Resting, Doc: "everything in scope is off, as asked; a power request leads out"},
	{State: PoweringOn, Class: lifecycle.Working, Clock: inPower, SLA: 15 * min1, Deadline: 30 * min1, Doc: "power shelves, then switches, then machines are switched on"},
	{State: Completed, Class: lifecycle.Waiting, SLA: hour, Deadline: hour, Doc: "every activity is done; the devices in scope are coming back"},
	{State: ValidationPending, Class: lifecycle.Waiting, Clock: inValidating, SLA: 12 * hour, Deadline: 24 * hour, Doc: "no machine carries the id of a validation run"},
	{State: ValidationInProgress, Class: lifecycle.Waiting, Clock: inValidating, SLA: 12 * hour, Deadline: 24 * hour, Doc: "a run goes on, no partition has a result"},
	{State: ValidationPartial, Class: lifecycle.Waiting, Clock: inValidating, SLA: 12 * hour, NoDeadline: "the validation service goes on with the other partitions; past the SLA it is reported", Doc: "some partitions have passed, none has failed"},
	{State: ValidationFailedPartial, Class: lifecycle.Waiting, Clock: inValidating, SLA: 12 * hour, NoDeadline: "a person repairs and repeats the failed partitions; past the SLA it is reported", Doc: "some partitions have failed"},
	{State: Validated, Class: lifecycle.Waiting, Clock: inValidating, SLA: 12 * hour, NoDeadline: "a child that does not get ready is reported by itself", Doc: "every partition has passed"},
	{State: ValidationFailed, Class: lifecycle.Working, Clock: inValidating, SLA: 12 * hour, Doc: "every partition has failed; after the grace the rack fails"},
	{State: Ready, Class: lifecycle.Resting, Doc: "in service"},
	{State: Error, Class: lifecycle.Failed, ReportAtOnce: true, Doc: "something failed; it recovers when all children are ready and healthy, or by maintenance"},
	{State: Deleting, Class: lifecycle.Deleting, SLA: 15 * min1, Doc: "on its way out, children first"},
}
