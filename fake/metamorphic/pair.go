package metamorphic

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/go-multierror"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/fake/scenario"
)

// sameEnd is the rule of a pair.
const sameEnd = "a plan with crashes ends as it does without them"

// Undisturbed is a plan without its crashes. Only of a Pair must the end be the same: nothing else in it depends on the moment.
func (p Plan) Undisturbed() Plan {
	p.Scenario = undisturbed(p.Scenario)
	return p
}

func undisturbed(s scenario.Scenario) scenario.Scenario {
	s.When = slices.DeleteFunc(slices.Clone(s.When), func(step scenario.Step) bool { return step.Crash != nil })
	return s
}

// RunPair runs a plan with its crashes and without them. It fails when either does, and when they do not end in the same.
func (r *Runner) RunPair(ctx context.Context, p Plan) *Result {
	with := r.Run(ctx, p)
	if with.Failure != nil {
		return with
	}
	without := r.Run(ctx, p.Undisturbed())
	if without.Failure != nil {
		return without
	}
	if !sameRequests(EndOf(without), EndOf(with)) {
		return with // a crash took away a request before it was one
	}
	if err := differ(EndOf(without), EndOf(with)); err != nil {
		with.Failure = &Failure{Rule: sameEnd, Err: err, Step: len(with.Steps)}
	}
	return with
}

// PairFails says how a scenario and the same without its crashes fail to end alike, for ShrinkBy.
func (r *Runner) PairFails(ctx context.Context, s scenario.Scenario) *Failure {
	keep := r.site
	defer func() { r.site = keep }()
	return r.RunPair(ctx, Plan{Scenario: s}).Failure
}

// End is what a plan ends in, apart from when and how it came to that.
type End struct {
	// States are those of all objects, Requests those of the requests that people made, by id and object.
	States   map[backend.Ref]string
	Requests map[string]backend.RequestState
	// Views are what the devices are really like.
	Views map[backend.Ref]fake.View
}

// EndOf takes the end of a run.
func EndOf(res *Result) End {
	e := End{States: map[backend.Ref]string{}, Requests: map[string]backend.RequestState{}, Views: res.Views}
	for _, r := range res.Records {
		e.States[r.Ref] = r.State
	}
	for _, q := range res.Requests {
		if q.Cycle == "" {
			e.Requests[q.ID+" "+q.Type+" on "+q.On.String()] = q.State
		}
	}
	return e
}

// sameRequests reports whether the same requests were made.
func sameRequests(a, b End) bool {
	return slices.Equal(slices.Sorted(maps.Keys(a.Requests)), slices.Sorted(maps.Keys(b.Requests)))
}

// differ lists what is another in the two.
func differ(without, with End) error {
	var problems *multierror.Error
	compare(without.States, with.States, &problems)
	compare(without.Requests, with.Requests, &problems)
	texts := func(views map[backend.Ref]fake.View) map[string]string {
		out := map[string]string{}
		for ref, v := range views {
			out["hardware of "+ref.String()] = fmt.Sprintf("%+v", v)
		}
		return out
	}
	compare(texts(without.Views), texts(with.Views), &problems)
	return problems.ErrorOrNil()
}

func compare[K comparable, V comparable](without, with map[K]V, problems **multierror.Error) {
	for key, want := range without {
		if got, there := with[key]; !there || got != want {
			*problems = multierror.Append(*problems, fmt.Errorf("%v: %v without crashes, and %v with them", key, want, got))
		}
	}
	for key, got := range maps.All(with) {
		if _, there := without[key]; !there {
			*problems = multierror.Append(*problems, fmt.Errorf("%v: none without crashes, and %v with them", key, got))
		}
	}
}
