package scenario

import (
	"context"

	"github.com/rackstate/rackstate/backend"
)

// taskPoll is the call that polls the tasks of uploads.
const taskPoll = "FirmwareTask"

// UploadFirmware sends an image at once. One whose job the script calls none is on its way until a later answer says otherwise.
func (h *hardware) UploadFirmware(_ context.Context, key string, d backend.Device, artifact backend.Artifact) (backend.UploadStatus, error) {
	const name = "UploadFirmware"
	h.mu.Lock()
	defer h.mu.Unlock()
	devices := []backend.Device{d}
	if err := h.made(name, key, devices); err != nil {
		return backend.UploadStatus{}, err
	}
	defer h.answeredTo(name)
	before, begun := h.answered[name+" "+key]
	if status, _ := before.value.(backend.UploadStatus); status.Task != "" {
		return status, nil
	}
	r := h.ask(name, d.Rack, devices)
	if err := either(r.err, r.failures[d.Ref]); err != nil {
		return backend.UploadStatus{}, err
	}
	if !begun {
		h.started[name]++
	}
	status := backend.UploadStatus{Task: h.begin(taskPoll, r, devices)[d.Ref]}
	h.answered[name+" "+key] = kept{value: status}
	h.images[d.Ref] = artifact
	return status, r.lost
}

// FirmwareTask finds the task completed, and then the component has its new version when that was the last of its images.
func (h *hardware) FirmwareTask(_ context.Context, job backend.Job) (backend.JobStatus, error) {
	found, err := h.poll(taskPoll, []backend.Job{job})
	h.mu.Lock()
	defer h.mu.Unlock()
	status, known := found[job.Device]
	if err == nil && !known {
		return backend.JobStatus{}, backend.ErrNoJob
	}
	if a, sent := h.images[job.Device]; sent && status.State == backend.JobCompleted && a.Number >= a.Of {
		if h.versions[job.Device] == nil {
			h.versions[job.Device] = map[string]string{}
		}
		h.versions[job.Device][a.Component] = a.Version
	}
	return status, oneDevice(err)
}
