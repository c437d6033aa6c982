package backendtest

import (
	"context"
	"errors"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// hostCalls are the calls for what runs in and beside one host: uploads, clean-ups, proofs, data processing units, event logs.
func (c *driverCheck) hostCalls() (all []driverCall) {
	if u := c.can.Upload; u != nil {
		all = append(all, driverCall{
			name: "UploadFirmware", changes: true, devices: c.h.Machines, poll: oneJob(u.FirmwareTask),
			do: func(ctx callContext, key string, devices callDevices) (callAnswer, error) {
				task, err := c.upload(ctx, key, devices[0])
				return oneAnswer(devices[0], task, err)
			},
		})
	}
	if l := c.can.Cleanup; l != nil {
		all = append(all, driverCall{
			name: "StartCleanup", changes: true, devices: c.h.Machines, restart: restartForJob,
			poll: oneJob(func(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
				status, err := l.CleanupJob(ctx, job)
				return status.JobStatus, err
			}),
			do: func(ctx callContext, key string, devices callDevices) (callAnswer, error) {
				id, err := l.StartCleanup(ctx, key, devices[0], c.h.CleanupSteps)
				return oneAnswer(devices[0], id, err)
			},
		})
	}
	if len(c.can.Attestors) > 0 {
		all = append(all, c.attestCall(c.can.Attestors[0]))
	}
	all = append(all, c.dpuCalls()...)
	if e := c.can.EventLog; e != nil {
		all = append(all, driverCall{
			name: "Events", devices: c.h.everything(),
			do: func(ctx callContext, _ string, devices callDevices) (callAnswer, error) {
				_, err := e.Events(ctx, devices[0], time.Time{})
				return oneAnswer(devices[0], "", err)
			},
		})
	}
	return all
}

// upload calls until the image is there and has a task.
func (c *driverCheck) upload(ctx context.Context, key string, host backend.Device) (task string, err error) {
	for waited := time.Duration(0); waited <= c.h.Limit; waited += c.step() {
		status, err := c.can.Upload.UploadFirmware(ctx, key, host, c.h.Artifact)
		if err != nil || status.Task != "" {
			return status.Task, err
		}
		c.pass(c.step())
	}
	c.failf("UploadFirmware: there is no task within %s", c.h.Limit)
	return "", backend.NotDone(errors.New("there is no task"))
}

// attestCall is the call of an attestor. A proof that is awaited shows as a job that waits for a restart.
func (c *driverCheck) attestCall(a backend.Attestor) driverCall {
	return driverCall{
		name: "Attest", changes: true, devices: c.h.Machines, restart: restartForJob,
		poll: oneJob(func(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
			status, err := a.Attestation(ctx, job)
			switch status.State {
			case backend.AttestationPassed, backend.AttestationPending:
				return backend.JobStatus{State: backend.JobCompleted}, err
			case backend.AttestationFailed, backend.AttestationCancelled:
				return backend.JobStatus{State: backend.JobFailed, Cause: status.Cause}, err
			default:
				return backend.JobStatus{State: backend.JobPending}, err
			}
		}),
		do: func(ctx callContext, key string, devices callDevices) (callAnswer, error) {
			id, err := a.Attest(ctx, key, devices[0])
			return oneAnswer(devices[0], id, err)
		},
	}
}

func (c *driverCheck) dpuCalls() []driverCall {
	d := c.can.DPU
	if d == nil {
		return nil
	}
	return []driverCall{
		{
			name: "DPUs", devices: c.h.Machines,
			do: func(ctx callContext, _ string, devices callDevices) (callAnswer, error) {
				_, err := d.DPUs(ctx, devices[0])
				return oneAnswer(devices[0], "", err)
			},
		},
		{
			name: "RestartDPUs", changes: true, silent: true, devices: c.h.Machines,
			do: func(ctx callContext, key string, devices callDevices) (callAnswer, error) {
				return silent(d.RestartDPUs(ctx, key, devices[0]))
			},
		},
		{
			name: "ConfigureDPUNetwork", changes: true, silent: true, devices: c.h.Machines,
			do: func(ctx callContext, key string, devices callDevices) (callAnswer, error) {
				return silent(d.ConfigureDPUNetwork(ctx, key, devices[0], "network-1"))
			},
		},
	}
}
