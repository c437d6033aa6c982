package verify_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// people do things to a hall that a seed draws. What the product refuses, it refuses.
type people struct {
	*hall
	*rand.Rand
	done []string
}

// any draws an object that lives.
func (p *people) any(kinds ...backend.Kind) (backend.Ref, bool) {
	var refs []backend.Ref
	p.Controller().Visit(func(o *lifecycle.Object) {
		for _, k := range kinds {
			if o.Ref().Kind == k {
				refs = append(refs, o.Ref())
			}
		}
	})
	if len(refs) == 0 {
		return backend.Ref{}, false
	}
	return refs[p.IntN(len(refs))], true
}

var devices = []backend.Kind{backend.KindMachine, backend.KindSwitch, backend.KindPowerShelf}

// act does one thing.
func (p *people) act() {
	kinds := devices
	if p.IntN(3) == 0 {
		kinds = []backend.Kind{backend.KindRack}
	}
	ref, ok := p.any(kinds...)
	if !ok {
		p.findAll()
		return
	}
	ctl, ctx := p.Controller(), p.t.Context()
	note := func(what string, err error) {
		p.done = append(p.done, fmt.Sprintf("%s: %s %s: %v", p.clock.Now().Format(time.DateTime), what, ref, err))
	}
	switch n := p.IntN(20); {
	case n < 3:
		h := lifecycle.Hold{Type: "manual", Owner: "ann", Reason: "to look at it"}
		if p.IntN(2) == 0 {
			h.Expires = p.clock.Now().Add(time.Duration(1+p.IntN(60)) * time.Minute)
		}
		note("hold", ctl.PlaceHold(ctx, ref, h))
	case n < 6:
		p.releaseAll()
	case n == 6:
		note("delete", ctl.Delete(ctx, ref, "ann", p.IntN(2) == 0))
	case n == 7:
		_, err := ctl.Request(ctx, lifecycle.NewRequest{Type: lifecycle.ForceDelete, Initiator: "ann"}, ref)
		note("force delete", err)
	case n < 10:
		p.findAll()
	case n < 12:
		for _, r := range ctl.OpenRequests(ref) {
			note("cancel "+r.ID, ctl.CancelRequest(ctx, ref, r.ID, "ann"))
		}
	case n == 12:
		p.restart()
	default:
		req := p.wish(ref)
		_, err := ctl.Request(ctx, req, ref)
		note(fmt.Sprintf("%s %+v", req.Type, req.Params), err)
	}
}

// findAll reports what is not there.
func (p *people) findAll() {
	p.t.Helper()
	for _, id := range p.Site().Racks() {
		for _, d := range p.Site().Devices(id) {
			if _, err := p.Controller().Outcome(backend.Ref{Kind: d.Kind, ID: d.ID}); err != nil {
				p.find(d)
			}
		}
	}
}

func (p *people) releaseAll() {
	var held []backend.Ref
	p.Controller().Visit(func(o *lifecycle.Object) {
		if len(o.Holds) > 0 {
			held = append(held, o.Ref())
		}
	})
	for _, ref := range held {
		_ = p.Controller().ReleaseHold(p.t.Context(), ref, "manual", "ann") // it may have expired
	}
}

