package scenario

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// hardware is scripted: it answers as the scenario says, and otherwise that all is well, at once. It keeps a log of its calls, and counts what it really
// began.
type hardware struct {
	mu       sync.Mutex
	now      func() time.Time
	rules    []*rule
	log      []call
	started  map[string]int
	answered map[string]any               // by call and key: a call that was begun answers the same again
	jobs     map[jobKey]backend.JobStatus // what a poll finds; absent: completed
	power    map[backend.Ref]backend.PowerState
	tray     map[backend.Ref]int
	versions map[backend.Ref]map[string]string
	// after is the call after which the controller crashes, and crash what then happens.
	after string
	crash func()
}

// rule is how a call answers, on one device or on all.
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

func newHardware(now func() time.Time) *hardware {
	return &hardware{now: now, started: map[string]int{}, answered: map[string]any{}, jobs: map[jobKey]backend.JobStatus{}, power: map[backend.Ref]backend.PowerState{},
		tray: map[backend.Ref]int{}, versions: map[backend.Ref]map[string]string{}, crash: func() {}}
}

// script adds answers, in the place of earlier ones for the same call and device.
func (h *hardware) script(list []Answered) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range list {
		h.rules = slices.DeleteFunc(h.rules, func(r *rule) bool { return r.call == a.Call && r.on == a.On })
		h.rules = append(h.rules, &rule{call: a.Call, on: a.On, answers: a.Answer})
	}
}

// next takes the next answer of the rule for a call; on is a device or rack, or empty for the call as a whole.
func (h *hardware) next(name, on string) (Answer, bool) {
	for _, r := range h.rules {
		if r.call == name && r.on == on && len(r.answers) > 0 {
			a := r.answers[min(r.used, len(r.answers)-1)]
			r.used++
			return a, true
		}
	}
	return Answer{}, false
}

// record logs a call. It is followed by a crash if the scenario says so.
func (h *hardware) record(name string, devices []backend.Device) {
	c := call{name: name}
	for _, d := range devices {
		c.on = append(c.on, d.Ref.ID)
	}
	h.log = append(h.log, c)
}

// made is called when a call has been made, before its answer arrives.
func (h *hardware) made(name string) {
	if h.after == name {
		h.after = ""
		h.crash()
	}
}

// failure is the error that an answer stands for, nil if it stands for none.
func (a Answer) failure() error {
	switch a.Word {
	case "error":
		return errors.New(a.Error)
	case "permanent":
		return backend.Permanent(errors.New(a.Permanent), "")
	case "lost":
		return backend.MaybeDone(errors.New(a.Lost))
	case "unsupported":
		return fmt.Errorf("scripted: %w", backend.ErrNotSupported)
	}
	return nil
}

// script1 is what the script says about one call for some devices.
type reply struct {
	whole    Answer
	has      bool
	each     map[backend.Ref]Answer
	failures map[backend.Ref]error
}

// ask logs a call and collects what the script says about it.
func (h *hardware) ask(name string, rack string, devices []backend.Device) reply {
	h.record(name, devices)
	r := reply{each: map[backend.Ref]Answer{}, failures: map[backend.Ref]error{}}
	r.whole, r.has = h.next(name, "")
	if !r.has && rack != "" {
		r.whole, r.has = h.next(name, rack)
	}
	for _, d := range devices {
		if a, ok := h.next(name, d.Ref.ID); ok {
			r.each[d.Ref] = a
			if err := a.failure(); err != nil && !(a.Word == "lost") {
				r.failures[d.Ref] = err
			}
		}
	}
	return r
}

// act is a call that changes something: with a key that was begun before it answers the same again, otherwise do is done unless the script says that the call fails.
// lost means done, but the caller is not told.
func (h *hardware) act(name, key, rack string, devices []backend.Device, do func(r reply, accepted []backend.Device) any) (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.made(name)
	if answer, ok := h.answered[name+" "+key]; ok {
		h.record(name, devices)
		got := answer.(kept)
		return got.value, got.err
	}
	r := h.ask(name, rack, devices)
	if err := r.whole.failure(); err != nil && r.whole.Word != "lost" {
		return nil, err
	}
	var accepted []backend.Device
	for _, d := range devices {
		if r.failures[d.Ref] == nil {
			accepted = append(accepted, d)
		}
	}
	err := backend.DeviceErrors(r.failures)
	if len(accepted) == 0 && err != nil {
		return nil, err
	}
	h.started[name]++
	value := do(r, accepted)
	h.answered[name+" "+key] = kept{value: value, err: err}
	if r.whole.Word == "lost" {
		return nil, r.whole.failure()
	}
	for _, a := range r.each {
		if a.Word == "lost" {
			return nil, a.failure()
		}
	}
	return value, err
}

type kept struct {
	value any
	err   error
}

// begin makes the jobs of a batch: what the answer names, completed otherwise.
func (h *hardware) begin(poll string, r reply, devices []backend.Device) map[backend.Ref]string {
	ids := map[backend.Ref]string{}
	for _, d := range devices {
		state, named := r.whole.Jobs[d.Ref.ID]
		if a, ok := r.each[d.Ref]; ok && a.Jobs != nil {
			state, named = a.Jobs[d.Ref.ID]
		}
		if named && state.State == "none" {
			continue
		}
		ids[d.Ref] = jobID(poll, d.Ref)
		if named {
			h.jobs[jobKey{poll, d.Ref}] = state.status()
		} else {
			delete(h.jobs, jobKey{poll, d.Ref})
		}
	}
	return ids
}

func jobID(poll string, ref backend.Ref) string { return "job-" + poll + "-" + ref.ID }

func (j JobState) status() backend.JobStatus {
	return backend.JobStatus{State: backend.JobState(j.State), Cause: j.Cause}
}

// poll answers for jobs: what the script says for this poll, else what was set for the job, else completed.
func (h *hardware) poll(name string, jobs []backend.Job) (backend.Jobs, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.made(name)
	devices := make([]backend.Device, len(jobs))
	for i, j := range jobs {
		devices[i] = backend.Device{Ref: j.Device}
	}
	r := h.ask(name, "", devices)
	if err := r.whole.failure(); err != nil {
		return nil, err
	}
	out := backend.Jobs{}
	for _, d := range devices {
		if r.failures[d.Ref] != nil {
			continue
		}
		status, ok := h.jobs[jobKey{name, d.Ref}]
		if !ok {
			status = backend.JobStatus{State: backend.JobCompleted}
		}
		for _, a := range []Answer{r.whole, r.each[d.Ref]} {
			if state, named := a.Jobs[d.Ref.ID]; named {
				status = state.status()
			}
		}
		if status.State != "none" {
			out[d.Ref] = status
		}
	}
	return out, backend.DeviceErrors(r.failures)
}

// read answers a call that only looks. value makes the answer of one device from what the script reports, or from what the hardware is like; it returns false for a
// device that does not answer.
func read[V any](h *hardware, name string, devices []backend.Device, value func(d backend.Device, report any, scripted bool) (V, bool)) (map[backend.Ref]V, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.made(name)
	r := h.ask(name, "", devices)
	if err := r.whole.failure(); err != nil {
		return nil, err
	}
	out := map[backend.Ref]V{}
	for _, d := range devices {
		if r.failures[d.Ref] != nil {
			continue
		}
		a := r.whole
		if one, ok := r.each[d.Ref]; ok {
			a = one
		}
		report, named := a.Report[d.Ref.ID]
		if a.Report != nil && !named {
			continue
		}
		if v, ok := value(d, report, named); ok {
			out[d.Ref] = v
		}
	}
	return out, backend.DeviceErrors(r.failures)
}
