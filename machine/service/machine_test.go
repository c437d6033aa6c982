package service_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/machine/service"
)

// report makes machine m1 known, as the explorer of a site does.
func (r *rig) report() *rig {
	r.Helper()
	require.NoError(r, r.Controller().Apply(r.Context(), func(tx *lifecycle.Tx) error {
		return tx.Create(machine.NewMachine("m1", "r1", machine.Discovered{}), "explorer", "reported")
	}))
	return r
}

// bound makes node n1 of machine m1.
func (r *rig) bound() *rig {
	r.Helper()
	_, err := r.Create(r.Context(), service.NewNode{ID: "n1", Machine: "m1", Initiator: "ann"})
	require.NoError(r, err)
	return r
}

func (r *rig) machine() *machine.Machine {
	r.Helper()
	m, err := lifecycle.Get[machine.Machine](r.Controller(), machine.Ref("m1"))
	require.NoError(r, err)
	return m
}

// inReady has the machine come up.
func (r *rig) inReady() *rig {
	r.Helper()
	r.pass(time.Hour)
	require.Equal(r, string(machine.Ready), r.machine().State())
	return r
}

// requests are all that were ever posted on the machine.
func (r *rig) requests() []backend.Request {
	r.Helper()
	found, err := r.store.Requests(r.Context(), backend.RequestQuery{On: machine.Ref("m1")})
	require.NoError(r, err)
	return found
}

func TestANodeHoldsItsMachineInTheSameCommitAsTheMove(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, store backend.Store) {
		r := newRig(t, store).withMachines().open(service.Default()).report().bound().inReady()
		assert.Equal(t, "r1", r.doc().Rack, "a node is in the rack of its machine")
		before := r.machine().Version()
		r.move("maintenance", "ann", "fan 3 is loud")
		m := r.machine()
		require.Len(t, m.Holds, 1)
		h := m.Holds[0]
		assert.Equal(t, "service by node/n1 (node n1 is in maintenance: fan 3 is loud)", h.String())
		assert.Equal(t, r.clock.Now(), h.At)
		assert.Equal(t, before+1, m.Version())
		assert.Equal(t, r.clock.Now(), m.PausedSince, "its clock stands still")

		r.clock.Add(time.Hour)
		r.move("rma", "ann", "")
		m = r.machine()
		require.Len(t, m.Holds, 1)
		assert.Equal(t, "node n1 is in rma", m.Holds[0].Reason)
		assert.Equal(t, h.At, m.Holds[0].At, "it is the same hold")

		r.move("maintenance", "ann", "")
		r.move("in_service", "ann", "")
		m = r.machine()
		assert.Empty(t, m.Holds)
		assert.Zero(t, m.PausedSince)
		assert.Equal(t, time.Hour, m.Paused)
	})
}

func TestTheHoldsOfOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).withMachines().open(service.Default()).report().bound().inReady()
	hold := func(owner string, d time.Duration) {
		h := lifecycle.Hold{Type: "service", Owner: owner, Reason: "x"}
		if d > 0 {
			h.Expires = r.clock.Now().Add(d)
		}
		require.NoError(t, r.Controller().PlaceHold(t.Context(), machine.Ref("m1"), h))
	}
	hold("bob", 0)
	r.move("maintenance", "ann", "")
	r.move("in_service", "ann", "")
	require.Len(t, r.machine().Holds, 1)
	assert.Equal(t, "bob", r.machine().Holds[0].Owner)
	assert.NotZero(t, r.machine().PausedSince, "the machine is still held")
	require.NoError(t, r.Controller().ReleaseHold(t.Context(), machine.Ref("m1"), "service", "bob"))

	start := r.clock.Now()
	hold("eve", time.Minute)
	r.move("maintenance", "ann", "")
	r.clock.Add(time.Hour) // no pass has noticed that eve's hold is over
	r.move("in_service", "ann", "")
	assert.Empty(t, r.machine().Holds)
	assert.Equal(t, r.clock.Now().Sub(start), r.machine().Paused, "the clock stood still as long as any hold stood")
}

