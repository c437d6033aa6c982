package rack

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// validatingRig is r1 in a state of run-1. A machine is given by its labels: partition, state and description; "-" leaves one out.
func validatingRig(t *testing.T, state State, machines ...[3]string) *rig {
	t.Helper()
	r := newRig(t).rack("r1", state, func(k *Rack) { k.RunID = "run-1" })
	r.set.Validation = true
	for i, m := range machines {
		l := on("m"+string(rune('1'+i)), "run-1", m[0], m[1], m[2])
		r.machine(l.ID, machine.Ready, func(m *machine.Machine) { m.Labels = l.Labels })
	}
	return r
}

type mm = [3]string

func TestARunIsFollowedByItsLabels(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from     State
		machines []mm
		want     State
	}{
		"nothing has a result":              {ValidationInProgress, []mm{{"p0", "inp", "-"}, {"p1", "idle", "-"}}, ValidationInProgress},
		"one passed":                        {ValidationInProgress, []mm{{"p0", "pass", "-"}, {"p1", "inp", "-"}}, ValidationPartial},
		"a failure comes first":             {ValidationInProgress, []mm{{"p0", "pass", "-"}, {"p1", "fail", "-"}}, ValidationFailedPartial},
		"all passed go to Partial first":    {ValidationInProgress, []mm{{"p0", "pass", "-"}}, ValidationPartial},
		"all failed go to FailedPartial":    {ValidationInProgress, []mm{{"p0", "fail", "-"}}, ValidationFailedPartial},
		"some still go on":                  {ValidationPartial, []mm{{"p0", "pass", "-"}, {"p1", "inp", "-"}}, ValidationPartial},
		"all have passed":                   {ValidationPartial, []mm{{"p0", "pass", "-"}, {"p1", "pass", "-"}}, Validated},
		"one of them failed":                {ValidationPartial, []mm{{"p0", "pass", "-"}, {"p1", "fail", "-"}}, ValidationFailedPartial},
		"some are failed":                   {ValidationFailedPartial, []mm{{"p0", "fail", "-"}, {"p1", "pass", "-"}}, ValidationFailedPartial},
		"all are failed":                    {ValidationFailedPartial, []mm{{"p0", "fail", "-"}, {"p1", "fail", "-"}}, ValidationFailed},
		"the failure is gone, one passed":   {ValidationFailedPartial, []mm{{"p0", "pass", "-"}, {"p1", "inp", "-"}}, ValidationPartial},
		"the failure is gone, one goes on":  {ValidationFailedPartial, []mm{{"p0", "idle", "-"}, {"p1", "inp", "-"}}, ValidationInProgress},
		"the failure is gone, all idle":     {ValidationFailedPartial, []mm{{"p0", "idle", "-"}}, ValidationPending},
		"machines left their partitions":    {ValidationFailedPartial, []mm{{"-", "fail", "-"}}, ValidationPending},
		"a failed run is repeated in part":  {ValidationFailed, []mm{{"p0", "fail", "-"}, {"p1", "inp", "-"}}, ValidationFailedPartial},
		"a failed run is failed":            {ValidationFailed, []mm{{"p0", "fail", "nccl-timeout"}, {"p1", "fail", "nvlink-down"}}, Error},
		"nobody carries it, in progress":    {ValidationInProgress, nil, ValidationPending},
		"nobody carries it, in part":        {ValidationPartial, nil, ValidationPending},
		"nobody carries it, failed in part": {ValidationFailedPartial, nil, ValidationPending},
		"nobody carries it, failed":         {ValidationFailed, nil, ValidationPending},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := validatingRig(t, c.from, c.machines...).machine("m9", machine.Ready, labels("rv.run-id", "run-0", "rv.part-id", "p9", "rv.st", "fail"))
			r.step()
			r.inState(c.want)
			switch c.want {
			case Error:
				r.failedBy(OriginValidation, "p0", "p1", "nccl-timeout", "nvlink-down")
			case ValidationPending:
				assert.Empty(t, r.get().RunID, "the run is forgotten")
			default:
				assert.Equal(t, "run-1", r.get().RunID)
			}
		})
	}
}

