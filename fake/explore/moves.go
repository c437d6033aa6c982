package explore

import (
	"fmt"
	"strconv"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/scenario"
	"github.com/rackstate/rackstate/lifecycle"
)

// move is one thing that happens: the steps of a scenario that belong together.
type move struct {
	steps []scenario.Step
	cost  Budget
	// calm says that it happens by itself sooner or later when nothing goes wrong any more.
	calm bool
	// hardware says that it changes the hardware, whether or not calls are made.
	hardware bool
}

func step(s scenario.Step, cost Budget, calm bool) move {
	return move{steps: []scenario.Step{s}, cost: cost, calm: calm}
}

// passOf is a pass over an object, after something is made ready for it.
func passOf(ref backend.Ref, before ...scenario.Step) []scenario.Step {
	return append(before, scenario.Step{Reconcile: scenario.Names{ref.String()}})
}

// others lists what may happen to a node beside passes and the passing of time. Not everything of it can: what is rejected changes nothing.
func (x *explorer) others(n *node) []move {
	var out []move
	out = append(out, x.jobs(n)...)
	out = append(out, x.lifts(n)...)
	out = append(out, x.cancels(n)...)
	for i := range x.start.When {
		if m, ok := x.offered(n, x.start.When[i]); ok {
			if _, affordable := n.left.minus(m.cost); affordable {
				out = append(out, m)
			}
		}
	}
	return out
}

// offered is the move that a step of the start stands for.
func (x *explorer) offered(n *node, s scenario.Step) (move, bool) {
	switch {
	case s.Request != nil:
		q := *s.Request
		q.ID = "q" + strconv.Itoa(x.cfg.Budget.Requests-n.left.Requests+1)
		return step(scenario.Step{Request: &q}, aRequest, false), true
	case s.Discover != nil:
		ref := backend.Ref{Kind: backend.Kind(s.Discover.Kind), ID: s.Discover.ID}
		m := step(s, free, true)
		m.hardware = true // it leaves credentials behind
		return m, x.missing(n, ref, s.Discover.Rack)
	case s.Label != nil, s.Approve != nil, s.Report != nil, s.SKU != nil: // what somebody does whom the world waits for
		return step(s, free, true), true
	case s.Hold != nil:
		h := *s.Hold
		if h.Expires != nil {
			at := scenario.Duration(n.snap.Now().Sub(scenario.Start())) + *h.Expires
			h.Expires = &at
		}
		return step(scenario.Step{Hold: &h}, aHold, false), true
	default:
		return step(s, aRequest, false), true
	}
}

// missing reports whether a device is not there, or not any more, and its rack has fewer of its kind than it is to have.
func (x *explorer) missing(n *node, ref backend.Ref, rack string) bool {
	if o := n.page.record(ref); o != nil && !o.Gone() {
		return false
	}
	there := 0
	for _, o := range n.page.objects {
		if o.Ref.Kind == ref.Kind && !o.Gone() && o.Rack == rack && !marked(o) {
			there++
		}
	}
	return there < x.start.wanted(rack, ref.Kind)
}

// activities are those whose jobs a poll looks at.
var activities = map[string]string{"FirmwareJob": "FirmwareUpgrade", "SwitchImageJob": "NvosUpdate", "CertificateJob": "ConfigureNmxCluster"}

// jobs end the jobs that run. That a job never ends is what happens when time passes.
func (x *explorer) jobs(n *node) []move {
	var out []move
	rel := relevance{n.page}
	for _, j := range n.snap.Jobs() {
		if j.State.Terminal() || !rel.job(j.Poll, j.Device) {
			continue
		}
		end := func(state scenario.JobState) scenario.Step {
			on := backend.Ref{Kind: backend.KindRack, ID: n.page.record(j.Device).Rack}.String()
			return scenario.Step{Jobs: &scenario.Jobs{On: on, Activity: activities[j.Poll], Devices: map[string]scenario.JobState{j.Device.ID: state}}}
		}
		done := step(end(scenario.JobState{State: string(backend.JobCompleted)}), free, true)
		failed := step(end(scenario.JobState{State: string(backend.JobFailed), Cause: "it broke"}), aFault, false)
		done.hardware, failed.hardware = true, true
		out = append(out, done)
		if n.left.Faults > 0 {
			out = append(out, failed)
		}
	}
	return out
}

