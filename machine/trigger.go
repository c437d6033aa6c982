package machine

// Trigger names what moves a machine. The strings are stored in the history and must not change.
type Trigger string

// The triggers of the bring-up.
const (
	Reported           Trigger = "Reported"
	DpusReported       Trigger = "DpusReported"
	HostReported       Trigger = "HostReported"
	DpusConfigured     Trigger = "DpusConfigured"
	DpusRebooted       Trigger = "DpusRebooted"
	DpuOsInstalled     Trigger = "DpuOsInstalled"
	PowerCycled        Trigger = "PowerCycled"
	NetworkConfigured  Trigger = "NetworkConfigured"
	PlatformConfigured Trigger = "PlatformConfigured"
	BootOrderSet       Trigger = "BootOrderSet"
	Measured           Trigger = "Measured"
	HostDiscovered     Trigger = "HostDiscovered"
	UefiPasswordSet    Trigger = "UefiPasswordSet"
	LockedDown         Trigger = "LockedDown"
	HostUp             Trigger = "HostUp"
)

// The triggers of the checks.
const (
	SkuUnknown        Trigger = "SkuUnknown"
	SkuAssigned       Trigger = "SkuAssigned"
	SkuUnassigned     Trigger = "SkuUnassigned"
	SkuDiffers        Trigger = "SkuDiffers"
	SkuUndefined      Trigger = "SkuUndefined"
	SkuDefined        Trigger = "SkuDefined"
	InventoryUpdated  Trigger = "InventoryUpdated"
	BomValidated      Trigger = "BomValidated"
	HostRestarted     Trigger = "HostRestarted"
	ValidationPassed  Trigger = "ValidationPassed"
	ValidationSkipped Trigger = "ValidationSkipped"
	BundlePending     Trigger = "BundlePending"
	BundleGone        Trigger = "BundleGone"
)

// The triggers that are requests.
const (
	AssignmentRequested       Trigger = "AssignmentRequested"
	ReleaseRequested          Trigger = "ReleaseRequested"
	VerificationRequested     Trigger = "VerificationRequested"
	ValidationRequested       Trigger = "ValidationRequested"
	MeasurementRequested      Trigger = "MeasurementRequested"
	RackReprovisionRequested  Trigger = "RackReprovisionRequested"
	ReprovisionRequested      Trigger = "ReprovisionRequested"
	DpuReprovisionRequested   Trigger = "DpuReprovisionRequested"
	ForceDeletionRequested    Trigger = "ForceDeletionRequested"
	ReprovisionReset          Trigger = "ReprovisionReset"
	ReprovisionCancelled      Trigger = "ReprovisionCancelled"
	ReprovisionRequestMissing Trigger = "ReprovisionRequestMissing"
)

// The triggers of a machine with a tenant, of a DPU reprovision and of the clean-up.
const (
	Provisioned      Trigger = "Provisioned"
	Released         Trigger = "Released"
	HostPoweredOff   Trigger = "HostPoweredOff"
	VersionsVerified Trigger = "VersionsVerified"
	EraseNeeded      Trigger = "EraseNeeded"
	EraseNotNeeded   Trigger = "EraseNotNeeded"
	Erased           Trigger = "Erased"
	CleanedUp        Trigger = "CleanedUp"
)

// The triggers of a host reprovision.
const (
	FirmwareCurrent      Trigger = "FirmwareCurrent"
	FirmwareCheckFailed  Trigger = "FirmwareCheckFailed"
	UploadNeeded         Trigger = "UploadNeeded"
	ManualNeeded         Trigger = "ManualNeeded"
	ScriptNeeded         Trigger = "ScriptNeeded"
	ResetNeeded          Trigger = "ResetNeeded"
	UpgradeReported      Trigger = "UpgradeReported"
	UpgradeFailed        Trigger = "UpgradeFailed"
	Uploaded             Trigger = "Uploaded"
	UploadFailed         Trigger = "UploadFailed"
	TaskCompleted        Trigger = "TaskCompleted"
	MoreArtifacts        Trigger = "MoreArtifacts"
	TaskFailed           Trigger = "TaskFailed"
	ResetDone            Trigger = "ResetDone"
	ResetFailed          Trigger = "ResetFailed"
	VersionReported      Trigger = "VersionReported"
	StillOld             Trigger = "StillOld"
	RackUpgradeCompleted Trigger = "RackUpgradeCompleted"
	RackUpgradeFailed    Trigger = "RackUpgradeFailed"
	RackCycleEnded       Trigger = "RackCycleEnded"
	RetryElapsed         Trigger = "RetryElapsed"
)

// The triggers of failure, recovery and deletion.
const (
	PlatformFailed     Trigger = "PlatformFailed"
	DiscoveryFailed    Trigger = "DiscoveryFailed"
	MeasurementsFailed Trigger = "MeasurementsFailed"
	ValidationFailed   Trigger = "ValidationFailed"
	DpuFailed          Trigger = "DpuFailed"
	ProvisioningFailed Trigger = "ProvisioningFailed"
	ReleaseFailed      Trigger = "ReleaseFailed"
	CleanupFailed      Trigger = "CleanupFailed"
	Recovered          Trigger = "Recovered"
	Deleted            Trigger = "Deleted"
	Removed            Trigger = "Removed"
)
