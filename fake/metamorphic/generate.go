package metamorphic

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/scenario"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// generator makes the steps of one plan.
type generator struct {
	dice
	form   Form
	layout *layout
	out    []scenario.Step
	next   int      // number of the next request
	ids    []string // of those that were made
	holds  []scenario.Lift
}

func (g *generator) add(s scenario.Step) { g.out = append(g.out, s) }

// op is one sort of operation, with how often it comes.
type op struct {
	weight int
	make   func(g *generator)
}

// operations are all sorts, by form.
func operations(form Form) []op {
	people := []op{
		{14, (*generator).maintain},
		{3, (*generator).rackRequest},
		{9, (*generator).machineRequest},
		{4, (*generator).switchRequest},
		{3, (*generator).shelfRequest},
		{4, (*generator).cancel},
		{3, (*generator).approve},
		{2, (*generator).report},
		{1, (*generator).sku},
		{2, (*generator).label},
		{4, (*generator).hold},
		{3, (*generator).lift},
		{3, (*generator).delete},
		{4, (*generator).discover},
		{3, (*generator).reconcile},
	}
	passing := []op{{24, (*generator).drive}, {3, (*generator).jump}}
	trouble := []op{{9, (*generator).faults}, {2, (*generator).clear}, {4, (*generator).crash}, {5, (*generator).crashAtCommit}, {5, (*generator).crashAtCall}}
	all := slices.Concat(people, passing, trouble)
	switch form {
	case Busy:
		all = append(all, op{14, (*generator).stall})
	case Shared:
		all = append(all, op{12, (*generator).stall}, op{8, (*generator).stumble}, op{6, (*generator).as}, op{5, (*generator).pause}, op{4, (*generator).kill}, op{7, (*generator).goOn})
	case Alone, Pair:
	}
	return all
}

// steps makes the steps of the plan.
func (g *generator) steps() []scenario.Step {
	if g.form == Pair {
		return g.rounds()
	}
	ops := operations(g.form)
	total := 0
	for _, o := range ops {
		total += o.weight
	}
	for range g.between(typicalSteps/2, typicalSteps*3/2) {
		at := g.IntN(total)
		for _, o := range ops {
			if at -= o.weight; at < 0 {
				o.make(g)
				break
			}
		}
	}
	return g.out
}

// rounds makes the steps of a pair: in each round something is asked of one object while everything rests, with crashes while it is done, and then there is time enough. Of two that
// are asked at once the order of passes would decide, and with that a crash.
func (g *generator) rounds() []scenario.Step {
	asks := []func(*generator){(*generator).maintain, (*generator).maintain, (*generator).machineRequest, (*generator).machineRequest, (*generator).switchRequest, (*generator).shelfRequest, (*generator).rackRequest, (*generator).discover, (*generator).delete}
	for range g.between(1, 4) {
		pick(g.dice, asks)(g)
		for range g.between(1, 4) {
			g.calmCrash()
			g.run(time.Duration(g.between(1, 240)) * time.Second)
		}
		g.run(30 * time.Hour)
		g.crash() // and those that have not come are forgotten
	}
	return g.out
}

// calmCrash is any crash.
func (g *generator) calmCrash() {
	pick(g.dice, []func(*generator){(*generator).crash, (*generator).crashAtCommit, (*generator).crashAtCall, (*generator).crashAtCall})(g)
}

func (g *generator) run(d time.Duration) {
	v := scenario.Duration(d)
	g.add(scenario.Step{Run: &v})
}

// drive lets time pass, seconds or hours.
func (g *generator) drive() {
	seconds := math.Exp(g.Float64() * math.Log(3*3600))
	g.run(time.Duration(seconds*10) * 100 * time.Millisecond)
}

// jump moves the clock while nobody looks.
func (g *generator) jump() {
	d := pick(g.dice, []time.Duration{time.Second, time.Minute, 20 * time.Minute, 3 * time.Hour, 26 * time.Hour, 80 * time.Hour})
	v := scenario.Duration(d)
	g.add(scenario.Step{Advance: &v})
}

// object draws an object of any kind.
func (g *generator) object() string { return pick(g.dice, g.layout.all()) }

// ask makes a request with an id of its own.
func (g *generator) ask(q scenario.Request) {
	q.ID, q.Initiator = fmt.Sprintf("q%d", g.next), pick(g.dice, []string{"ann", "bob"})
	g.next++
	g.ids = append(g.ids, q.ID)
	g.add(scenario.Step{Request: &q})
}

func (g *generator) asked(on, typ string) { g.ask(scenario.Request{On: scenario.Names{on}, Type: typ}) }

// maintain asks for the maintenance of a rack, of all of it or of a part.
func (g *generator) maintain() {
	on := pick(g.dice, g.layout.racks)
	in := g.layout.members[strings.TrimPrefix(on, "rack/")]
	q := scenario.Request{On: scenario.Names{on}, Type: lifecycle.TypeMaintenance, DisturbTenants: g.chance(2)}
	if g.chance(2) {
		part := func(ids []string) *[]string {
			if len(ids) == 0 || g.chance(2) {
				return nil
			}
			list := some(g.dice, ids)
			return &list
		}
		q.Scope.Machines, q.Scope.Switches, q.Scope.PowerShelves = part(in.machines), part(in.switches), part(in.shelves)
	}
	if !g.chance(4) {
		activities := []scenario.Activity{
			{Name: rack.FirmwareUpgrade, Firmware: pick(g.dice, []string{"fw-1", "fw-2"}), Force: g.chance(4)},
			{Name: rack.NvosUpdate, Image: "os-2"},
			{Name: rack.ConfigureNmxCluster},
			{Name: rack.PowerSequence, Power: pick(g.dice, []rack.PowerMode{rack.SequenceReset, rack.SequenceOn, rack.SequenceOff})},
		}
		list := some(g.dice, activities)
		q.Scope.Activities = &list
	}
	g.ask(q)
}

