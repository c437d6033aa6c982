package rack

import (
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// firmware says which bundle a FirmwareUpgrade installs. skip says why it is skipped; the error wraps backend.ErrNotFound when a named bundle is not known.
func (u *run) firmware() (entry backend.FirmwareEntry, skip string, err error) {
	p, missing := u.h.profile(u.r)
	id := u.activity.Firmware
	if id == "" {
		if missing != "" {
			return entry, missing + ", so there is no default firmware", nil
		}
		if id = p.Firmware(); id == "" {
			return entry, "hardware type " + p.HardwareType + " has no default firmware", nil
		}
	}
	if u.h.cfg.Catalog == nil {
		return backend.FirmwareEntry{ID: id, HardwareType: AnyHardware, Available: true}, "", nil
	}
	entry, err = u.h.cfg.Catalog.Firmware(u.ctx, id)
	switch {
	case err != nil:
		return entry, "", err
	case !entry.Available:
		return entry, "firmware " + id + " is known and not available", nil
	case missing == "" && !p.Accepts(entry.HardwareType):
		return entry, "", fmt.Errorf("firmware %s is for %s, the rack is %s: %w", id, entry.HardwareType, p.HardwareType, backend.ErrNotFound)
	}
	return entry, "", nil
}

// firmwareTargets are the devices of a batch.
func (u *run) firmwareTargets(entry backend.FirmwareEntry) []backend.Device {
	devices := append(u.machines(), u.switches()...)
	if entry.PowerShelves {
		devices = append(devices, u.shelves()...)
	}
	return devices
}

// firmwareStart submits the one batch and, in the same commit, puts a request on every machine and switch in it.
func (u *run) firmwareStart() (lifecycle.Outcome, error) {
	p, err := u.planned()
	switch {
	case err != nil:
		return lifecycle.Outcome{}, err
	case p.Fails != "":
		return u.fail(p.Fails)
	case p.Skip != "":
		return u.done("skipped: " + p.Skip)
	}
	devices, entry := p.devices, p.entry
	order := backend.FirmwareOrder{Firmware: entry.ID, Components: u.activity.Components, Force: u.activity.Force}
	jobs, err := u.h.caps.Firmware.ApplyFirmware(u.ctx, u.env.Key("ApplyFirmware", 0), order, devices)
	if unsupported(devices, err) {
		return u.done("skipped: the driver has no firmware capability")
	}
	u.r.Cycle.Installs = entry.ID
	if err := u.submitted(devices, jobs, err); err != nil {
		return lifecycle.Outcome{}, err
	}
	if u.refused() {
		u.outcomes(entry.ID)
		return u.fail("firmware upgrade refused: " + u.causes())
	}
	for _, d := range devices {
		if err := u.announceFirmware(d.Ref, entry.ID); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	return lifecycle.Fire(JobsSubmitted).Because(fmt.Sprintf("firmware %s on %d devices", entry.ID, len(devices))), nil
}

// announceFirmware puts the request on a device and replaces its status of an earlier cycle.
func (u *run) announceFirmware(ref backend.Ref, firmware string) error {
	switch ref.Kind {
	case backend.KindMachine:
		if err := u.post(ref, nil); err != nil {
			return err
		}
	case backend.KindSwitch:
		if err := u.post(ref, u.awaited(lifecycle.StepFirmware)); err != nil {
			return err
		}
	default: // power shelves are not asked to wait
	}
	return u.writeFirmware(u.job(ref), firmware)
}

func (u *run) job(ref backend.Ref) DeviceJob {
	for _, j := range u.r.Cycle.Jobs {
		if j.Device == ref {
			return j
		}
	}
	return DeviceJob{Device: ref}
}

// writeFirmware brings the device's firmware_upgrade_status up to date.
func (u *run) writeFirmware(j DeviceJob, firmware string) error {
	var at **lifecycle.CycleStatus
	switch j.Device.Kind {
	case backend.KindMachine:
		m, ok := lifecycle.Look[machine.Machine](&u.env.Tx, j.Device)
		if !ok || u.status(m.FirmwareUpgrade, j, firmware, "") == nil {
			return nil
		}
		e, err := lifecycle.Edit[machine.Machine](&u.env.Tx, j.Device)
		if err != nil {
			return err
		}
		at = &e.FirmwareUpgrade
	case backend.KindSwitch:
		s, ok := lifecycle.Look[nvswitch.Switch](&u.env.Tx, j.Device)
		if !ok || u.status(s.FirmwareUpgrade, j, firmware, "") == nil {
			return nil
		}
		e, err := lifecycle.Edit[nvswitch.Switch](&u.env.Tx, j.Device)
		if err != nil {
			return err
		}
		at = &e.FirmwareUpgrade
	default:
		p, ok := lifecycle.Look[powershelf.PowerShelf](&u.env.Tx, j.Device)
		if !ok || u.status(p.FirmwareUpgrade, j, firmware, "") == nil {
			return nil
		}
		e, err := lifecycle.Edit[powershelf.PowerShelf](&u.env.Tx, j.Device)
		if err != nil {
			return err
		}
		at = &e.FirmwareUpgrade
	}
	*at = u.status(*at, j, firmware, "")
	return nil
}

// firmwareWait polls the batch until every device is done, and only then looks whether one failed.
func (u *run) firmwareWait() (lifecycle.Outcome, error) {
	u.forget()
	var pollErr error
	if u.h.caps.Firmware != nil {
		pollErr = u.poll(func(jobs []backend.Job) (backend.Jobs, error) { return u.h.caps.Firmware.FirmwareJob(u.ctx, jobs) })
	}
	for _, j := range u.r.Cycle.Jobs {
		if err := u.writeFirmware(j, ""); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	t := u.tally()
	if len(t.open) > 0 {
		return u.waitForJobs("the firmware of its devices", t, pollErr)
	}
	u.outcomes(u.r.Cycle.Installs)
	if t.failed > 0 {
		return u.fail(fmt.Sprintf("firmware upgrade failed: %d/%d devices failed: %s", t.failed, t.total, u.causes()), t.bad...)
	}
	return u.done(t.String(), u.jobDevices()...)
}

func (u *run) waitForJobs(what string, t tally, pollErr error) (lifecycle.Outcome, error) {
	observes := t.String()
	if pollErr != nil {
		observes += "; the last poll failed: " + pollErr.Error()
	}
	return u.wait(what, observes, t.open...)
}

func (u *run) jobDevices() []backend.Ref {
	out := make([]backend.Ref, len(u.r.Cycle.Jobs))
	for i, j := range u.r.Cycle.Jobs {
		out[i] = j.Device
	}
	return out
}

// causes lists the failed devices with their causes.
func (u *run) causes() string {
	var out []string
	for _, j := range u.r.Cycle.Jobs {
		if j.State == backend.JobFailed {
			out = append(out, j.Device.ID+": "+j.Cause)
		}
	}
	return someOf(out)
}