// lifts release the holds that stand.
func (x *explorer) lifts(n *node) []move {
	var out []move
	for _, o := range n.page.objects {
		base := baseOf(n.checker.World(), o.Ref)
		if base == nil {
			continue
		}
		for _, h := range base.Holds {
			if h.Expires.IsZero() || h.Expires.After(n.snap.Now()) {
				out = append(out, step(scenario.Step{Lift: &scenario.Lift{On: o.Ref.String(), Type: h.Type, Owner: h.Owner}}, free, true))
			}
		}
	}
	return out
}

// cancels stop the requests that are open, but for those that objects made.
func (x *explorer) cancels(n *node) []move {
	var out []move
	for _, r := range n.page.requests {
		if r.State.Open() && r.CancelledBy == "" && isRequest([]byte(r.ID)) && r.Type != lifecycle.ForceDelete {
			out = append(out, step(scenario.Step{Cancel: &scenario.Cancel{ID: r.ID, Initiator: "bob"}}, free, false))
		}
	}
	return out
}

// passing is a move that lets time pass.
func passing(d time.Duration, cost Budget, calm bool) move {
	length := scenario.Duration(d)
	return step(scenario.Step{Advance: &length}, cost, calm)
}

// texts of the faults.
const (
	brokeText  = "it broke"
	refuseText = "it refuses"
	lostText   = "nobody heard the answer"
)

// going are the ways in which a pass that made calls may go instead: each call in each way that fails, and a crash after each call that changed something.
func (x *explorer) going(n *node, ref backend.Ref, calls []scenario.Call) []move {
	var out []move
	made := map[string]int{}
	for _, c := range calls {
		made[c.Name]++
		if n.left.Faults > 0 {
			for _, s := range x.faults(c, made[c.Name]) {
				out = append(out, move{steps: passOf(ref, s), cost: aFault, hardware: true})
			}
		}
		if n.left.Crashes > 0 && c.Key != "" {
			out = append(out, move{steps: passOf(ref, crashAfter(c.Name, made[c.Name])), cost: aCrash, hardware: true})
		}
	}
	return out
}

// crashAfter is the step that has the controller crash after the n-th call of a name.
func crashAfter(call string, nth int) scenario.Step {
	point := fmt.Sprintf("after-call %s %d", call, nth)
	return scenario.Step{Crash: &point}
}

// reporting are the calls whose answers carry data of devices, so that a device may be silent.
var reporting = map[string]bool{"FabricStatus": true, "Placement": true, "PowerState": true, "Discover": true}

// faults are the ways in which the n-th call of a name may fail.
func (x *explorer) faults(c scenario.Call, nth int) []scenario.Step {
	after := x.usual(c.Name)
	var out []scenario.Step
	add := func(on string, a scenario.Answer) {
		list := make(scenario.Answers, 0, nth+1)
		for range nth - 1 {
			list = append(list, after)
		}
		out = append(out, scenario.Step{Hardware: []scenario.Answered{{Call: c.Name, On: on, Answer: append(list, a, after)}}})
	}
	add("", scenario.Answer{Word: "error", Text: brokeText})
	add("", scenario.Answer{Word: "permanent", Text: refuseText})
	if c.Key != "" {
		add("", scenario.Answer{Word: "lost", Text: lostText})
	}
	if reporting[c.Name] {
		add("", scenario.Answer{Word: "report", Report: map[string]scenario.Datum{}})
	}
	if c.Name == "FabricStatus" {
		for _, d := range c.Devices {
			add("", scenario.Answer{Word: "report", Report: map[string]scenario.Datum{d.Ref.ID: {Map: map[string]string{"status": "not_ok", "reason": "link down"}}}})
			add("", scenario.Answer{Word: "report", Report: map[string]scenario.Datum{d.Ref.ID: {Map: map[string]string{"status": "not_ok", "error": "link down"}}}})
		}
	}
	if len(c.Devices) < 2 {
		return out
	}
	for _, d := range c.Devices {
		add(d.Ref.ID, scenario.Answer{Word: "permanent", Text: refuseText})
		if c.Key != "" {
			add(d.Ref.ID, scenario.Answer{Word: "error", Text: brokeText})
		}
	}
	return out
}

// usual is how a call answers in the start when nothing is wrong.
func (x *explorer) usual(call string) scenario.Answer {
	for _, a := range x.start.Given.Hardware {
		if a.Call == call && a.On == "" {
			return a.Answer[len(a.Answer)-1]
		}
	}
	return scenario.Answer{Word: "ok"}
}
