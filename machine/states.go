package machine

import (
	"slices"
	"time"

	"github.com/rackstate/rackstate/lifecycle"
)

type info = lifecycle.StateInfo[State]

// states declares every state.
var states = slices.Concat(bringUpStates, checkStates, serviceStates, reprovisionStates(inPool), reprovisionStates(inTenancy), endStates)

const (
	half = 30 * time.Minute
	// bomSLA is shared by the states in which the catalogue and the agent move a machine on. A person is given all the time.
	bomSLA = 5 * time.Minute
)

// How long a machine may be in one state, besides what all states of its activity may take together. Each is what the step takes when it goes well, twice over; what has
// to be tried again is reported.
const (
	// jobSLA: a platform job, with the restart of the host that it runs at.
	jobSLA = 20 * time.Minute
	// bootSLA: a host, or its DPUs, come up and report.
	bootSLA = 20 * time.Minute
	// powerSLA: a host goes off and on.
	powerSLA = 10 * time.Minute
	// callSLA: one call is made.
	callSLA = 5 * time.Minute
)

var bringUpStates = []info{
	{State: Created, Class: lifecycle.Working, SLA: half, Doc: "reported, nothing done yet"},

	{State: DpuDiscoveringConfiguring, Class: lifecycle.Working, SLA: half, StepSLA: jobSLA, Clock: DpuDiscovering, Doc: "the DPUs are set up through their management controllers"},
	{State: DpuDiscoveringRebootAllDpus, Class: lifecycle.Working, SLA: half, StepSLA: callSLA, Clock: DpuDiscovering, Deadline: defaultDiscoveryDeadline, Doc: "every DPU is set up and restarts"},
	{State: DpuInitInstallDpuOs, Class: lifecycle.Working, SLA: half, Clock: DpuInit, Doc: "the operating system of the DPUs is installed"},
	{State: DpuInitWaitingForPlatformPowercycle, Class: lifecycle.Working, SLA: half, StepSLA: powerSLA, Clock: DpuInit, Doc: "the host is switched off and on"},
	{State: DpuInitWaitingForPlatformConfiguration, Class: lifecycle.Working, SLA: half, StepSLA: jobSLA, Clock: DpuInit, Doc: "the platform of the DPUs is configured"},
	{State: DpuInitWaitingForNetworkConfig, Class: lifecycle.Waiting, SLA: half, StepSLA: bootSLA, Clock: DpuInit, Deadline: defaultDiscoveryDeadline, Doc: "the DPUs have not reported the network that they were given"},

	{State: HostInitWaitingForPlatformConfiguration, Class: lifecycle.Working, SLA: half, StepSLA: jobSLA, Clock: HostInit, Doc: "lockdown goes off, IPMI over LAN and the BIOS profile come on, by platform jobs"},
	{State: HostInitSetBootOrder, Class: lifecycle.Working, SLA: half, StepSLA: jobSLA, Clock: HostInit, Doc: "the host is made to boot from the network first, by a platform job"},
	{State: HostInitMeasuring, Class: lifecycle.Waiting, SLA: half, Clock: HostInit, Deadline: defaultAttestationDeadline, Doc: "the host proves what it booted; as long as a person judges the proof there is no deadline"},
	{State: HostInitWaitingForDiscovery, Class: lifecycle.Waiting, SLA: half, StepSLA: bootSLA, Clock: HostInit, Deadline: defaultDiscoveryDeadline, Doc: "the agent in the host has not reported since the last restart; the host is restarted now and then"},
	{State: HostInitUefiSetup, Class: lifecycle.Working, SLA: half, StepSLA: jobSLA, Clock: HostInit, Doc: "the site's UEFI password is set, by a platform job"},
	{State: HostInitWaitingForLockdown, Class: lifecycle.Working, SLA: half, StepSLA: jobSLA, Clock: HostInit, Doc: "the host is locked down, by a platform job"},
	{State: HostInitDiscovered, Class: lifecycle.Waiting, SLA: half, StepSLA: bootSLA, Clock: HostInit, Deadline: defaultDiscoveryDeadline, Doc: "everything is checked; the host has not come up since the last restart"},
}

