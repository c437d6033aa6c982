package rack

import (
	"errors"
	"fmt"
	"slices"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// submitted takes over the answer of a batch: a job for each device, and a failure for each that has none. It reports whether the batch was submitted at all:
// when no device has a job and asking again may help, the error comes back.
func (u *run) submitted(devices []backend.Device, jobs map[backend.Ref]string, err error) error {
	failed, rest := backend.SplitDeviceErrors(err)
	if len(jobs) == 0 && err != nil && !errors.Is(backend.Classify(err), backend.ErrPermanent) {
		return err
	}
	list := make([]DeviceJob, 0, len(devices))
	for _, d := range devices {
		job := DeviceJob{Device: d.Ref, ID: jobs[d.Ref], State: backend.JobPending}
		if job.ID == "" {
			job.State, job.Cause = backend.JobFailed, "the batch returned no job for it"
			if e := failed[d.Ref]; e != nil {
				job.Cause = e.Error()
			} else if rest != nil {
				job.Cause = rest.Error()
			}
		}
		list = append(list, job)
	}
	u.r.Cycle.Jobs = list
	return nil
}

// unsupported reports whether the hardware says of every device that it has no such function.
func unsupported(devices []backend.Device, err error) bool {
	failed, rest := backend.SplitDeviceErrors(err)
	for _, d := range devices {
		if !errors.Is(failed[d.Ref], backend.ErrNotSupported) && !errors.Is(rest, backend.ErrNotSupported) {
			return false
		}
	}
	return err != nil
}

// refused reports whether the hardware took no job at all and never will.
func (u *run) refused() bool {
	return !slices.ContainsFunc(u.r.Cycle.Jobs, func(j DeviceJob) bool { return j.ID != "" })
}

// poll looks at every job that has not ended. A poll that fails, or a state that nobody knows, keeps what was last seen.
func (u *run) poll(ask func([]backend.Job) (backend.Jobs, error)) error {
	var open []backend.Job
	for _, j := range u.r.Cycle.Jobs {
		if !j.State.Terminal() {
			open = append(open, backend.Job{Device: j.Device, Endpoint: u.kids.endpoint(j.Device), ID: j.ID})
		}
	}
	if len(open) == 0 {
		return nil
	}
	found, err := ask(open)
	for i := range u.r.Cycle.Jobs {
		j := &u.r.Cycle.Jobs[i]
		status, ok := found[j.Device]
		if !ok || j.State.Terminal() || status.State == backend.JobUnknown || status.State == "" {
			continue
		}
		j.State, j.Cause = status.State, status.Cause
	}
	return err
}

// forget drops the jobs of devices that are gone or marked deleted: they count nowhere any more.
func (u *run) forget() {
	u.r.Cycle.Jobs = slices.DeleteFunc(u.r.Cycle.Jobs, func(j DeviceJob) bool {
		is := func(o *lifecycle.Object) bool { return o.Ref() == j.Device }
		if slices.ContainsFunc(u.objects(), is) || slices.Contains(u.kids.broken, j.Device) {
			return false
		}
		u.result(backend.Result{Target: j.Device, Status: backend.ResultSkipped, JobID: j.ID, To: u.r.Cycle.Installs, Error: "it was deleted meanwhile; its job may still run"})
		return true
	})
}

// tally counts the jobs that have ended.
type tally struct {
	total, completed, failed int
	open, bad                []backend.Ref
}

func (u *run) tally() tally {
	var t tally
	for _, j := range u.r.Cycle.Jobs {
		t.total++
		switch j.State {
		case backend.JobCompleted:
			t.completed++
		case backend.JobFailed:
			t.failed++
			t.bad = append(t.bad, j.Device)
		default:
			t.open = append(t.open, j.Device)
		}
	}
	return t
}

func (t tally) String() string {
	return fmt.Sprintf("%d/%d devices terminal (completed=%d, failed=%d)", t.completed+t.failed, t.total, t.completed, t.failed)
}

// progress turns a job's state into the status that is written on its device.
func progress(s backend.JobState) lifecycle.Progress {
	switch s {
	case backend.JobCompleted:
		return lifecycle.ProgressCompleted
	case backend.JobFailed:
		return lifecycle.ProgressFailed
	case backend.JobRunning:
		return lifecycle.ProgressRunning
	default:
		return lifecycle.ProgressStarted
	}
}

// status brings the status of one device up to date with its job. It returns nil when nothing changed.
func (u *run) status(old *lifecycle.CycleStatus, job DeviceJob, firmware, file string) *lifecycle.CycleStatus {
	now := u.env.Now()
	next := lifecycle.CycleStatus{StartedAt: now}
	if old != nil && old.Cycle == u.r.Cycle.ID {
		next = *old
	}
	if next.StartedAt.IsZero() {
		next.StartedAt = now
	}
	next.Status, next.Cause, next.TaskID, next.Cycle = progress(job.State), job.Cause, job.ID, u.r.Cycle.ID
	if firmware != "" {
		next.Firmware = firmware
	}
	if file != "" {
		next.ImageFile = file
	}
	if job.State.Terminal() && next.EndedAt.IsZero() {
		next.EndedAt = now
	}
	if old != nil && *old == next {
		return nil
	}
	return &next
}

// outcome records the result of each job that has ended.
func (u *run) outcomes(to string) {
	for _, j := range u.r.Cycle.Jobs {
		switch j.State {
		case backend.JobCompleted:
			u.result(backend.Result{Target: j.Device, Status: backend.ResultOK, JobID: j.ID, To: to})
		case backend.JobFailed:
			u.result(backend.Result{Target: j.Device, Status: backend.ResultFailed, JobID: j.ID, To: to, Error: j.Cause, Retryable: j.ID != ""})
		case backend.JobPending, backend.JobRunning, backend.JobUnknown:
		}
	}
}

// post puts the rack's reprovision request on a device, unless it carries one of this cycle already.
func (u *run) post(ref backend.Ref, await []lifecycle.Step) error {
	for _, req := range u.env.Requests(ref, lifecycle.TypeReprovision) {
		if req.Cycle == u.r.Cycle.ID {
			return nil
		}
	}
	_, err := u.env.Post(ref, lifecycle.NewRequest{
		ID: fmt.Sprintf("%s-%s-%s", u.r.Cycle.ID, u.activity.Name, ref.ID), Type: lifecycle.TypeReprovision, Initiator: lifecycle.RackInitiator(u.r.ID()), Cycle: u.r.Cycle.ID,
		Params: lifecycle.Reprovision{Await: await, DisturbTenants: u.r.Cycle.DisturbTenants},
	})
	return err
}

// withoutNVOS names the switches whose operating system cannot be reached: no address, or no credential.
func (u *run) withoutNVOS(devices []backend.Device) (string, error) {
	var out []string
	for _, d := range devices {
		if d.Endpoint.NVOSAddress == "" {
			out = append(out, d.Ref.String()+" has no NVOS address")
		}
		if u.h.cfg.Credentials == nil {
			continue
		}
		_, err := u.h.cfg.Credentials.Credential(u.ctx, backend.NVOSCredential(d.Ref))
		switch {
		case errors.Is(err, backend.ErrNotFound):
			out = append(out, d.Ref.String()+" has no NVOS credential")
		case err != nil:
			return "", err
		}
	}
	return someOf(out), nil
}
