package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// These tests are about two things that are true at once, of which one counts.

// cancelledBy is a started request that somebody asked to stop.
func cancelledBy(by, id, typ, initiator, cycle string) backend.Request {
	return backend.Request{ID: id, Type: typ, Initiator: initiator, Cycle: cycle, State: started, CancelledBy: by}
}

func TestReadyLooksAtTestsBeforeDPUsAndAtTheseBeforeMeasuring(t *testing.T) {
	t.Parallel()
	order := []string{TypeValidate, TypeDPUReprovision, TypeMeasure}
	for i, first := range order {
		r := newRig(t).withDPUs(1)
		r.withAttestors(MeasuredBoot)
		r.machine(Ready, 0, Machine{DPUs: 1})
		for j := len(order) - 1; j >= i; j-- { // the later ones were posted first
			r.asked(pending(order[j], order[j], time.Duration(j+1)*time.Minute), nil)
		}
		r.start().step()
		r.inState([]State{ValidationRebootHost, DpuReprovisionInstallDpuOs, MeasuringWaitingForMeasurements}[i])
		assert.Equal(t, started, r.request(first).State)
		for _, later := range order[i+1:] {
			assert.Equal(t, backend.RequestPending, r.request(later).State)
		}
	}
}

func TestAReleaseComesBeforeWhatElseIsTrueOfATenantsMachine(t *testing.T) {
	t.Parallel()
	current := rackStatus(lifecycle.ProgressFailed, "c1", -5*time.Minute, -time.Minute)
	for name, c := range map[string]struct {
		state   State
		machine Machine
		other   backend.Request
		ends    backend.RequestState
		why     string
	}{
		"an approved reprovision":      {AssignedReady, Machine{TenantApproved: true}, pending("q1", lifecycle.TypeReprovision, time.Minute), backend.RequestPending, ""},
		"an assignment to be stopped":  {AssignedProvisioning, Machine{}, cancelledBy("bob", "q1", TypeAssign, "alice", ""), backend.RequestCancelled, "the machine is released"},
		"a recover request":            {AssignedFailed, Machine{ReturnTo: AssignedProvisioning}, pending("q1", TypeRecover, time.Minute), backend.RequestSuperseded, "released"},
		"a failure that the rack saw":  {AssignedFailedFirmwareUpgrade, Machine{FirmwareUpgrade: current}, reprovisionBy("rack-r1", "c1", started), backend.RequestCancelled, "released by broker"},
		"a failure with a stopped try": {AssignedFailedFirmwareUpgrade, Machine{}, cancelledBy("bob", "q1", lifecycle.TypeReprovision, "alice", ""), backend.RequestCancelled, "released by broker"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("Maintenance", "c1")
			r.hw.locked()
			c.machine.Tenant = "tenant-7"
			r.machine(c.state, -time.Minute, c.machine).asked(c.other, nil).start()
			r.releaseBy("broker")
			r.step()
			r.inState(AssignedReleasing)
			assert.Equal(t, c.ends, r.request("q1").State)
			assert.Contains(t, r.request("q1").Reason, c.why)
		})
	}
}

func TestWhatInterruptsAReprovisionComesInItsOrder(t *testing.T) {
	t.Parallel()
	done := rackStatus(lifecycle.ProgressCompleted, "c1", -5*time.Minute, -time.Minute)
	reset := lifecycle.Reprovision{Reset: true}
	for name, c := range map[string]struct {
		state  State
		cycle  string // of the rack
		status *lifecycle.CycleStatus
		q1     backend.Request
		reset  bool // a second request asks for one
		to     State
		ends   backend.RequestState
	}{
		"a result of the rack before a cancellation":            {fwCheck, "c1", done, cancelledBy("bob", "q1", lifecycle.TypeReprovision, "rack-r1", "c1"), false, Ready, backend.RequestFinished},
		"a result of the rack before the end of its cycle":      {fwCheck, "c2", done, reprovisionBy("rack-r1", "c1", started), false, Ready, backend.RequestFinished},
		"a cancellation before the end of the cycle":            {fwCheck, "c2", nil, cancelledBy("bob", "q1", lifecycle.TypeReprovision, "rack-r1", "c1"), false, Ready, backend.RequestCancelled},
		"the end of the cycle before a reset":                   {fwCheck, "c2", nil, reprovisionBy("rack-r1", "c1", started), true, Ready, backend.RequestWithdrawn},
		"a reset before a request that nobody waits for":        {waitingForRack, "c1", nil, reprovisionBy("alice", "", started), true, fwRepeat, backend.RequestSuperseded},
		"after a failure, a result before the end of the cycle": {fwFailed, "c2", done, reprovisionBy("rack-r1", "c1", started), false, fwFailed, backend.RequestFinished},
		"after a failure, a cancellation before a result":       {fwFailed, "c1", done, cancelledBy("bob", "q1", lifecycle.TypeReprovision, "rack-r1", "c1"), false, fwFailed, backend.RequestCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("Maintenance", c.cycle)
			r.hw.locked()
			r.machine(c.state, -time.Minute, Machine{FirmwareUpgrade: c.status}).asked(c.q1, nil)
			if c.reset {
				r.asked(backend.Request{ID: "q2", Type: lifecycle.TypeReprovision, Initiator: "carol"}, reset)
			}
			r.start().step()
			r.inState(c.to)
			assert.Equal(t, c.ends, r.request("q1").State, r.request("q1").Reason)
		})
	}
}

