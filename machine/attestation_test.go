package machine

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// measuringIn is a state in which a host proves what it runs.
type measuringIn struct {
	at, pending, next State
	// restarts says that the host is restarted into its agent first.
	restarts bool
}

var measuringStates = map[string]measuringIn{
	"in the bring-up": {HostInitMeasuring, "", HostInitWaitingForDiscovery, false},
	"from Ready":      {MeasuringWaitingForMeasurements, MeasuringPendingBundle, Ready, true},
	"after a tenant":  {PostAssignedWaitingForMeasurements, PostAssignedPendingBundle, WaitingForCleanupInit, true},
}

// eachMeasuring runs a test in every state in which a host proves what it runs.
func eachMeasuring(t *testing.T, f func(t *testing.T, s measuringIn)) {
	t.Helper()
	for name, s := range measuringStates {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, s)
		})
	}
}

// after is the state behind the first occurrence of another one on the way of the machine.
func (r *rig) after(s State) State {
	r.Helper()
	way := r.way()
	i := slices.Index(way, s)
	require.GreaterOrEqual(r, i, 0, "it was never in %s: %v", s, way)
	if i+1 == len(way) {
		return ""
	}
	return way[i+1]
}

// noteOf is the note of the latest row with that trigger.
func (r *rig) noteOf(trigger Trigger) string {
	r.Helper()
	rows, err := r.ctl.History(r.Context(), m1)
	require.NoError(r, err)
	for _, row := range slices.Backward(rows) {
		if row.Trigger == string(trigger) {
			return row.Note
		}
	}
	r.Fatalf("no row is by %s: %v", trigger, r.way())
	return ""
}

func TestAHostProvesToOneAttestorAfterTheOtherWhatItRuns(t *testing.T) {
	t.Parallel()
	eachMeasuring(t, func(t *testing.T, s measuringIn) {
		r := newRig(t)
		provers := r.withAttestors(MeasuredBoot, "spdm")
		provers["spdm"].answers = []answer{proofWaits, proofWaits, proofPasses}
		r.machine(s.at, 0, Machine{}).start().run(time.Minute)
		assert.Equal(t, s.next, r.after(s.at))
		note := r.noteOf(Measured)
		assert.Less(t, strings.Index(note, "measured-boot passed: 12 parts"), strings.Index(note, "spdm passed: 12 parts"), note)
		assert.Equal(t, "machine/m1#1/Attest:spdm/1", r.hw.order[slices.Index(r.hw.order, "machine/m1#1/Attest:measured-boot/1")+1])
		assert.Equal(t, s.restarts, slices.Contains(r.hw.order, "machine/m1#1/ResetHost/0"), "what ran before does not speak for itself")
		assert.Nil(t, r.get().Attestation)
		assert.Len(t, provers["spdm"].asked, 1)
	})
}

func TestWithoutAttestorsTheProofIsPassedWithItsNote(t *testing.T) {
	t.Parallel()
	for _, state := range []State{HostInitMeasuring, MeasuringWaitingForMeasurements, MeasuringPendingBundle, PostAssignedWaitingForMeasurements, PostAssignedPendingBundle} {
		r := newRig(t).machine(state, 0, Machine{}).start()
		r.step()
		assert.Equal(t, noAttestors, r.note(), state)
		assert.Empty(t, r.hw.calls)
	}
}

func TestAnAttestorThatTheHostDoesNotSupportIsPassedWithItsName(t *testing.T) {
	t.Parallel()
	eachMeasuring(t, func(t *testing.T, s measuringIn) {
		r := newRig(t)
		r.withAttestors(MeasuredBoot, "spdm")
		r.hw.always["Attest:spdm"] = backend.ErrNotSupported
		r.machine(s.at, 0, Machine{}).start().run(time.Minute)
		assert.Equal(t, s.next, r.after(s.at))
		assert.Contains(t, r.noteOf(Measured), "spdm is not supported: passed")
	})
}

func TestAHostWithoutAnAgentIsAskedAllTheSame(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	caps := r.hw.caps()
	caps.Agent, caps.Reset, caps.Power = nil, nil, nil
	r.cfg.Driver = caps
	r.proving(proofPasses)
	r.machine(MeasuringWaitingForMeasurements, 0, Machine{}).start().run(time.Minute)
	r.inState(Ready)
	assert.Contains(t, r.note(), "not restarted: "+errNoRestart.Error()+"; "+noAgent+"; measured-boot passed")
}

