package nvswitch_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	nvswitch "github.com/rackstate/rackstate/switch"
)

func TestARequestThatCannotBeAcceptedIsRefusedWithAllItsProblems(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		state  nvswitch.State
		before []backend.Request
		asked  lifecycle.NewRequest
		says   []string
	}{
		{
			name: "an unknown operation lists the known ones", state: nvswitch.Ready,
			asked: lifecycle.NewRequest{Type: lifecycle.TypeMaintenance, Params: nvswitch.Maintenance{Operation: "Melt"}},
			says:  []string{"Melt", "PowerOn", "PowerOff", "Reset", "ReconfigureCertificate"},
		},
		{
			name: "no operation is no operation", state: nvswitch.Ready,
			asked: lifecycle.NewRequest{Type: lifecycle.TypeMaintenance}, says: []string{`operation ""`},
		},
		{
			name: "a switch in bring-up refuses maintenance and names its state", state: nvswitch.FetchInfo,
			asked: lifecycle.NewRequest{Type: lifecycle.TypeMaintenance, Params: nvswitch.Maintenance{Operation: nvswitch.OpReset}},
			says:  []string{"FetchInfo", "Ready", "Error"},
		},
		{
			name: "a second maintenance request is refused while one is pending", state: nvswitch.Error,
			before: one(byAlice("q1", nvswitch.OpPowerOn, false)),
			asked:  lifecycle.NewRequest{Type: lifecycle.TypeMaintenance, Params: nvswitch.Maintenance{Operation: nvswitch.OpReset}},
			says:   []string{"q1", "pending already"},
		},
		{
			name: "all problems are reported together", state: nvswitch.Resetting,
			before: one(byAlice("q1", nvswitch.OpReset, true)),
			asked:  lifecycle.NewRequest{Type: lifecycle.TypeMaintenance, Params: nvswitch.Maintenance{Operation: "Melt"}},
			says:   []string{"Melt", "Maintenance/Reset", "q1", "started already"},
		},
		{
			name: "parameters that cannot be read are refused", state: nvswitch.Ready,
			asked: lifecycle.NewRequest{Type: lifecycle.TypeMaintenance, Params: json.RawMessage(`{"operation": 7}`)}, says: []string{"parameters"},
		},
		{
			name: "a reprovision by anybody but a rack is refused by name", state: nvswitch.Ready,
			asked: lifecycle.NewRequest{Type: lifecycle.TypeReprovision, Initiator: "operator-1", Params: lifecycle.Reprovision{Await: []lifecycle.Step{firmware}}},
			says:  []string{"operator-1"},
		},
		{
			name: "a reprovision with an unknown step is refused", state: nvswitch.Ready,
			asked: lifecycle.NewRequest{Type: lifecycle.TypeReprovision, Initiator: "rack-r1", Params: lifecycle.Reprovision{Await: []lifecycle.Step{"bios"}}},
			says:  []string{"bios", "firmware", "nvos", "nmxc"},
		},
		{
			name: "a reprovision that cannot be read is refused", state: nvswitch.Ready,
			asked: lifecycle.NewRequest{Type: lifecycle.TypeReprovision, Initiator: "rack-r1", Params: json.RawMessage(`{"await": 7}`)}, says: []string{"parameters"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.rack("Ready", "")
			b.add("s1", tc.state, 0, nil)
			b.ask(tc.before...)
			b.start()
			_, err := b.ctl.Request(t.Context(), tc.asked, nvswitch.Ref("s1"))
			require.ErrorIs(t, err, lifecycle.ErrRejected)
			mentions(t, err.Error(), tc.says...)
			assert.Len(t, b.ctl.OpenRequests(nvswitch.Ref("s1")), len(tc.before))
		})
	}
}

func TestAnOperatorsResetIsFinishedWithAResult(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rack("Ready", "")
	b.add("s1", nvswitch.Ready, 0, func(s *nvswitch.Switch) { s.Power = backend.PowerOn })
	b.start()
	_, err := b.ctl.Request(t.Context(), lifecycle.NewRequest{
		ID: "q1", Type: lifecycle.TypeMaintenance, Initiator: "alice", Params: nvswitch.Maintenance{Operation: nvswitch.OpReset},
	}, nvswitch.Ref("s1"))
	require.NoError(t, err)
	assert.Equal(t, backend.RequestPending, b.request("q1").State, "accepted is not done")
	b.run(time.Minute)
	assert.Equal(t, []nvswitch.State{nvswitch.Resetting, nvswitch.Ready}, b.path())
	assert.Equal(t, []backend.PowerAction{backend.ActionReset}, b.hw.actions)
	q := b.request("q1")
	assert.Equal(t, backend.RequestFinished, q.State)
	assert.Equal(t, []backend.Result{{Target: nvswitch.Ref("s1"), Activity: "Reset", Status: backend.ResultOK, From: "on"}}, q.Results)
	for _, row := range b.history() {
		assert.Equal(t, "alice", row.Initiator)
	}
	assert.Equal(t, backend.PowerUnknown, b.get().Power, "what was observed before the reset tells nothing any more")
}

