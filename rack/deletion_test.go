package rack

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// gone reports which of the objects are no longer there.
func (r *rig) gone(refs ...backend.Ref) []backend.Ref {
	r.Helper()
	var out []backend.Ref
	for _, ref := range refs {
		if _, err := r.controller().Outcome(ref); err != nil {
			require.ErrorIs(r, err, backend.ErrNotFound)
			out = append(out, ref)
		}
	}
	return out
}

func TestARackIsDeletedAfterItsChildren(t *testing.T) {
	t.Parallel()
	all := []backend.Ref{machine.Ref("m1"), nvswitch.Ref("s1"), powershelf.Ref("p1"), r1}
	r := newRig(t).rack("r1", Ready).devices("m1", "s1", "p1")
	r.remove(r1)
	r.step(r1, r1)
	r.inState(Deleting)
	r.waits("m1", "s1", "p1")
	assert.True(t, r.m("m1").Deleted())
	assert.Equal(t, "rack-r1", r.m("m1").Deletion.Initiator)
	assert.False(t, r.m("m1").Deletion.Force)
	r.run(10 * time.Minute)
	assert.Equal(t, all, r.gone(all...))
	rows, err := r.store.History(t.Context(), backend.HistoryQuery{})
	require.NoError(t, err)
	assert.Equal(t, []string{"rack/r1", "", "alice"}, []string{rows[len(rows)-1].Ref.String(), rows[len(rows)-1].To, rows[len(rows)-1].Initiator}, "the rack goes last")
}

func TestADeletionMarkComesBeforeEverythingElse(t *testing.T) {
	t.Parallel()
	for _, info := range states {
		if info.State == Deleting {
			continue
		}
		t.Run(string(info.State), func(t *testing.T) {
			t.Parallel()
			r := newRig(t).maintained(info.State, FullRack(), func(k *Rack) { k.TopologyChanged, k.ReprovisionRequested = true, true }).devices("m1")
			r.remove(r1)
			r.hold(r1, 0)
			r.step()
			r.inState(Deleting)
			assert.Equal(t, backend.RequestSuperseded, r.request(r1, "q1").State)
			assert.Empty(t, r.hw.did)
			r.run(time.Minute)
			assert.Len(t, r.gone(r1, machine.Ref("m1")), 2)
		})
	}
}

func TestARackWithAssignedMachinesIsNotMarkedUnlessForced(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready).devices("m1").machine("m2", machine.AssignedReady).machine("m3", machine.AssignedProvisioning)
	err := r.controller().Delete(t.Context(), r1, "alice", false)
	require.ErrorIs(t, err, lifecycle.ErrRejected)
	mentions(t, err.Error(), "m2", "m3", "r1")
	assert.NotContains(t, err.Error(), "m1,")
	assert.False(t, r.get().Deleted())
	require.NoError(t, r.controller().Delete(t.Context(), r1, "alice", true))
	r.run(10 * time.Minute)
	assert.Len(t, r.gone(r1, machine.Ref("m1"), machine.Ref("m2"), machine.Ref("m3")), 4)
}

func TestAForcedDeletionIsAlsoARequest(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(FirmwareWait, FullRack(fw2)).machine("m1", machine.AssignedReady).devices("s1")
	r.remove(nvswitch.Ref("s1"))
	require.NoError(t, r.postAs(lifecycle.ForceDelete, "q9", nil))
	r.step(r1, r1)
	assert.True(t, r.m("m1").Deletion.Force)
	r.run(10 * time.Minute)
	assert.Len(t, r.gone(r1, machine.Ref("m1"), nvswitch.Ref("s1")), 3)
	assert.False(t, r.request(r1, "q9").State.Open())

	marked := newRig(t).rack("r1", Deleting, func(k *Rack) { k.Deletion = &lifecycle.Deletion{At: epoch, Initiator: "alice"} }).machine("m1", machine.AssignedReady)
	marked.step()
	marked.waits("m1", "tenant")
	require.NoError(t, marked.postAs(lifecycle.ForceDelete, "q9", nil), "it is accepted on a rack that is marked already")
	marked.run(10 * time.Minute)
	assert.Len(t, marked.gone(r1, machine.Ref("m1")), 2)
}

func TestAMachineThatWasAssignedMeanwhileIsNamed(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Deleting, func(k *Rack) { k.Deletion = &lifecycle.Deletion{At: epoch, Initiator: "alice"} }).machine("m1", machine.AssignedReady).devices("s1")
	r.step()
	r.inState(Deleting)
	r.waits("m1", "tenant", "s1")
	assert.False(t, r.m("m1").Deleted())
	assert.True(t, r.s("s1").Deleted(), "the others go")
}

func TestAChildWhoseRecordCannotBeReadKeepsTheRackAndIsNamed(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready).devices("s1")
	r.seed(machine.Ref("m1"), "r1", "Nowhere", struct{}{})
	r.remove(r1)
	r.run(10 * time.Minute)
	r.inState(Deleting)
	r.waits("m1", "cannot be read", "purge")
	assert.Len(t, r.gone(nvswitch.Ref("s1")), 1, "the others go")
}

func TestARackInDeletingWithoutChildrenGoesAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Deleting, func(k *Rack) { k.Deletion = &lifecycle.Deletion{At: epoch, Initiator: "alice"} })
	r.step()
	assert.Len(t, r.gone(r1), 1)
}

func TestAChildThatArrivesInARackThatIsBeingDeletedGoesWithIt(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Deleting, func(k *Rack) { k.Deletion = &lifecycle.Deletion{At: epoch, Initiator: "alice"} })
	r.arrive("m1")
	r.run(time.Minute)
	assert.Len(t, r.gone(r1, machine.Ref("m1")), 2)
}