func TestAValidationThatPassesIsAWayThroughPartial(t *testing.T) {
	t.Parallel()
	r := validatingRig(t, ValidationPending).devices("m1", "m2", "s1")
	r.step()
	r.inState(ValidationPending)
	r.waits("a validation run", "rv.run-id")
	r.label("m1", "rv.run-id=run-7", "rv.part-id=p0", "rv.st=inp")
	r.label("m2", "rv.run-id=run-7", "rv.part-id=p1", "rv.st=idle")
	r.run(time.Minute)
	r.inState(ValidationInProgress)
	assert.Equal(t, "run-7", r.get().RunID)
	r.waits("run-7", "validated=0", "total=2")
	r.label("m1", "rv.st=pass")
	r.label("m2", "rv.st=pass")
	r.run(time.Minute)
	assert.Equal(t, []State{ValidationPending, ValidationInProgress, ValidationPartial, Validated, Ready}, r.path())
}

func TestDisabledValidationGoesStraightToReadyWhenAllChildrenAre(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", ValidationPending).machine("m1", machine.Ready, labels("rv.run-id", "run-1", "rv.part-id", "p0", "rv.st", "fail")).nvlink("s1", nvswitch.Resetting)
	r.step()
	r.inState(ValidationPending)
	r.waits("s1 in Maintenance")
	r.run(time.Minute)
	r.inState(Ready)
}

func TestAValidatedRackWaitsForItsChildren(t *testing.T) {
	t.Parallel()
	r := validatingRig(t, Validated, mm{"p0", "pass", "-"}).nvlink("s1", nvswitch.WaitForInterface)
	r.step()
	r.inState(Validated)
	r.waits("s1 in Initializing")
}

func TestADriverThatCanStartARunIsAskedOnceOnEnteringPending(t *testing.T) {
	t.Parallel()
	r := validatingRig(t, ValidationPending).devices("m1", "m2", "s1")
	r.caps.RackTest = r.hw
	r.hw.script("StartValidation", answer{err: notDone("busy")}, answer{lost: maybeDone("timeout")}, answer{})
	assert.Equal(t, backend.OutcomeError, r.step().Outcome.Kind)
	assert.Equal(t, backend.OutcomeError, r.step().Outcome.Kind)
	r.step(r1, r1, r1)
	r.inState(ValidationPending)
	assert.Equal(t, 1, r.hw.begun("StartValidation"))
	assert.Equal(t, []string{"StartValidation m1 m2", "StartValidation m1 m2", "StartValidation m1 m2"}, r.hw.did)

	r.label("m1", "rv.run-id=run-1", "rv.part-id=p0", "rv.st=inp")
	r.step()
	r.inState(ValidationInProgress)
	r.label("m1", "rv.run-id=", "rv.part-id=", "rv.st=")
	r.step(r1, r1)
	r.inState(ValidationPending)
	assert.Equal(t, 2, r.hw.begun("StartValidation"), "Pending was entered again")
}

func TestADriverThatCannotStartARunIsNoFault(t *testing.T) {
	t.Parallel()
	r := validatingRig(t, ValidationPending).devices("m1")
	r.caps.RackTest = r.hw
	r.hw.script("StartValidation", answer{err: backend.ErrNotSupported})
	r.step(r1, r1)
	r.inState(ValidationPending)
	r.waits("a validation run")
	assert.Len(t, r.hw.did, 1)
}

