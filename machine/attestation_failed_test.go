package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/lifecycle"
)

func TestAFailedMachineGoesBackWhenAPersonHasJudgedItsProof(t *testing.T) {
	t.Parallel()
	eachMeasuring(t, func(t *testing.T, s measuringIn) {
		r := newRig(t)
		p := r.proving(proofFails)
		r.machine(s.at, 0, Machine{}).start().run(time.Hour)
		r.inState(Failed)
		assert.Contains(t, r.reason(), "measured-boot does not pass: the bundle is revoked")
		r.hw.errs["Attestation"] = []error{errBusy}
		r.step()
		assert.Contains(t, r.reason(), "measured-boot cannot be asked: the BMC is busy")
		assert.Len(t, p.asked, 1)
		p.answers = []answer{proofPasses}
		r.run(time.Minute)
		assert.Equal(t, []State{s.at, Failed, s.at, s.next}, r.way()[:4])
		assert.Len(t, p.asked, 2, "the host proves it once more")
		assert.Contains(t, r.noteOf(Recovered), "measured-boot passes now")
		assert.NotContains(t, r.sources(), sourceAttestation)
		if s.next == Ready {
			assert.Nil(t, r.get().Failure)
		}
	})
}

func TestARecoveryFromABadProofIsCountedAndEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.RecoveryLimit = 2
	p := r.proving(proofFails)
	r.machine(HostInitMeasuring, 0, Machine{}).start()
	for i := range 2 {
		r.run(time.Second)
		r.inState(Failed)
		p.answers = []answer{proofPasses, proofFails} // it passes as long as it is not asked for a new one
		r.step()
		r.inState(HostInitMeasuring)
		assert.Equal(t, i+1, r.get().Failure.Attempt)
	}
	r.run(time.Hour)
	p.answers = []answer{proofPasses}
	r.run(time.Hour)
	r.inState(Failed)
	assert.Contains(t, r.reason(), "2 of 2 automatic recoveries are spent")
	require.NoError(t, r.post(lifecycle.NewRequest{Type: TypeRecover, Initiator: "alice"}))
	r.run(time.Minute)
	r.inState(Ready)
}

func TestAMachineGoesBackWhenItsAttestorIsNoLongerAsked(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Failed, 0, Machine{Cause: "Attestation(spdm)", ReturnTo: MeasuringWaitingForMeasurements, Attestation: &AttestationRun{Attestor: "spdm", Ended: true}}).start()
	r.run(time.Minute)
	assert.Equal(t, []State{Failed, MeasuringWaitingForMeasurements, Ready}, r.way())
	assert.Contains(t, r.noteOf(Recovered), "spdm is no longer asked")

	r = newRig(t)
	r.proving(proofPasses)
	r.machine(Failed, 0, Machine{Cause: CauseMeasurements, Attestation: &AttestationRun{Attestor: MeasuredBoot, Ended: true}}).start()
	r.run(time.Hour)
	r.inState(Failed)
}

func TestAHostThatDoesNotComeUpToProveAnythingFailsOverThat(t *testing.T) {
	t.Parallel()
	eachMeasuring(t, func(t *testing.T, s measuringIn) {
		r := newRig(t)
		r.proving(proofPasses)
		r.hw.mute()
		r.machine(s.at, 0, Machine{}).start().run(3 * time.Hour)
		r.inState(Failed)
		assert.Equal(t, CauseDiscovery, r.get().Cause)
		assert.Zero(t, r.hw.count("Attest:measured-boot"))
		r.hw.report.DiscoveredAt, r.hw.report.RebootedAt = r.now, r.now
		r.hw.silent = false
		r.run(time.Minute)
		assert.Equal(t, []State{s.at, Failed, s.at, s.next}, r.way()[:4])
	})
}

func TestAHostThatCannotBeRestartedToProveAnythingFails(t *testing.T) {
	t.Parallel()
	for name, always := range map[string]error{"for good": errBroken, "for hours": errBusy} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.proving(proofPasses)
			r.hw.always["ResetHost"] = always
			r.machine(PostAssignedWaitingForMeasurements, 0, Machine{}).start().run(3 * time.Hour)
			r.inState(Failed)
			assert.Equal(t, PostAssignedWaitingForMeasurements, r.get().ReturnTo)
		})
	}
}
