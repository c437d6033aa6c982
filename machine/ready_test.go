package machine

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// pending is a request of a type that is older the earlier it comes.
func pending(id, typ string, age time.Duration) backend.Request {
	return backend.Request{ID: id, Type: typ, Initiator: "alice", At: epoch.Add(-age)}
}

func TestWhatReadyLooksAtFirst(t *testing.T) {
	t.Parallel()
	order := []struct {
		typ string
		to  State
	}{
		{TypeAssign, AssignedProvisioning},
		{TypeVerifySKU, BomValidatingUpdatingInventory},
		{lifecycle.TypeReprovision, HostReprovisionCheckingFirmware},
		{TypeValidate, ValidationRebootHost},
	}
	for i, first := range order {
		t.Run(first.typ, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("Ready", "").machine(Ready, 0, Machine{})
			for j := len(order) - 1; j >= i; j-- { // the later ones were posted first
				r.asked(pending(order[j].typ, order[j].typ, time.Duration(j+1)*time.Minute), nil)
			}
			r.start().step()
			r.inState(first.to)
			for _, later := range order[i+1:] {
				want := backend.RequestPending
				if first.typ == TypeAssign && later.typ != lifecycle.TypeReprovision { // nobody asks for a check in a year
					want = backend.RequestSuperseded
				}
				assert.Equal(t, want, r.request(later.typ).State, later.typ)
			}
			assert.Equal(t, backend.RequestStarted, r.request(first.typ).State)
		})
	}
}

func TestAnAssignmentThatThisVersionDoesNotUnderstandIsRejected(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Ready, 0, Machine{}).asked(pending("q1", TypeAssign, time.Minute), 7).start()
	r.step()
	r.inState(Ready)
	q1 := r.request("q1")
	assert.Equal(t, backend.RequestRejected, q1.State)
	assert.Contains(t, q1.Reason, "parameters of request q1")
}

func TestAPassInReadyWithoutRequestsCallsNoHardware(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("Ready", "").machine(Ready, -2000*time.Hour, Machine{}).start()
	r.run(time.Hour)
	assert.Empty(t, r.hw.calls)
	assert.Equal(t, []State{Ready}, r.way())
	assert.Equal(t, backend.OutcomeNothing, r.step().Outcome.Kind)
}

func TestAMachineIsGivenToItsTenant(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Ready, 0, Machine{}).start()
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeAssign, Initiator: "broker", Params: Assign{Tenant: "tenant-7"}}))
	r.run(time.Minute)
	assert.Equal(t, []State{Ready, AssignedProvisioning, AssignedReady}, r.way())
	assert.Equal(t, "tenant-7", r.get().Tenant)
	assert.Equal(t, backend.RequestFinished, r.request("q1").State)
	assert.True(t, r.get().Available())
	assert.Empty(t, r.hw.calls)
}

func TestATenantWithoutANameIsTheInitiator(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Ready, 0, Machine{}).start()
	require.NoError(t, r.post(lifecycle.NewRequest{Type: TypeAssign, Initiator: "tenant-7"}))
	r.run(0)
	assert.Equal(t, "tenant-7", r.get().Tenant)
}

func TestAnAlertThatForbidsAllocationRefusesAnAssignment(t *testing.T) {
	t.Parallel()
	m := Machine{}
	m.Report("operator", lifecycle.Alert{ID: "a1", Classifications: []lifecycle.Classification{lifecycle.PreventAllocations}})
	r := newRig(t).machine(Ready, 0, m).start()
	err := r.post(lifecycle.NewRequest{Type: TypeAssign, Initiator: "tenant-7"})
	require.ErrorIs(t, err, lifecycle.ErrRejected)
	require.ErrorContains(t, err, "m1")
	require.ErrorContains(t, err, "a1")
	r.inState(Ready)
}

func TestAnAlertThatCameAfterTheAssignmentWasAcceptedRejectsIt(t *testing.T) {
	t.Parallel()
	m := Machine{}
	m.Report("operator", lifecycle.Alert{ID: "a1", Classifications: []lifecycle.Classification{lifecycle.PreventAllocations}})
	r := newRig(t).machine(Ready, 0, m).asked(pending("q1", TypeAssign, time.Minute), nil).start()
	r.step()
	r.inState(Ready)
	assert.Equal(t, backend.RequestRejected, r.request("q1").State)
}

