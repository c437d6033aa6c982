package machine

import "strings"

// recovery leads out of the failed states: back to where the failed step can be repeated, by a person or when the cause has ended.
var recovery = rows{
	{From: Failed, On: ValidationRequested, To: ValidationRebootHost, Note: "the cause is MachineValidation"},
	{From: Failed, On: Recovered, To: DpuDiscoveringConfiguring, Guard: "it failed in DpuDiscovering"},
	{From: Failed, On: Recovered, To: DpuInitInstallDpuOs, Guard: "it failed in DpuInit"},
	{From: Failed, On: Recovered, To: HostInitWaitingForPlatformConfiguration, Guard: "it failed there, or it is not known where"},
	{From: Failed, On: Recovered, To: HostInitSetBootOrder, Guard: "it failed there"},
	{From: Failed, On: Recovered, To: HostInitMeasuring, Guard: "it failed there"},
	{From: Failed, On: Recovered, To: HostInitWaitingForDiscovery, Guard: "it failed there"},
	{From: Failed, On: Recovered, To: HostInitUefiSetup, Guard: "it failed there"},
	{From: Failed, On: Recovered, To: HostInitWaitingForLockdown, Guard: "it failed there"},
	{From: Failed, On: Recovered, To: HostInitDiscovered, Guard: "it failed there"},
	{From: Failed, On: Recovered, To: BomValidatingUpdatingInventory, Guard: "it failed in BomValidating"},
	{From: Failed, On: Recovered, To: ValidationRebootHost, Guard: "it failed in Validation"},
	{From: Failed, On: Recovered, To: MeasuringWaitingForMeasurements, Guard: "it failed in Measuring"},
	{From: Failed, On: Recovered, To: HostReprovisionCheckingFirmwareRepeat, Guard: "it failed in HostReprovision"},
	{From: Failed, On: Recovered, To: DpuReprovisionInstallDpuOs, Guard: "it failed in DpuReprovision"},
	{From: Failed, On: Recovered, To: PostAssignedWaitingForMeasurements, Guard: "it failed in PostAssignedMeasuring"},
	{From: Failed, On: Recovered, To: WaitingForCleanupInit, Guard: "it failed in WaitingForCleanup"},
	{From: AssignedFailed, On: Recovered, To: AssignedProvisioning, Guard: "it failed there, or it is not known where"},
	{From: AssignedFailed, On: Recovered, To: AssignedReleasing, Guard: "it failed there"},
	{From: AssignedFailed, On: Recovered, To: AssignedCheckingFirmwareRepeat, Guard: "it failed in Assigned/HostReprovision"},
}

// repeatAt says for a path in which state a step that failed below it is repeated. A state that is not below one is repeated itself.
var repeatAt = []struct{ path, state State }{
	{DpuDiscovering, DpuDiscoveringConfiguring},
	{DpuInit, DpuInitInstallDpuOs},
	{BomValidating, BomValidatingUpdatingInventory},
	{Validation, ValidationRebootHost},
	{Measuring, MeasuringWaitingForMeasurements},
	{HostReprovision, HostReprovisionCheckingFirmwareRepeat},
	{AssignedHostReprovision, AssignedCheckingFirmwareRepeat},
	{DpuReprovision, DpuReprovisionInstallDpuOs},
	{PostAssignedMeasuring, PostAssignedWaitingForMeasurements},
	{WaitingForCleanup, WaitingForCleanupInit},
}

// returnTo says where what failed in a state is repeated.
func returnTo(from State) State {
	for _, r := range repeatAt {
		if strings.HasPrefix(string(from), string(r.path)+"/") {
			return r.state
		}
	}
	return from
}

// recoverTo says where a machine in a failed state goes back to. A state that no row leads to, for example of an older record, means the begin of the work.
func recoverTo(failed, wanted State) State {
	for _, row := range recovery {
		if row.From == failed && row.On == Recovered && row.To == wanted {
			return wanted
		}
	}
	if failed == AssignedFailed {
		return AssignedProvisioning
	}
	return HostInitWaitingForPlatformConfiguration
}
