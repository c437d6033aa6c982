package machine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// hardware is one host, made by hand: it does what it is asked at once, unless a test says otherwise.
type hardware struct {
	now func() time.Time
	// errs are the next errors of a call, in order; always is its error from then on.
	errs   map[string][]error
	always map[string]error
	// applied is the configuration that is there. Submitting adds to it, unless the kind is in inert.
	applied map[backend.PlatformKind]bool
	inert   map[backend.PlatformKind]bool
	// needsRestart lists kinds without a job that come about at a restart.
	needsRestart map[backend.PlatformKind]bool
	// jobs are what the polls of a kind find, in order; the last one repeats. A kind that is not here needs no job.
	jobs map[backend.PlatformKind][]backend.JobStatus
	// diesAfter, when set, is the number of calls after which the process dies, before it can commit what they led to.
	diesAfter int
	// scheduled lists kinds with jobs that run at a restart of the host, and how many of them fail before one does not; restarts counts those.
	scheduled map[backend.PlatformKind]int
	began     map[string]int
	restarted int
	// silent says that the agent does not report restarts.
	silent bool
	power  backend.PowerState
	report backend.AgentReport
	sku    backend.SKUMatch
	tests  []backend.JobStatus
	fw     map[string]string
	dpus   dpuHardware
	log    logHardware
	// interrupt, when set, is called once in the middle of the call that comes after so many others.
	interrupt   func()
	interruptIn int

	calls []string          // what was called, "Call" or "Call:Kind"
	keys  map[string]string // the first answer to each key
	order []string          // the keys in the order of their first use
}

func newHardware() *hardware {
	return &hardware{
		errs: map[string][]error{}, always: map[string]error{}, applied: map[backend.PlatformKind]bool{}, inert: map[backend.PlatformKind]bool{},
		needsRestart: map[backend.PlatformKind]bool{}, jobs: map[backend.PlatformKind][]backend.JobStatus{}, power: backend.PowerOn,
		report: backend.AgentReport{RebootedAt: epoch, DiscoveredAt: epoch}, sku: backend.SKUMatch{SKU: "gb200"}, fw: map[string]string{}, keys: map[string]string{},
		scheduled: map[backend.PlatformKind]int{}, began: map[string]int{},
	}
}

func (hw *hardware) caps() backend.Capabilities {
	return backend.Capabilities{Platform: hw, Reset: hw, Power: hw, Agent: hw, SKU: hw, Validation: hw, Inventory: hw}
}

// called notes a call and returns the error that the test wants.
func (hw *hardware) called(call, kind string) error {
	if hw.diesAfter > 0 && len(hw.calls) == hw.diesAfter {
		hw.diesAfter = 0
		panic("the process dies")
	}
	if hw.interruptIn--; hw.interrupt != nil && hw.interruptIn < 0 {
		interrupt := hw.interrupt
		hw.interrupt = nil
		interrupt()
	}
	name := call
	if kind != "" {
		name += ":" + kind
	}
	hw.calls = append(hw.calls, name)
	for _, n := range []string{name, call} {
		if queue := hw.errs[n]; len(queue) > 0 {
			hw.errs[n] = queue[1:]
			return queue[0]
		}
		if err := hw.always[n]; err != nil {
			return err
		}
	}
	return nil
}

// count is how often something was called.
func (hw *hardware) count(name string) int {
	n := 0
	for _, c := range hw.calls {
		if c == name {
			n++
		}
	}
	return n
}

func (hw *hardware) seen(key string) (string, bool) {
	answer, known := hw.keys[key]
	return answer, known
}

func (hw *hardware) remember(key, answer string) {
	hw.keys[key] = answer
	hw.order = append(hw.order, key)
}

func (hw *hardware) InspectPlatform(_ context.Context, _ backend.Device, kind backend.PlatformKind) (backend.PlatformStatus, error) {
	if err := hw.called("InspectPlatform", string(kind)); err != nil {
		return backend.PlatformStatus{}, err
	}
	there := hw.applied[kind]
	if kind == backend.PlatformLockdownDisable {
		there = !hw.applied[backend.PlatformLockdownEnable]
	}
	return backend.PlatformStatus{Applied: there, Detail: "the hardware says " + fmt.Sprint(there)}, nil
}

func (hw *hardware) apply(kind backend.PlatformKind) {
	switch {
	case hw.inert[kind]:
	case kind == backend.PlatformLockdownDisable:
		delete(hw.applied, backend.PlatformLockdownEnable)
	default:
		hw.applied[kind] = true
	}
}

func (hw *hardware) SubmitPlatform(_ context.Context, key string, _ backend.Device, kind backend.PlatformKind) (string, error) {
	if err := hw.called("SubmitPlatform", string(kind)); err != nil {
		return "", err
	}
	if id, known := hw.seen(key); known {
		return id, nil
	}
	id := ""
	_, scheduled := hw.scheduled[kind]
	switch {
	case scheduled || hw.jobs[kind] != nil:
		id = fmt.Sprintf("%s-%d", kind, len(hw.order)+1)
		hw.began[id] = hw.restarted
		if hw.scheduled[kind] > 0 {
			hw.began[id] = failsAtOnce
			hw.scheduled[kind]--
		}
	case !hw.needsRestart[kind]:
		hw.apply(kind)
	}
	hw.remember(key, id)
	return id, nil
}