func TestAProofThatNobodyHasJudgedWaitsForAPersonWithoutADeadline(t *testing.T) {
	t.Parallel()
	eachMeasuring(t, func(t *testing.T, s measuringIn) {
		r := newRig(t)
		p := r.proving(proofWaits, proofPends)
		r.machine(s.at, 0, Machine{}).start().run(72 * time.Hour)
		at := s.at
		if s.pending != "" {
			at = s.pending
			assert.Equal(t, "measured-boot: no bundle matches", r.noteOf(BundlePending))
		}
		r.inState(at)
		assert.Contains(t, r.reason(), "waits for a person who judges the proof of measured-boot: no bundle matches")
		require.NoError(t, r.ctl.PlaceHold(t.Context(), m1, lifecycle.Hold{Type: "t", Owner: "o", Reason: "r"}))
		p.answers = []answer{proofPasses}
		require.NoError(t, r.ctl.ReleaseHold(t.Context(), m1, "t", "o"))
		r.run(time.Minute)
		assert.Equal(t, s.next, r.after(at))
	})
}

func TestAProofThatIsNoLongerToBeJudgedIsWaitedForAnew(t *testing.T) {
	t.Parallel()
	eachMeasuring(t, func(t *testing.T, s measuringIn) {
		r := newRig(t)
		p := r.proving(proofPends)
		r.machine(s.at, 0, Machine{}).start().run(5 * time.Hour)
		p.answers = []answer{proofWaits}
		r.run(59 * time.Minute)
		r.inState(s.at)
		if s.pending != "" {
			assert.Equal(t, s.at, r.after(s.pending))
			assert.Equal(t, "measured-boot: the host has not given it yet", r.noteOf(BundleGone))
		}
		p.answers = []answer{proofPasses}
		r.run(time.Minute)
		assert.Contains(t, r.way(), s.next)
		assert.Len(t, p.asked, 1)
	})
}

func TestAProofThatIsWaitedForAnewHasADeadlineOfItsOwn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ first, then answer }{
		"of the same attestor": {proofWaits, proofPasses},
		"of the next attestor": {proofPasses, proofWaits},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachMeasuring(t, func(t *testing.T, s measuringIn) {
				r := newRig(t)
				provers := r.withAttestors(MeasuredBoot, "spdm")
				provers[MeasuredBoot].answers, provers["spdm"].answers = []answer{proofPends}, []answer{c.then}
				r.machine(s.at, 0, Machine{}).start().run(5 * time.Hour)
				provers[MeasuredBoot].answers = []answer{c.first}
				r.run(59 * time.Minute)
				r.inState(s.at)
				r.run(2 * time.Minute)
				r.inState(Failed)
				assert.Contains(t, r.note(), "no proof within 1h0m0s")
			})
		})
	}
}

func TestTheNextAttestorIsAskedWhenAPersonHasJudgedTheProofOfTheFirst(t *testing.T) {
	t.Parallel()
	eachMeasuring(t, func(t *testing.T, s measuringIn) {
		r := newRig(t)
		provers := r.withAttestors(MeasuredBoot, "spdm")
		provers[MeasuredBoot].answers = []answer{proofPends, proofPends, proofPasses}
		provers["spdm"].answers = []answer{proofWaits, proofPasses}
		r.machine(s.at, 0, Machine{}).start().run(5 * time.Minute)
		assert.Contains(t, r.way(), s.next)
		if s.pending != "" {
			assert.Equal(t, []State{s.at, s.pending, s.at, s.next}, r.way()[:4])
			assert.Contains(t, r.noteOf(BundleGone), "next is spdm")
		}
		assert.Contains(t, r.noteOf(Measured), "measured-boot passed")
		assert.Contains(t, r.noteOf(Measured), "spdm passed")
	})
}

func TestAnAttestorThatHasForgottenIsAskedAgain(t *testing.T) {
	t.Parallel()
	eachMeasuring(t, func(t *testing.T, s measuringIn) {
		r := newRig(t)
		p := r.proving(proofPasses)
		r.hw.errs["Attestation"] = []error{backend.ErrNoJob}
		r.machine(s.at, 0, Machine{}).start().run(time.Minute)
		assert.Equal(t, s.next, r.after(s.at))
		assert.Len(t, p.asked, 2)
		assert.Contains(t, r.hw.order, "machine/m1#1/Attest:measured-boot/2")
	})
}

