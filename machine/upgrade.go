package machine

import (
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Upgrade is the component that a host reprovision is installing, and how far that has come. It outlives a failure, so that a retry goes on with the image that failed:
// the ones before it are installed.
type Upgrade struct {
	// Component and Version are what is being installed.
	Component string `json:"component"`
	Version   string `json:"version"`
	// Artifact is the image that is at hand, counted from 1, of Artifacts. Attempt counts the uploads of that image.
	Artifact  int `json:"artifact"`
	Artifacts int `json:"artifacts"`
	Attempt   int `json:"attempt,omitempty"`

	// Visit is the machine's transition count when lockdown was off and it began to wait for its turn: BeganAt and Waited are of that visit.
	Visit uint64 `json:"visit,omitempty"`
	// BeganAt is when the sending began. Zero: the machine waits for its turn.
	BeganAt time.Time `json:"began_at,omitzero"`
	// Waited is what the clock of the state showed when the sending began. It does not count against the deadline of the upload.
	Waited time.Duration `json:"waited,omitempty"`
	// Sent and Size are how far the upload has come, in bytes. A size of zero is not known.
	Sent int64 `json:"sent,omitempty"`
	Size int64 `json:"size,omitempty"`
	// Task is the management controller's task that installs the image.
	Task string `json:"task,omitempty"`

	// ResetAt is when the last reset was made, Resets how many there were because the old version was still reported.
	ResetAt time.Time `json:"reset_at,omitzero"`
	Resets  int       `json:"resets,omitempty"`
	// Note says what was passed on the way.
	Note string `json:"note,omitempty"`
}

// upgradeHandlers are the states in which the machine itself installs firmware.
func (h *handler) upgradeHandlers(in func(State) State) map[State]handle {
	return map[State]handle{
		in(HostReprovisionInitialReset):              h.reprovisioning(h.initialReset),
		in(HostReprovisionWaitingForUpload):          h.waitingForUpload,
		in(HostReprovisionWaitingForFirmwareUpgrade): h.reprovisioning(h.waitingForFirmwareUpgrade),
		in(HostReprovisionResetForNewFirmware):       h.reprovisioning(h.resetForNewFirmware),
		in(HostReprovisionNewFirmwareReportedWait):   h.reprovisioning(h.newFirmwareReportedWait),
	}
}

// prepareUpgrade makes the component the one that is being installed. What is under way with it goes on.
func (m *Machine) prepareUpgrade(f Firmware) {
	switch u := m.Upgrade; {
	case f.How == HowManual || f.How == HowScript:
		m.Upgrade = nil
	case u == nil || u.Component != f.Component || u.Version != f.Version || u.Artifact < 1 || u.Artifact > f.Artifacts:
		m.Upgrade = &Upgrade{Component: f.Component, Version: f.Version, Artifact: 1, Artifacts: f.Artifacts}
	default:
		u.Artifacts = f.Artifacts
	}
}

// upgradeAtHand returns the component that is being installed. Of a machine without a record of that it is the first one that was not as wanted when it was last looked at, and
// nil when there is none.
func (h *handler) upgradeAtHand(m *Machine) *Upgrade {
	if m.Upgrade == nil {
		if f, outdated := firstOutdated(h.cfg.Firmware, m.Firmware); outdated {
			m.prepareUpgrade(Firmware{Component: f.Component, Version: f.Version, Artifacts: f.Artifacts, How: HowUpload})
		}
	}
	return m.Upgrade
}

// installing returns what is configured about the component that is being installed.
func (h *handler) installing(m *Machine) Firmware {
	name := ""
	if m.Upgrade != nil {
		name = m.Upgrade.Component
	}
	for _, f := range h.cfg.Firmware {
		if f.Component == name {
			return f
		}
	}
	return Firmware{Component: name}.withDefaults()
}

// artifact is the image that is at hand.
func (u *Upgrade) artifact() backend.Artifact {
	return backend.Artifact{Component: u.Component, Version: u.Version, Number: u.Artifact, Of: u.Artifacts}
}

// String names the image for people.
func (u *Upgrade) String() string {
	if u.Artifacts > 1 {
		return fmt.Sprintf("image %d of %d of %s %s", u.Artifact, u.Artifacts, u.Component, u.Version)
	}
	return u.Component + " " + u.Version
}

// progress says how much has been sent.
func (u *Upgrade) progress() string {
	if u.Size == 0 {
		return fmt.Sprintf("%d bytes are sent", u.Sent)
	}
	return fmt.Sprintf("%d of %d bytes are sent", u.Sent, u.Size)
}

// sending reports whether the machine sends an image in this visit of its state, waitsForSlot whether it waits for its turn.
func (m *Machine) sending() bool {
	return m.Upgrade != nil && m.Upgrade.Visit == m.Transitions() && !m.Upgrade.BeganAt.IsZero()
}

func (m *Machine) waitsForSlot() bool {
	return m.Upgrade != nil && m.Upgrade.Visit == m.Transitions() && m.Upgrade.BeganAt.IsZero()
}

// stillRunning says for the end of a reprovision what may go on in the hardware.
func (m *Machine) stillRunning() string {
	switch s := poolState(State(m.State())); {
	case s == HostReprovisionWaitingForUpload && m.sending():
		return fmt.Sprintf("the upload of %s may go on", m.Upgrade)
	case s == HostReprovisionWaitingForFirmwareUpgrade && m.Upgrade != nil:
		return fmt.Sprintf("task %s (%s) may go on", m.Upgrade.Task, m.Upgrade)
	default:
		return ""
	}
}

// placed puts a state of the host reprovision where the machine is: in the pool, or with its tenant.
func (m *Machine) placed(s State) State {
	if m.Tenanted() {
		return inTenancy(s)
	}
	return inPool(s)
}

// failedTo notes why the upgrade failed and takes one of the rows that share the trigger.
func (h *handler) failedTo(m *Machine, env *lifecycle.Env, trigger Trigger, to State, why string) lifecycle.Outcome {
	m.noteFailure(env.Now(), why)
	return lifecycle.FireTo(trigger, m.placed(to)).Because(why)
}
