package fake

import (
	"context"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// stepResult is what becomes of a step of a clean-up where that is not success.
type stepResult struct {
	// Fails says why it fails. Missing leaves it out of the results.
	Fails   string `json:"fails,omitempty"`
	Missing bool   `json:"missing,omitempty"`
}

// StartCleanup begins a clean-up. The agent takes it up when the host is up, and begins anew when the host restarts meanwhile.
func (d driver) StartCleanup(ctx context.Context, key string, host backend.Device, steps []backend.CleanupStep) (string, error) {
	o := &order{Call: opStartCleanup, Key: key, Targets: []backend.Device{host}}
	for _, s := range steps {
		o.Only = append(o.Only, string(s))
	}
	return d.single(ctx, o)
}

// CleanupJob polls a clean-up. Its results are there when it has completed.
func (d driver) CleanupJob(ctx context.Context, begun backend.Job) (status backend.CleanupStatus, err error) {
	err = d.h.poll(ctx, opCleanupJob, []backend.Job{begun}, func(_ *device, j *job, now time.Time) {
		status = backend.CleanupStatus{JobStatus: j.status(now)}
		if status.State == backend.JobCompleted && !j.Hollow {
			status.Results = j.results()
		}
	})
	return status, one(err)
}

// cleanUp begins a clean-up.
func (d *device) cleanUp(o *order) *job {
	j := d.enqueue(o, d.site.config.Delays.Cleanup)
	j.WaitsUp = !d.Up
	for _, step := range o.Only {
		f := d.site.spoilPart(d, o.Call, step, o.At)
		if f == nil {
			continue
		}
		var r stepResult
		switch f.Fault.ending {
		case endFails:
			r.Fails = f.Fault.text
		case endNothing:
			r.Missing = true
		default:
			j.spoil(f)
			continue
		}
		if j.Results == nil {
			j.Results = make(map[string]stepResult)
		}
		j.Results[step] = r
	}
	return j
}

// results are what became of the steps.
func (j *job) results() map[backend.CleanupStep]backend.CleanupResult {
	all := make(map[backend.CleanupStep]backend.CleanupResult, len(j.Only))
	for _, step := range j.Only {
		switch r := j.Results[step]; {
		case r.Missing:
		case r.Fails != "":
			all[backend.CleanupStep(step)] = backend.CleanupResult{Detail: r.Fails}
		default:
			all[backend.CleanupStep(step)] = backend.CleanupResult{Done: true, Detail: "erased"}
		}
	}
	return all
}
