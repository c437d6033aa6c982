package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// DirVariable is the environment variable that names a directory of scenarios which RunDir runs in addition.
const DirVariable = "RACKSTATE_SCENARIOS"

// Option changes what Run and RunDir do.
type Option func(*options)

type options struct {
	failing []string
	step    Stepper
	observe func(Call)
	verify  bool
	wrap    func(backend.Capabilities) backend.Capabilities
}

// Stepper has everything reconciled that is due at a time, like lifecycle.Controller.RunUntilIdle.
type Stepper func(ctx context.Context, ctl *lifecycle.Controller, now time.Time) (steps int, next time.Time, err error)

// SteppedBy has objects reconciled in another way than by the engine's own loop, for example by workflows. What is expected of a scenario stays the same.
// Controllers that share the store are stepped by the engine's loop all the same: such a stepper would have each of them reconcile the racks of the others.
func SteppedBy(step Stepper) Option { return func(o *options) { o.step = step } }

// Failing names scenarios of the directory that are known to fail, for example because they wait for something. Their subtests fail when one of them passes, or when
// there is no scenario of that name, so the list cannot rot.
func Failing(names ...string) Option {
	return func(o *options) { o.failing = append(o.failing, names...) }
}

// RunDir runs every scenario of a directory as a subtest named by its name, each on a store of its own, and then those of the directory in
// RACKSTATE_SCENARIOS, if that is set.
func RunDir(t *testing.T, dir string, open func(t *testing.T) backend.Store, opts ...Option) {
	t.Helper()
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	list := load(t, dir)
	for _, name := range o.failing {
		if !slices.ContainsFunc(list, func(s Scenario) bool { return s.Name == name }) {
			t.Errorf("the scenario %q is said to fail, and %s does not have it", name, dir)
		}
	}
	if more := os.Getenv(DirVariable); more != "" {
		list = append(list, load(t, more)...)
	}
	for _, s := range list {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			_, err := Run(t.Context(), s, open(t), opts...)
			if msg := verdict(s, err, slices.Contains(o.failing, s.Name)); msg != "" {
				t.Error(msg)
			}
		})
	}
}

func load(t *testing.T, dir string) []Scenario {
	t.Helper()
	list, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// verdict is what a subtest fails with, empty if it passes.
func verdict(s Scenario, err error, mayFail bool) string {
	where := s.Name
	if s.File != "" {
		where = fmt.Sprintf("%s:%d: %s", s.File, s.Line, s.Name)
	}
	switch {
	case mayFail && err == nil:
		return where + ": it passes; take it from the list of those that fail"
	case mayFail || err == nil:
		return ""
	default:
		return fmt.Sprintf("%s: %s", where, err)
	}
}

// Report is what happened in a scenario.
type Report struct {
	// History are the transitions of all objects. The first row of a given object is how it was given.
	History []backend.Transition
	// Trace is the run as text: history, outcomes, requests, rejections, hardware calls.
	Trace string
}

// Run runs one scenario on an empty store. The error says what was expected and what was found, with the history and the hardware calls of the run; it is
// nil when everything in then is true and every rule of package verify has held. It wraps ErrBadFile when the scenario makes no sense.
func Run(ctx context.Context, s Scenario, store backend.Store, opts ...Option) (*Report, error) {
	w, err := Open(ctx, s, store, append(slices.Clip(opts), Verified())...)
	if err != nil {
		return nil, err
	}
	for i, step := range s.When {
		if err := w.do(ctx, step); err != nil {
			report := w.report(ctx)
			return report, fmt.Errorf("when, step %d (%s): %w\n%s", i+1, step.keys()[0], err, report.Trace)
		}
	}
	err = errors.Join(w.check(ctx, s.Then), w.proven(ctx))
	report := w.report(ctx)
	if err != nil {
		return report, fmt.Errorf("%w\n%s", err, report.Trace)
	}
	return report, nil
}

// byLoop is the Stepper of the engine.
func byLoop(ctx context.Context, ctl *lifecycle.Controller, now time.Time) (int, time.Time, error) {
	return ctl.RunUntilIdle(ctx, now)
}

func (w *World) report(ctx context.Context) *Report {
	rows, err := w.store.History(ctx, backend.HistoryQuery{})
	if err != nil {
		return &Report{Trace: err.Error()}
	}
	return &Report{History: rows, Trace: w.trace(ctx, rows)}
}
