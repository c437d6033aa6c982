package explore

import (
	"context"
	"fmt"
	"strings"

	"github.com/rackstate/rackstate/fake/scenario"
)

// run is a scenario that was run once more.
type run struct {
	then     scenario.Then
	problems []error
	lines    []string
}

func (r *run) text() string { return strings.Join(r.lines, "\n") }

// replay runs a path with one controller that stays, unless the path says that it crashes.
func (x *explorer) replay(s scenario.Scenario) (*run, error) {
	other := &explorer{cfg: x.cfg, ctx: x.ctx, start: &Start{s}}
	s.Then = scenario.Then{CallsExclude: []string{"CheckSwitch"}} // a scenario without any expectation is none
	other.start.Scenario = s
	k, err := other.newWorker(x.ctx)
	if err != nil {
		return nil, err
	}
	out := &run{then: scenario.Then{States: map[string]string{}}}
	for i, step := range s.When {
		k.do([]scenario.Step{step})
		out.problems = append(out.problems, k.problems...)
		for _, err := range k.problems {
			out.lines = append(out.lines, fmt.Sprintf("step %d (%s): %s", i+1, step, err))
		}
	}
	for _, r := range k.book.page.objects {
		if r.Gone() {
			out.then.Gone = append(out.then.Gone, r.Ref.String())
			continue
		}
		out.then.States[r.Ref.String()] = r.State
		out.lines = append(out.lines, fmt.Sprintf("%s in %s: %s %s", r.Ref, r.State, r.Outcome.Kind, r.Outcome.Reason))
	}
	for _, r := range k.book.page.requests {
		if r.State.Open() {
			out.lines = append(out.lines, fmt.Sprintf("request %s (%s of %s) on %s is %s", r.ID, r.Type, r.Initiator, r.On, r.State))
		}
	}
	return out, nil
}

// Replay runs a scenario on an empty store with every rule applied to every commit and call, and returns what does not hold, and the history, calls, outcomes and requests as text. The error
// says that the scenario itself makes no sense, or does not hold.
func Replay(ctx context.Context, s scenario.Scenario) (broken []error, trace string, err error) {
	x := &explorer{ctx: ctx, start: &Start{s}}
	k, err := x.newWorker(ctx)
	if err != nil {
		return nil, "", err
	}
	for i, step := range s.When {
		k.do([]scenario.Step{step})
		for _, err := range k.problems {
			broken = append(broken, fmt.Errorf("step %d (%s): %w", i+1, step, err))
		}
	}
	report := k.w.Report(ctx)
	return broken, report.Trace, k.w.Check(ctx, s.Then)
}