func (g *generator) rackRequest() {
	on := pick(g.dice, g.layout.racks)
	switch g.IntN(8) {
	case 0, 1, 2:
		g.asked(on, lifecycle.TypeReprovision)
	case 3, 4:
		g.ask(scenario.Request{On: scenario.Names{on}, Type: rack.TypePower, Operation: string(backend.ActionPowerOn)})
	case 5, 6:
		g.asked(on, rack.TypeRecover)
	default:
		g.asked(on, lifecycle.ForceDelete)
	}
}

func (g *generator) machineRequest() {
	on := pick(g.dice, g.layout.machines)
	switch g.IntN(14) {
	case 0, 1, 2:
		g.ask(scenario.Request{On: scenario.Names{on}, Type: lifecycle.TypeReprovision, DisturbTenants: g.chance(3), Reset: g.chance(6)})
	case 3, 4, 5:
		g.asked(on, machine.TypeAssign)
	case 6, 7:
		g.asked(on, machine.TypeRelease)
	case 8:
		g.asked(on, machine.TypeValidate)
	case 9:
		g.asked(on, machine.TypeVerifySKU)
	case 10:
		g.asked(on, machine.TypeMeasure)
	case 11:
		g.asked(on, machine.TypeDPUReprovision)
	case 12:
		g.asked(on, machine.TypeRecover)
	default:
		g.asked(on, lifecycle.ForceDelete)
	}
}

func (g *generator) switchRequest() {
	if len(g.layout.switches) == 0 {
		g.machineRequest()
		return
	}
	on := pick(g.dice, g.layout.switches)
	if g.chance(12) {
		g.asked(on, lifecycle.ForceDelete)
		return
	}
	operation := pick(g.dice, []nvswitch.Operation{nvswitch.OpPowerOn, nvswitch.OpPowerOff, nvswitch.OpReset, nvswitch.OpReconfigureCertificate})
	g.ask(scenario.Request{On: scenario.Names{on}, Type: lifecycle.TypeMaintenance, Operation: string(operation)})
}

func (g *generator) shelfRequest() {
	if len(g.layout.shelves) == 0 {
		g.machineRequest()
		return
	}
	if g.chance(12) {
		g.asked(pick(g.dice, g.layout.shelves), lifecycle.ForceDelete)
		return
	}
	operation := pick(g.dice, []backend.PowerAction{backend.ActionPowerOn, backend.ActionPowerOff})
	g.ask(scenario.Request{On: some(g.dice, g.layout.shelves), Type: lifecycle.TypeMaintenance, Operation: string(operation)})
}

func (g *generator) cancel() {
	c := scenario.Cancel{Initiator: "ann"}
	if len(g.ids) > 0 && !g.chance(4) {
		c.ID = pick(g.dice, g.ids[max(0, len(g.ids)-3):])
	} else {
		c.On = g.object()
	}
	g.add(scenario.Step{Cancel: &c})
}

func (g *generator) approve() {
	g.add(scenario.Step{Approve: &scenario.On{On: pick(g.dice, g.layout.machines)}})
}

func (g *generator) report() {
	r := scenario.Installed{On: pick(g.dice, g.layout.machines), By: "bob"}
	if g.chance(3) {
		r.Error = "it does not fit"
	}
	g.add(scenario.Step{Report: &r})
}

func (g *generator) sku() {
	g.add(scenario.Step{SKU: &scenario.SKU{On: pick(g.dice, g.layout.machines), ID: pick(g.dice, []string{"", "gb200", "gb200"})}})
}

func (g *generator) label() {
	l := scenario.Label{On: g.object()}
	if g.chance(3) {
		l.Remove = []string{"shelf"}
	} else {
		l.Set = map[string]string{"shelf": pick(g.dice, []string{"a", "b"})}
	}
	g.add(scenario.Step{Label: &l})
}

func (g *generator) hold() {
	h := scenario.Hold{On: g.object(), Type: pick(g.dice, []string{"repair", "audit"}), Owner: "ann", Reason: "somebody looks at it"}
	if g.chance(3) {
		at := scenario.Duration(time.Duration(g.between(1, 40)) * 10 * time.Minute)
		h.Expires = &at
	}
	g.holds = append(g.holds, scenario.Lift{On: h.On, Type: h.Type, Owner: h.Owner})
	g.add(scenario.Step{Hold: &h})
}

func (g *generator) lift() {
	if len(g.holds) == 0 {
		g.hold()
		return
	}
	l := pick(g.dice, g.holds)
	g.add(scenario.Step{Lift: &l})
}

func (g *generator) delete() {
	on := g.object()
	if strings.HasPrefix(on, "rack/") && !g.chance(2) {
		on = pick(g.dice, g.layout.machines)
	}
	g.add(scenario.Step{Delete: on})
}

// discover reports a newcomer, or reports once more what is there, or was until it was deleted.
func (g *generator) discover() {
	if len(g.layout.newcomers) == 0 || g.chance(4) {
		on := pick(g.dice, g.layout.machines)
		g.again(on)
		return
	}
	d := pick(g.dice, g.layout.newcomers)
	g.add(scenario.Step{Discover: &d})
}

// again reports a device that was given.
func (g *generator) again(on string) {
	id := strings.TrimPrefix(on, "machine/")
	for _, m := range g.layout.given.Machines {
		if m.ID == id {
			g.add(scenario.Step{Discover: &scenario.Discover{Kind: "machine", ID: id, Rack: m.Rack}})
		}
	}
}

func (g *generator) reconcile() { g.add(scenario.Step{Reconcile: scenario.Names{g.object()}}) }
