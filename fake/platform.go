package fake

import (
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// platformWork is how a piece of platform configuration comes about.
type platformWork uint8

const (
	// atOnce: the management controller does it itself and there is no job.
	atOnce platformWork = iota + 1
	// atRestart: the job is scheduled, and runs while the host boots.
	atRestart
	// atOnceAsJob: the job runs beside the host.
	atOnceAsJob
)

// platformKinds has every kind, in the order of its bit in a platformSet. The order is stored and must not change.
var platformKinds = [...]struct {
	kind backend.PlatformKind
	work platformWork
	// dpus says that it is about all data processing units of the host.
	dpus bool
}{
	{backend.PlatformIPMIOverLAN, atOnce, false},
	{backend.PlatformBIOSProfile, atRestart, false},
	{backend.PlatformBootOrder, atRestart, false},
	{backend.PlatformUEFIPassword, atRestart, false},
	{backend.PlatformLockdownEnable, atOnce, false},
	{backend.PlatformLockdownDisable, atOnce, false},
	{backend.PlatformSecureErase, atOnceAsJob, false},
	{backend.PlatformDPUSecureBoot, atRestart, true},
	{backend.PlatformDPUOSInstall, atOnceAsJob, true},
	{backend.PlatformDPUProfile, atOnce, true},
}

// platformIndex finds a kind.
func platformIndex(kind backend.PlatformKind) (int, bool) {
	for i := range platformKinds {
		if platformKinds[i].kind == kind {
			return i, true
		}
	}
	return 0, false
}

// platformKind finds a kind that this host can have.
func (d *device) platformKind(kind backend.PlatformKind) (int, error) {
	i, known := platformIndex(kind)
	switch {
	case !known:
		return 0, fmt.Errorf("%w: platform configuration %q", backend.ErrNotSupported, kind)
	case platformKinds[i].dpus && len(d.Units) == 0:
		return 0, fmt.Errorf("%w: %s: the host has no DPUs", backend.ErrNotSupported, kind)
	default:
		return i, nil
	}
}

// platformFree is when the queue of platform jobs is through with those that run: the controller works on one at a time.
func (d *device) platformFree(at time.Time) time.Time {
	for _, j := range d.open {
		if j.Call == opSubmitPlatform && !j.Waits && !j.Endless && !j.Stuck && j.Ends.After(at) {
			at = j.Ends
		}
	}
	return at
}

// platformSet is which pieces of platform configuration are there, one bit each.
type platformSet uint16

// has reports whether the kind is there. A host that is not locked down has LockdownDisable.
func (s platformSet) has(kind backend.PlatformKind) bool {
	if kind == backend.PlatformLockdownDisable {
		return !s.has(backend.PlatformLockdownEnable)
	}
	i, known := platformIndex(kind)
	return known && s&(1<<i) != 0
}

// apply puts the kind there. LockdownDisable takes LockdownEnable away.
func (s *platformSet) apply(kind backend.PlatformKind) {
	if kind == backend.PlatformLockdownDisable {
		s.clear(backend.PlatformLockdownEnable)
		return
	}
	if i, known := platformIndex(kind); known {
		*s |= 1 << i
	}
}

// clear takes the kind away.
func (s *platformSet) clear(kind backend.PlatformKind) {
	if i, known := platformIndex(kind); known {
		*s &^= 1 << i
	}
}

// kinds lists what is there.
func (s platformSet) kinds() []backend.PlatformKind {
	var there []backend.PlatformKind
	for i := range platformKinds {
		if s&(1<<i) != 0 {
			there = append(there, platformKinds[i].kind)
		}
	}
	return there
}
