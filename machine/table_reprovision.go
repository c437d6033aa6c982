package machine

// inPool and inTenancy place a state of the host reprovision where the machine is: in the pool, or with a tenant.
func inPool(s State) State    { return s }
func inTenancy(s State) State { return Assigned + "/" + s }

// reprovision lists the transitions of a host reprovision. It ends in back, where it was asked for, and fails to failed only when
// lockdown cannot be put back.
func reprovision(in func(State) State, back, failed State) rows {
	root, check, repeat, fail := in(HostReprovision), in(HostReprovisionCheckingFirmware), in(HostReprovisionCheckingFirmwareRepeat), in(HostReprovisionFailedFirmwareUpgrade)
	upload, task, reset, reported := in(HostReprovisionWaitingForUpload), in(HostReprovisionWaitingForFirmwareUpgrade), in(HostReprovisionResetForNewFirmware), in(HostReprovisionNewFirmwareReportedWait)
	manual, script, initial, rack := in(HostReprovisionWaitingForManualUpgrade), in(HostReprovisionWaitingForScript), in(HostReprovisionInitialReset), in(HostReprovisionWaitingForRackFirmwareUpgrade)
	return rows{
		{From: check, On: FirmwareCurrent, To: back, Note: "every component is as wanted; lockdown on, alert removed, request consumed"},
		{From: check, On: UploadNeeded, To: upload, Note: "the first component, in configured order, whose version differs"},
		{From: check, On: ManualNeeded, To: manual},
		{From: check, On: ScriptNeeded, To: script},
		{From: check, On: ResetNeeded, To: initial, Note: "a reset comes before the upload"},
		{From: check, On: FirmwareCheckFailed, To: fail},
		{From: repeat, On: FirmwareCurrent, To: back, Note: "every component is as wanted; lockdown on, alert removed, request consumed"},
		{From: repeat, On: UploadNeeded, To: upload, Note: "also where a reset comes before the upload: it was made"},
		{From: repeat, On: ManualNeeded, To: manual},
		{From: repeat, On: ScriptNeeded, To: script},
		{From: repeat, On: FirmwareCheckFailed, To: fail},

		{From: initial, On: ResetDone, To: repeat},
		{From: initial, On: ResetFailed, To: fail},
		{From: manual, On: UpgradeReported, To: repeat},
		{From: manual, On: UpgradeFailed, To: fail, Note: "reported, or past the deadline"},
		{From: script, On: UpgradeReported, To: repeat},
		{From: script, On: UpgradeFailed, To: fail, Note: "reported, or past the deadline"},
		{From: upload, On: Uploaded, To: task},
		{From: upload, On: UploadFailed, To: repeat, Guard: "retries are left; it counts as one"},
		{From: upload, On: UploadFailed, To: fail, Guard: "no retries are left"},
		{From: task, On: TaskCompleted, To: reset},
		{From: task, On: MoreArtifacts, To: upload},
		{From: task, On: TaskFailed, To: fail},
		{From: reset, On: ResetDone, To: reported, Note: "host, management controller or power drain, as the component needs"},
		{From: reset, On: ResetFailed, To: fail},
		{From: reported, On: VersionReported, To: repeat},
		{From: reported, On: StillOld, To: reset, Guard: "resets are left"},
		{From: reported, On: StillOld, To: fail, Guard: "no resets are left"},

		{From: rack, On: RackUpgradeCompleted, To: repeat, Note: "the rack's status is current and completed; request consumed"},
		{From: rack, On: RackUpgradeFailed, To: fail, Note: "current and failed; request consumed"},
		{From: rack, On: ReprovisionRequestMissing, To: back, Note: "lockdown on"},
		{From: root, On: RackCycleEnded, To: back, Note: "the rack is in Error or no longer in the cycle that asked; lockdown on, request consumed"},
		{From: root, On: ReprovisionCancelled, To: back, Note: "lockdown on, request cancelled"},
		{From: root, On: PlatformFailed, To: failed, Note: "lockdown could not be put back"},

		{From: fail, On: RackReprovisionRequested, To: rack, Note: "a fresh request of the rack; at once; retry count 0"},
		{From: fail, On: ReprovisionRequested, To: check, Note: "a fresh request of anybody else; at once; retry count 0; merges the alert host-fw-update"},
		{From: fail, On: RetryElapsed, To: check, Note: "retries are left and the interval is over; retry count + 1"},

		{From: check, On: ReprovisionReset, To: repeat, Note: "retry count 0"},
		{From: initial, On: ReprovisionReset, To: repeat, Note: "retry count 0"},
		{From: manual, On: ReprovisionReset, To: repeat, Note: "retry count 0"},
		{From: script, On: ReprovisionReset, To: repeat, Note: "retry count 0"},
		{From: upload, On: ReprovisionReset, To: repeat, Note: "retry count 0"},
		{From: task, On: ReprovisionReset, To: repeat, Note: "retry count 0"},
		{From: reset, On: ReprovisionReset, To: repeat, Note: "retry count 0"},
		{From: reported, On: ReprovisionReset, To: repeat, Note: "retry count 0"},
		{From: rack, On: ReprovisionReset, To: repeat, Note: "retry count 0"},
		{From: fail, On: ReprovisionReset, To: repeat, Note: "retry count 0"},
	}
}
