package fake

import (
	"errors"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// imageSize is how many bytes every image has.
const imageSize = 128 << 20

// transfer is an image on its way to a management controller, or there.
type transfer struct {
	Artifact backend.Artifact `json:"artifact"`
	// Takes is how long the whole image is on its way.
	Takes time.Duration `json:"takes"`
	// Sent is how much had arrived at Since, when it was begun or went on last; a Since of zero is broken off. It stops at Stops, which is the end of the image
	// unless a fault breaks it off.
	Sent  int64     `json:"sent,omitempty"`
	Since time.Time `json:"since,omitzero"`
	Stops int64     `json:"stops,omitempty"`
}

// broken reports whether the image will not arrive unless somebody goes on with it.
func (t *transfer) broken() bool { return t != nil && (t.Since.IsZero() || t.Stops < imageSize) }

// arrives is when the image is there, zero when it will not be.
func (t *transfer) arrives() time.Time {
	if t.broken() {
		return time.Time{}
	}
	return t.Since.Add(time.Duration(float64(t.Takes) * float64(imageSize-t.Sent) / imageSize).Truncate(time.Microsecond))
}

// arrived reports whether the image is there.
func (t *transfer) arrived(now time.Time) bool { return !t.broken() && !now.Before(t.arrives()) }

// sentAt is how much of the image is there.
func (t *transfer) sentAt(now time.Time) int64 {
	switch {
	case t.Since.IsZero():
		return t.Sent
	case t.Takes == 0 || t.arrived(now):
		return t.Stops
	default:
		return min(t.Stops, t.Sent+int64(float64(imageSize)*float64(max(0, now.Sub(t.Since)))/float64(t.Takes)))
	}
}

// sending reports whether the image is on its way.
func (t *transfer) sending(now time.Time) bool { return !t.Since.IsZero() && t.sentAt(now) < t.Stops }

// breakOff ends the sending of an image that is on its way.
func (t *transfer) breakOff(at time.Time) { t.Sent, t.Since = t.sentAt(at), time.Time{} }

// uploaded is how far the upload of a job has come.
func (j *job) uploaded(now time.Time) backend.UploadStatus {
	s := backend.UploadStatus{Sent: j.Image.sentAt(now), Size: imageSize}
	if j.Image.arrived(now) {
		s.Task = j.ID
	}
	return s
}

// errBusy is how a management controller refuses an image while it is at another one.
var errBusy = errors.New("the management controller is busy with another image")

// busy reports whether the one slot for images is taken by another one, which is on its way or being installed. A task that hangs does not hold it.
func (d *device) busy(but *job, now time.Time) bool {
	for _, j := range d.open {
		switch {
		case j.Image == nil || j == but:
		case j.Image.sending(now):
			return true
		case j.Image.arrived(now) && !j.Endless && !j.Stuck:
			return true
		}
	}
	return false
}

// upload begins to take an image in.
func (d *device) upload(a answer, o *order) (answer, error) {
	if n := o.Artifact.Of; n > 1 && (o.Artifact.Number < 1 || o.Artifact.Number > n || n > 63) {
		return a, backend.Permanent(fmt.Errorf("there is no image %d of %d", o.Artifact.Number, n), "")
	}
	if d.busy(nil, o.At) {
		return a, backend.NotDone(errBusy)
	}
	j := d.enqueue(o, d.site.config.Delays.Firmware)
	j.Image = &transfer{Artifact: *o.Artifact, Takes: d.delay(d.site.config.Delays.Upload, opFirmwareTask, o.Key)}
	d.send(j, o)
	a.Job = j
	return a, nil
}

// goOn goes on with an upload that was broken off, if it was: from where it has got to, or anew when another image was sent since.
func (d *device) goOn(j *job, o *order) error {
	t := j.Image
	if !t.broken() || t.sending(o.At) {
		return nil
	}
	if d.busy(j, o.At) {
		return backend.NotDone(errBusy)
	}
	t.breakOff(o.At)
	if d.Updates.Slot != j.Key {
		t.Sent = 0
	}
	d.send(j, o)
	return nil
}

// send begins or goes on with the sending of an image.
func (d *device) send(j *job, o *order) {
	d.updates().Slot = j.Key
	t := j.Image
	t.Since, t.Stops = o.At, imageSize
	if f := d.site.breaks(d, o); f != nil {
		t.Stops = t.Sent + (imageSize-t.Sent)/2
		return
	}
	j.Begins = d.later(t.arrives(), d.site.config.Delays.Queue, opNone, o.Key)
	j.Ends = j.Begins.Add(j.For)
}

// breakUploads breaks off what is on its way: who sent it is gone.
func (d *device) breakUploads(at time.Time) {
	for _, j := range d.open {
		if j.Image != nil && j.Image.sending(at) {
			j.Image.breakOff(at)
		}
	}
}

// interruptUpdates is what a reset of the management controller does to uploads and their tasks. One that forgets its tasks knows none of them any more.
func (d *device) interruptUpdates(at time.Time) {
	d.breakUploads(at)
	for _, j := range d.open {
		if j.Image != nil && j.Image.arrived(at) {
			j.Fails, j.Endless, j.Stuck, j.Begins, j.Ends = "interrupted by a reset of the management controller", false, false, at, at
		}
	}
	if d.Updates == nil || !d.site.standing(verbForget, d, nil, at) {
		return
	}
	for i := range d.Answers {
		if j := d.Answers[i].Job; j != nil && j.Image != nil && j.Image.arrived(at) {
			j.Forgotten = true
		}
	}
}
