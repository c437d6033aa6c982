package rack

import (
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// image says which switch image an NvosUpdate installs; skip says why it is skipped.
func (u *run) image(a Activity) (id, skip string) {
	if a.Image != "" {
		return a.Image, ""
	}
	p, missing := u.h.profile(u.r)
	if missing != "" {
		return "", missing + ", so there is no default switch image"
	}
	if id = p.SwitchImage(); id == "" {
		return "", "hardware type " + p.HardwareType + " has no default switch image"
	}
	return id, ""
}

// nvosSkip says why the cycle will not update switch images, empty if it will.
func (u *run) nvosSkip(a Activity) string {
	switch _, skip := u.image(a); {
	case skip != "":
		return skip
	case u.h.caps.SwitchImage == nil:
		return "the driver has no switch image capability"
	case len(u.switches()) == 0:
		return "no switch in scope"
	}
	return ""
}

// clusterSkip says why the cycle will not configure the fabric, empty if it will.
func (u *run) clusterSkip() string {
	switch {
	case len(u.switches()) == 0:
		return "no switch in scope"
	case u.h.caps.Fabric == nil:
		return "the driver has no fabric capability"
	}
	return ""
}

// awaited lists what this cycle will drive on a switch from the given step on. It asks the same questions that the activities ask, so a step that will be
// skipped is not awaited.
func (u *run) awaited(from lifecycle.Step) []lifecycle.Step {
	var out []lifecycle.Step
	if from == lifecycle.StepFirmware {
		out = append(out, lifecycle.StepFirmware)
	}
	scope := u.r.Cycle.Scope
	if a, ok := scope.activity(NvosUpdate); ok && from != lifecycle.StepNMXC && u.nvosSkip(a) == "" {
		out = append(out, lifecycle.StepNVOS)
	}
	if _, ok := scope.activity(ConfigureNmxCluster); ok && u.clusterSkip() == "" {
		out = append(out, lifecycle.StepNMXC)
	}
	return out
}

// nvosStart submits the one batch of switch images and puts a request on every switch that has none of this cycle yet.
func (u *run) nvosStart() (lifecycle.Outcome, error) {
	p, err := u.planned()
	switch {
	case err != nil:
		return lifecycle.Outcome{}, err
	case p.Fails != "":
		return u.fail(p.Fails)
	case p.Skip != "":
		return u.done("skipped: " + p.Skip)
	}
	devices, image := p.devices, p.Installs
	files, err := u.h.caps.SwitchImage.ApplySwitchImage(u.ctx, u.env.Key("ApplySwitchImage", 0), image, devices)
	if unsupported(devices, err) {
		return u.noImages(devices)
	}
	jobs := make(map[backend.Ref]string, len(files))
	for ref, f := range files {
		jobs[ref] = f.JobID
	}
	u.r.Cycle.Installs = image
	if err := u.submitted(devices, jobs, err); err != nil {
		return lifecycle.Outcome{}, err
	}
	if u.refused() {
		u.outcomes(image)
		return u.fail("switch image refused: " + u.causes())
	}
	for _, d := range devices {
		if err := u.post(d.Ref, u.awaited(lifecycle.StepNVOS)); err != nil {
			return lifecycle.Outcome{}, err
		}
		if err := u.writeImage(u.job(d.Ref), image, files[d.Ref].File); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	return lifecycle.Fire(JobsSubmitted).Because(fmt.Sprintf("image %s on %d switches", image, len(devices))), nil
}

// noImages passes the activity. The driver had not said so before, so switches may have been told to wait for an image: they are let go.
func (u *run) noImages(devices []backend.Device) (lifecycle.Outcome, error) {
	for _, d := range devices {
		if !u.carries(d.Ref) {
			continue
		}
		if err := u.writeImage(DeviceJob{Device: d.Ref, State: backend.JobCompleted}, "", ""); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	return u.done("skipped: the driver has no switch image capability")
}

// writeImage brings the switch's nvos_update_status up to date.
func (u *run) writeImage(j DeviceJob, image, file string) error {
	s, ok := lifecycle.Look[nvswitch.Switch](&u.env.Tx, j.Device)
	if !ok {
		return nil
	}
	next := u.status(s.NVOSUpdate, j, image, file)
	if next == nil {
		return nil
	}
	e, err := lifecycle.Edit[nvswitch.Switch](&u.env.Tx, j.Device)
	if err != nil {
		return err
	}
	e.NVOSUpdate = next
	return nil
}

// nvosWait polls the batch until every switch is done.
func (u *run) nvosWait() (lifecycle.Outcome, error) {
	u.forget()
	var pollErr error
	if u.h.caps.SwitchImage != nil {
		pollErr = u.poll(func(jobs []backend.Job) (backend.Jobs, error) {
			return u.h.caps.SwitchImage.SwitchImageJob(u.ctx, jobs)
		})
	}
	for _, j := range u.r.Cycle.Jobs {
		if err := u.writeImage(j, "", ""); err != nil {
			return lifecycle.Outcome{}, err
		}
	}
	t := u.tally()
	if len(t.open) > 0 {
		return u.waitForJobs("the images of its switches", t, pollErr)
	}
	u.outcomes(u.r.Cycle.Installs)
	if t.failed > 0 {
		return u.fail(fmt.Sprintf("switch image update failed: %d/%d switches failed: %s", t.failed, t.total, u.causes()), t.bad...)
	}
	return u.done(t.String(), u.jobDevices()...)
}
