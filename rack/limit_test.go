package rack

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
)

// fleet puts racks with one machine each into the store: r2 has m2. State and request of each are up to the test.
func fleet(t *testing.T, limit int, states map[string]State, with ...func(*Rack)) *rig {
	t.Helper()
	r := newRig(t)
	r.set.MaxInMaintenance = limit
	for _, id := range []string{"r1", "r2", "r3", "r4"} {
		if state, ok := states[id]; ok {
			r.in = id
			r.rack(id, state, with...).devices("m" + id[1:])
		}
	}
	return r
}

// started says which of the racks are in maintenance.
func (r *rig) started(ids ...string) []string {
	r.Helper()
	var out []string
	for _, id := range ids {
		if r.getRack(id).In(string(inMaintenance)) {
			out = append(out, id)
		}
	}
	return out
}

func TestTheLimitCountsRacksInMaintenance(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		other State
		limit int
		want  bool
	}{
		"one is in maintenance":      {FirmwareWait, 1, false},
		"one rests without power":    {PoweredOff, 1, true},
		"one is being powered off":   {PoweringOff, 1, false},
		"one has completed":          {Completed, 1, false},
		"one is being validated":     {ValidationPending, 1, true},
		"one has failed":             {Error, 1, true},
		"there is room for two":      {FirmwareWait, 2, true},
		"there is no limit":          {FirmwareWait, 0, true},
		"one is about to be deleted": {Deleting, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, from := range []State{Ready, Error} {
				r := fleet(t, c.limit, map[string]State{"r1": from, "r2": c.other})
				r.pending("q1", "r1", -time.Minute, FullRack(sequence(SequenceOff)))
				r.hw.script("PowerState", answer{power: map[string]backend.PowerState{}})
				r.edit(func(k *Rack) { k.Cause = "switch s1 failed" })
				r.apply(func(tx *lifecycle.Tx) error {
					o, err := tx.Object(machine.Ref("m1"))
					o.AddAlert(lifecycle.Alert{ID: "a1", Source: "operator", Classifications: []lifecycle.Classification{lifecycle.PreventAllocations}})
					return err
				})
				r.step()
				if c.want {
					r.inState(PoweringOff)
					continue
				}
				r.inState(from)
				r.waits("1 racks are in maintenance", "at most 1")
				assert.Equal(t, backend.RequestPending, r.request(r1, "q1").State)
			}
		})
	}
}

func TestAShareOfAllRacksIsALimitToo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set   Settings
		racks int
		want  int
	}{
		"none":                   {Settings{}, 10, 0},
		"a number":               {Settings{MaxInMaintenance: 3}, 10, 3},
		"a share":                {Settings{MaxShareInMaintenance: 0.25}, 10, 2},
		"at least one":           {Settings{MaxShareInMaintenance: 0.01}, 10, 1},
		"all":                    {Settings{MaxShareInMaintenance: 1}, 10, 10},
		"the share is the less":  {Settings{MaxInMaintenance: 5, MaxShareInMaintenance: 0.25}, 8, 2},
		"the number is the less": {Settings{MaxInMaintenance: 1, MaxShareInMaintenance: 0.5}, 8, 1},
	} {
		assert.Equal(t, c.want, c.set.limit(c.racks), name)
		assert.Equal(t, c.want > 0, c.set.limited(), name)
	}
	r := fleet(t, 0, map[string]State{"r1": Ready, "r2": FirmwareWait})
	r.set.MaxShareInMaintenance = 0.5
	r.pending("q1", "r1", -time.Minute, FullRack(fw2))
	r.step()
	r.inState(Ready)
	r.waits("at most 1")
}

func TestTheOldestOfTheWaitingRequestsGoesFirst(t *testing.T) {
	t.Parallel()
	r := fleet(t, 1, map[string]State{"r1": Ready, "r2": Ready, "r3": Ready})
	r.pending("q1", "r1", -time.Minute, FullRack(fw2)).pending("q2", "r2", -5*time.Minute, FullRack(fw2)).pending("q3", "r3", -3*time.Minute, FullRack(fw2))
	r.hw.script("FirmwareJob", answer{jobs: found("m1 running", "m2 running", "m3 running")})
	r.run(2 * time.Minute)
	assert.Equal(t, []string{"r2"}, r.started("r1", "r2", "r3"))
	assert.Equal(t, backend.RequestPending, r.request(r1, "q1").State)
	assert.Equal(t, backend.RequestStarted, r.request(Ref("r2"), "q2").State)
	r.waits("1 racks are in maintenance")
}

func TestOfRequestsOfTheSameTimeTheLesserRackGoesFirst(t *testing.T) {
	t.Parallel()
	r := fleet(t, 1, map[string]State{"r1": Ready, "r2": Ready})
	r.pending("q1", "r1", -time.Minute, FullRack(fw2)).pending("q2", "r2", -time.Minute, FullRack(fw2))
	r.step(Ref("r2"), r1)
	assert.Equal(t, []string{"r1"}, r.started("r1", "r2"))
}

