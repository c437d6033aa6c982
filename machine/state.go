package machine

// State is a lifecycle state of a machine. The strings are stored and public; they must not change.
type State string

// The paths, each above several states. Object.In tells whether a machine is below one.
const (
	DpuDiscovering          State = "DpuDiscovering"
	DpuInit                 State = "DpuInit"
	HostInit                State = "HostInit"
	BomValidating           State = "BomValidating"
	Validation              State = "Validation"
	Measuring               State = "Measuring"
	Assigned                State = "Assigned"
	HostReprovision         State = "HostReprovision"
	AssignedHostReprovision State = Assigned + "/" + HostReprovision
	DpuReprovision          State = "DpuReprovision"
	PostAssignedMeasuring   State = "PostAssignedMeasuring"
	WaitingForCleanup       State = "WaitingForCleanup"
)

// The states of the bring-up.
const (
	// Created: the machine was reported. The engine moves it on at once.
	Created State = "Created"

	// DpuDiscoveringConfiguring: the DPUs are set up through their management controllers. The engine moves it on when that is done.
	DpuDiscoveringConfiguring State = DpuDiscovering + "/Configuring"
	// DpuDiscoveringRebootAllDpus: every DPU is set up and restarts. The engine moves it on when all were told to.
	DpuDiscoveringRebootAllDpus State = DpuDiscovering + "/RebootAllDpus"
	// DpuInitInstallDpuOs: the operating system of the DPUs is installed. The engine moves it on when it is.
	DpuInitInstallDpuOs State = DpuInit + "/InstallDpuOs"
	// DpuInitWaitingForPlatformPowercycle: the host is switched off and on. The engine moves it on when it has power again.
	DpuInitWaitingForPlatformPowercycle State = DpuInit + "/WaitingForPlatformPowercycle"
	// DpuInitWaitingForPlatformConfiguration: the DPUs' platform is configured. The engine moves it on when it is.
	DpuInitWaitingForPlatformConfiguration State = DpuInit + "/WaitingForPlatformConfiguration"
	// DpuInitWaitingForNetworkConfig: the DPUs have not reported the network that they were given. Their agents move it on.
	DpuInitWaitingForNetworkConfig State = DpuInit + "/WaitingForNetworkConfig"

	// HostInitWaitingForPlatformConfiguration: lockdown goes off, IPMI over LAN and the BIOS profile come on. The engine moves it on when they are.
	HostInitWaitingForPlatformConfiguration State = HostInit + "/WaitingForPlatformConfiguration"
	// HostInitSetBootOrder: the host is made to boot from the network first. The engine moves it on when it does.
	HostInitSetBootOrder State = HostInit + "/SetBootOrder"
	// HostInitMeasuring: the host proves what it booted. The attestation moves it on.
	HostInitMeasuring State = HostInit + "/Measuring"
	// HostInitWaitingForDiscovery: the agent in the host has not reported since the last restart. The agent moves it on.
	HostInitWaitingForDiscovery State = HostInit + "/WaitingForDiscovery"
	// HostInitUefiSetup: the site's UEFI password is set. The engine moves it on when it is.
	HostInitUefiSetup State = HostInit + "/UefiSetup"
	// HostInitWaitingForLockdown: the host is locked down. The engine moves it on when it is.
	HostInitWaitingForLockdown State = HostInit + "/WaitingForLockdown"
	// HostInitDiscovered: everything is checked; the host has not come up since the last restart. The host moves it on.
	HostInitDiscovered State = HostInit + "/Discovered"
)

