package fake

import (
	"context"
	"maps"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Placement returns where switches sit. The tray index is that of Traits, else the slot, else the order in which the rack's switches were added.
func (d driver) Placement(ctx context.Context, switches []backend.Device) (map[backend.Ref]backend.Placement, error) {
	answer := make(map[backend.Ref]backend.Placement, len(switches))
	err := d.h.look(ctx, opPlacement, "", switches, func(dev *device, _ time.Time, _ *armed) error {
		place := backend.Placement{Slot: dev.Device.Endpoint.Slot, Tray: dev.Tray}
		if place.Slot == 0 {
			place.Slot = dev.Tray
		}
		answer[dev.Device.Ref] = place
		return nil
	})
	return answer, err
}

// FirmwareInventory returns the versions of a device by component.
func (d driver) FirmwareInventory(ctx context.Context, target backend.Device) (versions map[string]string, err error) {
	err = d.h.look(ctx, opFirmwareInventory, "", []backend.Device{target}, func(dev *device, _ time.Time, _ *armed) error {
		versions = maps.Clone(dev.versions())
		return nil
	})
	return versions, one(err)
}

// ApplyFirmware begins a job for each device. A job that finds every version there, and is not forced, ends as soon as it runs.
func (d driver) ApplyFirmware(ctx context.Context, key string, want backend.FirmwareOrder, devices []backend.Device) (map[backend.Ref]string, error) {
	answer := make(map[backend.Ref]string, len(devices))
	o := &order{Call: opApplyFirmware, Key: key, What: want.Firmware, Only: want.Components, Force: want.Force, Targets: devices}
	err := d.batch(ctx, o, func(i int, id string) { answer[devices[i].Ref] = id })
	return answer, err
}

// FirmwareJob polls firmware jobs.
func (d driver) FirmwareJob(ctx context.Context, jobs []backend.Job) (backend.Jobs, error) {
	return d.jobs(ctx, opFirmwareJob, jobs)
}

// jobs polls many jobs.
func (d driver) jobs(ctx context.Context, call op, jobs []backend.Job) (backend.Jobs, error) {
	answer := make(backend.Jobs, len(jobs))
	err := d.h.poll(ctx, call, jobs, func(d *device, j *job, now time.Time) { answer[d.Device.Ref] = j.status(now) })
	return answer, err
}

// job polls one job.
func (d driver) job(ctx context.Context, call op, begun backend.Job) (status backend.JobStatus, err error) {
	err = d.h.poll(ctx, call, []backend.Job{begun}, func(_ *device, j *job, now time.Time) { status = j.status(now) })
	return status, one(err)
}

// ApplySwitchImage begins a job for each switch.
func (d driver) ApplySwitchImage(ctx context.Context, key, image string, switches []backend.Device) (map[backend.Ref]backend.ImageFile, error) {
	answer := make(map[backend.Ref]backend.ImageFile, len(switches))
	o := &order{Call: opApplySwitchImage, Key: key, What: image, Targets: switches}
	err := d.batch(ctx, o, func(i int, id string) {
		answer[switches[i].Ref] = backend.ImageFile{JobID: id, File: image + ".bin"}
	})
	return answer, err
}

// SwitchImageJob polls the jobs of switch images.
func (d driver) SwitchImageJob(ctx context.Context, jobs []backend.Job) (backend.Jobs, error) {
	return d.jobs(ctx, opSwitchImageJob, jobs)
}

// ConfigureCertificate begins the installation of a certificate.
func (d driver) ConfigureCertificate(ctx context.Context, key string, device backend.Device, domain string) (string, error) {
	return d.single(ctx, &order{Call: opConfigureCertificate, Key: key, What: domain, Targets: []backend.Device{device}})
}

// CertificateJob polls the installation of a certificate.
func (d driver) CertificateJob(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
	return d.job(ctx, opCertificateJob, job)
}

// SetFabricState turns the fabric of switches on or off, at once.
func (d driver) SetFabricState(ctx context.Context, key string, on bool, switches []backend.Device) error {
	what := string(backend.PowerOff)
	if on {
		what = string(backend.PowerOn)
	}
	return d.batch(ctx, &order{Call: opSetFabricState, Key: key, What: what, Targets: switches}, nil)
}

// ConfigureFabricManager makes the primary switch run the fabric manager, after Delays.FabricManager, and the others stand by.
func (d driver) ConfigureFabricManager(ctx context.Context, key string, want backend.FabricOrder) error {
	_, err := d.single(ctx, &order{
		Call: opConfigureFabricManager, Key: key, What: want.Topology, Targets: []backend.Device{want.Primary}, Others: want.Switches,
	})
	return err
}

// FabricStatus returns the reports of switches. One whose fabric nobody touched has none.
func (d driver) FabricStatus(ctx context.Context, switches []backend.Device) (map[backend.Ref]backend.FabricReport, error) {
	answer := make(map[backend.Ref]backend.FabricReport, len(switches))
	err := d.h.look(ctx, opFabricStatus, "", switches, func(dev *device, now time.Time, _ *armed) error {
		if report, there := dev.Fabric.report(now); there {
			answer[dev.Device.Ref] = report
		}
		return nil
	})
	return answer, err
}

// CheckSwitch finds a switch fit, unless a fault says otherwise.
func (d driver) CheckSwitch(ctx context.Context, target backend.Device) error {
	return one(d.h.look(ctx, opCheckSwitch, "", []backend.Device{target}, func(*device, time.Time, *armed) error { return nil }))
}