// wish draws a request.
func (p *people) wish(ref backend.Ref) lifecycle.NewRequest {
	ask := func(typ string, params any) lifecycle.NewRequest {
		return lifecycle.NewRequest{Type: typ, Initiator: "ann", Params: params}
	}
	one := func(list ...lifecycle.NewRequest) lifecycle.NewRequest { return list[p.IntN(len(list))] }
	on, off := backend.ActionPowerOn, backend.ActionPowerOff
	switch ref.Kind {
	case backend.KindRack:
		force, tenants := p.IntN(2) == 0, p.IntN(2) == 0
		power := rack.Activity{Name: rack.PowerSequence, Power: []rack.PowerMode{rack.SequenceOn, rack.SequenceOff, rack.SequenceReset}[p.IntN(3)]}
		return one(
			ask(lifecycle.TypeMaintenance, rack.Maintenance{Scope: rack.FullRack(rack.Activity{Name: rack.FirmwareUpgrade, Force: force}, power), DisturbTenants: tenants}),
			ask(lifecycle.TypeMaintenance, rack.Maintenance{Scope: rack.FullRack(power), DisturbTenants: tenants}),
			ask(lifecycle.TypeMaintenance, rack.Maintenance{Scope: rack.FullRack(), DisturbTenants: tenants}),
			ask(lifecycle.TypeReprovision, nil),
			ask(rack.TypePower, rack.Power{Operation: on}),
			ask(rack.TypeRecover, rack.Recover{Note: "looked at"}),
		)
	case backend.KindMachine:
		return one(
			ask(machine.TypeAssign, machine.Assign{Tenant: "bob"}), ask(machine.TypeRelease, nil), ask(machine.TypeVerifySKU, nil), ask(machine.TypeValidate, nil),
			ask(machine.TypeMeasure, nil), ask(machine.TypeDPUReprovision, nil), ask(machine.TypeRecover, nil),
			ask(lifecycle.TypeReprovision, lifecycle.Reprovision{Reset: p.IntN(2) == 0, DisturbTenants: p.IntN(2) == 0}),
		)
	case backend.KindSwitch:
		return ask(lifecycle.TypeMaintenance, nvswitch.Maintenance{Operation: []nvswitch.Operation{nvswitch.OpPowerOn, nvswitch.OpReset, nvswitch.OpReconfigureCertificate}[p.IntN(3)]})
	default:
		return ask(lifecycle.TypeMaintenance, powershelf.Maintenance{Operation: []backend.PowerAction{on, off}[p.IntN(2)]})
	}
}

// troubles are what may go wrong with hardware.
var troubles = []string{
	"",
	"fail PowerState p=0.1; timeout Discover p=0.1; lose ResetHost p=0.2; panic CheckSwitch p=0.3; omit FabricStatus p=0.2; fail StartValidation p=0.3",
	"lose SubmitPlatform p=0.2; lose ConfigureCertificate p=0.2; lose ApplyFirmware p=0.3; lose ApplySwitchImage p=0.3; lose SetPower p=0.3; timeout SetFabricState p=0.3",
	"fail ApplyFirmware p=0.3; fail SubmitPlatform p=0.2; fail SetPower p=0.2 class=maybe; fail ResetHost p=0.1 class=unsupported; fail ConfigureFabricManager p=0.2 class=permanent",
	"job SubmitPlatform p=0.1 fails \"busy\"; job ApplyFirmware p=0.1 fails \"bad image\"; job ValidateMachine p=0.1 fails \"fan\"; job ConfigureCertificate p=0.1 fails \"expired\"",
	"away on machine/*-1 from 40m for 10m; away on power_shelf/* from 3h for 20m; silent on machine/*-2 from 30m for 3h; job ApplyFirmware p=0.1 never ends; job SubmitPlatform p=0.03 never ends; job StartValidation p=0.2 never ends",
}

// live lets people and trouble loose on a site.
func live(t *testing.T, seed uint64, acts int) *people {
	t.Helper()
	h := newHall(t, memory.New(), 2, seed, troubles[seed%uint64(len(troubles))])
	p := &people{hall: h, Rand: rand.New(rand.NewPCG(seed, 5))}
	h.run(time.Duration(p.IntN(120)) * time.Minute)
	for range acts {
		if len(h.checker.Problems()) > 0 {
			break
		}
		p.act()
		h.run(time.Duration(1+p.IntN(40*60)) * time.Second)
	}
	p.releaseAll()
	h.run(6 * time.Hour)
	return p
}

func TestNoLifeOfASiteBreaksARule(t *testing.T) {
	t.Parallel()
	for seed := range uint64(len(troubles)) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			acts := 50
			if testing.Short() {
				acts = 15
			}
			p := live(t, seed, acts)
			p.well(t.Context())
			if t.Failed() {
				for _, line := range p.done {
					t.Log(line)
				}
			}
			rows, err := p.store.History(t.Context(), backend.HistoryQuery{})
			require.NoError(t, err)
			require.Greater(t, len(rows), 150)
		})
	}
}
