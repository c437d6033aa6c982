package fake

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// armed is a fault that the hardware was given.
type armed struct {
	Fault Fault `json:"fault"`
	// Number tells it from all other faults of this hardware, Since is when its window counts from.
	Number int       `json:"number"`
	Since  time.Time `json:"since"`
}

// tally counts what a fault did on one device.
type tally struct {
	Matched int `json:"matched"`
	Struck  int `json:"struck,omitempty"`
}

// inWindow reports whether the fault's window of time is open.
func (a *armed) inWindow(now time.Time) bool {
	begin := a.Since.Add(a.Fault.from)
	return !now.Before(begin) && (a.Fault.span == 0 || now.Before(begin.Add(a.Fault.span)))
}

// ends is how a job ends that the fault spoils.
func (a *armed) ends() (fails string, endless, stuck bool) {
	return a.Fault.text, a.Fault.ending == endNever, a.Fault.ending == endPending
}

// Inject gives faults to the hardware; their windows count from now. Counting begins anew for each, also when an equal fault was given before.
func (h *Hardware) Inject(faults ...Fault) error {
	if len(faults) == 0 {
		return nil
	}
	return h.enter(&entry{Inject: faults, At: h.now()}, func(at time.Time) { h.arm(faults, at) })
}

// ClearFaults takes all faults away. Jobs that a fault spoiled stay so.
func (h *Hardware) ClearFaults() error {
	return h.enter(&entry{Clear: true, At: h.now()}, func(time.Time) { h.disarm() })
}

// arm adds faults whose windows count from the given time.
func (h *Hardware) arm(faults []Fault, since time.Time) {
	h.faultMu.Lock()
	defer h.faultMu.Unlock()
	var all []armed
	if old := h.faults.Load(); old != nil {
		all = append(all, *old...)
	}
	for _, f := range faults {
		if f.verb == "" {
			continue
		}
		h.faultCount++
		all = append(all, armed{Fault: f, Number: h.faultCount, Since: since})
	}
	if len(all) > 0 {
		h.faults.Store(&all)
	}
}

// disarm takes all faults away.
func (h *Hardware) disarm() {
	h.faultMu.Lock()
	defer h.faultMu.Unlock()
	h.faults.Store(nil)
}

// strike finds the fault that strikes a call on a device, nil when none does. The caller holds the device's lock.
func (h *Hardware) strike(d *device, call op, what string, now time.Time) *armed {
	return h.firstFault(d, nil, what, now, func(f *Fault) bool {
		return f.call == call && f.verb != verbJob && f.verb != verbBreak
	})
}

// spoil finds the fault that spoils the job that the call begins on a device, nil when none does. The caller holds the device's lock.
func (h *Hardware) spoil(d *device, begun op, what string, now time.Time) *armed {
	return h.firstFault(d, nil, what, now, func(f *Fault) bool { return f.spoils(begun) })
}

// spoilPart is spoil for a part of the work, which only a fault is about that names the part.
func (h *Hardware) spoilPart(d *device, begun op, part string, now time.Time) *armed {
	return h.firstFault(d, nil, part, now, func(f *Fault) bool { return f.spoils(begun) && f.what != "" })
}

// spoilUnit is spoil for one data processing unit of a device.
func (h *Hardware) spoilUnit(d *device, u *unit, begun op, what string, now time.Time) *armed {
	return h.firstFault(d, u, what, now, func(f *Fault) bool { return f.spoils(begun) })
}

// breaks finds the fault that breaks an upload off, nil when none does. The caller holds the device's lock.
func (h *Hardware) breaks(d *device, o *order) *armed {
	return h.firstFault(d, nil, o.What, o.At, func(f *Fault) bool { return f.verb == verbBreak })
}

// spoils reports whether the fault is about the jobs that a call begins.
func (f *Fault) spoils(begun op) bool { return f.verb == verbJob && calls[f.call].begun == begun }

