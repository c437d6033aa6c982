package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Job is a job that scripted hardware knows: what a poll of it finds.
type Job struct {
	// Poll is the call that finds it.
	Poll string
	// Device is what it works on.
	Device backend.Ref
	// State is how it stands.
	State backend.JobState
}

// Jobs lists all jobs, in the order of calls and devices.
func (s *Snapshot) Jobs() []Job {
	out := make([]Job, 0, len(s.hardware.jobs))
	for key, status := range s.hardware.jobs {
		out = append(out, Job{Poll: key.call, Device: key.ref, State: status.State})
	}
	slices.SortFunc(out, func(a, b Job) int {
		if c := strings.Compare(a.Poll, b.Poll); c != 0 {
			return c
		}
		return a.Device.Compare(b.Device)
	})
	return out
}

// Forget drops what only expectations look at, the log of calls and its counts, and the answers to calls whose key will not come again. It is for explorers, which keep very many
// snapshots. It must come before anybody else has the snapshot.
func (s *Snapshot) Forget(again func(key string) bool) {
	s.rejections, s.hardware.log = nil, nil
	clear(s.known)
	clear(s.hardware.started)
	for name := range s.hardware.answered {
		if _, key, _ := strings.Cut(name, " "); !again(key) {
			delete(s.hardware.answered, name)
		}
	}
}

// Began reports whether a call with this idempotency key has been answered, so that it would be answered the same again.
func (s *Snapshot) Began(call, key string) bool {
	_, known := s.hardware.answered[call+" "+key]
	return known
}

// Relevant says what of the hardware may still be seen. What it leaves out must have no influence on anything that can happen.
type Relevant struct {
	// Key reports whether a call with this idempotency key may come again.
	Key func(key string) bool
	// Job reports whether a job may be polled before it is begun anew.
	Job func(poll string, device backend.Ref) bool
	// Event reports whether somebody may look for an entry of the event log that was made then.
	Event func(host backend.Ref, at time.Time) bool
}

// AppendCanonical appends what the hardware is like, in a form that is the same for hardware that behaves the same from now on: times count back from now, and answers that were used up,
// keys that are spent and the numbers of transitions in keys are left out. Scripted answers are in it where they are not those of base.
func (s *Snapshot) AppendCanonical(dst []byte, base *Snapshot, rel Relevant) []byte {
	c := canonical{s: s, rel: rel, dst: dst}
	c.rules(base)
	c.answers()
	c.jobs()
	c.devices()
	c.text(sortedKeys(s.credentials)...)
	return c.dst
}

type canonical struct {
	s   *Snapshot
	rel Relevant
	dst []byte
}

func (c *canonical) text(parts ...string) {
	for _, p := range parts {
		c.dst = append(append(c.dst, p...), 0)
	}
}

// rules writes the scripted answers that are still to come and differ from those of base.
func (c *canonical) rules(base *Snapshot) {
	var out []string
	for i := range c.s.hardware.rules {
		r := &c.s.hardware.rules[i]
		left := r.answers[min(r.used, len(r.answers)-1):]
		was := base.rule(r.call, r.on)
		if was == nil {
			was = base.rule(r.call, "")
		}
		if was != nil && len(was.answers) == 1 && (&was.answers[0] == &left[0] || len(left) == 1 && was.answers[0].encode() == left[0].encode()) {
			continue
		}
		if was == nil && len(left) == 1 && left[0].Word == answerOK && !slices.Contains(opening, r.call) {
			continue
		}
		out = append(out, r.call+" "+r.on+" "+left.encode())
	}
	slices.Sort(out)
	c.text(out...)
	c.text(c.s.hardware.crash.name, strconv.Itoa(c.s.hardware.crash.nth))
}

// opening are the calls that the hardware has because they are scripted, however they answer.
var opening = []string{"CheckSwitch", "StartValidation", platformPoll, "SubmitPlatform"}

func (s *Snapshot) rule(call, on string) *rule {
	for i := range s.hardware.rules {
		if r := &s.hardware.rules[i]; r.call == call && r.on == on {
			return r
		}
	}
	return nil
}

// answers writes how calls were answered that may come again with the same key.
func (c *canonical) answers() {
	var out []string
	for name, a := range c.s.hardware.answered {
		call, key, _ := strings.Cut(name, " ")
		if !c.rel.Key(key) {
			continue
		}
		actor, rest, _ := strings.Cut(key, "#")
		_, action, _ := strings.Cut(rest, "/")
		out = append(out, fmt.Sprintf("%s %s %s %v %v", call, actor, action, a.value, a.err))
	}
	slices.Sort(out)
	c.text(out...)
	c.text("")
}

func (c *canonical) jobs() {
	var out []string
	for key, status := range c.s.hardware.jobs {
		if c.rel.Job(key.call, key.ref) {
			out = append(out, key.call+" "+key.ref.ID+" "+string(status.State)+" "+status.Cause)
		}
	}
	slices.Sort(out)
	c.text(out...)
	c.text("")
}

// devices writes what each device is like, as far as it is not as at first.
func (c *canonical) devices() {
	h := &c.s.hardware
	var out []string
	for ref, p := range h.power {
		if p != backend.PowerOn {
			out = append(out, "power "+ref.ID+" "+string(p))
		}
	}
	for ref, v := range h.versions {
		if len(v) == 0 {
			continue
		}
		out = append(out, fmt.Sprintf("versions %s %v", ref.ID, v))
	}
	for key, there := range h.platform {
		out = append(out, fmt.Sprintf("platform %s %s %t", key.ref.ID, key.kind, there))
	}
	for ref, image := range h.images {
		out = append(out, fmt.Sprintf("image %s %v", ref.ID, image))
	}
	for ref, steps := range h.cleanups {
		out = append(out, fmt.Sprintf("cleanup %s %v", ref.ID, steps))
	}
	for ref, network := range h.networks {
		out = append(out, "network "+ref.ID+" "+network)
	}
	for ref, at := range h.bootedAt {
		if h.units[ref] > 0 {
			out = append(out, "booted "+ref.ID+" "+c.s.now.Sub(at).String())
		}
	}
	for ref, events := range h.events {
		for i := len(events) - 1; i >= 0; i-- { // the last restart is all that anybody looks for
			if e := events[i]; e.Kind == backend.EventHostReset || e.Kind == backend.EventPowerOn {
				if c.rel.Event(ref, e.At) {
					out = append(out, "restarted "+ref.ID+" "+c.s.now.Sub(e.At).String())
				}
				break
			}
		}
	}
	slices.Sort(out)
	c.text(out...)
}