// The states of the checks.
const (
	// BomValidatingMatchingSku: it is not known which SKU the host is. The catalogue moves it on.
	BomValidatingMatchingSku State = BomValidating + "/MatchingSku"
	// BomValidatingUpdatingInventory: the agent looks once more at what is in the host. The agent moves it on.
	BomValidatingUpdatingInventory State = BomValidating + "/UpdatingInventory"
	// BomValidatingVerifyingSku: the host is compared with its SKU. The catalogue moves it on.
	BomValidatingVerifyingSku State = BomValidating + "/VerifyingSku"
	// BomValidatingSkuVerificationFailed: the host is not what its SKU says. A person moves it on.
	BomValidatingSkuVerificationFailed State = BomValidating + "/SkuVerificationFailed"
	// BomValidatingWaitingForSkuAssignment: the host has no SKU and matches none. A person, or a new SKU in the catalogue, moves it on.
	BomValidatingWaitingForSkuAssignment State = BomValidating + "/WaitingForSkuAssignment"
	// BomValidatingSkuMissing: the catalogue does not have the SKU that is assigned. A person moves it on.
	BomValidatingSkuMissing State = BomValidating + "/SkuMissing"

	// ValidationRebootHost: the host restarts into its tests. The engine moves it on.
	ValidationRebootHost State = Validation + "/RebootHost"
	// ValidationMachineValidating: the tests run. The engine moves it on when they end.
	ValidationMachineValidating State = Validation + "/MachineValidating"

	// MeasuringWaitingForMeasurements: the host has not proved again what it booted. The attestation moves it on.
	MeasuringWaitingForMeasurements State = Measuring + "/WaitingForMeasurements"
	// MeasuringPendingBundle: nobody has yet said whether the proof is good. A person moves it on.
	MeasuringPendingBundle State = Measuring + "/PendingBundle"
)

// The states of a machine in service.
const (
	// Ready: in the pool. Requests move it.
	Ready State = "Ready"

	// AssignedProvisioning: it has a tenant, whose network is set up. The engine moves it on when it is.
	AssignedProvisioning State = Assigned + "/Provisioning"
	// AssignedReady: the tenant uses it. Requests move it.
	AssignedReady State = Assigned + "/Ready"
	// AssignedReleasing: the tenant is gone, its network is taken away. The engine moves it on when it is.
	AssignedReleasing State = Assigned + "/Releasing"
	// AssignedFailed: something failed while it has a tenant; Cause says what. A person, or the end of the cause, moves it.
	AssignedFailed State = Assigned + "/Failed"

	// DpuReprovisionInstallDpuOs and the next four update the DPUs of a machine in the pool, in this order. The engine moves each on when its step is done.
	DpuReprovisionInstallDpuOs           State = DpuReprovision + "/InstallDpuOs"
	DpuReprovisionPoweringOffHost        State = DpuReprovision + "/PoweringOffHost"
	DpuReprovisionVerifyFirmwareVersions State = DpuReprovision + "/VerifyFirmwareVersions"
	DpuReprovisionWaitingForNetwork      State = DpuReprovision + "/WaitingForNetworkConfig"
	DpuReprovisionRebootHost             State = DpuReprovision + "/RebootHost"

	// PostAssignedWaitingForMeasurements and PostAssignedPendingBundle are Measuring after a tenant.
	PostAssignedWaitingForMeasurements State = PostAssignedMeasuring + "/WaitingForMeasurements"
	PostAssignedPendingBundle          State = PostAssignedMeasuring + "/PendingBundle"

	// WaitingForCleanupInit: what the tenant left is about to be erased. The engine moves it on.
	WaitingForCleanupInit State = WaitingForCleanup + "/Init"
	// WaitingForCleanupSecureErase: the storage controller erases. The engine moves it on when it has.
	WaitingForCleanupSecureErase State = WaitingForCleanup + "/SecureErase"
	// WaitingForCleanupHostCleanup: the agent erases. The agent moves it on.
	WaitingForCleanupHostCleanup State = WaitingForCleanup + "/HostCleanup"

	// Failed: something failed; Cause says what, ReturnTo where it is repeated. A person, or the end of the cause, moves it.
	Failed State = "Failed"
	// Deleting: on its way out. The engine removes it.
	Deleting State = "Deleting"
	// ForceDeletion: on its way out whatever it was doing. The engine removes it after a best-effort clean-up.
	ForceDeletion State = "ForceDeletion"
)

