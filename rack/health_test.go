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

// marked puts the alert of a failed activity on a switch.
func marked(activity ActivityName) func(*nvswitch.Switch) {
	return func(s *nvswitch.Switch) {
		s.AddAlert(lifecycle.Alert{ID: string(activity), Source: AlertMaintenance, Classifications: []lifecycle.Classification{lifecycle.PreventAllocations}})
	}
}

func TestHealthyChildrenDoNotHideAFabricThatWasNeverConfigured(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready).devices("m1", "s1", "s2")
	r.pending("q1", "r1", -time.Minute, FullRack(nmx))
	r.hw.script("ConfigureFabricManager", answer{err: permanent("topology refused")})
	r.run(24 * time.Hour)
	r.inState(Error)
	assert.Equal(t, OriginMaintenance, r.get().Origin)
	assert.Equal(t, Error, r.path()[len(r.path())-1])
	assert.NotContains(t, r.path()[1:], Ready, "it never slipped back")
	for _, id := range []string{"s1", "s2"} {
		assert.Equal(t, string(nvswitch.Ready), r.s(id).State(), "the switch itself is well")
	}

	r.hw.script("ConfigureFabricManager")
	require.NoError(t, r.post("q2", Maintenance{Scope: FullRack(nmx)}))
	r.run(10 * time.Minute)
	r.inState(Ready)
	assert.Empty(t, r.alerts(nvswitch.Ref("s1")))
	assert.Empty(t, r.alerts(nvswitch.Ref("s2")))
	assert.Equal(t, backend.RequestFinished, r.request(r1, "q2").State)
}

func TestALaterSuccessOfAnActivityRemovesItsAlertAndNoOther(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		activity Activity
		removes  ActivityName
	}{
		"firmware": {fw2, FirmwareUpgrade},
		"images":   {img2, NvosUpdate},
		"fabric":   {nmx, ConfigureNmxCluster},
		"power":    {sequence(SequenceReset), PowerSequence},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all []func(*nvswitch.Switch)
			var left []string
			for _, a := range activityOrder {
				all = append(all, marked(a))
				if a != c.removes {
					left = append(left, "rack-maintenance/"+string(a))
				}
			}
			r := newRig(t).rack("r1", Error, func(k *Rack) { k.Cause = "several" }).nvlink("s1", nvswitch.Ready, all...).nvlink("s2", nvswitch.Ready, marked(c.removes))
			r.pending("q1", "r1", -time.Minute, Scope{Switches: []string{"s1"}, Activities: []Activity{c.activity}})
			r.run(10 * time.Minute)
			assert.Equal(t, backend.RequestFinished, r.request(r1, "q1").State)
			assert.Equal(t, left, r.alerts(nvswitch.Ref("s1")))
			assert.Equal(t, []string{"rack-maintenance/" + string(c.removes)}, r.alerts(nvswitch.Ref("s2")), "out of the scope")
		})
	}
}

func TestASkippedActivityRemovesNoAlert(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Error, func(k *Rack) { k.Cause = "firmware" }).nvlink("s1", nvswitch.Ready, marked(FirmwareUpgrade))
	r.pending("q1", "r1", -time.Minute, FullRack(only(FirmwareUpgrade)...))
	r.run(10 * time.Minute)
	assert.Contains(t, r.path(), Completed)
	assert.Equal(t, []string{"rack-maintenance/FirmwareUpgrade"}, r.alerts(nvswitch.Ref("s1")))
}

func TestAnOperatorAcknowledgesWhatAFailedMaintenanceLeft(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Error, func(k *Rack) { k.Cause, k.Origin = "fabric", OriginMaintenance }).
		nvlink("s1", nvswitch.Ready, marked(ConfigureNmxCluster), marked(NvosUpdate), func(s *nvswitch.Switch) { s.AddAlert(lifecycle.Alert{ID: "a1", Source: "operator"}) }).
		machine("m1", machine.Ready, sick("operator"))
	require.NoError(t, r.postAs(TypeRecover, "q1", Recover{Note: "cabled anew, checked by hand"}))
	r.step()
	r.inState(Error)
	r.waits("m1", "operator")
	require.Len(t, r.s("s1").Alerts, 1, "what others report stays")
	assert.Equal(t, "operator", r.s("s1").Alerts[0].Source)
	assert.Equal(t, []string{"operator/a1"}, r.alerts(machine.Ref("m1")), "what others report stays")
	req := r.request(r1, "q1")
	assert.Equal(t, []string{string(backend.RequestFinished), "cabled anew, checked by hand"}, []string{string(req.State), req.Reason})
	require.NoError(t, r.controller().ReportHealth(t.Context(), machine.Ref("m1"), "operator"))
	r.run(time.Minute)
	r.inState(Ready)
}

func TestAFailedValidationIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Error, func(k *Rack) { k.Cause, k.Origin = "validation failed", OriginValidation }).machine("m1", machine.Ready, sick(AlertValidation))
	require.NoError(t, r.postAs(TypeRecover, "q1", Recover{Note: "looked at it"}))
	r.run(time.Minute)
	r.inState(Error)
	assert.Equal(t, []string{"rack-validation/a1"}, r.alerts(machine.Ref("m1")))
}

func TestAFailureBeforeAnyHardwareWasAskedLeavesNoAlertAndRecovers(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready).devices("m1", "s1")
	r.catalog = backend.Catalog{}
	r.pending("q1", "r1", -time.Minute, FullRack(fw2))
	r.run(time.Minute)
	assert.Equal(t, []State{Ready, FirmwareStart, Error, Ready}, r.path())
	assert.Equal(t, backend.RequestFailed, r.request(r1, "q1").State)
}

func TestARackInErrorDoesNotEnterMaintenanceAgainByItself(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready).devices("m1", "s1")
	r.pending("q1", "r1", -time.Minute, FullRack(fw2, img2))
	r.hw.script("FirmwareJob", answer{jobs: found("m1 failed bad image", "s1 completed")})
	r.run(24 * time.Hour)
	assert.Equal(t, []State{Ready, FirmwareStart, FirmwareWait, Error}, r.path())
	assert.Equal(t, 1, r.hw.begun("ApplyFirmware"))
	assert.Equal(t, string(nvswitch.Ready), r.s("s1").State(), "no switch waits for the images of a cycle that is over")
	assert.Equal(t, string(machine.HostReprovisionFailedFirmwareUpgrade), statesOf[string](r, machine.Ref("m1"))[2], "its own result comes first")
}
