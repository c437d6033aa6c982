package backend

import (
	"context"
	"time"
)

// PlatformKind is one piece of platform configuration. The strings are stored and must not change.
type PlatformKind string

// The kinds of platform job.
const (
	PlatformIPMIOverLAN     PlatformKind = "IpmiOverLan"
	PlatformBIOSProfile     PlatformKind = "BiosProfile"
	PlatformBootOrder       PlatformKind = "BootOrder"
	PlatformUEFIPassword    PlatformKind = "UefiPassword"
	PlatformLockdownEnable  PlatformKind = "LockdownEnable"
	PlatformLockdownDisable PlatformKind = "LockdownDisable"
	PlatformSecureErase     PlatformKind = "SecureErase"
	PlatformDPUSecureBoot   PlatformKind = "DpuSecureBoot"
	PlatformDPUOSInstall    PlatformKind = "DpuOsInstall"
	PlatformDPUProfile      PlatformKind = "DpuProfile"
)

// PlatformStatus is what a look at one piece of platform configuration found.
type PlatformStatus struct {
	// Applied says that the wanted state is there: nothing needs doing.
	Applied bool
	// Detail is for people: what was found.
	Detail string
}

// Platform configures hosts through their management controllers.
type Platform interface {
	// InspectPlatform looks whether the wanted state is there.
	InspectPlatform(ctx context.Context, device Device, kind PlatformKind) (PlatformStatus, error)
	// SubmitPlatform asks for the wanted state and returns the id of the job, or "" when no job is needed: then a restart, if any, and a
	// look suffice.
	SubmitPlatform(ctx context.Context, key string, device Device, kind PlatformKind) (string, error)
	// PlatformJob polls a job. JobPending means scheduled: it runs at the next restart of the host, and for the DPU kinds at that of the units.
	PlatformJob(ctx context.Context, job Job) (JobStatus, error)
}

// AgentReport is what the in-band agent of a host has reported.
type AgentReport struct {
	// DiscoveredAt is when it last completed a discovery. Zero means never.
	DiscoveredAt time.Time
	// RebootedAt is when the host last came up.
	RebootedAt time.Time
	// Parts are the hardware parts that it found, for example part numbers by slot.
	Parts map[string]string
}

// Agent is the in-band agent that runs on a host during its bring-up.
type Agent interface {
	// Discover returns the latest report. A host that has not reported yet has a zero report and no error.
	Discover(ctx context.Context, device Device) (AgentReport, error)
}

// SKUMatch is what the SKU catalogue says about a host.
type SKUMatch struct {
	// SKU is the id that the host matches, empty when none does.
	SKU string
	// Missing says that the SKU assigned to the host is not defined.
	Missing bool
	// Differences are what the host has otherwise than its SKU says. Empty means verified.
	Differences []string
}

// SKU compares the parts of hosts with a catalogue (bill of materials).
type SKU interface {
	// MatchSKU finds the SKU of the host, or checks the one that is assigned when that is not empty.
	MatchSKU(ctx context.Context, device Device, assigned string, parts map[string]string) (SKUMatch, error)
}

// Validation runs tests on one machine.
type Validation interface {
	// ValidateMachine starts a test run and returns its job id.
	ValidateMachine(ctx context.Context, key string, device Device) (string, error)
	// ValidationJob polls a run.
	ValidationJob(ctx context.Context, job Job) (JobStatus, error)
}
