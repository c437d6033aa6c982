package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// hardware is scripted: it answers as the scenario says, and otherwise that all is well, at once. It keeps a log of its calls, and counts what it really began.
type hardware struct {
	mu       sync.Mutex
	now      func() time.Time
	rules    []*rule
	log      []call
	started  map[string]int
	answered map[string]kept              // by call and key: a call that was begun answers the same again
	jobs     map[jobKey]backend.JobStatus // what a poll finds, of every job that was begun or given
	power    map[backend.Ref]backend.PowerState
	tray     map[backend.Ref]int
	versions map[backend.Ref]map[string]string
	racks    map[backend.Ref]string // in which rack a device is
	platform map[platformKey]bool   // the pieces of platform configuration that were asked for, and whether they are there
	images   map[backend.Ref]backend.Artifact
	cleanups map[backend.Ref][]backend.CleanupStep // what the clean-up that was begun last erases
	events   map[backend.Ref][]backend.Event
	units    map[backend.Ref]int // how many data processing units a host has
	networks map[backend.Ref]string
	bootedAt map[backend.Ref]time.Time // when the data processing units of a host came up last
	// spoken are the calls that the scenario scripts anywhere.
	spoken []string
	// unitFirmware is what all data processing units run, attestors are the names of those that the site has.
	unitFirmware map[string]string
	attestors    []string
	// observe is told of every call, nil if nobody wants to know.
	observe func(Call)
	// crashAfter is the call after which the controller crashes; crash then ends what drives it. A crashed controller makes no calls any more.
	crashAfter crashPoint
	crash      func()
	crashed    bool
	// simulated is what the calls reach in place of the script, nil if the hardware is scripted. ended is told of each when it has its answer.
	simulated *simulation
	ended     func(ctx context.Context, name string)
}

// rule is how a call answers: on one device, on the devices of a rack, or on all.
type rule struct {
	call, on string
	answers  Answers
	used     int
}

type call struct {
	name string
	on   []string
}

type jobKey struct {
	call string
	ref  backend.Ref
}

// kept is the answer of a call that was begun.
type kept struct {
	value any
	err   error
}

func newHardware(now func() time.Time) *hardware {
	return &hardware{
		now: now, started: map[string]int{}, answered: map[string]kept{}, jobs: map[jobKey]backend.JobStatus{}, power: map[backend.Ref]backend.PowerState{},
		tray: map[backend.Ref]int{}, versions: map[backend.Ref]map[string]string{}, racks: map[backend.Ref]string{}, platform: map[platformKey]bool{}, crash: func() {},
		images: map[backend.Ref]backend.Artifact{}, cleanups: map[backend.Ref][]backend.CleanupStep{}, events: map[backend.Ref][]backend.Event{}, units: map[backend.Ref]int{},
		networks: map[backend.Ref]string{}, bootedAt: map[backend.Ref]time.Time{},
	}
}

// speaks notes calls that the scenario scripts.
func (h *hardware) speaks(list []Answered) {
	for _, a := range list {
		h.spoken = append(h.spoken, a.Call)
	}
}

// script adds answers in the place of earlier ones: those of a device replace the device's, those without one replace all of the call.
func (h *hardware) script(list []Answered) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rules = slices.DeleteFunc(h.rules, func(r *rule) bool {
		return slices.ContainsFunc(list, func(a Answered) bool { return r.call == a.Call && (a.On == "" || r.on == a.On) })
	})
	for _, a := range list {
		h.rules = append(h.rules, &rule{call: a.Call, on: a.On, answers: a.Answer})
	}
}

func (h *hardware) rule(name, on string) *rule {
	for _, r := range h.rules {
		if r.call == name && r.on == on {
			return r
		}
	}
	return nil
}

// general is the rule for what has none of its own: that of the rack, else that of the call.
func (h *hardware) general(name, rack string) *rule {
	if rack != "" {
		if r := h.rule(name, rack); r != nil {
			return r
		}
	}
	return h.rule(name, "")
}

// peek is the next answer of a rule, next takes it.
func (r *rule) peek() Answer { return r.answers[min(r.used, len(r.answers)-1)] }

func (r *rule) next() Answer {
	a := r.peek()
	r.used++
	return a
}

// scripted reports whether a scenario says anything about a call.
func (h *hardware) scripted(names ...string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.rules, func(r *rule) bool { return slices.Contains(names, r.call) })
}

// failure is the error that an answer stands for, nil if it stands for none.
func (a Answer) failure() error {
	switch a.Word {
	case answerError:
		return errors.New(a.Text)
	case answerPermanent:
		return backend.Permanent(errors.New(a.Text), "")
	case answerLost:
		return backend.MaybeDone(errors.New(a.Text))
	case answerUnsupported:
		return fmt.Errorf("scripted: %w", backend.ErrNotSupported)
	default:
		return nil
	}
}

// reply is what the script says about one call.
type reply struct {
	err      error                  // the call fails as a whole
	lost     error                  // it is done, and the caller is not told
	each     map[backend.Ref]Answer // by device
	failures map[backend.Ref]error  // of single devices
}

// ask collects what the script says about a call: for each device its own answer, else that of its rack, else that of the call. An answer that nobody has of
// his own is one about the call as a whole.
func (h *hardware) ask(name, rack string, devices []backend.Device) reply {
	r := reply{each: map[backend.Ref]Answer{}, failures: map[backend.Ref]error{}}
	var shared *Answer
	common := func() Answer {
		if shared == nil {
			shared = &Answer{Word: answerOK}
			if rule := h.general(name, rack); rule != nil {
				*shared = rule.next()
			}
		}
		return *shared
	}
	own := 0
	for _, d := range devices {
		if rule := h.rule(name, d.Ref.ID); rule != nil {
			r.each[d.Ref] = rule.next()
			own++
		} else {
			r.each[d.Ref] = common()
		}
	}
	if own == 0 {
		a := common()
		if err := a.failure(); a.Word == answerLost {
			r.lost = err
		} else if err != nil {
			r.err = err
		}
		return r
	}
	for _, d := range devices {
		if err := r.each[d.Ref].failure(); r.each[d.Ref].Word == answerLost {
			r.lost = err
		} else if err != nil {
			r.failures[d.Ref] = err
		}
	}
	return r
}

// begin makes the jobs of a batch: what the answer names, completed otherwise.
func (h *hardware) begin(poll string, r reply, devices []backend.Device) map[backend.Ref]string {
	ids := map[backend.Ref]string{}
	for _, d := range devices {
		status := backend.JobStatus{State: backend.JobCompleted}
		if state, named := r.each[d.Ref].Jobs[d.Ref.ID]; named {
			if state.State == noJob {
				continue
			}
			status = state.status()
		}
		ids[d.Ref] = jobID(poll, d.Ref)
		h.jobs[jobKey{poll, d.Ref}] = status
	}
	return ids
}

// noJob is the state of a job that there is not.
const noJob = "none"

func jobID(poll string, ref backend.Ref) string { return "job-" + poll + "-" + ref.ID }

func (j JobState) status() backend.JobStatus {
	return backend.JobStatus{State: backend.JobState(j.State), Cause: j.Cause}
}

// change sets what polls of a device's jobs find: of the one poll, or of every job that is there. It reports whether there was one.
func (h *hardware) change(dev backend.Ref, poll string, state JobState) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if poll != "" {
		h.jobs[jobKey{poll, dev}] = state.status()
		return true
	}
	changed := false
	for key := range h.jobs {
		if key.ref == dev {
			h.jobs[key] = state.status()
			changed = true
		}
	}
	return changed
}
