package fake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// order is a changing call with everything that its effect depends on, so that a journal can repeat it.
type order struct {
	At   time.Time `json:"at"`
	Call op        `json:"call"`
	Key  string    `json:"key,omitempty"`
	// What is the power action, bundle, image, domain, kind of platform configuration, topology, component, attestor or network; on or off for SetFabricState.
	What string `json:"what,omitempty"`
	// Only and Force are those of a firmware order. For a clean-up Only are the steps.
	Only  []string `json:"only,omitempty"`
	Force bool     `json:"force,omitempty"`
	// Targets are the devices that the call is for. Others take part without being asked: the standby switches of a fabric, the
	// machines of a validation.
	Targets []backend.Device `json:"targets"`
	Others  []backend.Device `json:"others,omitempty"`
	// Artifact is the image of an upload.
	Artifact *backend.Artifact `json:"artifact,omitempty"`
}

// reply is what a changing call came to on one device.
type reply struct {
	device *device
	// id is the job, err the failure; omitted says that the device is in neither.
	id      string
	err     error
	omitted bool
	// fresh says that the work was begun by this very call, run is the id of the rack validation that it began.
	fresh bool
	run   string
	// sent is how far an upload has come.
	sent backend.UploadStatus
	verdict
}

// verdict is what a fault makes of the whole call.
type verdict struct {
	hangs  bool
	panics string
}

// merge adds what another device's fault makes of the call.
func (v *verdict) merge(o verdict) {
	v.hangs = v.hangs || o.hangs
	if v.panics == "" {
		v.panics = o.panics
	}
}

// change carries out a changing call. It returns a reply for each target, or what failed for the call as a whole.
func (h *Hardware) change(ctx context.Context, o *order, replies []reply) ([]reply, error) {
	if err := ctx.Err(); err != nil {
		return nil, backend.NotDone(err)
	}
	if err := h.findOthers(o); err != nil {
		return nil, err
	}
	refused := 0
	for i := range o.Targets {
		var r reply
		r.device, r.err = h.find(o.Targets[i])
		if r.err == nil && h.config.Credentials != nil {
			r.err = h.credential(ctx, o.Call, o.Targets[i].Ref)
		}
		if r.err != nil {
			refused++
		}
		replies = append(replies, r)
	}
	if err := h.carryOut(o, replies, refused); err != nil {
		return nil, err
	}
	var v verdict
	for i := range replies {
		v.merge(replies[i].verdict)
	}
	if h.config.Record {
		h.counts.record(o.Call, o.Key, o.Targets, o.At, joined(o.Targets, replies))
	}
	return replies, v.carryOut(ctx)
}

// findOthers finds the devices that take part without being asked. The action is one: if one of them is missing, nothing is done.
func (h *Hardware) findOthers(o *order) error {
	var failed map[backend.Ref]error
	for i := range o.Others {
		if _, err := h.find(o.Others[i]); err != nil {
			if failed == nil {
				failed = make(map[backend.Ref]error)
			}
			failed[o.Others[i].Ref] = err
		}
	}
	return backend.DeviceErrors(failed)
}

// carryOut writes the order into the journal, if there is one, and then does it.
func (h *Hardware) carryOut(o *order, replies []reply, refused int) error {
	if h.journal != nil {
		h.journal.mu.Lock()
		defer h.journal.mu.Unlock()
	}
	o.At = h.now()
	if h.journal != nil && refused < len(replies) {
		if err := h.journal.order(*o, replies); err != nil {
			return err
		}
	}
	for i := range replies {
		if r := &replies[i]; r.err == nil {
			h.begin(o, r)
		}
	}
	return nil
}

// begin does what an order says on one device, as far as faults permit.
func (h *Hardware) begin(o *order, r *reply) {
	d := r.device
	d.mu.Lock()
	d.settle(o.At)
	h.beginLocked(o, d, r)
	d.mu.Unlock()
	if r.fresh {
		h.beginOthers(o, d, r.run)
	}
}