func TestEveryWaitingRackHasItsTurn(t *testing.T) {
	t.Parallel()
	for limit := 1; limit <= 3; limit++ {
		r := fleet(t, limit, map[string]State{"r1": Ready, "r2": Ready, "r3": Ready, "r4": Error})
		for i, id := range []string{"r1", "r2", "r3", "r4"} {
			r.pending("q"+id[1:], id, time.Duration(-i-1)*time.Minute, FullRack(sequence(SequenceReset)))
		}
		r.run(3 * time.Minute)
		for _, id := range []string{"r1", "r2", "r3", "r4"} {
			assert.Equal(t, backend.RequestFinished, r.request(Ref(id), "q"+id[1:]).State, "%s at limit %d", id, limit)
		}
	}
}

func TestARackThatComesOutOfMaintenanceWakesTheNext(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(r *rig){
		"done":      func(*rig) {},
		"failed":    func(r *rig) { r.hw.script("FirmwareJob", answer{jobs: found("m2 failed bad image")}) },
		"cancelled": func(r *rig) { r.cancel(Ref("r2"), "q2", "bob") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := fleet(t, 1, map[string]State{"r1": Ready})
			r.in = "r2"
			r.rack("r2", FirmwareWait, func(k *Rack) {
				k.Cycle = &Cycle{ID: "c2", Request: "q2", Scope: FullRack(fw2), Jobs: job("m2 running")}
			}).devices("m2")
			r.ask(backend.Request{ID: "q2", On: Ref("r2"), Type: lifecycle.TypeMaintenance, State: backend.RequestStarted}, Maintenance{Scope: FullRack(fw2)})
			r.pending("q1", "r1", -time.Minute, FullRack(sequence(SequenceOff)))
			r.hw.script("FirmwareJob", answer{jobs: found("m2 running")})
			_, _, err := r.controller().RunUntilIdle(t.Context(), r.now)
			require.NoError(t, err)
			r.inState(Ready)
			r.hw.script("FirmwareJob")
			end(r)
			r.advance(time.Second)
			r.step(Ref("r2"))
			if name == "done" {
				r.step(Ref("r2"))
			}
			_, _, err = r.controller().RunUntilIdle(t.Context(), r.now)
			require.NoError(t, err)
			r.inState(PoweredOff)
		})
	}
}

func TestARackThatCannotStartForAnotherReasonDoesNotBlockTheLine(t *testing.T) {
	t.Parallel()
	for name, stuck := range map[string]func(r *rig){
		"the rack is held":       func(r *rig) { r.hold(Ref("r2"), 0) },
		"its device is held":     func(r *rig) { r.hold(machine.Ref("m2"), 0) },
		"it is to be deleted":    func(r *rig) { require.NoError(r, r.controller().Delete(r.Context(), Ref("r2"), "alice", false)) },
		"its topology changed":   func(r *rig) { r.editRack("r2", func(k *Rack) { k.TopologyChanged = true }) },
		"nobody knows its class": func(r *rig) { r.editRack("r2", func(k *Rack) { k.ReprovisionRequested, k.ProfileID = true, "P9" }) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := fleet(t, 1, map[string]State{"r1": Ready, "r2": Ready})
			r.pending("q1", "r1", -time.Minute, FullRack(sequence(SequenceOff))).pending("q2", "r2", -time.Hour, FullRack(sequence(SequenceOff)))
			stuck(r)
			r.step()
			r.inState(PoweringOff)
		})
	}
}

func (r *rig) editRack(id string, f func(k *Rack)) {
	r.Helper()
	r.apply(func(tx *lifecycle.Tx) error {
		k, err := lifecycle.Edit[Rack](tx, Ref(id))
		if err == nil {
			f(k)
		}
		return err
	})
}

func TestTheFirstMaintenanceDoesNotWaitForTheLimit(t *testing.T) {
	t.Parallel()
	r := fleet(t, 1, map[string]State{"r1": Discovering, "r2": FirmwareWait})
	r.step()
	r.inState(FirmwareStart)
}

func TestAReprovisionWaitsForTheLimit(t *testing.T) {
	t.Parallel()
	r := fleet(t, 1, map[string]State{"r1": Ready, "r2": FirmwareWait})
	r.edit(func(k *Rack) { k.ReprovisionRequested = true })
	r.step()
	r.inState(Ready)
	r.waits("1 racks are in maintenance")
	assert.True(t, r.get().ReprovisionRequested)
}

func TestAReprovisionTakesItsPlaceInTheLineByTheTimeItWasAskedFor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.set.MaxInMaintenance, r.age = 1, 24*time.Hour
	r.rack("r1", Ready).devices("m1")
	r.in, r.age = "r2", time.Hour
	r.rack("r2", Ready).devices("m2")
	r.pending("q2", "r2", -30*time.Minute, FullRack(sequence(SequenceOff)))
	require.NoError(t, r.postAs(lifecycle.TypeReprovision, "q1", nil))
	r.step(r1, Ref("r2"))
	r.inState(Ready)
	assert.Equal(t, []string{"r2"}, r.started("r1", "r2"), "the older request goes first")
}