func (hw *hardware) PlatformJob(_ context.Context, job backend.Job) (backend.JobStatus, error) {
	name, _, _ := strings.Cut(job.ID, "-")
	kind := backend.PlatformKind(name)
	if err := hw.called("PlatformJob", string(kind)); err != nil {
		return backend.JobStatus{}, err
	}
	if began := hw.began[job.ID]; hw.jobs[kind] == nil {
		switch began {
		case failsAtOnce:
			return polls(backend.JobFailed)[0], nil
		case hw.restarted:
			return polls(backend.JobPending)[0], nil
		}
		hw.apply(kind)
		return polls(backend.JobCompleted)[0], nil
	}
	polls := hw.jobs[kind]
	if len(polls) > 1 {
		hw.jobs[kind] = polls[1:]
	}
	if polls[0].State == backend.JobCompleted {
		hw.apply(kind)
	}
	return polls[0], nil
}

// mute lets the agent report nothing, neither now nor after a restart.
func (hw *hardware) mute() { hw.silent, hw.report = true, backend.AgentReport{} }

// failsAtOnce marks a job that fails.
const failsAtOnce = -1

// restarts lets the host come up at once.
func (hw *hardware) restarts() {
	hw.restarted++
	for kind := range hw.needsRestart {
		hw.apply(kind)
	}
	if !hw.silent {
		hw.report.RebootedAt, hw.report.DiscoveredAt = hw.now(), hw.now()
	}
}

func (hw *hardware) ResetHost(_ context.Context, key string, _ backend.Device) error {
	if err := hw.called("ResetHost", ""); err != nil {
		return err
	}
	if _, known := hw.seen(key); !known {
		hw.remember(key, "")
		hw.restarts()
	}
	return nil
}

func (hw *hardware) ResetBMC(_ context.Context, key string, _ backend.Device) error {
	if err := hw.called("ResetBMC", ""); err != nil {
		return err
	}
	if _, known := hw.seen(key); !known {
		hw.remember(key, "")
	}
	return nil
}

func (hw *hardware) SetPower(_ context.Context, key string, action backend.PowerAction, _ []backend.Device) error {
	if err := hw.called("SetPower", string(action)); err != nil {
		return err
	}
	if _, known := hw.seen(key); known {
		return nil
	}
	hw.remember(key, "")
	switch action {
	case backend.ActionPowerOff:
		hw.power = backend.PowerOff
	case backend.ActionPowerOn, backend.ActionReset:
		hw.power = backend.PowerOn
		hw.restarts()
	}
	return nil
}

func (hw *hardware) PowerState(_ context.Context, devices []backend.Device) (map[backend.Ref]backend.PowerState, error) {
	if err := hw.called("PowerState", ""); err != nil {
		return nil, err
	}
	return map[backend.Ref]backend.PowerState{devices[0].Ref: hw.power}, nil
}

func (hw *hardware) Discover(context.Context, backend.Device) (backend.AgentReport, error) {
	return hw.report, hw.called("Discover", "")
}

func (hw *hardware) MatchSKU(_ context.Context, _ backend.Device, _ string, _ map[string]string) (backend.SKUMatch, error) {
	return hw.sku, hw.called("MatchSKU", "")
}

func (hw *hardware) ValidateMachine(_ context.Context, key string, _ backend.Device) (string, error) {
	if err := hw.called("ValidateMachine", ""); err != nil {
		return "", err
	}
	if _, known := hw.seen(key); !known {
		hw.remember(key, "run-1")
	}
	return "run-1", nil
}

func (hw *hardware) ValidationJob(context.Context, backend.Job) (backend.JobStatus, error) {
	if err := hw.called("ValidationJob", ""); err != nil {
		return backend.JobStatus{}, err
	}
	if len(hw.tests) == 0 {
		return backend.JobStatus{State: backend.JobCompleted}, nil
	}
	found := hw.tests[0]
	if len(hw.tests) > 1 {
		hw.tests = hw.tests[1:]
	}
	return found, nil
}

func (hw *hardware) Placement(context.Context, []backend.Device) (map[backend.Ref]backend.Placement, error) {
	return nil, backend.ErrNotSupported
}

func (hw *hardware) FirmwareInventory(context.Context, backend.Device) (map[string]string, error) {
	return maps.Clone(hw.fw), hw.called("FirmwareInventory", "")
}

// states makes the answers of successive polls.
func polls(states ...backend.JobState) []backend.JobStatus {
	out := make([]backend.JobStatus, len(states))
	for i, s := range states {
		out[i] = backend.JobStatus{State: s}
		if s == backend.JobFailed {
			out[i].Cause = "the BMC said no"
		}
	}
	return out
}

// locked leaves the hardware locked down, as a machine in Ready is.
func (hw *hardware) locked() *hardware {
	hw.applied[backend.PlatformLockdownEnable] = true
	return hw
}

var (
	errBusy   = backend.NotDone(errors.New("the BMC is busy"))
	errBroken = backend.Permanent(errors.New("the board is broken"), "swap it")
)

// changes are the calls that change something.
func (hw *hardware) changes() []string {
	return slices.DeleteFunc(slices.Clone(hw.calls), func(c string) bool {
		name, _, _ := strings.Cut(c, ":")
		return slices.Contains([]string{"Discover", "PowerState", "MatchSKU", "ValidationJob", "FirmwareInventory", "FirmwareTask", "InspectPlatform", "PlatformJob", "DPUs", "Events"}, name)
	})
}
