package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// byID collects the stored requests with an id; one call may have put it on many objects.
func (c *checker) byID(id string) []backend.Request {
	list, err := c.store.Requests(c.ctx, backend.RequestQuery{ID: id})
	c.problem(err)
	return list
}

const (
	noRequest = "no such request"
	// anyEnd is the word for a request that is no longer open, however it ended.
	anyEnd = "consumed"
)

func (c *checker) requestStates(then Then) {
	for _, id := range sortedKeys(then.Requests) {
		want, list := then.Requests[id], c.byID(id)
		if len(list) == 0 && (want != string(backend.RequestRejected) || !c.wasRejected(id)) {
			c.differ("request "+id, want, noRequest)
		}
		for _, r := range list {
			if string(r.State) != want && (want != anyEnd || r.State.Open()) {
				c.differ(fmt.Sprintf("request %s on %s", id, r.On), want, fmt.Sprintf("%s (%s)", r.State, r.Reason))
			}
		}
	}
}

// wasRejected: a request that is refused at once is in no store.
func (c *checker) wasRejected(id string) bool {
	return slices.ContainsFunc(c.rejections, func(r rejection) bool { return r.id == id })
}

func (c *checker) initiators(then Then) {
	for _, id := range sortedKeys(then.Initiators) {
		want, list := then.Initiators[id], c.byID(id)
		if len(list) == 0 {
			c.differ("initiator of request "+id, want, noRequest)
		}
		for _, r := range list {
			if r.Initiator != want {
				c.differ("initiator of request "+id, want, r.Initiator)
			}
		}
	}
}

// severity orders the results of one device in several activities: a failure outweighs a success, and both a skip.
var severity = []backend.ResultStatus{"", backend.ResultSkipped, backend.ResultOK, backend.ResultRunning, backend.ResultFailed}

func (c *checker) results(then Then) {
	for _, id := range sortedKeys(then.Results) {
		got := map[string]backend.ResultStatus{}
		for _, r := range c.byID(id) {
			for _, res := range r.Results {
				if slices.Index(severity, res.Status) > slices.Index(severity, got[res.Target.ID]) {
					got[res.Target.ID] = res.Status
				}
			}
		}
		for _, dev := range sortedKeys(then.Results[id]) {
			if want, has := then.Results[id][dev], got[dev]; string(has) != want {
				c.differ(fmt.Sprintf("result of request %s for %s", id, dev), want, orNone(string(has)))
			}
		}
	}
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
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

// posted compares the requests that objects put on others: all that the scenario itself does not name.
func (c *checker) posted(then Then) {
	if then.Posted == nil {
		return
	}
	list, err := c.store.Requests(c.ctx, backend.RequestQuery{})
	c.problem(err)
	got := []Posted{}
	for _, r := range list {
		if c.known[r.ID] {
			continue
		}
		p, err := lifecycle.Params[lifecycle.Reprovision](&r)
		c.problem(err)
		one := Posted{On: r.On.String(), Type: r.Type, Initiator: r.Initiator, Await: []string{}}
		for _, step := range p.Await {
			one.Await = append(one.Await, string(step))
		}
		got = append(got, one)
	}
	if want := *then.Posted; len(want) != len(got) || !assign(want, got) {
		c.differ("posted requests", want, got)
	}
}

// assign finds for each expected request one of its own.
func assign(want, got []Posted) bool {
	if len(want) == 0 {
		return true
	}
	for i, g := range got {
		if want[0].meets(g) && assign(want[1:], slices.Delete(slices.Clone(got), i, i+1)) {
			return true
		}
	}
	return false
}

// meets compares what is named.
func (p Posted) meets(got Posted) bool {
	same := func(want, got string) bool { return want == "" || want == got }
	return same(p.On, got.On) && same(p.Type, got.Type) && same(p.Initiator, got.Initiator) && (p.Await == nil || slices.Equal(p.Await, got.Await))
}

// String is the form of a message.
func (p Posted) String() string {
	text := strings.TrimSpace(fmt.Sprintf("%s on %s by %s", p.Type, p.On, p.Initiator))
	if p.Await != nil {
		text += fmt.Sprintf(" await %v", p.Await)
	}
	return "{" + text + "}"
}
