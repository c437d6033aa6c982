package fake

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Call is one call of the driver in the log.
type Call struct {
	// At is when it was made.
	At time.Time `json:"at"`
	// Name is the driver's method.
	Name string `json:"name"`
	// Key is its idempotency key, empty for a call that only looks.
	Key string `json:"key,omitempty"`
	// Devices are those that it was made for; StartValidation is made for a rack.
	Devices []backend.Ref `json:"devices"`
	// Err is what the caller was told went wrong.
	Err string `json:"err,omitempty"`
}

// String is the call on one line.
func (c Call) String() string {
	names := make([]string, len(c.Devices))
	for i, ref := range c.Devices {
		names[i] = ref.String()
	}
	text := c.At.Format(time.RFC3339) + " " + c.Name + " " + strings.Join(names, ",")
	if c.Key != "" {
		text += " key=" + c.Key
	}
	if c.Err != "" {
		text += ": " + c.Err
	}
	return text
}

// DoubleStart is work that was begun on a device while the same work, begun under another key, still ran there: what a driver's
// idempotency keys are meant to prevent. It is also what is seen when work that never ends, or was given up, is asked for anew.
type DoubleStart struct {
	Call   string      `json:"call"`
	Device backend.Ref `json:"device"`
	// First is the key of the work that was running, Second the key of that which was begun.
	First  string    `json:"first"`
	Second string    `json:"second"`
	At     time.Time `json:"at"`
}

// String says what was begun twice.
func (s DoubleStart) String() string {
	return fmt.Sprintf("%s on %s: key %q began while the work of key %q was running (%s)", s.Call, s.Device, s.Second, s.First, s.At.Format(time.RFC3339))
}

// counts is what the hardware notes about its use.
type counts struct {
	mu      sync.Mutex
	doubles []DoubleStart
	calls   []Call
}

// double notes a double start.
func (c *counts) double(s DoubleStart) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doubles = append(c.doubles, s)
}

// record adds a call to the log.
func (c *counts) record(call op, key string, targets []backend.Device, at time.Time, err error) {
	refs := make([]backend.Ref, len(targets))
	for i := range targets {
		refs[i] = targets[i].Ref
	}
	line := Call{At: at, Name: call.String(), Key: key, Devices: refs}
	if err != nil {
		line.Err = err.Error()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, line)
}

// Calls returns the log of all calls, in the order in which they ended. It is empty unless Config.Record is set. Calls that were refused because their
// context was done are not in it.
func (h *Hardware) Calls() []Call {
	h.counts.mu.Lock()
	defer h.counts.mu.Unlock()
	return slices.Clone(h.counts.calls)
}

// DoubleStarts returns all work that was begun on a device while the same work was still running there, in the order in which it happened.
func (h *Hardware) DoubleStarts() []DoubleStart {
	h.counts.mu.Lock()
	defer h.counts.mu.Unlock()
	return slices.Clone(h.counts.doubles)
}

// Started counts how many actions of the call, for example "ApplyFirmware", the hardware really began. A batch for many devices is one
// action, and so are calls with an equal key. Only what the devices remember counts, see Config.Remember, and devices
// that were removed do not.
func (h *Hardware) Started(call string) int {
	want, known := opNamed(call)
	if !known {
		return 0
	}
	keys, without := make(map[string]bool), 0
	h.eachAnswer(func(_ backend.Ref, a *answer) {
		switch {
		case a.Call != want:
		case a.Key == "":
			without++
		default:
			keys[a.Key] = true
		}
	})
	return len(keys) + without
}

// StartedByKey counts how often each device really began what a key stands for, by "CALL DEVICE KEY". Every number is 1 as
// long as the hardware keeps its own rule.
func (h *Hardware) StartedByKey() map[string]int {
	starts := make(map[string]int)
	h.eachAnswer(func(ref backend.Ref, a *answer) { starts[a.Call.String()+" "+ref.String()+" "+a.Key]++ })
	return starts
}

// eachAnswer goes through all that was begun.
func (h *Hardware) eachAnswer(visit func(backend.Ref, *answer)) {
	for _, d := range h.all() {
		d.mu.Lock()
		for i := range d.Answers {
			if a := &d.Answers[i]; a.Refused == nil {
				visit(d.Device.Ref, a)
			}
		}
		d.mu.Unlock()
	}
}

// all returns the devices in the order of their names.
func (h *Hardware) all() []*device {
	var all []*device
	for i := range h.shards {
		s := &h.shards[i]
		s.mu.RLock()
		for _, d := range s.devices {
			all = append(all, d)
		}
		s.mu.RUnlock()
	}
	slices.SortFunc(all, func(a, b *device) int { return a.Device.Ref.Compare(b.Device.Ref) })
	return all
}
