package machine

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestFault04AReleaseGoesOnOnlyWhenTheTenantsNetworkIsSurelyGone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	net := r.withTenantNetwork(map[string][]error{"Release": {errUnderWay, backend.MaybeDone(errNoProof), errUnderWay}})
	r.machine(AssignedReleasing, 0, Machine{Tenant: "t"}).start().run(20 * time.Minute)
	assert.Equal(t, []State{AssignedReleasing}, r.way())
	assert.Equal(t, "t", r.get().Tenant)
	net.answers = nil
	r.run(time.Minute)
	assert.Equal(t, PostAssignedWaitingForMeasurements, r.after(AssignedReleasing))
}

func TestFault20AHostBootsItsAgentWhereverOneIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, info := range states {
		t.Run(string(info.State), func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("Ready", "")
			r.withAttestors(MeasuredBoot)
			r.withCleanup()
			r.hw.mute()
			r.machine(info.State, 0, Machine{RestartedAt: epoch.Add(-time.Minute)}).start()
			image := BootImage(r.get())
			for range 10 { // in this very state
				if r.step().Transition != nil {
					break
				}
				r.now = r.now.Add(15 * time.Second)
			}
			agent := slices.ContainsFunc([]string{"Discover", "Attest:measured-boot", "StartCleanup", "CleanupJob", "ValidateMachine"}, func(call string) bool { return r.hw.count(call) > 0 })
			if agent {
				assert.Equal(t, ImageAgent, image, "%v", r.hw.calls)
			}
		})
	}
}

func TestFault21AProofFromBeforeItWasAskedForDoesNotCount(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]answer{"passed": proofPasses, "pending": proofPends, "failed": proofFails} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachMeasuring(t, func(t *testing.T, s measuringIn) {
				r := newRig(t)
				latest := epoch.Add(-time.Hour) // the latest in the journal, of what the tenant ran
				p := r.proving(func(time.Time) backend.AttestationStatus { return of(latest) })
				r.machine(s.at, 0, Machine{}).start().run(30 * time.Minute)
				assert.Equal(t, []State{s.at}, r.way())
				assert.Contains(t, r.reason(), "before it was asked for")
				run := r.get().Attestation
				assert.False(t, run.AskedAt.After(p.asked[0]), "the time is on record before the attestor is asked")
				assert.False(t, run.AskedAt.Before(epoch))
				latest = run.AskedAt.Add(-time.Microsecond)
				r.run(time.Minute)
				assert.Equal(t, []State{s.at}, r.way())
				p.answers = []answer{func(time.Time) backend.AttestationStatus { return proofPasses(run.AskedAt) }}
				r.run(time.Minute)
				assert.Equal(t, s.next, r.after(s.at))
			})
		})
	}
}

func TestFault21ATimeOfMeasurementThatNobodySaysIsNone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.proving(func(time.Time) backend.AttestationStatus { return proofPasses(time.Time{}) })
	r.machine(PostAssignedWaitingForMeasurements, 0, Machine{}).start().run(30 * time.Minute)
	r.inState(PostAssignedWaitingForMeasurements)
	assert.Contains(t, r.reason(), "does not say when it was measured")
}

func TestFault22AProofOfNothingIsNoProof(t *testing.T) {
	t.Parallel()
	eachMeasuring(t, func(t *testing.T, s measuringIn) {
		r := newRig(t)
		spdm := r.withAttestors("spdm")["spdm"]
		spdm.answers = []answer{func(now time.Time) backend.AttestationStatus {
			return backend.AttestationStatus{State: backend.AttestationPassed, MeasuredAt: now}
		}}
		r.machine(s.at, 0, Machine{}).start().run(time.Minute)
		r.inState(Failed)
		assert.Contains(t, r.note(), "Attestation(spdm): spdm: the proof speaks of no part of the host")
	})
}

func TestFault22ACancelledAttestationIsNoPass(t *testing.T) {
	t.Parallel()
	eachMeasuring(t, func(t *testing.T, s measuringIn) {
		r := newRig(t)
		r.proving(proofWaits, proofCancelled)
		r.machine(s.at, 0, Machine{}).start().run(time.Minute)
		r.inState(Failed)
		assert.Contains(t, r.note(), "cancelled, which proves nothing")
	})
}

