package machine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// How says in which way a component is installed. The strings are part of configuration files and must not change.
type How string

// The ways to install a component.
const (
	// HowUpload sends the image to the management controller.
	HowUpload How = "upload"
	// HowManual waits for a person who installs it.
	HowManual How = "manual"
	// HowScript waits for a script of the site that installs it.
	HowScript How = "script"
	// HowReset restarts host and management controller first, and then sends the image.
	HowReset How = "reset"
)

// ResetKind says what is restarted so that new firmware comes into use. The strings are part of configuration files and must not change.
type ResetKind string

// The resets.
const (
	// ResetHost restarts the host.
	ResetHost ResetKind = "host"
	// ResetBMC restarts the management controller.
	ResetBMC ResetKind = "bmc"
	// ResetDrain switches the host off until its supplies have lost their charge, and on again.
	ResetDrain ResetKind = "drain"
	// ResetNone restarts nothing: the component takes its new firmware by itself.
	ResetNone ResetKind = "none"
)

// componentBMC is the component that restarts itself when nothing else is configured.
const componentBMC = "BMC"

// Firmware is the version of one component that machines shall have.
type Firmware struct {
	// Component is its name, as the driver's inventory spells it.
	Component string
	// Version is what shall be installed.
	Version string
	// How says in which way. Default: HowUpload.
	How How
	// Artifacts is of how many images the version consists. Default: 1.
	Artifacts int
	// Reset says what is restarted after an upload. Default: ResetBMC for the component "BMC", ResetHost for any other.
	Reset ResetKind
	// Drains is how often the host is switched off and on for ResetDrain. Default: 1.
	Drains int
}

// withDefaults returns a copy with every unset field at its default.
func (f Firmware) withDefaults() Firmware {
	if f.How == "" {
		f.How = HowUpload
	}
	if f.Reset == "" {
		f.Reset = ResetHost
		if f.Component == componentBMC {
			f.Reset = ResetBMC
		}
	}
	f.Artifacts = max(f.Artifacts, 1)
	if f.Reset == ResetDrain {
		f.Drains = max(f.Drains, 1)
	}
	return f
}

func (f Firmware) check() error {
	switch {
	case f.Component == "":
		return errors.New("it names no component")
	case f.Version == "":
		return errors.New("it names no version")
	case f.Artifacts < 0:
		return fmt.Errorf("it has %d artifacts, must not be negative", f.Artifacts)
	case f.How != "" && !slices.Contains([]How{HowUpload, HowManual, HowScript, HowReset}, f.How):
		return fmt.Errorf("it is installed by %q; known are %s, %s, %s and %s", f.How, HowUpload, HowManual, HowScript, HowReset)
	case f.Reset != "" && !slices.Contains([]ResetKind{ResetHost, ResetBMC, ResetDrain, ResetNone}, f.Reset):
		return fmt.Errorf("it is followed by the reset %q; known are %s, %s, %s and %s", f.Reset, ResetHost, ResetBMC, ResetDrain, ResetNone)
	case f.Drains < 0 || f.Drains > 0 && f.Reset != ResetDrain:
		return fmt.Errorf("it has %d drains, which only the reset %s has", f.Drains, ResetDrain)
	default:
		return nil
	}
}

// firstOutdated returns the first wanted component, in configured order, that is not there in the wanted version.
func firstOutdated(wanted []Firmware, found map[string]string) (Firmware, bool) {
	for _, f := range wanted {
		if found[f.Component] != f.Version {
			return f, true
		}
	}
	return Firmware{}, false
}

// installBy says which trigger leads to the installation. The reset before an upload is made once.
func installBy(how How, repeat bool) Trigger {
	switch {
	case how == HowManual:
		return ManualNeeded
	case how == HowScript:
		return ScriptNeeded
	case how == HowReset && !repeat:
		return ResetNeeded
	default:
		return UploadNeeded
	}
}

// checkDeadline is how long the versions may not be readable.
const checkDeadline = working

// checkingFirmware compares the versions of the machine with the wanted ones.
func (h *handler) checkingFirmware(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if m.Job != nil && m.Job.Visit == m.Transitions() { // compared already; lockdown is on its way
		return h.firmwareCurrent(ctx, m, env, "the firmware was checked")
	}
	note, err := h.readFirmware(ctx, m)
	switch {
	case stopped(ctx) != nil:
		return lifecycle.Outcome{}, stopped(ctx)
	case permanent(err):
		return h.upgradeFailed(m, env, FirmwareCheckFailed, err.Error())
	case err != nil && m.ElapsedInState(env.Now()) >= checkDeadline:
		return h.upgradeFailed(m, env, FirmwareCheckFailed, fmt.Sprintf("the versions could not be read within %s: %s", checkDeadline, err))
	case err != nil:
		return lifecycle.Outcome{}, err
	case note != "":
		return h.firmwareCurrent(ctx, m, env, note)
	}
	f, outdated := firstOutdated(h.cfg.Firmware, m.Firmware)
	if !outdated {
		return h.firmwareCurrent(ctx, m, env, "every component is as wanted")
	}
	if m.Reprovision != nil {
		m.Reprovision.Report = nil
	}
	repeat := poolState(State(m.State())) == HostReprovisionCheckingFirmwareRepeat
	m.prepareUpgrade(f)
	return lifecycle.Fire(installBy(f.How, repeat)).Because(fmt.Sprintf("%s is %q, wanted is %q", f.Component, m.Firmware[f.Component], f.Version)), nil
}

// readFirmware reads the versions. A note says why there is nothing to compare.
func (h *handler) readFirmware(ctx context.Context, m *Machine) (note string, err error) {
	const noInventory = "no inventory capability: passed"
	switch {
	case len(h.cfg.Firmware) == 0:
		return "no firmware is wanted", nil
	case h.caps.Inventory == nil:
		return noInventory, nil
	}
	found, err := h.caps.Inventory.FirmwareInventory(ctx, m.Device())
	switch {
	case unsupported(err):
		return noInventory, nil
	case err != nil:
		return "", fmt.Errorf("read the firmware of machine %s: %w", m.ID(), err)
	}
	if !maps.Equal(m.Firmware, found) {
		m.Firmware = maps.Clone(found)
	}
	return "", nil
}

// firmwareCurrent completes the reprovision.
func (h *handler) firmwareCurrent(ctx context.Context, m *Machine, env *lifecycle.Env, note string) (lifecycle.Outcome, error) {
	return h.giveBack(ctx, m, env, ending{FirmwareCurrent, backend.RequestFinished, note})
}

// upgradeFailed notes why the upgrade failed and takes the machine to FailedFirmwareUpgrade, where it is tried again.
func (h *handler) upgradeFailed(m *Machine, env *lifecycle.Env, trigger Trigger, why string) (lifecycle.Outcome, error) {
	m.noteFailure(env.Now(), why)
	return lifecycle.Fire(trigger).Because(why), nil
}
