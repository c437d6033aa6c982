package machine

import (
	"slices"

	"github.com/rackstate/rackstate/lifecycle"
)

// rows is a part of the table.
type rows = lifecycle.Table[State, Trigger]

// table lists every legal transition of a machine.
var table = slices.Concat(bringUp, checks, service, reprovision(inPool, Ready, Failed), reprovision(inTenancy, AssignedReady, AssignedFailed), recovery, deletion)

var bringUp = rows{
	{From: "", On: Reported, To: Created, Note: "reported by the host application"},
	{From: Created, On: DpusReported, To: DpuDiscoveringConfiguring, Note: "the host has DPUs"},
	{From: Created, On: HostReported, To: HostInitWaitingForPlatformConfiguration, Note: "the host has no DPUs"},

	{From: DpuDiscoveringConfiguring, On: DpusConfigured, To: DpuDiscoveringRebootAllDpus, Note: "every DPU is set up"},
	{From: DpuDiscoveringRebootAllDpus, On: DpusRebooted, To: DpuInitInstallDpuOs},
	{From: DpuInitInstallDpuOs, On: DpuOsInstalled, To: DpuInitWaitingForPlatformPowercycle},
	{From: DpuInitWaitingForPlatformPowercycle, On: PowerCycled, To: DpuInitWaitingForPlatformConfiguration},
	{From: DpuInitWaitingForPlatformConfiguration, On: DpusConfigured, To: DpuInitWaitingForNetworkConfig},
	{From: DpuInitWaitingForNetworkConfig, On: NetworkConfigured, To: HostInitWaitingForPlatformConfiguration},
	{From: DpuDiscovering, On: DpuFailed, To: Failed},
	{From: DpuInit, On: DpuFailed, To: Failed},

	{From: HostInitWaitingForPlatformConfiguration, On: PlatformConfigured, To: HostInitSetBootOrder, Note: "lockdown off, IPMI over LAN on, BIOS profile applied"},
	{From: HostInitSetBootOrder, On: BootOrderSet, To: HostInitMeasuring},
	{From: HostInitMeasuring, On: Measured, To: HostInitWaitingForDiscovery},
	{From: HostInitMeasuring, On: MeasurementsFailed, To: Failed},
	{From: HostInitWaitingForDiscovery, On: HostDiscovered, To: HostInitUefiSetup, Note: "the agent has reported since the last restart"},
	{From: HostInitUefiSetup, On: UefiPasswordSet, To: HostInitWaitingForLockdown},
	{From: HostInitWaitingForLockdown, On: LockedDown, To: BomValidatingMatchingSku},
	{From: HostInitDiscovered, On: HostUp, To: Ready, Note: "the host has come up since the last restart"},
	{From: HostInit, On: PlatformFailed, To: Failed, Note: "a platform job has no attempts left"},
	{From: HostInit, On: DiscoveryFailed, To: Failed, Note: "the host did not come up, restarts did not help"},
}

var checks = rows{
	{From: BomValidatingMatchingSku, On: SkuUnknown, To: BomValidatingWaitingForSkuAssignment, Note: "no SKU matches"},
	{From: BomValidatingMatchingSku, On: SkuAssigned, To: BomValidatingVerifyingSku, Note: "one was assigned before"},
	{From: BomValidatingUpdatingInventory, On: InventoryUpdated, To: BomValidatingMatchingSku, Guard: "no SKU is assigned"},
	{From: BomValidatingUpdatingInventory, On: InventoryUpdated, To: BomValidatingVerifyingSku, Guard: "a SKU is assigned"},
	{From: BomValidatingUpdatingInventory, On: DiscoveryFailed, To: Failed, Note: "the host did not come up, restarts did not help"},
	{From: BomValidatingVerifyingSku, On: SkuUnassigned, To: BomValidatingMatchingSku},
	{From: BomValidatingVerifyingSku, On: SkuUndefined, To: BomValidatingSkuMissing},
	{From: BomValidatingVerifyingSku, On: SkuDiffers, To: BomValidatingSkuVerificationFailed, Note: "the differences are a health alert"},
	{From: BomValidatingSkuVerificationFailed, On: SkuUnassigned, To: BomValidatingWaitingForSkuAssignment},
	{From: BomValidatingSkuVerificationFailed, On: VerificationRequested, To: BomValidatingUpdatingInventory},
	{From: BomValidatingWaitingForSkuAssignment, On: SkuAssigned, To: BomValidatingUpdatingInventory, Note: "by a person, or because one matches now"},
	{From: BomValidatingSkuMissing, On: SkuDefined, To: BomValidatingUpdatingInventory},
	{From: BomValidatingSkuMissing, On: SkuUnassigned, To: BomValidatingWaitingForSkuAssignment},
	{From: BomValidating, On: BomValidated, To: ValidationRebootHost, Guard: "during the bring-up, or after a tenant"},
	{From: BomValidating, On: BomValidated, To: HostInitDiscovered, Guard: "the verification was asked for in Ready"},

	{From: ValidationRebootHost, On: HostRestarted, To: ValidationMachineValidating},
	{From: ValidationMachineValidating, On: ValidationPassed, To: HostInitDiscovered, Note: "the host restarts out of its tests"},
	{From: Validation, On: ValidationSkipped, To: HostInitDiscovered, Note: "no validator"},
	{From: Validation, On: ValidationFailed, To: Failed, Note: "a health alert forbids allocation"},
	{From: Validation, On: DiscoveryFailed, To: Failed, Note: "the host did not come up, restarts did not help"},

	{From: MeasuringWaitingForMeasurements, On: Measured, To: Ready},
	{From: MeasuringWaitingForMeasurements, On: BundlePending, To: MeasuringPendingBundle},
	{From: MeasuringPendingBundle, On: Measured, To: Ready},
	{From: MeasuringPendingBundle, On: BundleGone, To: MeasuringWaitingForMeasurements},
	{From: Measuring, On: MeasurementsFailed, To: Failed},
}

