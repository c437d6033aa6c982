package fake

import (
	"context"
	"strconv"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// happening is the sort of an entry of an event log. The numbers are stored and must not change.
type happening uint8

const (
	powerOn happening = iota + 1
	powerOff
	hostReset
	bmcReset
)

// happenings has the kind and text of each.
var happenings = [...]struct {
	kind backend.EventKind
	text string
}{
	powerOn:   {backend.EventPowerOn, "the power came on"},
	powerOff:  {backend.EventPowerOff, "the power went off"},
	hostReset: {backend.EventHostReset, "the host was reset"},
	bmcReset:  {backend.EventBMCReset, "the management controller was reset"},
}

// logged is one entry: the time in microseconds since 1970, so that it is small.
type logged struct {
	At   int64     `json:"at"`
	What happening `json:"what"`
}

// eventLog is a ring of the latest entries.
type eventLog struct {
	Ring []logged `json:"ring,omitempty"`
	// Count is how many there ever were.
	Count int `json:"count,omitempty"`
}

// IsZero reports whether nothing was ever logged.
func (l eventLog) IsZero() bool { return l.Count == 0 }

// note writes an entry into the event log of the device.
func (d *device) note(at time.Time, what happening) {
	e := logged{At: at.UnixMicro(), What: what}
	if n := d.site.config.EventLog; len(d.Log.Ring) < n {
		d.Log.Ring = append(d.Log.Ring, e)
	} else {
		d.Log.Ring[d.Log.Count%n] = e
	}
	d.Log.Count++
}

// events returns the entries at or after a time, oldest first.
func (l eventLog) events(since time.Time) []backend.Event {
	var all []backend.Event
	n := len(l.Ring)
	for i := l.Count - n; i < l.Count; i++ {
		e := l.Ring[i%n]
		at := time.UnixMicro(e.At).UTC()
		if at.Before(since) {
			continue
		}
		all = append(all, backend.Event{ID: strconv.Itoa(i + 1), At: at, Kind: happenings[e.What].kind, Message: happenings[e.What].text})
	}
	return all
}

// Events returns what the management controller of a device has logged: changes of power, restarts of the host and its own resets.
func (d driver) Events(ctx context.Context, target backend.Device, since time.Time) (events []backend.Event, err error) {
	err = d.h.look(ctx, opEvents, "", []backend.Device{target}, func(dev *device, _ time.Time, _ *armed) error {
		events = dev.Log.events(since)
		return nil
	})
	return events, one(err)
}
