package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-multierror"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// checker compares what then says with what is.
type checker struct {
	*world
	ctx   context.Context
	found *multierror.Error
}

func (w *world) check(ctx context.Context, then Then) error {
	c := &checker{world: w, ctx: ctx}
	for _, part := range []func(Then){c.states, c.outcomes, c.requestStates, c.results, c.rejected, c.fields, c.statuses, c.alerts, c.posted, c.overSLA, c.calls, c.history} {
		part(then)
	}
	return c.found.ErrorOrNil()
}

// differ reports what was expected and what was found.
func (c *checker) differ(what string, want, got any) {
	c.found = multierror.Append(c.found, fmt.Errorf("%s: expected %v, found %v", what, want, got))
}

func (c *checker) problem(err error) {
	if err != nil {
		c.found = multierror.Append(c.found, err)
	}
}

// object finds the stored record of an object; nil when it is gone or never was.
func (c *checker) object(name string) *backend.Record {
	on, err := ref(name)
	if err != nil {
		c.problem(err)
		return nil
	}
	rec, err := c.store.Get(c.ctx, on)
	if err != nil || rec.Gone() {
		return nil
	}
	return rec
}

func (c *checker) states(then Then) {
	for _, name := range sortedKeys(then.States) {
		rec := c.object(name)
		switch {
		case rec == nil:
			c.differ("state of "+name, then.States[name], "no such object")
		case rec.State != then.States[name]:
			c.differ("state of "+name, then.States[name], rec.State)
		}
	}
	for _, name := range then.Gone {
		if rec := c.object(name); rec != nil {
			c.differ(name, "gone", "in "+rec.State)
		}
	}
}

func (c *checker) outcomes(then Then) {
	for _, name := range sortedKeys(then.Outcome) {
		want, rec := then.Outcome[name], c.object(name)
		if rec == nil {
			c.differ("outcome of "+name, want.Kind, "no such object")
			continue
		}
		if want.Kind != "" && string(rec.Outcome.Kind) != want.Kind {
			c.differ("outcome of "+name, want.Kind, fmt.Sprintf("%s %q", rec.Outcome.Kind, rec.Outcome.Reason))
		}
		c.mentions("outcome of "+name, want.Mentions, rec.Outcome.Reason)
	}
}

// mentions compares without regard to case.
func (c *checker) mentions(what string, want []string, text string) {
	for _, m := range want {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(m)) {
			c.differ(what, fmt.Sprintf("a mention of %q", m), fmt.Sprintf("%q", text))
		}
	}
}

// byID collects the stored requests with an id; one call may have put it on many objects.
func (c *checker) byID(id string) []backend.Request {
	list, err := c.store.Requests(c.ctx, backend.RequestQuery{ID: id})
	c.problem(err)
	return list
}

func (c *checker) requestStates(then Then) {
	for _, id := range sortedKeys(then.Requests) {
		want, list := then.Requests[id], c.byID(id)
		if len(list) == 0 {
			if !(want == "rejected" && slices.ContainsFunc(c.rejections, func(r rejection) bool { return r.id == id })) {
				c.differ("request "+id, want, "no such request")
			}
			continue
		}
		for _, r := range list {
			if string(r.State) != want && !(want == "consumed" && !r.State.Open()) {
				c.differ(fmt.Sprintf("request %s on %s", id, r.On), want, fmt.Sprintf("%s (%s)", r.State, r.Reason))
			}
		}
	}
	for _, id := range sortedKeys(then.Initiators) {
		for _, r := range c.byID(id) {
			if r.Initiator != then.Initiators[id] {
				c.differ("initiator of request "+id, then.Initiators[id], r.Initiator)
			}
		}
	}
}

// results sums up the results of each device over all activities: a failure outweighs a success, and both a skip.
func (c *checker) results(then Then) {
	weight := map[backend.ResultStatus]int{backend.ResultSkipped: 1, backend.ResultOK: 2, backend.ResultRunning: 3, backend.ResultFailed: 4}
	for _, id := range sortedKeys(then.Results) {
		got := map[string]backend.ResultStatus{}
		for _, r := range c.byID(id) {
			for _, res := range r.Results {
				if weight[res.Status] > weight[got[res.Target.ID]] {
					got[res.Target.ID] = res.Status
				}
			}
		}
		for _, dev := range sortedKeys(then.Results[id]) {
			if want := then.Results[id][dev]; string(got[dev]) != want {
				c.differ(fmt.Sprintf("result of request %s for %s", id, dev), want, got[dev])
			}
		}
	}
}

func (c *checker) rejected(then Then) {
	if then.Rejected == nil {
		return
	}
	want := *then.Rejected
	if len(want) != len(c.rejections) {
		c.differ("rejections", len(want), fmt.Sprintf("%d %v", len(c.rejections), c.rejections))
		return
	}
	for i, texts := range want {
		c.mentions(fmt.Sprintf("rejection %d", i+1), texts.Mentions, c.rejections[i].text)
	}
}

func (c *checker) alerts(then Then) {
	for _, name := range sortedKeys(then.Alerts) {
		on, err := ref(name)
		c.problem(err)
		got := []string{}
		c.ctl().Visit(func(o *lifecycle.Object) {
			if o.Ref() == on {
				for _, a := range o.Alerts {
					if !slices.Contains(got, a.Source) {
						got = append(got, a.Source)
					}
				}
			}
		})
		want := slices.Clone(then.Alerts[name])
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			c.differ("alerts of "+name, want, got)
		}
	}
}

// posted compares the requests that objects put on others: all that the scenario itself does not name.
func (c *checker) posted(then Then) {
	if then.Posted == nil {
		return
	}
	list, err := c.store.Requests(c.ctx, backend.RequestQuery{})
	c.problem(err)
	var got, want []string
	for _, r := range list {
		if c.known[r.ID] {
			continue
		}
		p, err := lifecycle.Params[lifecycle.Reprovision](&r)
		c.problem(err)
		await := ""
		if slices.ContainsFunc(*then.Posted, func(x Posted) bool { return x.On == r.On.String() && x.Await != nil }) {
			await = fmt.Sprint(p.Await)
		}
		got = append(got, fmt.Sprintf("%s on %s by %s %s", r.Type, r.On, r.Initiator, await))
	}
	for _, p := range *then.Posted {
		await := ""
		if p.Await != nil {
			await = fmt.Sprint(p.Await)
		}
		want = append(want, fmt.Sprintf("%s on %s by %s %s", p.Type, p.On, p.Initiator, await))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		c.differ("posted requests", want, got)
	}
}

func (c *checker) overSLA(then Then) {
	if then.OverSLA == nil {
		return
	}
	records, err := c.store.List(c.ctx, backend.Query{})
	c.problem(err)
	var got []string
	for _, r := range records {
		if r.Outcome.OverSLA {
			got = append(got, r.Ref.String())
		}
	}
	want := slices.Clone(*then.OverSLA)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		c.differ("objects over their SLA", want, got)
	}
}

// history compares the whole path, from the given state on.
func (c *checker) history(then Then) {
	for _, name := range sortedKeys(then.History) {
		on, err := ref(name)
		if err != nil {
			c.problem(err)
			continue
		}
		rows, err := c.store.History(c.ctx, backend.HistoryQuery{Ref: on})
		c.problem(err)
		var got []string
		for _, r := range rows {
			got = append(got, r.To)
		}
		if diff := cmp.Diff(then.History[name], got); diff != "" {
			c.differ("history of "+name, then.History[name], got)
		}
	}
}