func TestALabelThatNobodyUnderstandsIsAnErrorAndChangesNothing(t *testing.T) {
	t.Parallel()
	for _, state := range []State{ValidationInProgress, ValidationPartial, ValidationFailedPartial, ValidationFailed} {
		r := validatingRig(t, state, mm{"p0", "bogus", "-"}, mm{"p1", "fail", "-"})
		res := r.step()
		assert.Equal(t, backend.OutcomeError, res.Outcome.Kind)
		mentions(t, res.Outcome.Reason, "bogus", "m1")
		r.inState(state)
		assert.Empty(t, r.alerts(machine.Ref("m2")))
		r.label("m1", "rv.st=inp")
		r.run(5 * time.Minute)
		assert.NotEmpty(t, r.alerts(machine.Ref("m2")), "it is retried")
	}
}

const rvAlert = "rack-validation/RackValidation"

func TestTheMachinesOfAFailedPartitionCarryAnAlertUntilItPasses(t *testing.T) {
	t.Parallel()
	r := validatingRig(t, ValidationInProgress, mm{"p0", "fail", "nccl-timeout"}, mm{"p0", "pass", "-"}, mm{"p1", "pass", "-"})
	r.step()
	r.inState(ValidationFailedPartial)
	assert.Equal(t, []string{rvAlert}, r.alerts(machine.Ref("m1")))
	assert.Equal(t, []string{rvAlert}, r.alerts(machine.Ref("m2")), "all machines of the partition")
	assert.Empty(t, r.alerts(machine.Ref("m3")))
	mentions(t, r.m("m1").Alerts[0].Message, "p0", "nccl-timeout")

	version := r.m("m1").Version()
	r.step()
	assert.Equal(t, version, r.m("m1").Version(), "an alert that stands is not written again")

	r.label("m1", "rv.st=inp")
	r.step()
	r.inState(ValidationPartial)
	assert.Equal(t, []string{rvAlert}, r.alerts(machine.Ref("m1")), "it is being repeated and has not passed")
	r.label("m1", "rv.st=pass", "rv.fail-desc=")
	r.step()
	r.inState(Validated)
	assert.Empty(t, r.alerts(machine.Ref("m1")))
	assert.Empty(t, r.alerts(machine.Ref("m2")))
}

func TestAFailedValidationDoesNotSlipBackToReady(t *testing.T) {
	t.Parallel()
	r := validatingRig(t, ValidationInProgress, mm{"p0", "fail", "nccl-timeout"}).devices("s1")
	r.run(time.Hour)
	assert.Equal(t, []State{ValidationInProgress, ValidationFailedPartial, ValidationFailed, Error}, r.path())
	r.waits(rvAlert[:15])
	assert.Equal(t, OriginValidation, r.get().Origin)

	require.NoError(t, r.post("q1", Maintenance{Scope: FullRack(sequence(SequenceOn))}), "a maintenance leads out")
	r.run(time.Minute)
	r.inState(ValidationPending)
	assert.Empty(t, r.m("m1").Labels)
	assert.Equal(t, []string{rvAlert}, r.alerts(machine.Ref("m1")))
	r.label("m1", "rv.run-id=run-2", "rv.part-id=p0", "rv.st=pass")
	r.run(time.Minute)
	r.inState(Ready)
	assert.Empty(t, r.alerts(machine.Ref("m1")))
}

func TestAFailedRunMayBeRepeatedWithinTheGrace(t *testing.T) {
	t.Parallel()
	r := validatingRig(t, ValidationFailed, mm{"p0", "fail", "nccl-timeout"})
	r.set.FailedGrace = time.Hour
	res := r.step()
	r.inState(ValidationFailed)
	r.waits("grace", "p0", "nccl-timeout")
	assert.False(t, res.Next.After(epoch.Add(time.Hour)))
	r.run(59 * time.Minute)
	r.inState(ValidationFailed)
	r.run(2 * time.Minute)
	r.failedBy(OriginValidation, "p0")

	again := validatingRig(t, ValidationFailed, mm{"p0", "fail", "-"})
	again.set.FailedGrace = time.Hour
	again.run(30 * time.Minute)
	again.label("m1", "rv.st=inp")
	again.run(time.Minute)
	again.inState(ValidationInProgress)
}