// The states of a host reprovision of a machine in the pool.
const (
	// HostReprovisionCheckingFirmware: the versions are compared with the wanted ones. The engine moves it on.
	HostReprovisionCheckingFirmware State = HostReprovision + "/CheckingFirmware"
	// HostReprovisionCheckingFirmwareRepeat: the same after something was installed. The engine moves it on.
	HostReprovisionCheckingFirmwareRepeat State = HostReprovision + "/CheckingFirmwareRepeat"
	// HostReprovisionInitialReset: host and management controller restart before an upload. The engine moves it on.
	HostReprovisionInitialReset State = HostReprovision + "/InitialReset"
	// HostReprovisionWaitingForManualUpgrade: a person installs the firmware. Their report moves it on.
	HostReprovisionWaitingForManualUpgrade State = HostReprovision + "/WaitingForManualUpgrade"
	// HostReprovisionWaitingForScript: a script of the site installs the firmware. Its report moves it on.
	HostReprovisionWaitingForScript State = HostReprovision + "/WaitingForScript"
	// HostReprovisionWaitingForUpload: the image goes to the management controller. The engine moves it on when it is there.
	HostReprovisionWaitingForUpload State = HostReprovision + "/WaitingForUpload"
	// HostReprovisionWaitingForFirmwareUpgrade: the management controller installs the image. The engine moves it on when it has.
	HostReprovisionWaitingForFirmwareUpgrade State = HostReprovision + "/WaitingForFirmwareUpgrade"
	// HostReprovisionResetForNewFirmware: what the component needs is restarted. The engine moves it on.
	HostReprovisionResetForNewFirmware State = HostReprovision + "/ResetForNewFirmware"
	// HostReprovisionNewFirmwareReportedWait: the new version is not reported yet. The hardware moves it on.
	HostReprovisionNewFirmwareReportedWait State = HostReprovision + "/NewFirmwareReportedWait"
	// HostReprovisionWaitingForRackFirmwareUpgrade: the rack installs the firmware. The rack moves it on.
	HostReprovisionWaitingForRackFirmwareUpgrade State = HostReprovision + "/WaitingForRackFirmwareUpgrade"
	// HostReprovisionFailedFirmwareUpgrade: it failed. The retry interval, or a fresh request, moves it on.
	HostReprovisionFailedFirmwareUpgrade State = HostReprovision + "/FailedFirmwareUpgrade"
)

// The same states for a machine that has a tenant.
const (
	AssignedCheckingFirmware              State = Assigned + "/" + HostReprovisionCheckingFirmware
	AssignedCheckingFirmwareRepeat        State = Assigned + "/" + HostReprovisionCheckingFirmwareRepeat
	AssignedInitialReset                  State = Assigned + "/" + HostReprovisionInitialReset
	AssignedWaitingForManualUpgrade       State = Assigned + "/" + HostReprovisionWaitingForManualUpgrade
	AssignedWaitingForScript              State = Assigned + "/" + HostReprovisionWaitingForScript
	AssignedWaitingForUpload              State = Assigned + "/" + HostReprovisionWaitingForUpload
	AssignedWaitingForFirmwareUpgrade     State = Assigned + "/" + HostReprovisionWaitingForFirmwareUpgrade
	AssignedResetForNewFirmware           State = Assigned + "/" + HostReprovisionResetForNewFirmware
	AssignedNewFirmwareReportedWait       State = Assigned + "/" + HostReprovisionNewFirmwareReportedWait
	AssignedWaitingForRackFirmwareUpgrade State = Assigned + "/" + HostReprovisionWaitingForRackFirmwareUpgrade
	AssignedFailedFirmwareUpgrade         State = Assigned + "/" + HostReprovisionFailedFirmwareUpgrade
)