func (h *Hardware) beginLocked(o *order, d *device, r *reply) {
	if r.err = d.reach(o.Call, o.At); r.err != nil {
		return
	}
	known := d.answered(o.Call, o.Key)
	if f := h.strike(d, o.Call, o.What, o.At); f != nil && !d.struck(f, o, known, r) {
		return
	}
	if known == nil {
		a, err := d.perform(o)
		if err != nil {
			r.err = err
			return
		}
		d.remember(a)
		d.settle(o.At)
		r.fresh, r.run, known = true, d.runID(o.Call), &a
	}
	if r.err != nil {
		return
	}
	r.id = known.ID
	if known.Refused != nil {
		r.err = known.Refused.error()
		return
	}
	if o.Call == opUploadFirmware && known.Job != nil {
		if r.err = d.goOn(known.Job, o); r.err == nil {
			r.sent = known.Job.uploaded(o.At)
		}
	}
}

// struck writes into the reply what a fault makes of the call on this device, and reports whether the work is done all the same.
func (d *device) struck(f *armed, o *order, known *answer, r *reply) (work bool) {
	switch f.Fault.verb {
	case verbOmit:
		r.omitted = true
		return false
	case verbPanic:
		r.err = f.error(o.Call)
		r.panics = r.err.Error()
		return false
	case verbHang:
		r.hangs = true
		r.err = backend.MaybeDone(errors.New("no answer"))
		return f.done(d)
	case verbTimeout:
		r.err = f.error(o.Call)
		return f.done(d)
	case verbLose:
		r.err = f.error(o.Call)
		return true
	case verbIgnore:
		if known == nil {
			d.remember(answer{Call: o.Call, Key: o.Key, At: o.At})
		}
		return false
	default:
	}
	r.err = f.error(o.Call)
	if f.Fault.class == classPermanent && known == nil && o.Key != "" {
		text := f.Fault.text
		if text == "" {
			text = r.err.Error()
		}
		d.remember(answer{Call: o.Call, Key: o.Key, At: o.At, Refused: &refusal{Text: text, Remedy: f.Fault.remedy}})
	}
	return false
}

// carryOut ends a call as the faults say: it hangs until the context is done, or panics.
func (v verdict) carryOut(ctx context.Context) error {
	if v.panics != "" {
		panic(v.panics) //nolint:forbidigo // a driver that panics is what the fault asks for
	}
	if v.hangs {
		<-ctx.Done()
		return backend.MaybeDone(ctx.Err())
	}
	return nil
}

// reach reports why a call does not arrive at the device now.
func (d *device) reach(call op, now time.Time) error {
	switch calls[call].door {
	case doorBMC:
		if now.Before(d.AwayUntil) || d.site.shut(d, now) {
			return backend.NotDone(errors.New("the management controller does not answer"))
		}
	case doorNVOS:
		if !d.On || !d.Up {
			return backend.NotDone(errors.New("the operating system of the switch is not up"))
		}
	case doorService:
	}
	return nil
}

// credential reports whether the credential that the call needs is there.
func (h *Hardware) credential(ctx context.Context, call op, ref backend.Ref) error {
	var name string
	switch calls[call].door {
	case doorBMC:
		name = backend.BMCCredential(ref)
	case doorNVOS:
		name = backend.NVOSCredential(ref)
	default:
		return nil
	}
	c, err := h.config.Credentials.Credential(ctx, name)
	switch {
	case errors.Is(err, backend.ErrNotFound), err == nil && c.Password.IsZero():
		return backend.Permanent(fmt.Errorf("no credential %s", name), "store the credential "+name)
	case err != nil:
		return backend.NotDone(fmt.Errorf("read credential %s: %w", name, err))
	default:
		return nil
	}
}

// joined makes the error of a call for many devices.
func joined(targets []backend.Device, replies []reply) error {
	var failed map[backend.Ref]error
	for i := range replies {
		if err := replies[i].err; err != nil {
			if failed == nil {
				failed = make(map[backend.Ref]error)
			}
			failed[targets[i].Ref] = err
		}
	}
	return backend.DeviceErrors(failed)
}

// single makes the error of a call for one device.
func single(o *order, r reply) error {
	if r.err == nil {
		return nil
	}
	return &backend.DeviceError{Device: o.Targets[0].Ref, Err: r.err}
}