func TestAnAssignmentIsRefusedOutsideReadyAndTwice(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(HostInitDiscovered, 0, Machine{}).start()
	require.ErrorContains(t, r.post(lifecycle.NewRequest{Type: TypeAssign}), "is in HostInit/Discovered; assign is accepted in [Ready]")

	r = newRig(t).machine(Ready, 0, Machine{}).start()
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeAssign}))
	require.ErrorContains(t, r.post(lifecycle.NewRequest{ID: "q2", Type: TypeAssign}), "request q1 (assign) of machine m1 is pending already")
	require.ErrorIs(t, r.post(lifecycle.NewRequest{Type: TypeAssign, Params: []int{1}}), lifecycle.ErrRejected)
}

func TestRequestsThatMakeNoSenseInReadyAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Ready, 0, Machine{}).start()
	for _, typ := range []string{TypeRelease, TypeDPUReprovision, TypeRecover, lifecycle.TypeMaintenance} {
		require.ErrorIs(t, r.post(lifecycle.NewRequest{Type: typ}), lifecycle.ErrRejected, typ)
	}
}

// network is a tenant network hook.
type network struct {
	answers []error // one for each call; nil is done
	keys    []string
}

var errUnderWay = errors.New("under way")

func (n *network) Provision(_ context.Context, key string, _ backend.Device, _ string) (bool, error) {
	n.keys = append(n.keys, key)
	answer := n.answers[0]
	if len(n.answers) > 1 {
		n.answers = n.answers[1:]
	}
	if errors.Is(answer, errUnderWay) {
		return false, nil
	}
	return answer == nil, answer
}

func (n *network) Release(ctx context.Context, key string, device backend.Device, tenant string) (bool, error) {
	return n.Provision(ctx, key, device, tenant)
}

func TestTheNetworkOfTheTenantIsWaitedFor(t *testing.T) {
	t.Parallel()
	hook := &network{answers: []error{errBusy, errUnderWay, errUnderWay, nil}}
	r := newRig(t)
	r.cfg.Tenant = hook
	r.machine(AssignedProvisioning, 0, Machine{Tenant: "tenant-7"}).start()
	r.step()
	assert.Contains(t, r.reason(), "the BMC is busy")
	r.step()
	assert.Contains(t, r.reason(), "the network of tenant-7")
	r.run(time.Minute)
	r.inState(AssignedReady)
	assert.Equal(t, []string{"machine/m1#1/Provision/0", "machine/m1#1/Provision/0", "machine/m1#1/Provision/0", "machine/m1#1/Provision/0"}, hook.keys)
}

func TestANetworkThatDoesNotSupportTheMachineIsPassed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.Tenant = &network{answers: []error{backend.ErrNotSupported}}
	r.machine(AssignedProvisioning, 0, Machine{}).start().step()
	r.inState(AssignedReady)
	assert.Equal(t, "no tenant network hook: passed", r.note())
}

func TestAnAssignmentThatCannotBeMadeFailsAndIsRepeatedOnRequest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.Tenant = &network{answers: []error{errBroken, nil}}
	r.machine(Ready, 0, Machine{}).start()
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeAssign, Initiator: "tenant-7"}))
	r.run(time.Hour)
	r.inState(AssignedFailed)
	m := r.get()
	assert.Equal(t, CauseInstance, m.Cause)
	assert.True(t, m.Failed(0))
	assert.False(t, m.Available())
	assert.Equal(t, backend.RequestFailed, r.request("q1").State)
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q2", Type: TypeRecover, Initiator: "alice"}))
	r.run(time.Minute)
	r.inState(AssignedReady)
	assert.Equal(t, backend.RequestFinished, r.request("q2").State)
}

func TestACancelledAssignmentIsNotShownAsDone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.Tenant = &network{answers: []error{errUnderWay}}
	r.machine(Ready, 0, Machine{}).start()
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeAssign, Initiator: "tenant-7"}))
	r.run(time.Minute)
	require.NoError(t, r.ctl.CancelRequest(t.Context(), m1, "q1", "bob"))
	r.run(time.Minute)
	r.inState(AssignedFailed)
	assert.Equal(t, backend.RequestCancelled, r.request("q1").State)
	assert.Contains(t, r.note(), "cancelled by bob")
}
