package fake

import (
	"fmt"

	"github.com/rackstate/rackstate/backend"
)

// perform does what an order asks of the device and returns the answer that will be given again for an equal key.
func (d *device) perform(o *order) (answer, error) {
	a := answer{Call: o.Call, Key: o.Key, At: o.At}
	delays := &d.site.config.Delays
	switch o.Call {
	case opSetPower:
		return a, d.setPower(o)
	case opResetHost:
		d.restart(o.At, o.Call, o.Key)
	case opResetBMC:
		d.resetBMC(o)
	case opConfigureShelf:
		d.Configured = true
	case opApplyFirmware:
		r := delays.Firmware
		if !o.Force && d.current(o) {
			r = Range{}
		}
		a.Job = d.enqueue(o, r)
	case opApplySwitchImage:
		a.Job = d.enqueue(o, delays.SwitchImage)
	case opConfigureCertificate:
		a.Job = d.enqueue(o, delays.Certificate)
	case opSetFabricState:
		d.Fabric.Touched, d.Fabric.Off = true, o.What == string(backend.PowerOff)
	case opConfigureFabricManager:
		d.join(rolePrimary, o)
	case opSubmitPlatform:
		return d.submitPlatform(a, o)
	case opValidateMachine:
		return d.validate(a, o)
	case opStartValidation:
		d.Runs++
	case opUploadFirmware:
		return d.upload(a, o)
	case opAttest:
		a.Job = d.attest(o)
	case opStartCleanup:
		a.Job = d.cleanUp(o)
	case opRestartDPUs:
		d.restartUnits(o.At, o.Key)
	case opConfigureDPUNetwork:
		d.configureUnits(o)
	default:
	}
	if a.Job != nil {
		a.ID = a.Job.ID
	}
	return a, nil
}

// setPower begins a power action.
func (d *device) setPower(o *order) error {
	switch backend.PowerAction(o.What) {
	case backend.ActionPowerOn:
		d.power(o.At, true, o.Call, o.Key)
	case backend.ActionPowerOff:
		d.power(o.At, false, o.Call, o.Key)
	case backend.ActionReset:
		d.restart(o.At, o.Call, o.Key)
	default:
		return fmt.Errorf("%w: power action %q", backend.ErrNotSupported, o.What)
	}
	return nil
}

// submitPlatform configures the host, at once or by a job.
func (d *device) submitPlatform(a answer, o *order) (answer, error) {
	i, err := d.platformKind(backend.PlatformKind(o.What))
	if err != nil {
		return a, err
	}
	if platformKinds[i].work == atOnce {
		d.Applied.apply(platformKinds[i].kind)
		return a, nil
	}
	r := d.site.config.Delays.Platform
	if platformKinds[i].kind == backend.PlatformDPUOSInstall {
		r = d.site.config.Delays.DPUOSInstall
	}
	free := d.platformFree(o.At)
	j := d.enqueue(o, r)
	if platformKinds[i].dpus {
		d.spoilByUnit(j, o)
	}
	// A scheduled job shows as pending, so one that is not scheduled must not: it shows as running while it waits for its turn.
	j.Waits, j.Begins, j.Ends = platformKinds[i].work == atRestart, o.At, free.Add(j.For)
	a.Job, a.ID = j, j.ID
	return a, nil
}

// validate begins the tests of a machine, which run when its host is up.
func (d *device) validate(a answer, o *order) (answer, error) {
	if !d.On {
		return a, backend.NotDone(fmt.Errorf("the host has no power"))
	}
	j := d.enqueue(o, d.site.config.Delays.MachineValidation)
	if !d.Up && d.UpAt.After(j.Begins) {
		j.Begins, j.Ends = d.UpAt, d.UpAt.Add(j.For)
	}
	a.Job, a.ID = j, j.ID
	return a, nil
}

// beginOthers does what an order, which the device was sent, asks of other devices. No device is locked.
func (h *Hardware) beginOthers(o *order, asked *device, run string) {
	switch o.Call {
	case opConfigureFabricManager:
		for _, dev := range o.Others {
			d := h.known(dev.Ref)
			if d == nil || d == asked {
				continue
			}
			d.mu.Lock()
			d.settle(o.At)
			d.join(roleStandby, o)
			d.mu.Unlock()
		}
	case opStartValidation:
		h.startRun(o, asked, run)
	default:
	}
}
