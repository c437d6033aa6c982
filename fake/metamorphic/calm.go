package metamorphic

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/scenario"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// calmTime is how long it is calm at most: longer than every SLA, and every deadline but that of a person who installs firmware by hand.
const calmTime = 50 * time.Hour

// calm has nothing go wrong any more, lets time pass until everything rests, and looks whether it does.
func (c *course) calm(p Plan) {
	given := p.Scenario.Given
	if given.Simulated != nil {
		none := []string{}
		c.step(scenario.Step{Faults: &none})
	}
	alive := 0
	for i, name := range given.Controllers {
		if p.Seed%3 != 0 || i == 0 || alive == 0 { // of some plans one stays dead, if it was
			c.step(scenario.Step{Continue: name})
			alive++
		}
	}
	c.step(scenario.Step{Crash: new(string)}) // what has not come is forgotten
	c.lift()
	for passed := time.Duration(0); passed < calmTime && c.res.Failure == nil; {
		slice := min(max(passed, time.Hour), 16*time.Hour)
		d := scenario.Duration(slice)
		c.step(scenario.Step{Run: &d})
		if passed += slice; c.atRest() {
			break
		}
	}
	if c.res.Failure == nil {
		c.look()
	}
}

// lift takes all holds away.
func (c *course) lift() {
	var lifts []scenario.Step
	c.world.Manager().Controller().Visit(func(o *lifecycle.Object) {
		for _, h := range o.Holds {
			lifts = append(lifts, scenario.Step{Lift: &scenario.Lift{On: o.Ref().String(), Type: h.Type, Owner: h.Owner}})
		}
	})
	for _, s := range lifts {
		c.step(s)
	}
}

// states are those of all kinds, by kind and name.
func (c *course) states() map[backend.Kind]map[string]lifecycle.Class {
	out := map[backend.Kind]map[string]lifecycle.Class{}
	for _, k := range c.world.Manager().Controller().Kinds() {
		out[k.Name()] = map[string]lifecycle.Class{}
		for _, s := range k.States() {
			out[k.Name()][s.State] = s.Class
		}
	}
	return out
}

// atRest reports whether every object rests and no request is open. A failed one has had its time only when all of it has passed.
func (c *course) atRest() bool {
	states := c.states()
	records, err1 := c.world.Store().List(c.ctx, backend.Query{})
	open, err2 := c.world.Store().Requests(c.ctx, backend.RequestQuery{OpenOnly: true})
	return err1 == nil && err2 == nil && len(open) == 0 && !slices.ContainsFunc(records, func(r backend.Record) bool {
		return states[r.Ref.Kind][r.State] != lifecycle.Resting || r.Outcome.Kind == backend.OutcomeError
	})
}

// look sees what there is when it was calm for long enough.
func (c *course) look() {
	c.fail("an object past its SLA or deadline is reported or has moved", c.world.Rested())
	store, states := c.world.Store(), c.states()
	records, err := store.List(c.ctx, backend.Query{})
	c.fail("a store can be read", err)
	open, err := store.Requests(c.ctx, backend.RequestQuery{})
	c.fail("a store can be read", err)
	open = slices.DeleteFunc(open, func(q backend.Request) bool { return !q.State.Open() })
	byRef := map[backend.Ref]backend.Record{}
	for _, r := range records {
		byRef[r.Ref] = r
		c.rests(r, states[r.Ref.Kind][r.State])
	}
	for _, q := range open {
		r, there := byRef[q.On]
		class := states[r.Ref.Kind][r.State]
		switch {
		case r.State == string(rack.PoweredOff): // the maintenance goes on when somebody switches the rack on
		case q.State == backend.RequestPending && strings.HasPrefix(r.State, "Assigned/"): // it waits for the tenant to go
		case !there:
			c.fail("no request outlives its object", fmt.Errorf("%s %s on %s is %s", q.ID, q.Type, q.On, q.State))
		case r.Outcome.Kind == backend.OutcomeNothing, q.State == backend.RequestStarted && class == lifecycle.Resting:
			c.fail("a request ends or its object says what it waits for", fmt.Errorf("%s %s on %s is %s since %s; %s rests in %s (%s)", q.ID, q.Type, q.On, q.State, q.At, q.On, r.State, r.Outcome.Reason))
		}
	}
	c.fail("the store holds what was committed", c.world.Audit(c.ctx))
	if err := c.reader.read(c.ctx, false); err != nil {
		c.fail("a subscriber sees every row, in order", err)
	}
	rows, err := store.History(c.ctx, backend.HistoryQuery{})
	c.fail("a store can be read", err)
	c.fail("a subscriber sees every row, in order", c.reader.missing(rows))
	c.hardware()
}

// rests sees that an object rests, or says why not.
func (c *course) rests(r backend.Record, class lifecycle.Class) {
	at := fmt.Sprintf("%s is in %s since %s: %s %q", r.Ref, r.State, r.Since.Format(time.RFC3339), r.Outcome.Kind, r.Outcome.Reason)
	switch {
	case r.Outcome.Kind == backend.OutcomeError:
		c.fail("no pass fails when nothing goes wrong", fmt.Errorf("%s", at))
	case class == lifecycle.Resting:
	case r.Outcome.Reason == "":
		c.fail("what does not rest says why", fmt.Errorf("%s", at))
	case class == lifecycle.Working:
		c.fail("no work lasts for ever", fmt.Errorf("%s", at))
	case class == lifecycle.Deleting && !strings.Contains(r.Outcome.Reason, "assigned") && !strings.Contains(r.Outcome.Reason, "tenant"):
		c.fail("a deletion ends", fmt.Errorf("%s", at))
	}
}

// hardware sees that nothing was begun that nobody asked for, and nothing twice under one key.
func (c *course) hardware() {
	hw := c.world.Simulated()
	if hw == nil {
		return
	}
	started := hw.StartedByKey()
	for _, what := range slices.Sorted(maps.Keys(started)) {
		call, rest, _ := strings.Cut(what, " ")
		device, key, _ := strings.Cut(rest, " ")
		if call == "Attest" { // each attestor has keys of its own
			_, key, _ = strings.Cut(key, " ")
		}
		switch times := started[what]; {
		case times > 1:
			c.fail("nothing is started twice", fmt.Errorf("%s was begun %d times", what, times))
		case !c.asked[call+" "+device+" "+key]:
			c.fail("nothing is started that was not asked for", fmt.Errorf("%s was begun", what))
		}
	}
}