func TestEachOperationAsksForItsPowerAction(t *testing.T) {
	t.Parallel()
	for op, action := range map[nvswitch.Operation]backend.PowerAction{
		nvswitch.OpPowerOn: backend.ActionPowerOn, nvswitch.OpPowerOff: backend.ActionPowerOff, nvswitch.OpReset: backend.ActionReset,
	} {
		b := newBench(t)
		b.rack("Ready", "")
		b.add("s1", nvswitch.Ready, 0, nil)
		b.ask(byAlice("q1", op, false))
		b.start()
		b.run(time.Minute)
		assert.Equal(t, []backend.PowerAction{action}, b.hw.actions, op)
	}
}

func TestTheResultOfAFailureSaysWhetherAskingAgainCanHelp(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err  error
		want bool
	}{{backend.NotDone(errRefused), true}, {errRefused, true}, {backend.Permanent(errRefused, "replace it"), false}, {backend.ErrNotSupported, false}} {
		b := newBench(t)
		b.rack("Ready", "")
		b.add("s1", nvswitch.PoweringOn, 0, nil)
		b.ask(byAlice("q1", nvswitch.OpPowerOn, true))
		b.hw.setPower = []error{tc.err}
		b.start()
		b.step()
		results := b.request("q1").Results
		require.Len(t, results, 1)
		assert.Equal(t, backend.ResultFailed, results[0].Status)
		assert.Equal(t, tc.want, results[0].Retryable, tc.err)
	}
}

func TestTheResultOfACancelledReconfigurationNamesItsJob(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rack("Ready", "")
	b.add("s1", nvswitch.NewCertificateWait, 0, running)
	b.ask(byAlice("q1", nvswitch.OpReconfigureCertificate, true))
	b.hw.jobs = []jobAnswer{status(backend.JobRunning, "")}
	b.start()
	require.NoError(t, b.ctl.CancelRequest(t.Context(), nvswitch.Ref("s1"), "q1", "bob"))
	b.step()
	assert.Equal(t, []backend.Result{
		{Target: nvswitch.Ref("s1"), Activity: "ReconfigureCertificate", Status: backend.ResultRunning, JobID: "job-7"},
	}, b.request("q1").Results)
	assert.Nil(t, b.get().Certificate)
}

func TestANewerRequestOfTheRackTakesThePlaceOfThePendingOne(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rack("Maintenance", "c2")
	b.add("s1", nvswitch.Ready, 0, nil)
	b.ask(byRack("q1", "c1", false, firmware))
	b.start()
	_, err := b.ctl.Request(t.Context(), lifecycle.NewRequest{
		ID: "q2", Type: lifecycle.TypeReprovision, Initiator: "rack-r1", Cycle: "c2", Params: lifecycle.Reprovision{Await: []lifecycle.Step{nvos}},
	}, nvswitch.Ref("s1"))
	require.NoError(t, err)
	old := b.request("q1")
	assert.Equal(t, backend.RequestSuperseded, old.State)
	mentions(t, old.Reason, "q2", "rack-r1")
	b.step()
	assert.Equal(t, []nvswitch.State{nvswitch.WaitingForNVOS}, b.path())
}

func TestANewerRequestOfTheRackLeavesTheStartedOneToTheSwitch(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rack("Maintenance", "c2")
	b.add("s1", nvswitch.WaitingForFirmware, 0, nil)
	b.ask(byRack("q1", "c1", true, firmware))
	b.start()
	_, err := b.ctl.Request(t.Context(), lifecycle.NewRequest{
		ID: "q2", Type: lifecycle.TypeReprovision, Initiator: "rack-r1", Cycle: "c2", Params: lifecycle.Reprovision{Await: []lifecycle.Step{nmxc}},
	}, nvswitch.Ref("s1"))
	require.NoError(t, err)
	assert.Equal(t, backend.RequestStarted, b.request("q1").State)
	b.run(time.Second)
	assert.Equal(t, []nvswitch.State{nvswitch.Ready, nvswitch.WaitingForNMXC}, b.path())
	assert.Equal(t, backend.RequestWithdrawn, b.request("q1").State)
	assert.Equal(t, backend.RequestStarted, b.request("q2").State)
}

func TestAForceDeletionPassesThroughHoldsAndWork(t *testing.T) {
	t.Parallel()
	for _, state := range []nvswitch.State{nvswitch.Ready, nvswitch.PoweringOff, nvswitch.CertificateWait, nvswitch.Deleting} {
		b := newBench(t)
		b.rack("Ready", "")
		b.add("s1", state, 0, func(s *nvswitch.Switch) {
			s.Holds = []lifecycle.Hold{{Type: "repair", Owner: "bob", Reason: "board swap", At: begin}}
			if state == nvswitch.Deleting {
				markDeleted(s)
			}
		})
		b.start()
		_, err := b.ctl.Request(t.Context(), lifecycle.NewRequest{Type: lifecycle.ForceDelete, Initiator: "admin"}, nvswitch.Ref("s1"))
		require.NoError(t, err)
		assert.True(t, b.get().Deletion.Force)
		b.run(time.Minute)
		_, err = lifecycle.Get[nvswitch.Switch](b.ctl, nvswitch.Ref("s1"))
		require.ErrorIs(t, err, backend.ErrNotFound, state)
		assert.Empty(t, b.hw.calls)
	}
}
