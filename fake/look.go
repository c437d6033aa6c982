package fake

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// visit is a call that looks at devices.
type visit struct {
	call op
	what string
	now  time.Time
	verdict
	failed map[backend.Ref]error
}

// look makes a call that changes nothing. It calls read for each device, locked and settled, as far as faults permit; f is the fault
// that lies, if one does. The error is that of a call for many devices.
func (h *Hardware) look(ctx context.Context, call op, what string, devices []backend.Device, read func(d *device, now time.Time, f *armed) error) error {
	if err := ctx.Err(); err != nil {
		return backend.NotDone(err)
	}
	v := visit{call: call, what: what, now: h.now()}
	for i := range devices {
		d, err := h.find(devices[i])
		if err == nil && h.config.Credentials != nil {
			err = h.credential(ctx, call, devices[i].Ref)
		}
		if err == nil {
			err = v.visit(d, read)
		}
		v.fail(devices[i].Ref, err)
	}
	return h.looked(ctx, &v, func() []backend.Device { return devices })
}

// poll is look for jobs: answer is called with each job that is known.
func (h *Hardware) poll(ctx context.Context, call op, jobs []backend.Job, answer func(d *device, j *job, now time.Time)) error {
	if err := ctx.Err(); err != nil {
		return backend.NotDone(err)
	}
	v := visit{call: call, now: h.now()}
	for i := range jobs {
		job := &jobs[i]
		v.fail(job.Device, h.pollOne(ctx, &v, job, answer))
	}
	return h.looked(ctx, &v, func() []backend.Device {
		devices := make([]backend.Device, len(jobs))
		for i := range jobs {
			devices[i].Ref = jobs[i].Device
		}
		return devices
	})
}

// pollOne polls one job.
func (h *Hardware) pollOne(ctx context.Context, v *visit, job *backend.Job, answer func(d *device, j *job, now time.Time)) error {
	d := h.known(job.Device)
	switch {
	case d == nil && h.config.Strict:
		return noDevice(job.Device)
	case d == nil:
		return backend.ErrNoJob
	case h.config.Credentials != nil:
		if err := h.credential(ctx, v.call, job.Device); err != nil {
			return err
		}
	}
	return v.visit(d, func(d *device, now time.Time, _ *armed) error {
		j := d.findJob(calls[v.call].begun, job.ID)
		if j == nil || j.Forgotten || j.Image != nil && !j.Image.arrived(now) {
			return backend.ErrNoJob
		}
		answer(d, j, now)
		return nil
	})
}

// visit looks at one device.
func (v *visit) visit(d *device, read func(d *device, now time.Time, f *armed) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settle(v.now)
	if err := d.reach(v.call, v.now); err != nil {
		return err
	}
	f := d.site.strike(d, v.call, v.what, v.now)
	if f == nil {
		return read(d, v.now, nil)
	}
	switch f.Fault.verb {
	case verbLie:
		return read(d, v.now, f)
	case verbOmit:
		return nil
	case verbHang:
		v.hangs = true
		return backend.MaybeDone(errors.New("no answer"))
	case verbPanic:
		v.panics = f.error(v.call).Error()
		return errors.New(v.panics)
	default:
		return f.error(v.call)
	}
}

// fail notes the failure of a device.
func (v *visit) fail(ref backend.Ref, err error) {
	if err == nil {
		return
	}
	if v.failed == nil {
		v.failed = make(map[backend.Ref]error)
	}
	v.failed[ref] = err
}

// looked ends a call that looked.
func (h *Hardware) looked(ctx context.Context, v *visit, devices func() []backend.Device) error {
	err := backend.DeviceErrors(v.failed)
	if h.config.Record {
		h.counts.record(v.call, "", devices(), v.now, err)
	}
	if whole := v.carryOut(ctx); whole != nil {
		return whole
	}
	return err
}

// one makes the error of a call for one device from that of a call for many.
func one(err error) error {
	if err == nil {
		return nil
	}
	failed, rest := backend.SplitDeviceErrors(err)
	for ref, cause := range failed {
		return &backend.DeviceError{Device: ref, Err: cause}
	}
	return rest
}

// View is what a device really is like, which a driver can only ask for.
type View struct {
	Power backend.PowerState
	// Up says that the operating system runs.
	Up bool
	// Away says that the management controller does not answer.
	Away bool
	// Firmware are the versions by component, Image is the switch image.
	Firmware map[string]string
	Image    string
	// Domain is the domain name of the certificate that is installed.
	Domain string
	// Configured says that the controller of a power shelf was configured.
	Configured bool
	// Applied are the pieces of platform configuration that are there.
	Applied []backend.PlatformKind
	// Staged are the versions that were uploaded and do not run yet, by component.
	Staged map[string]string
	// Fabric is what the switch says about its fabric manager; the zero value says nothing.
	Fabric backend.FabricReport
}

// View returns what a device is really like now, and false when there is none of that name.
func (h *Hardware) View(ref backend.Ref) (View, bool) {
	d := h.known(ref)
	if d == nil {
		return View{}, false
	}
	now := h.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settle(now)
	report, _ := d.Fabric.report(now)
	return View{
		Power: d.powerState(), Up: d.Up, Away: now.Before(d.AwayUntil) || h.shut(d, now), Firmware: maps.Clone(d.versions()), Image: d.Image,
		Domain: d.Domain, Configured: d.Configured, Applied: d.Applied.kinds(), Staged: d.staged(), Fabric: report,
	}, true
}