func TestAMachineThatComesLaterOrAnewIsHeldToo(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).withMachines().open(service.Default()).bound()
	r.move("maintenance", "ann", "before the machine is known")
	r.settle()
	r.report().settle()
	require.Len(t, r.machine().Holds, 1, "the node looks as soon as there is a machine")
	assert.Contains(t, r.machine().Holds[0].Reason, "before the machine is known")
	require.NoError(t, r.Controller().ReleaseHold(t.Context(), machine.Ref("m1"), service.HoldType, service.HoldOwner("n1")))
	r.Controller().Wake(service.Ref("n1"))
	r.settle()
	assert.Len(t, r.machine().Holds, 1, "a hold that was lost comes back")

	require.NoError(t, r.Controller().Delete(t.Context(), service.Ref("n1"), "ann", false))
	r.settle()
	assert.Empty(t, r.machine().Holds, "it goes with the node")
}

func TestBindMovesTheHold(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).withMachines().open(service.Default()).report().create("n1").create("n2")
	r.move("maintenance", "ann", "")
	d, err := r.Bind(t.Context(), "n1", "m1", 2)
	require.NoError(t, err)
	assert.Equal(t, uint64(3), d.Version)
	assert.Equal(t, "m1", d.Machine)
	assert.Len(t, r.machine().Holds, 1)
	_, err = r.Bind(t.Context(), "n2", "m1", 0)
	require.ErrorIs(t, err, service.ErrMachineTaken)
	require.EqualError(t, err, "node n2 cannot be changed: the machine belongs to another node: m1 is bound to node/n1")
	_, err = r.Create(t.Context(), service.NewNode{ID: "n3", Machine: "m1"})
	require.ErrorIs(t, err, service.ErrMachineTaken)
	_, err = r.Bind(t.Context(), "n1", "", 3)
	require.NoError(t, err)
	assert.Empty(t, r.machine().Holds)
	_, err = r.Bind(t.Context(), "n2", "m1", 0)
	require.NoError(t, err)
}

func TestANodeThatBeginsInAHoldingStateHoldsItsMachineAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).withMachines().open(parse(t, `
name: n
initial: new
states: [{name: new, hold: true}, up]
transitions: [{from: new, to: up}, {from: up, to: new}]
`)).report().bound()
	assert.Len(t, r.machine().Holds, 1)
}

func TestAFirmwareUpdateReprovisionsTheMachineAndGoesBackInService(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, store backend.Store) {
		r := newRig(t, store).withMachines().open(service.DefaultWithReprovision()).report().bound().inReady()
		r.move("maintenance", "ann", "")
		r.move("firmware_update", "temporal:ReturnToServiceWorkflow", "CVE-1")
		assert.Empty(t, r.machine().Holds, "firmware_update does not hold the machine")
		at := r.clock.Now()
		r.settle()
		r.pass(time.Minute)
		asked := r.requests()
		require.Len(t, asked, 1)
		assert.Equal(t, lifecycle.TypeReprovision, asked[0].Type)
		assert.Equal(t, "node/n1 (temporal:ReturnToServiceWorkflow)", asked[0].Initiator)
		assert.Equal(t, backend.RequestFinished, asked[0].State)
		assert.Equal(t, []string{"in_service", "maintenance", "firmware_update", "in_service"}, r.way())
		last := r.last()
		assert.Equal(t, asked[0].EndedAt, last.At, "the node looks when the request ends, not at its next resync")
		assert.GreaterOrEqual(t, last.At, at)
		assert.Equal(t, "action:host_reprovision", last.Initiator)
		assert.Contains(t, last.Note, "host_reprovision succeeded: request "+asked[0].ID)
	})
}