func TestARunThatDoesNotComeFails(t *testing.T) {
	t.Parallel()
	for state, words := range map[State][]string{
		ValidationPending:    {"timed out after 24h0m0s", "no validation run"},
		ValidationInProgress: {"timed out after 24h0m0s", "run-1", "in progress=1"},
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.set.Validation, r.age = true, 24*time.Hour-time.Minute
			r.rack("r1", state, func(k *Rack) { k.RunID = "run-1" })
			if state == ValidationInProgress {
				r.machine("m1", machine.Ready, labels("rv.run-id", "run-1", "rv.part-id", "p0", "rv.st", "inp"))
			}
			r.devices("m2")
			r.step()
			r.inState(state)
			r.advance(time.Minute).step()
			r.failedBy(OriginValidation, words...)
		})
	}
	for _, state := range []State{ValidationPartial, ValidationFailedPartial} {
		r := validatingRig(t, state, mm{"p0", "pass", "-"}, mm{"p1", "fail", "-"}, mm{"p2", "inp", "-"})
		r.label("m2", "rv.st="+map[State]string{ValidationPartial: "inp", ValidationFailedPartial: "fail"}[state])
		r.advance(48 * time.Hour).step()
		r.inState(state)
		r.waits("results of validation run run-1")
		assert.True(t, r.over(), "it is reported and stays")
	}
}

// over reports whether r1 is past its SLA.
func (r *rig) over() bool {
	r.Helper()
	out, err := r.controller().Outcome(r1)
	require.NoError(r, err)
	return out.OverSLA
}

func TestARackThatWasNeverValidatedDoesNotSlipBackToReady(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(r *rig)
		want []State
	}{
		"by itself":                {func(*rig) {}, []State{ValidationPending, Error}},
		"an operator acknowledges": {func(r *rig) { require.NoError(r, r.postAs(TypeRecover, "q1", Recover{Note: "the service is down"})) }, []State{ValidationPending, Error, Ready}},
		"a later run passes": {func(r *rig) {
			require.NoError(r, r.post("q1", Maintenance{Scope: FullRack(sequence(SequenceOn))}))
			r.run(time.Minute)
			r.label("m1", "rv.run-id=run-2", "rv.part-id=p0", "rv.st=pass")
			r.label("m2", "rv.run-id=run-2", "rv.part-id=p0", "rv.st=pass")
		}, []State{ValidationPending, Error, PoweringOn, Completed, ValidationPending, ValidationInProgress, ValidationPartial, Validated, Ready}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := validatingRig(t, ValidationPending).devices("m1", "m2", "s1")
			r.advance(24 * time.Hour).run(time.Hour)
			r.failedBy(OriginValidation, "timed out after 24h0m0s")
			assert.Equal(t, []string{"rack-validation/RackValidationTimeout"}, r.alerts(machine.Ref("m1")))
			assert.Empty(t, r.alerts(nvswitch.Ref("s1")))
			c.end(r)
			r.run(time.Minute)
			assert.Equal(t, c.want, r.path())
			assert.Equal(t, c.want[len(c.want)-1] == Ready, r.alerts(machine.Ref("m1")) == nil)
		})
	}
}

func TestWithoutValidationAChildThatDoesNotGetReadyFailsTheRackAfterADay(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", ValidationPending).devices("m1").nvlink("s1", nvswitch.WaitForInterface)
	r.hw.trays["s1"] = 1
	r.apply(func(tx *lifecycle.Tx) error {
		s, err := lifecycle.Edit[nvswitch.Switch](tx, nvswitch.Ref("s1"))
		s.SeenMACs = nil
		return err
	})
	r.run(24*time.Hour - time.Minute)
	r.inState(ValidationPending)
	r.run(2 * time.Minute)
	r.failedBy(OriginValidation, "timed out after 24h0m0s", "s1 in Initializing")
}