func TestFault22AnAttestorThatNeverAnswersEndsAtTheDeadline(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.AttestationDeadline = 10 * time.Minute
	r.proving(proofWaits)
	r.machine(HostInitMeasuring, 0, Machine{}).start().run(11 * time.Minute)
	r.inState(Failed)
}

func TestFault23AStepOfTheCleanUpWithoutAResultWasNotDone(t *testing.T) {
	t.Parallel()
	for _, step := range DefaultCleanupSteps() {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			c := r.withCleanup()
			c.without[step] = true
			r.machine(WaitingForCleanupHostCleanup, 0, Machine{}).start().run(time.Minute)
			r.inState(Failed)
			assert.Equal(t, string(step)+" has no result", r.get().Failure.Message)
			assert.Equal(t, [][]backend.CleanupStep{DefaultCleanupSteps()}, c.jobs, "memory, TPM and InfiniBand are asked for too")
		})
	}
}

func TestFault24NoWaitAfterATenantIsForEver(t *testing.T) {
	t.Parallel()
	for state, given := range map[State]func(r *rig){
		AssignedProvisioning:               func(r *rig) { r.withTenantNetwork(map[string][]error{"Provision": {errUnderWay}}) },
		AssignedReleasing:                  func(r *rig) { r.withTenantNetwork(map[string][]error{"Release": {errUnderWay}}) },
		HostInitMeasuring:                  func(r *rig) { r.proving(proofWaits) },
		MeasuringWaitingForMeasurements:    func(r *rig) { r.proving(proofWaits) },
		PostAssignedWaitingForMeasurements: func(r *rig) { r.proving(proofWaits) },
		WaitingForCleanupSecureErase:       func(r *rig) { r.hw.jobs[erase] = polls(backend.JobRunning) }, // neither its iterations nor a lost id
		WaitingForCleanupHostCleanup:       func(r *rig) { r.withCleanup().states = []backend.JobState{backend.JobRunning} },
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			given(r)
			r.machine(state, 0, Machine{Tenant: "t"}).start().run(24 * time.Hour)
			assert.Contains(t, []State{Failed, AssignedFailed}, State(r.get().State()), r.reason())
		})
	}
}

func TestFault26AHostThatDoesNotSupportLockdownIsReleased(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withCleanup()
	r.hw.always["InspectPlatform:LockdownDisable"], r.hw.always["InspectPlatform:LockdownEnable"] = backend.ErrNotSupported, backend.ErrNotSupported
	r.machine(AssignedReady, 0, Machine{Tenant: "t", SKU: "gb200"}).start()
	r.releaseBy("t")
	r.run(time.Hour)
	r.inState(Ready)
	assert.Contains(t, r.noteOf(Erased), "LockdownDisable is not supported: passed; SecureErase applied")
	assert.Contains(t, r.noteOf(CleanedUp), "is not supported: passed")
}

func TestFault29EveryCauseHasAStateThatSetsItAndAWayOut(t *testing.T) {
	t.Parallel()
	for cause, c := range map[Cause]struct {
		at    State
		given func(r *rig)
		mends func(r *rig)
	}{
		CauseDiscovery: {HostInitWaitingForDiscovery, func(r *rig) { r.hw.mute() }, func(r *rig) {
			r.hw.report = backend.AgentReport{DiscoveredAt: r.now, RebootedAt: r.now}
			r.hw.silent = false
		}},
		CauseCleanup:           {WaitingForCleanupHostCleanup, func(r *rig) { r.withCleanup().without[backend.CleanupTPM] = true }, nil},
		CauseMeasurements:      {HostInitMeasuring, func(r *rig) { r.proving(proofFails) }, nil},
		"Attestation(spdm)":    {HostInitMeasuring, func(r *rig) { r.withAttestors("spdm")["spdm"].answers = []answer{proofFails} }, nil},
		CauseMachineValidation: {ValidationMachineValidating, func(r *rig) { r.hw.tests = polls(backend.JobFailed) }, nil},
		platformSetup(boot):    {HostInitSetBootOrder, func(r *rig) { r.hw.inert[boot] = true }, func(r *rig) { r.hw.applied[boot] = true }},
		CauseInstance:          {AssignedReleasing, func(r *rig) { r.withTenantNetwork(map[string][]error{"Release": {errBroken}}) }, nil},
	} {
		t.Run(string(cause), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			c.given(r)
			r.machine(c.at, 0, Machine{Tenant: "t"}).start().run(6 * time.Hour)
			failed := State(r.get().State())
			require.Contains(t, []State{Failed, AssignedFailed}, failed)
			assert.Equal(t, cause, r.get().Cause)
			if c.mends != nil {
				c.mends(r)
			} else {
				require.NoError(t, r.post(lifecycle.NewRequest{Type: TypeRecover, Initiator: "alice"}))
			}
			r.run(time.Minute)
			assert.Equal(t, returnTo(c.at), r.after(failed))
		})
	}
}

