package verify_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/verify"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// everything is what a world says of itself.
func everything(w *verify.World) []any {
	var open []backend.Request
	for _, r := range w.Records() {
		open = append(open, w.Open(r.Ref)...)
	}
	return []any{w.Records(), w.Requests(), open, w.Now()}
}

func TestAWorldIsWhatItsStoreHoldsAlsoWhenItIsLoadedFromThere(t *testing.T) {
	t.Parallel()
	p := live(t, 2, 40)
	loaded := verify.NewWorld()
	require.NoError(t, loaded.Load(t.Context(), p.store))
	was := everything(p.checker.World())
	loaded.SetNow(p.checker.World().Now())
	assert.Empty(t, cmp.Diff(was, everything(loaded)))
	require.NotEmpty(t, loaded.Requests())

	stored, err := p.store.List(t.Context(), backend.Query{})
	require.NoError(t, err)
	assert.Empty(t, cmp.Diff(stored, loaded.Records()))
	requests, err := p.store.Requests(t.Context(), backend.RequestQuery{})
	require.NoError(t, err)
	assert.Empty(t, cmp.Diff(requests, loaded.Requests()))

	late := verify.NewChecker()
	require.NoError(t, late.World().Load(t.Context(), p.store))
	assert.NoError(t, late.Audit(t.Context(), p.store), "the history too")
}

func TestAWorldThatCannotBeLoadedStaysAsItIs(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	was := everything(s.World())
	closed := memory.New()
	require.NoError(t, closed.Close())
	require.ErrorIs(t, s.World().Load(t.Context(), closed), backend.ErrClosed)
	assert.Empty(t, cmp.Diff(was, everything(s.World())))
}

func TestAWorldIsAsItsCommitsMadeIt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	data := []byte(`{"primary":true}`)
	k := post(s.edit(s1, entity(s1)), request("q", "maintenance"))
	k.Writes[0].Record.Data = data
	k.Post[0].Params = []byte(`{"operation":"PowerOn"}`)
	require.Empty(t, s.commit(k))
	copy(data, `{"garbage":nil}}`) // it belongs to the caller again
	copy(k.Post[0].Params, `{"garbage`)

	sw, ok := s.World().Switch("s1")
	require.True(t, ok)
	assert.True(t, sw.Primary)
	assert.Equal(t, s1, sw.Ref())
	require.Len(t, s.World().Open(s1), 1)
	assert.JSONEq(t, `{"operation":"PowerOn"}`, string(s.World().Open(s1)[0].Params))
	require.Empty(t, s.commit(s.wait(s1)))
	rec, ok := s.World().Record(s1)
	require.True(t, ok)
	assert.Equal(t, uint64(3), rec.Version)
	assert.JSONEq(t, `{"primary":true}`, string(rec.Data), "nil is unchanged")

	r, ok := s.World().Rack("r1")
	require.True(t, ok)
	assert.Equal(t, "P", r.ProfileID)
	_, ok = s.World().Machine("m1")
	assert.True(t, ok)
	_, ok = s.World().PowerShelf("p1")
	assert.True(t, ok)
	_, ok = s.World().Machine("s1")
	assert.False(t, ok, "that is a switch")
	_, ok = s.World().Record(backend.Ref{Kind: backend.KindMachine, ID: "m9"})
	assert.False(t, ok)

	end := s.update(purge(s.move(s1, "Purged", "")), "q", end(backend.RequestSuperseded))
	require.Empty(t, s.commit(end))
	rec, ok = s.World().Record(s1)
	require.True(t, ok, "a tombstone")
	assert.True(t, rec.Gone())
	assert.Nil(t, rec.Data)
	assert.Len(t, s.World().Records(), 3)
	assert.Empty(t, s.World().Open(s1))
	assert.Len(t, s.World().Requests(), 1)
	_, ok = s.World().Switch("s1")
	assert.False(t, ok)
}

func TestClonesGoTheirOwnWay(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.put(s1, "Ready", entity(s1), request("q", "maintenance"))
	was := everything(s.World())
	a, b := &stage{t, s.Clone()}, &stage{t, s.Clone()}
	require.Empty(t, a.commit(a.update(a.move(s1, "MaintenanceRequested", string(nvswitch.PoweringOff)), "q", begin)))
	require.Empty(t, a.commit(created(a, rack.Ref("r2"), "Discovered", "Created")))
	require.Empty(t, b.commit(purge(b.move(m1, "Purged", ""))))
	require.Empty(t, a.call(m1, 0, "ResetHost", m1))
	assert.Empty(t, cmp.Diff(was, everything(s.World())), "the one that was cloned")
	assert.Len(t, a.World().Records(), 5)
	assert.Len(t, b.World().Records(), 3)
	assert.Equal(t, backend.RequestPending, b.World().Open(s1)[0].State)
	assert.Equal(t, backend.RequestStarted, a.World().Open(s1)[0].State)

	other := verify.Call{Name: "ResetBMC", Key: key(m1, 1, "ResetHost"), Devices: devicesOf([]backend.Ref{m1})}
	assert.Equal(t, []string{"a key belongs to one call"}, rulesOf(t, a.Clone().Call(other)), "a clone remembers the keys of before")
	assert.Empty(t, s.Call(other), "and nobody those of another")
	require.Empty(t, s.commit(takeOff(s)), "the one that was cloned can still change")
	assert.Equal(t, backend.RequestPending, b.World().Open(s1)[0].State)
}

func TestAConcurrentCheckerLeavesOutWhatHoldsForOneWorkerOnly(t *testing.T) {
	t.Parallel()
	for _, b := range breaches() {
		alone := false
		for _, r := range verify.Rules() {
			alone = alone || r.Alone && r.Name == b.rule
		}
		found := b.play(newStage(t, append(b.opts, verify.Concurrent())...), true)
		assert.Equal(t, alone, len(found) == 0, "%s/%s: %v", b.rule, b.name, found)
		assert.Empty(t, b.play(newStage(t, append(b.opts, verify.Without(b.rule))...), true), "%s", b.rule)
	}
}

func TestABrokenRuleSaysItsNameAndPromise(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	k := takeOff(s)
	k.Writes[0].Transition.Initiator = ""
	found := s.Commit(k)
	require.Len(t, found, 1)
	assert.EqualError(t, found[0], `"a history row says of what, by whom and when" (promise 1) does not hold: row 2 of switch/s1 has no initiator`)
	var broken *verify.Broken
	require.ErrorAs(t, found[0], &broken)
	assert.EqualError(t, broken.Unwrap(), "row 2 of switch/s1 has no initiator")
}