var checkStates = []info{
	{State: BomValidatingMatchingSku, Class: lifecycle.Working, SLA: bomSLA, Clock: BomValidating, Doc: "it is not known which SKU the host is"},
	{State: BomValidatingUpdatingInventory, Class: lifecycle.Waiting, SLA: bomSLA, Clock: BomValidating, Deadline: defaultDiscoveryDeadline, Doc: "the agent looks once more at what is in the host"},
	{State: BomValidatingVerifyingSku, Class: lifecycle.Working, SLA: bomSLA, Clock: BomValidating, Doc: "the host is compared with its SKU"},
	{State: BomValidatingSkuVerificationFailed, Class: lifecycle.Waiting, NoDeadline: "a person mends the host or its SKU and asks for a verification", Doc: "the host is not what its SKU says"},
	{State: BomValidatingWaitingForSkuAssignment, Class: lifecycle.Waiting, NoDeadline: "a person assigns a SKU, or adds one that matches", Doc: "the host has no SKU and matches none"},
	{State: BomValidatingSkuMissing, Class: lifecycle.Waiting, SLA: bomSLA, Clock: BomValidating, NoDeadline: "a person adds the SKU, or takes it away from the host", Doc: "the catalogue does not have the SKU that is assigned"},

	{State: ValidationRebootHost, Class: lifecycle.Working, SLA: 24 * time.Hour, StepSLA: callSLA, Clock: Validation, Deadline: defaultDiscoveryDeadline, Doc: "the host restarts into its tests"},
	{State: ValidationMachineValidating, Class: lifecycle.Working, SLA: 24 * time.Hour, Clock: Validation, Deadline: defaultValidationDeadline, Doc: "the tests run"},

	{State: MeasuringWaitingForMeasurements, Class: lifecycle.Waiting, SLA: half, Clock: Measuring, Deadline: defaultAttestationDeadline, Doc: "the host has not proved again what it booted"},
	{State: MeasuringPendingBundle, Class: lifecycle.Waiting, SLA: half, Clock: Measuring, NoDeadline: "a person says whether the proof is good", Doc: "nobody has yet said whether the proof is good"},
}

var serviceStates = []info{
	{State: Ready, Class: lifecycle.Resting, Doc: "in the pool"},

	{State: AssignedProvisioning, Class: lifecycle.Working, SLA: half, Deadline: defaultTenantDeadline, Doc: "it has a tenant, whose network is set up"},
	{State: AssignedReady, Class: lifecycle.Resting, Doc: "the tenant uses it"},
	{State: AssignedReleasing, Class: lifecycle.Working, SLA: half, Deadline: defaultTenantDeadline, Doc: "the tenant is gone, its network is taken away"},
	{State: AssignedFailed, Class: lifecycle.Failed, ReportAtOnce: true, Doc: "something failed while it has a tenant; the cause says what"},

	{State: DpuReprovisionInstallDpuOs, Class: lifecycle.Working, SLA: half, Clock: DpuReprovision, Doc: "the operating system of the DPUs is installed anew"},
	{State: DpuReprovisionPoweringOffHost, Class: lifecycle.Working, SLA: half, StepSLA: powerSLA, Clock: DpuReprovision, Doc: "the host is switched off and on"},
	{State: DpuReprovisionVerifyFirmwareVersions, Class: lifecycle.Waiting, SLA: half, StepSLA: bootSLA, Clock: DpuReprovision, Deadline: defaultDiscoveryDeadline, Doc: "the versions of the DPUs are compared with the wanted ones"},
	{State: DpuReprovisionWaitingForNetwork, Class: lifecycle.Waiting, SLA: half, StepSLA: bootSLA, Clock: DpuReprovision, Deadline: defaultDiscoveryDeadline, Doc: "the DPUs have not reported their network"},
	{State: DpuReprovisionRebootHost, Class: lifecycle.Working, SLA: half, StepSLA: callSLA, Clock: DpuReprovision, Deadline: defaultDiscoveryDeadline, Doc: "the host restarts"},

	{State: PostAssignedWaitingForMeasurements, Class: lifecycle.Waiting, SLA: half, Clock: PostAssignedMeasuring, Deadline: defaultAttestationDeadline, Doc: "the host has not proved what it booted since its tenant left"},
	{State: PostAssignedPendingBundle, Class: lifecycle.Waiting, SLA: half, Clock: PostAssignedMeasuring, NoDeadline: "a person says whether the proof is good", Doc: "nobody has yet said whether the proof after the tenant is good"},

	{State: WaitingForCleanupInit, Class: lifecycle.Working, SLA: half, StepSLA: callSLA, Clock: WaitingForCleanup, Doc: "what the tenant left is about to be erased"},
	{State: WaitingForCleanupSecureErase, Class: lifecycle.Working, SLA: half, Clock: WaitingForCleanup, Doc: "the storage controller erases, by a platform job"},
	{State: WaitingForCleanupHostCleanup, Class: lifecycle.Waiting, SLA: half, Clock: WaitingForCleanup, Deadline: defaultCleanupDeadline, Doc: "the agent erases"},
}