// firstFault counts a match for every fault that applies to the device, or to one unit of it, and returns the first of them that strikes.
func (h *Hardware) firstFault(d *device, u *unit, what string, now time.Time, applies func(*Fault) bool) *armed {
	all := h.faults.Load()
	if all == nil {
		return nil
	}
	tallies := &d.Tallies
	if u != nil {
		tallies = &u.Tallies
	}
	var found *armed
	for i := range *all {
		a := &(*all)[i]
		f := &a.Fault
		if !applies(f) || (f.what != "" && f.what != what) || !a.inWindow(now) || !matches(f.on, d.name(u)) {
			continue
		}
		t := (*tallies)[a.Number]
		t.Matched++
		if found == nil && a.strikes(d, u, t) {
			t.Struck++
			found = a
		}
		if *tallies == nil {
			*tallies = make(map[int]tally)
		}
		(*tallies)[a.Number] = t
	}
	return found
}

// strikes decides by nth, count and probability.
func (a *armed) strikes(d *device, u *unit, t tally) bool {
	f := &a.Fault
	limit := f.count
	if limit == 0 && f.nth > 0 {
		limit = 1
	}
	if t.Matched < f.nth || (limit > 0 && t.Struck >= limit) {
		return false
	}
	return f.p == 0 || a.chance(d, t.Matched, "strike"+u.name()) < f.p
}

// chance is a number from 0 to 1 that belongs to the device, the fault and the count of its matches.
func (a *armed) chance(d *device, matched int, purpose string) float64 {
	h := mix(mix(d.random, a.Fault.String()), purpose)
	return float64(scatter(h^uint64(matched))>>11) / (1 << 53)
}

// done tosses the coin for a call of which the caller does not hear.
func (a *armed) done(d *device) bool { return a.chance(d, d.Tallies[a.Number].Matched, "done") < 0.5 }

// error makes the error of a call that the fault struck.
func (a *armed) error(call op) error {
	f := &a.Fault
	text := f.text
	if text == "" {
		text = fmt.Sprintf("injected fault: %s %s", f.verb, call)
	}
	switch f.verb {
	case verbLose:
		return backend.MaybeDone(errors.New(text))
	case verbTimeout:
		return backend.MaybeDone(fmt.Errorf("%s: %w", text, os.ErrDeadlineExceeded))
	default:
	}
	switch f.class {
	case classMaybe:
		return backend.MaybeDone(errors.New(text))
	case classPermanent:
		return backend.Permanent(errors.New(text), f.remedy)
	case classUnsupported:
		return fmt.Errorf("%w: %s", backend.ErrNotSupported, text)
	case classUnauthorized:
		if f.text == "" {
			text = "401 Unauthorized"
		}
		return backend.NotDone(errors.New(text))
	default:
		return backend.NotDone(errors.New(text))
	}
}

// shut reports whether a fault keeps the management controller of the device away.
func (h *Hardware) shut(d *device, now time.Time) bool { return h.standing(verbAway, d, nil, now) }

// silent reports whether a fault keeps the agent of the device from reporting at that time.
func (h *Hardware) silent(d *device, at time.Time) bool { return h.standing(verbSilent, d, nil, at) }

// standing reports whether a fault without a call stands on the device, or on one unit of it.
func (h *Hardware) standing(v verb, d *device, u *unit, now time.Time) bool {
	return h.since(v, d, u, now) != nil
}

// since finds the fault without a call that stands on the device, or on one unit of it.
func (h *Hardware) since(v verb, d *device, u *unit, now time.Time) *armed {
	all := h.faults.Load()
	if all == nil {
		return nil
	}
	for i := range *all {
		a := &(*all)[i]
		if a.Fault.verb == v && a.inWindow(now) && matches(a.Fault.on, d.name(u)) {
			return a
		}
	}
	return nil
}

// name is the text form of the device, or of one unit of it: "machine/m1/dpu0".
func (d *device) name(u *unit) string {
	if u == nil {
		return d.Device.Ref.String()
	}
	return d.Device.Ref.String() + "/" + u.ID
}
