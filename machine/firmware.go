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

// checkingFirmware compares the versions of the machine with the wanted ones.
func (h *handler) checkingFirmware(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	if m.Job != nil && m.Job.Visit == m.Transitions() { // compared already; lockdown is on its way
		return h.firmwareCurrent(ctx, m, env, "the firmware was checked")
	}
	note, err := h.readFirmware(ctx, m)
	switch {
	case permanent(err):
		return h.upgradeFailed(m, env, FirmwareCheckFailed, err.Error())
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
