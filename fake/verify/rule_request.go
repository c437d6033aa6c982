package verify

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/rackstate/rackstate/backend"
)

// requestRules are about what becomes of a request.
func requestRules() []Rule {
	return []Rule{
		{Name: "a request is posted once, complete, to an object that understands it", Promise: 5, Commit: postedWell},
		{Name: "a request moves only forwards, and not at all once it has ended", Promise: 5, Commit: forwards},
		{Name: "a request keeps what it asks", Promise: 5, Commit: keepsAsking},
		{Name: "a request says when it began and ended, and why", Promise: 5, Commit: saysWhy},
		{Name: "a request changes only together with its object", Promise: 5, Commit: withItsObject},
		{Name: "an object that is gone leaves no request open", Promise: 5, Look: noneLeftOpen},
		{Name: "a finished request has no target that failed or still runs", Promise: 5, Commit: finishedMeansDone},
	}
}

func postedWell(w *World, c *backend.Commit) error {
	var bad findings
	for i := range c.Post {
		r := &c.Post[i]
		name := fmt.Sprintf("request %q of %s", r.ID, r.On)
		same := func(o backend.Request) bool { return o.ID == r.ID && o.On == r.On }
		if w.request(r.On, r.ID) != nil || slices.ContainsFunc(c.Post[:i], same) {
			bad.addf("%s is posted twice", name)
		}
		if r.ID == "" || r.Initiator == "" || r.At.IsZero() {
			bad.addf("%s is of %q at %s; it needs an id, an initiator and a time", name, r.Initiator, r.At)
		}
		if k := w.t.kinds[r.On.Kind]; k != nil {
			if _, ok := k.requests[r.Type]; !ok {
				bad.addf("%s is of type %q, which a %s does not understand", name, r.Type, r.On.Kind)
			}
		}
		if rec, ok := after(w, c, r.On); !ok || rec.State == "" || rec.Rack != r.Rack {
			bad.addf("%s is posted to an object of rack %q, which is not there", name, r.Rack)
		}
	}
	return bad.err()
}

// after is the record of an object as the commit leaves it.
func after(w *World, c *backend.Commit, ref backend.Ref) (*backend.Record, bool) {
	for i := range c.Writes {
		if c.Writes[i].Record.Ref == ref {
			return &c.Writes[i].Record, true
		}
	}
	if o := w.objects.get(ref); o != nil && o.rec.Version != 0 {
		return &o.rec, true
	}
	return nil, false
}

// updates looks at every request that a commit replaces, with what it was before.
func updates(w *World, c *backend.Commit, look func(before, now *backend.Request) error) error {
	var bad findings
	for i := range c.Update {
		if before := w.request(c.Update[i].On, c.Update[i].ID); before != nil {
			bad.add(look(before, &c.Update[i]))
		}
	}
	return bad.err()
}

func forwards(w *World, c *backend.Commit) error {
	var bad findings
	for i := range c.Update {
		r := &c.Update[i]
		before := w.request(r.On, r.ID)
		switch {
		case before == nil:
			bad.addf("request %q of %s is changed and was never posted", r.ID, r.On)
		case !before.State.Open():
			bad.addf("request %q of %s is %s, and is changed to %s", r.ID, r.On, before.State, r.State)
		case before.State == backend.RequestStarted && r.State == backend.RequestPending:
			bad.addf("request %q of %s has started, and is pending again", r.ID, r.On)
		}
	}
	return bad.err()
}

func keepsAsking(w *World, c *backend.Commit) error {
	return updates(w, c, func(b, r *backend.Request) error {
		switch {
		case b.Rack != r.Rack, b.Type != r.Type, b.Initiator != r.Initiator, b.Reference != r.Reference, b.Cycle != r.Cycle:
			return fmt.Errorf("request %q of %s is %+v, and becomes %+v", r.ID, r.On, *b, *r)
		case !b.At.Equal(r.At) || !b.StartedAt.IsZero() && !b.StartedAt.Equal(r.StartedAt):
			return fmt.Errorf("request %q of %s is of %s, begun at %s, and becomes one of %s, begun at %s", r.ID, r.On, b.At, b.StartedAt, r.At, r.StartedAt)
		case !bytes.Equal(b.Params, r.Params):
			return fmt.Errorf("the parameters of request %q of %s are %s, and become %s", r.ID, r.On, b.Params, r.Params)
		case b.CancelledBy != "" && r.CancelledBy == "":
			return fmt.Errorf("request %q of %s was cancelled by %s, and is not any more", r.ID, r.On, b.CancelledBy)
		}
		return nil
	})
}

func saysWhy(_ *World, c *backend.Commit) error {
	var bad findings
	for _, r := range slices.Concat(c.Post, c.Update) {
		switch r.State {
		case backend.RequestPending, backend.RequestStarted:
			if !r.EndedAt.IsZero() || r.StartedAt.IsZero() == (r.State == backend.RequestStarted) {
				bad.addf("request %q of %s is %s, begun at %s, ended at %s", r.ID, r.On, r.State, r.StartedAt, r.EndedAt)
			}
			continue
		case backend.RequestRejected, backend.RequestFailed, backend.RequestCancelled, backend.RequestSuperseded, backend.RequestWithdrawn:
			if r.Reason == "" {
				bad.addf("request %q of %s is %s without a reason", r.ID, r.On, r.State)
			}
		case backend.RequestFinished:
		default:
			bad.addf("request %q of %s is %q, which nobody knows", r.ID, r.On, r.State)
		}
		if r.EndedAt.Before(r.At) || r.EndedAt.Before(r.StartedAt) {
			bad.addf("request %q of %s is of %s, begun at %s, and %s at %s", r.ID, r.On, r.At, r.StartedAt, r.State, r.EndedAt)
		}
	}
	return bad.err()
}

func withItsObject(_ *World, c *backend.Commit) error {
	var bad findings
	check := func(list []backend.Request, verb string) {
		for i := range list {
			on := list[i].On
			if !slices.ContainsFunc(c.Writes, func(wr backend.Write) bool { return wr.Record.Ref == on }) {
				bad.addf("request %q is %s on %s, which is not written", list[i].ID, verb, on)
			}
		}
	}
	check(c.Post, "posted")
	check(c.Update, "changed")
	return bad.err()
}

func noneLeftOpen(w *World) error {
	var bad findings
	for _, ref := range w.touched {
		o := w.objects.get(ref)
		for _, a := range o.asked {
			if !o.lives() && a.State.Open() {
				bad.addf("%s is gone, and its request %q is %s", ref, a.ID, a.State)
			}
		}
	}
	return bad.err()
}

func finishedMeansDone(_ *World, c *backend.Commit) error {
	var bad findings
	for _, r := range slices.Concat(c.Post, c.Update) {
		if r.State != backend.RequestFinished {
			continue
		}
		for _, res := range r.Results {
			if res.Status != backend.ResultOK && res.Status != backend.ResultSkipped {
				bad.addf("request %q of %s is finished, and %s of %s is %s: %s", r.ID, r.On, res.Activity, res.Target, res.Status, res.Error)
			}
		}
	}
	return bad.err()
}