func TestAProofThatDoesNotComeFailsTheMachineAfterItsTime(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]func(r *rig, p *prover){
		"the host gives none":           func(_ *rig, p *prover) { p.answers = []answer{proofWaits} },
		"the attestor is not reached":   func(r *rig, _ *prover) { r.hw.always["Attest"] = errBusy },
		"the proof cannot be looked at": func(r *rig, _ *prover) { r.hw.always["Attestation"] = errBusy },
		"it forgets every time":         func(r *rig, _ *prover) { r.hw.always["Attestation"] = backend.ErrNoJob },
		"it says something unknown": func(_ *rig, p *prover) {
			p.answers = []answer{func(time.Time) backend.AttestationStatus { return backend.AttestationStatus{State: "dreaming"} }}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachMeasuring(t, func(t *testing.T, s measuringIn) {
				r := newRig(t)
				given(r, r.proving(proofPasses))
				r.machine(s.at, 0, Machine{}).start().run(30 * time.Minute)
				require.NoError(t, r.ctl.PlaceHold(t.Context(), m1, lifecycle.Hold{Type: "t", Owner: "o", Reason: "time under a hold does not count"}))
				r.run(10 * time.Hour)
				require.NoError(t, r.ctl.ReleaseHold(t.Context(), m1, "t", "o"))
				r.run(29 * time.Minute)
				r.inState(s.at)
				r.run(6 * time.Minute) // a pass may be in its backoff
				r.inState(Failed)
				assert.Contains(t, r.noteOf(MeasurementsFailed), "MeasurementsFailed: measured-boot: no proof within 1h0m0s: ")
				assert.Equal(t, []string{sourceAttestation}, r.sources())
				assert.False(t, r.get().Healthy())
			})
		})
	}
}

func TestAProofThatIsNotGoodFailsTheMachineWithTheCauseOfItsAttestor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given func(r *rig, p *prover)
		says  string
	}{
		"it fails": {func(_ *rig, p *prover) { p.answers = []answer{proofWaits, proofFails} }, "the bundle is revoked"},
		"it fails before it measures": {func(_ *rig, p *prover) {
			p.answers = []answer{func(time.Time) backend.AttestationStatus { return proofFails(time.Time{}) }}
		}, "the bundle is revoked"},
		"a person refuses it":    {func(_ *rig, p *prover) { p.answers = []answer{proofPends, proofFails} }, "the bundle is revoked"},
		"it is cancelled":        {func(_ *rig, p *prover) { p.answers = []answer{proofCancelled} }, "cancelled"},
		"it cannot be asked":     {func(r *rig, _ *prover) { r.hw.always["Attest"] = errBroken }, "the board is broken"},
		"it cannot be looked at": {func(r *rig, _ *prover) { r.hw.always["Attestation"] = errBroken }, "the board is broken"},
		"it cannot say":          {func(r *rig, _ *prover) { r.hw.always["Attestation"] = backend.ErrNotSupported }, "not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for attestor, cause := range map[string]Cause{MeasuredBoot: CauseMeasurements, "spdm": "Attestation(spdm)"} {
				t.Run(attestor, func(t *testing.T) {
					t.Parallel()
					eachMeasuring(t, func(t *testing.T, s measuringIn) {
						r := newRig(t)
						c.given(r, r.withAttestors(attestor)[attestor])
						r.machine(s.at, 0, Machine{}).start().run(2 * time.Minute)
						r.inState(Failed)
						m := r.get()
						assert.Equal(t, cause, m.Cause)
						assert.Equal(t, s.at, m.ReturnTo)
						assert.Contains(t, m.Failure.Message, attestor+": ")
						assert.Contains(t, m.Failure.Message, c.says)
						assert.False(t, m.Healthy())
					})
				})
			}
		})
	}
}

func TestARecordWithoutItsProofIsBegunAnew(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]*AttestationRun{"nothing": nil, "never asked": {Attestor: MeasuredBoot, Attempt: 1}, "of an attestor that is gone": {Attestor: "tpm", Job: "x", AskedAt: epoch, Attempt: 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachMeasuring(t, func(t *testing.T, s measuringIn) {
				at := s.at
				if s.pending != "" {
					at = s.pending
				}
				r := newRig(t)
				r.proving(proofPasses)
				r.machine(at, 0, Machine{Attestation: run}).start().run(time.Minute)
				if s.pending != "" {
					assert.Equal(t, s.at, r.after(at))
				}
				assert.Equal(t, s.next, r.after(s.at))
			})
		})
	}
}
