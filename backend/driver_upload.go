package backend

import "context"

// Artifact is one image of a firmware version.
type Artifact struct {
	// Component is what it is for, as the driver's inventory spells it, and Version what it installs.
	Component, Version string
	// Number counts the images of the version from 1, and Of says how many there are.
	Number, Of int
}

// UploadStatus is how far an upload has come.
type UploadStatus struct {
	// Task is the management controller's task that installs the image. Empty: the upload is under way.
	Task string
	// Sent and Size are in bytes. A size of zero is not known.
	Sent, Size int64
}

// Upload installs firmware by sending images to the management controller of one machine.
type Upload interface {
	// UploadFirmware begins an upload, and called with the same key again goes on with it: it returns soon, with how far the upload has come. The driver sends
	// beside it. An upload that broke off, also because the process ended, goes on at the next call with its key from where the controller has got to, or anew
	// where the controller cannot do that; the image arrives once. From when there is a task every call with the key returns that task.
	//
	// ErrPermanent says that the upload has failed under this key, or that the image does not exist. Any other error may pass: the call is made again with
	// the same key.
	UploadFirmware(ctx context.Context, key string, device Device, artifact Artifact) (UploadStatus, error)
	// FirmwareTask polls the task that installs an image. A task that was interrupted, killed or cancelled is JobFailed with that cause; a task that the controller
	// has forgotten is ErrNoJob.
	FirmwareTask(ctx context.Context, job Job) (JobStatus, error)
}
