package lifecycle

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Object is the part that every object has. Each kind's struct embeds it:
//
//	type Switch struct {
//		lifecycle.Object
//		Endpoint backend.Endpoint `json:"endpoint,omitzero"`
//	}
//
// Identity, state and counters can be read and not written: only the engine changes them.
type Object struct {
	ref         backend.Ref
	rack        string
	state       string
	since       time.Time
	version     uint64
	transitions uint64

	// Deletion is the mark that the object shall go, nil if it shall stay.
	Deletion *Deletion `json:"deletion,omitempty"`
	// Labels are key-value metadata, set by anyone.
	Labels map[string]string `json:"labels,omitempty"`
	// Holds ask the engine to leave the object alone. It is held while any stands.
	Holds []Hold `json:"holds,omitempty"`
	// Alerts is what named sources report about the object's health. What is decided by health is decided by EffectiveAlerts.
	Alerts []Alert `json:"alerts,omitempty"`
	// Replacing is the report that overrides all Alerts while it stands, nil if none does.
	Replacing *HealthReport `json:"replacing,omitempty"`
	// ClockStart is when the clock of the state began, if that was not when the state was entered.
	ClockStart time.Time `json:"clock_start,omitzero"`
	// Paused is for how long the clock stood still under holds that are gone; PausedSince is since when it stands still now.
	Paused      time.Duration `json:"paused,omitempty"`
	PausedSince time.Time     `json:"paused_since,omitzero"`
	// PausedBefore is how much of that lies before the object entered its very state. It is zero unless the state shares a clock that was paused.
	PausedBefore time.Duration `json:"paused_before,omitempty"`
}

// NewObject names an object that is to be created.
func NewObject(ref backend.Ref, rack string) Object { return Object{ref: ref, rack: rack} }

// Base returns the object itself; it makes every struct that embeds Object an entity.
func (o *Object) Base() *Object { return o }

// Ref names the object.
func (o *Object) Ref() backend.Ref { return o.ref }

// ID is the id within the kind.
func (o *Object) ID() string { return o.ref.ID }

// Rack is the id of the rack that the object belongs to.
func (o *Object) Rack() string { return o.rack }

// State is the lifecycle state.
func (o *Object) State() string { return o.state }

// Since is when the object entered its state.
func (o *Object) Since() time.Time { return o.since }

// Version counts the commits that wrote the object.
func (o *Object) Version() uint64 { return o.version }

// Transitions counts the changes of state.
func (o *Object) Transitions() uint64 { return o.transitions }

// In reports whether the object is in the given state or in a sub-state of it.
func (o *Object) In(path string) bool {
	return o.state == path || strings.HasPrefix(o.state, path) && o.state[len(path)] == '/'
}

// Deleted reports whether the object is marked for deletion.
func (o *Object) Deleted() bool { return o.Deletion != nil }

// Clone returns a copy that shares nothing which may be edited.
func (o *Object) Clone() Object {
	c := *o
	c.Labels = maps.Clone(o.Labels)
	c.Holds = slices.Clone(o.Holds)
	c.Alerts = slices.Clone(o.Alerts)
	c.Replacing = o.Replacing.clone()
	return c
}

// Deletion is the mark that an object shall go.
type Deletion struct {
	At        time.Time `json:"at"`
	Initiator string    `json:"initiator"`
	// Force says that the work in flight and tenants do not hold it up.
	Force bool `json:"force,omitempty"`
}

// Hold asks the engine to leave an object alone: no hardware action, SLA clock paused. Deletion passes through it.
type Hold struct {
	// Type and Owner name the hold: an owner has at most one of each type.
	Type  string `json:"type"`
	Owner string `json:"owner"`
	// Reason says why, for people.
	Reason string `json:"reason"`
	// At is when it was placed.
	At time.Time `json:"at"`
	// Expires is when it ends by itself. Zero: never.
	Expires time.Time `json:"expires,omitzero"`
}

// String describes the hold for people.
func (h Hold) String() string {
	text := fmt.Sprintf("%s by %s (%s)", h.Type, h.Owner, h.Reason)
	if !h.Expires.IsZero() {
		text += " until " + h.Expires.Format(time.RFC3339)
	}
	return text
}

// Held returns the hold that will stand longest, if any stands at this time.
func (o *Object) Held(now time.Time) (Hold, bool) {
	var last Hold
	found := false
	for _, h := range o.Holds {
		if !h.Expires.IsZero() && !h.Expires.After(now) {
			continue
		}
		longer := h.Expires.IsZero() || !last.Expires.IsZero() && h.Expires.After(last.Expires)
		if !found || longer {
			last, found = h, true
		}
	}
	return last, found
}

// dropExpired removes the holds that have ended and settles the clocks. It edits the list in place: the object is a clone.
func (o *Object) dropExpired(now time.Time) {
	if len(o.Holds) == 0 {
		return
	}
	if end, over := o.holdsEnded(now); over {
		o.Holds = nil
		o.Resume(end)
		return
	}
	o.Holds = slices.DeleteFunc(o.Holds, func(h Hold) bool { return !h.Expires.IsZero() && !h.Expires.After(now) })
}