func TestFault31AReleaseIsHonouredBeforeTheTenantHasTheMachine(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withTenantNetwork(map[string][]error{"Provision": {errUnderWay}})
	r.machine(Ready, 0, Machine{}).start()
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q1", Type: TypeAssign, Initiator: "t"}))
	r.run(time.Minute)
	r.inState(AssignedProvisioning)
	r.releaseBy("t")
	r.step()
	r.inState(AssignedReleasing)
	assert.Equal(t, backend.RequestSuperseded, r.request("q1").State)
	assert.Contains(t, r.request("q1").Reason, "q9 of t")
	r.run(time.Hour)
	r.inState(Ready)
	assert.NotContains(t, r.way(), AssignedReady)
	assert.Equal(t, backend.RequestFinished, r.request("q9").State)
}

func TestFault31AReleaseTakesTheCancelledAssignmentWithIt(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(AssignedProvisioning, 0, Machine{Tenant: "t"})
	r.asked(backend.Request{ID: "q1", Type: TypeAssign, Initiator: "t", State: started, CancelledBy: "bob"}, nil).start()
	r.releaseBy("t")
	r.step()
	r.inState(AssignedReleasing)
	assert.Equal(t, backend.RequestCancelled, r.request("q1").State)
}

func TestFault31AMachineWhoseTenantIsNotOnRecordGoesItsWay(t *testing.T) {
	t.Parallel()
	for _, state := range []State{AssignedProvisioning, AssignedReady, AssignedReleasing, AssignedFailed, PostAssignedWaitingForMeasurements, PostAssignedPendingBundle, WaitingForCleanupInit, WaitingForCleanupSecureErase, WaitingForCleanupHostCleanup} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.withTenantNetwork(nil)
			r.proving(proofPasses)
			r.withCleanup()
			r.machine(state, 0, Machine{}).start()
			if r.get().Tenanted() && state != AssignedReleasing {
				r.releaseBy("alice")
			}
			for range 100 {
				require.NotEqual(t, backend.OutcomeError, r.step().Outcome.Kind, r.reason())
				r.now = r.now.Add(15 * time.Second)
			}
			r.inState(Ready)
		})
	}
}

func TestFault32AnAssignmentThatIsRefusedNamesTheMaintenanceAndAHoldIsAGateInEveryState(t *testing.T) {
	t.Parallel()
	m := Machine{}
	m.Report("maintenance", lifecycle.Alert{ID: "Maintenance", Message: "board swap", Classifications: []lifecycle.Classification{lifecycle.PreventAllocations}})
	r := newRig(t).machine(Ready, 0, m).start()
	require.ErrorContains(t, r.post(lifecycle.NewRequest{Type: TypeAssign}), "alert Maintenance of maintenance forbids allocation: board swap")
	for _, info := range states {
		if info.Class == lifecycle.Deleting {
			continue
		}
		r := newRig(t).rack("Ready", "").machine(info.State, 0, Machine{Tenant: "t"}).start()
		require.NoError(t, r.ctl.PlaceHold(t.Context(), m1, lifecycle.Hold{Type: "repair", Owner: "bob", Reason: "board swap"}))
		r.run(time.Hour)
		r.inState(info.State)
		assert.Empty(t, r.hw.calls, info.State)
	}
}

func TestFault36AMachineWithATenantIsAvailableToItsRack(t *testing.T) {
	t.Parallel()
	for state, available := range map[State]bool{
		Ready: true, AssignedProvisioning: true, AssignedReady: true, AssignedReleasing: true,
		AssignedFailed: false, PostAssignedWaitingForMeasurements: false, WaitingForCleanupHostCleanup: false, Failed: false,
	} {
		assert.Equal(t, available, newRig(t).machine(state, 0, Machine{}).start().get().Available(), state)
	}
}