func TestAReprovisionThatDoesNotFinishGoesToMaintenance(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		machine bool
		end     backend.RequestState
		note    string
	}{
		"cancelled":       {true, backend.RequestCancelled, "is cancelled; cancelled by bob"},
		"superseded":      {true, backend.RequestSuperseded, "is superseded; superseded by"},
		"without machine": {false, "", "there is no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, memory.New()).withMachines().open(service.DefaultWithReprovision())
			if c.machine {
				r.report().bound().inReady()
				// somebody else keeps the machine from beginning
				require.NoError(t, r.Controller().PlaceHold(t.Context(), machine.Ref("m1"), lifecycle.Hold{Type: "person", Owner: "bob", Reason: "mine"}))
			} else {
				r.bound()
			}
			r.move("maintenance", "ann", "")
			r.move("firmware_update", "ann", "")
			r.settle()
			switch c.end {
			case backend.RequestCancelled:
				assert.Contains(t, r.reason(), "is pending, the machine is in Ready, held: person by bob (mine)")
				require.NoError(t, r.Controller().CancelRequest(t.Context(), machine.Ref("m1"), r.requests()[0].ID, "bob"))
			case backend.RequestSuperseded:
				_, err := r.Controller().Request(t.Context(), lifecycle.NewRequest{Type: lifecycle.TypeReprovision, Initiator: "bob"}, machine.Ref("m1"))
				require.NoError(t, err)
			default: // the request cannot even be posted
			}
			r.settle()
			last := r.last()
			require.Equal(t, "maintenance", last.To, r.reason())
			assert.Contains(t, last.Note, "host_reprovision failed: ")
			if c.machine {
				assert.Contains(t, last.Note, c.note)
				assert.Equal(t, c.end, r.requests()[0].State)
			}
		})
	}
}

func TestANodeWithoutAMachineCannotBeReprovisioned(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(service.DefaultWithReprovision()).create("n1")
	r.move("maintenance", "ann", "")
	r.move("firmware_update", "ann", "")
	r.settle()
	assert.Equal(t, "host_reprovision failed: node/n1 is bound to no machine", r.last().Note)
}

func TestARequestThatHasNotBegunIsWithdrawnWhenTheNodeIsMovedByHand(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).withMachines().open(service.DefaultWithReprovision()).report().bound().inReady()
	require.NoError(t, r.Controller().PlaceHold(t.Context(), machine.Ref("m1"), lifecycle.Hold{Type: "person", Owner: "bob", Reason: "mine"}))
	r.move("maintenance", "ann", "")
	r.move("firmware_update", "ann", "")
	r.settle()
	require.Equal(t, backend.RequestPending, r.requests()[0].State)
	r.move("maintenance", "ann", "we wait")
	r.settle()
	assert.Equal(t, backend.RequestWithdrawn, r.requests()[0].State)
	assert.Equal(t, "node/n1 has moved on", r.requests()[0].Reason)
	assert.Equal(t, "maintenance", r.node().State())
}

func TestAGuardAsksTheMachine(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).withMachines().open(parse(t, `
name: n
initial: down
states: [down, up]
transitions:
  - {from: down, to: up, guard: health.ok and machine.known and machine.state == "Ready" and not machine.held}
  - {from: up, to: down}
`)).bound()
	m := service.Move{Initiator: "ann"}
	r.refused("up", m, service.ErrGuard)
	r.report()
	r.refused("up", m, service.ErrGuard)
	r.inReady()
	require.NoError(t, r.Controller().ReportHealth(t.Context(), machine.Ref("m1"), "fan", lifecycle.Alert{ID: "loud", Classifications: []lifecycle.Classification{lifecycle.PreventAllocations}}))
	r.refused("up", m, service.ErrGuard)
	require.NoError(t, r.Controller().ReportHealth(t.Context(), machine.Ref("m1"), "fan"))
	r.move("up", "ann", "")
}

func TestNodesAreWokenWhileTheServiceRuns(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).withMachines().open(service.DefaultWithReprovision())
	r.report().bound().inReady()
	r.move("maintenance", "ann", "")
	r.move("firmware_update", "ann", "")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Service.Run(ctx) }()
	require.Eventually(t, func() bool { return r.node().State() == "in_service" }, 10*time.Second, time.Millisecond)
	cancel()
	require.NoError(t, <-done)
}
