package fake

import "github.com/rackstate/rackstate/backend"

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
}{
	{backend.PlatformIPMIOverLAN, atOnce},
	{backend.PlatformBIOSProfile, atRestart},
	{backend.PlatformBootOrder, atRestart},
	{backend.PlatformUEFIPassword, atRestart},
	{backend.PlatformLockdownEnable, atOnce},
	{backend.PlatformLockdownDisable, atOnce},
	{backend.PlatformSecureErase, atOnceAsJob},
	{backend.PlatformDPUSecureBoot, atRestart},
	{backend.PlatformDPUOSInstall, atOnceAsJob},
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