// working is the SLA of the sub-states of a host reprovision in which the machine itself works.
const working = 40 * time.Minute

// reprovisionStates declares the states of a host reprovision. The waits for a person, a script and the rack are not working time: they have a deadline, or
// the rack's, instead of an SLA.
func reprovisionStates(in func(State) State) []info {
	return []info{
		{State: in(HostReprovisionCheckingFirmware), Class: lifecycle.Working, SLA: working, Doc: "the versions are compared with the wanted ones"},
		{State: in(HostReprovisionCheckingFirmwareRepeat), Class: lifecycle.Working, SLA: working, Doc: "the versions are compared with the wanted ones once more"},
		{State: in(HostReprovisionInitialReset), Class: lifecycle.Working, SLA: working, Doc: "host and management controller restart before an upload"},
		{State: in(HostReprovisionWaitingForManualUpgrade), Class: lifecycle.Waiting, Deadline: defaultManualDeadline, Doc: "a person installs the firmware and reports it"},
		{State: in(HostReprovisionWaitingForScript), Class: lifecycle.Waiting, Deadline: defaultScriptDeadline, Doc: "a script of the site installs the firmware and reports it"},
		{State: in(HostReprovisionWaitingForUpload), Class: lifecycle.Working, SLA: working, Doc: "lockdown goes off, by a platform job, and the image goes to the management controller when it is its turn"},
		{State: in(HostReprovisionWaitingForFirmwareUpgrade), Class: lifecycle.Working, SLA: working, Deadline: defaultTaskDeadline, Doc: "the management controller installs the image"},
		{State: in(HostReprovisionResetForNewFirmware), Class: lifecycle.Working, SLA: working, Doc: "what the component needs is restarted"},
		{State: in(HostReprovisionNewFirmwareReportedWait), Class: lifecycle.Working, SLA: working, Deadline: reportWait, Doc: "the new version is not reported yet"},
		{State: in(HostReprovisionWaitingForRackFirmwareUpgrade), Class: lifecycle.Waiting, NoDeadline: "the rack's own deadline ends its cycle, and with it this wait", Doc: "the rack installs the firmware"},
		{State: in(HostReprovisionFailedFirmwareUpgrade), Class: lifecycle.Failed, SLA: DefaultFirmwareRetryInterval + 10*time.Minute, Doc: "it failed; it is tried again after a while, or at once when asked afresh"},
	}
}

var endStates = []info{
	{State: Failed, Class: lifecycle.Failed, ReportAtOnce: true, Doc: "something failed; the cause says what"},
	{State: Deleting, Class: lifecycle.Deleting, SLA: half, Deadline: defaultStageTimeout, Doc: "on its way out, after the hardware job that runs"},
	{State: ForceDeletion, Class: lifecycle.Deleting, SLA: half, StepSLA: callSLA, Doc: "on its way out whatever it was doing"},
}
