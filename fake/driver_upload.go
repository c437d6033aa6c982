package fake

import (
	"context"

	"github.com/rackstate/rackstate/backend"
)

// UploadFirmware sends an image to a management controller, for Delays.Upload. A controller takes in one at a time and refuses others as not done as long as one is on its
// way or being installed. A reset of the controller, or the end of the process in a site with a journal, breaks an upload off until the next call with its key.
func (d driver) UploadFirmware(ctx context.Context, key string, host backend.Device, artifact backend.Artifact) (backend.UploadStatus, error) {
	o := &order{Call: opUploadFirmware, Key: key, What: artifact.Component, Artifact: &artifact, Targets: []backend.Device{host}}
	var buffer [1]reply
	replies, err := d.h.change(ctx, o, buffer[:0])
	if err != nil {
		return backend.UploadStatus{}, err
	}
	return replies[0].sent, single(o, replies[0])
}

// FirmwareTask polls the task that installs an image, for Delays.Firmware. The version runs after what Activation says.
func (d driver) FirmwareTask(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
	return d.job(ctx, opFirmwareTask, job)
}