var service = rows{
	{From: Ready, On: AssignmentRequested, To: AssignedProvisioning, Note: "first, after deletion"},
	{From: Ready, On: VerificationRequested, To: BomValidatingUpdatingInventory, Note: "second"},
	{From: Ready, On: RackReprovisionRequested, To: HostReprovisionWaitingForRackFirmwareUpgrade, Note: "third; the initiator begins with rack-; retry count 0"},
	{From: Ready, On: ReprovisionRequested, To: HostReprovisionCheckingFirmware, Note: "third; any other initiator; merges the alert host-fw-update; retry count 0"},
	{From: Ready, On: ValidationRequested, To: ValidationRebootHost, Note: "fourth"},
	{From: Ready, On: DpuReprovisionRequested, To: DpuReprovisionInstallDpuOs, Note: "fifth"},
	{From: Ready, On: MeasurementRequested, To: MeasuringWaitingForMeasurements, Note: "sixth"},

	{From: AssignedProvisioning, On: Provisioned, To: AssignedReady},
	{From: AssignedProvisioning, On: ProvisioningFailed, To: AssignedFailed},
	{From: AssignedProvisioning, On: ReleaseRequested, To: AssignedReleasing, Note: "before it was given to the tenant"},
	{From: AssignedReady, On: ReleaseRequested, To: AssignedReleasing, Note: "first, after deletion"},
	{From: AssignedFailed, On: ReleaseRequested, To: AssignedReleasing},
	{From: AssignedFailedFirmwareUpgrade, On: ReleaseRequested, To: AssignedReleasing, Note: "the reprovision ends with it"},
	{From: AssignedReady, On: RackReprovisionRequested, To: AssignedWaitingForRackFirmwareUpgrade, Note: "approved, or the request may disturb tenants; retry count 0"},
	{From: AssignedReady, On: ReprovisionRequested, To: AssignedCheckingFirmware, Note: "approved, or the request may disturb tenants; retry count 0"},
	{From: AssignedReleasing, On: Released, To: PostAssignedWaitingForMeasurements},
	{From: AssignedReleasing, On: ReleaseFailed, To: AssignedFailed},

	{From: DpuReprovisionInstallDpuOs, On: DpuOsInstalled, To: DpuReprovisionPoweringOffHost},
	{From: DpuReprovisionPoweringOffHost, On: HostPoweredOff, To: DpuReprovisionVerifyFirmwareVersions},
	{From: DpuReprovisionVerifyFirmwareVersions, On: VersionsVerified, To: DpuReprovisionWaitingForNetwork},
	{From: DpuReprovisionWaitingForNetwork, On: NetworkConfigured, To: DpuReprovisionRebootHost},
	{From: DpuReprovisionRebootHost, On: HostRestarted, To: HostInitDiscovered},
	{From: DpuReprovision, On: DpuFailed, To: Failed},

	{From: PostAssignedWaitingForMeasurements, On: Measured, To: WaitingForCleanupInit},
	{From: PostAssignedWaitingForMeasurements, On: BundlePending, To: PostAssignedPendingBundle},
	{From: PostAssignedPendingBundle, On: Measured, To: WaitingForCleanupInit},
	{From: PostAssignedPendingBundle, On: BundleGone, To: PostAssignedWaitingForMeasurements},
	{From: PostAssignedMeasuring, On: MeasurementsFailed, To: Failed},
	{From: WaitingForCleanupInit, On: EraseNeeded, To: WaitingForCleanupSecureErase},
	{From: WaitingForCleanupInit, On: EraseNotNeeded, To: WaitingForCleanupHostCleanup},
	{From: WaitingForCleanupSecureErase, On: Erased, To: WaitingForCleanupHostCleanup},
	{From: WaitingForCleanupHostCleanup, On: CleanedUp, To: BomValidatingUpdatingInventory},
	{From: WaitingForCleanup, On: CleanupFailed, To: Failed},
}

var deletion = rows{
	{From: lifecycle.Any, On: Deleted, To: Deleting, Note: "before everything else; refused for a machine with a tenant unless forced"},
	{From: Deleting, On: ForceDeletionRequested, To: ForceDeletion, Note: "the deletion is forced"},
	{From: Deleting, On: Removed, To: "", Note: "after the hardware job that runs"},
	{From: ForceDeletion, On: Removed, To: "", Note: "after a best-effort clean-up"},
}