func TestAFailedUpgradeThatWasStoppedIsNotBegunAnewByItsOwnReset(t *testing.T) {
	t.Parallel()
	r := upgradeFailed(t, lanes["in the pool"], -time.Minute, 1).asked(cancelledBy("bob", "q1", lifecycle.TypeReprovision, "alice", ""), lifecycle.Reprovision{Reset: true}).start()
	r.step()
	r.inState(fwFailed)
	assert.Equal(t, backend.RequestCancelled, r.request("q1").State)
}

func TestAFreshRequestComesBeforeTheNextTry(t *testing.T) {
	t.Parallel()
	r := upgradeFailed(t, lanes["in the pool"], -2*time.Hour, 1).asked(pending("q1", lifecycle.TypeReprovision, time.Minute), nil).start()
	r.step()
	r.inState(fwCheck)
	assert.Zero(t, r.get().RetryCount, "it is no retry")
	assert.Equal(t, started, r.request("q1").State)
}

func TestAResetComesBeforeAFreshStart(t *testing.T) {
	t.Parallel()
	r := upgradeFailed(t, lanes["in the pool"], -time.Minute, 1).asked(pending("q1", lifecycle.TypeReprovision, time.Minute), lifecycle.Reprovision{Reset: true}).start()
	r.step()
	r.inState(fwRepeat)
}

func TestWhatLeadsOutOfAFailureComesInItsOrder(t *testing.T) {
	t.Parallel()
	failed := Machine{Cause: CauseMachineValidation, ReturnTo: ValidationRebootHost, Failure: &Failure{Source: ValidationMachineValidating, At: epoch, Attempt: 99}}
	both := newRig(t).machine(Failed, 0, failed).asked(pending("q1", TypeValidate, time.Hour), nil).asked(pending("q2", TypeRecover, time.Minute), nil).start()
	both.step()
	both.inState(ValidationRebootHost)
	assert.Equal(t, backend.RequestFinished, both.request("q2").State)
	assert.Equal(t, backend.RequestPending, both.request("q1").State)

	tested := newRig(t).machine(Failed, 0, failed).asked(pending("q1", TypeValidate, time.Hour), nil).start()
	tested.step()
	tested.inState(ValidationRebootHost)
	assert.Equal(t, started, tested.request("q1").State, "a person may ask when nothing is tried any more")

	spent := newRig(t).machine(Failed, 0, Machine{Cause: platformSetup(backend.PlatformBootOrder), Failure: &Failure{At: epoch, Attempt: 99}}).start()
	spent.step()
	assert.Contains(t, spent.reason(), "automatic recoveries are spent")
	assert.Empty(t, spent.hw.calls, "nobody looks whether the cause has ended")
}

func TestACancellationComesBeforeAnEndWithNothingToDo(t *testing.T) {
	t.Parallel()
	for typ, state := range map[string]State{TypeVerifySKU: BomValidatingVerifyingSku, TypeValidate: ValidationRebootHost} {
		r := newRig(t)
		r.cfg.Driver = backend.Capabilities{}
		r.machine(state, 0, Machine{SKU: "gb200"}).asked(cancelledBy("bob", "q1", typ, "alice", ""), nil).start().step()
		assert.Equal(t, backend.RequestCancelled, r.request("q1").State, typ)
	}
}

func TestASKUThatWasTakenAwayIsNotVerified(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(BomValidatingSkuVerificationFailed, 0, Machine{}).asked(pending("q1", TypeVerifySKU, time.Minute), nil).start()
	r.step()
	r.inState(BomValidatingWaitingForSkuAssignment)
	assert.Equal(t, backend.RequestPending, r.request("q1").State)
}

func TestADeletionThatIsForcedIsSoAfterTheWaitToo(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Deleting, -24*time.Hour, Machine{}).start()
	r.edit(func(m *Machine) { m.Deletion = &lifecycle.Deletion{At: epoch, Initiator: "admin", Force: true} })
	r.step()
	require.Equal(t, []State{Deleting, ForceDeletion}, r.way())
}
