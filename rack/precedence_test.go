package rack

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/machine"
)

// These tests are about two things that are true at once, of which one counts.

func TestACancellationComesBeforeAnActivityThatHasNothingToDo(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(ClusterStart, FullRack(nmx)).devices("m1") // no switch in scope: it would be skipped
	r.cancel(r1, "q1", "bob")
	r.step()
	r.failedBy(OriginMaintenance, "cancelled by bob")
	assert.Equal(t, backend.RequestCancelled, r.request(r1, "q1").State)
}

func TestACancellationComesBeforeAPowerRequest(t *testing.T) {
	t.Parallel()
	r := powering(t, PoweredOff, SequenceOff).off("m1", "m2", "s1", "p1")
	require.NoError(t, r.postAs(TypePower, "q2", Power{Operation: backend.ActionPowerOn}))
	r.cancel(r1, "q1", "bob")
	r.step()
	r.failedBy(OriginMaintenance, "cancelled by bob")
	assert.Empty(t, r.hw.did)
}

func TestACancellationComesBeforeTheWaitForAHeldDevice(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(Completed, FullRack(fw2)).machine("m1", machine.Failed)
	r.hold(machine.Ref("m1"), 0)
	r.step()
	r.waits("m1", "held")
	r.cancel(r1, "q1", "bob")
	r.step()
	r.failedBy(OriginMaintenance, "cancelled by bob")
}

func TestARecoveryIsDoneBeforeAMaintenanceBegins(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(ClusterStart, FullRack(nmx)).devices("s1")
	r.creds = credentials{}
	r.step()
	r.failedBy(OriginMaintenance, "credential")
	require.Equal(t, []string{"rack-maintenance/ConfigureNmxCluster"}, r.alerts(deviceRef("s1")))
	require.NoError(t, r.post("q2", Maintenance{Scope: FullRack(sequence(SequenceOn))}))
	require.NoError(t, r.postAs(TypeRecover, "q3", Recover{Note: "looked at the cables"}))
	r.step()
	r.inState(PoweringOn)
	assert.Equal(t, backend.RequestStarted, r.request(r1, "q2").State)
	assert.Equal(t, backend.RequestFinished, r.request(r1, "q3").State)
	assert.Empty(t, r.alerts(deviceRef("s1")))
}

func TestARunThatBeginsAtTheDeadlineCounts(t *testing.T) {
	t.Parallel()
	r := validatingRig(t, ValidationPending).devices("m1")
	r.step()
	r.inState(ValidationPending)
	r.advance(25 * time.Hour) // nobody looked meanwhile
	r.label("m1", "rv.run-id=run-7", "rv.part-id=p0", "rv.st=inp")
	r.step()
	r.inState(ValidationInProgress)
}

func TestADriverThatNeverStartsARunHoldsNothingUpBeyondTheDeadline(t *testing.T) {
	t.Parallel()
	r := validatingRig(t, ValidationPending).devices("m1")
	r.caps.RackTest = r.hw
	r.hw.script("StartValidation", answer{err: notDone("busy")})
	r.run(23 * time.Hour)
	r.inState(ValidationPending)
	r.run(2 * time.Hour)
	r.failedBy(OriginValidation, "no validation run began")
}
