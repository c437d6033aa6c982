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

func TestASwitchAwaitsWhatTheCycleWillDoAndNothingElse(t *testing.T) {
	t.Parallel()
	const fw, os, nm = lifecycle.StepFirmware, lifecycle.StepNVOS, lifecycle.StepNMXC
	for name, c := range map[string]struct {
		activities []Activity
		given      func(r *rig)
		want       []lifecycle.Step // none: nothing is put on the switch
	}{
		"all three":                          {activities: []Activity{fw2, img2, nmx}, want: []lifecycle.Step{fw, os, nm}},
		"power is not awaited":               {activities: []Activity{fw2, {Name: PowerSequence}}, want: []lifecycle.Step{fw}},
		"power alone":                        {activities: only(PowerSequence)},
		"images alone":                       {activities: []Activity{img2}, want: []lifecycle.Step{os}},
		"the fabric alone":                   {activities: []Activity{nmx}, want: []lifecycle.Step{nm}},
		"firmware and fabric":                {activities: []Activity{nmx, fw2}, want: []lifecycle.Step{fw, nm}},
		"images and fabric":                  {activities: []Activity{nmx, img2}, want: []lifecycle.Step{os, nm}},
		"no activities are all four":         {activities: nil, given: func(r *rig) { r.profile.DefaultFirmware = map[string]string{"any": "fw-1"} }, want: []lifecycle.Step{fw, nm}},
		"all four with an image":             {activities: nil, given: func(r *rig) { r.profile.DefaultSwitchImage = map[string]string{"any": "img-1"} }, want: []lifecycle.Step{os, nm}},
		"no default firmware":                {activities: []Activity{{Name: FirmwareUpgrade}, img2}, want: []lifecycle.Step{os}},
		"no default image":                   {activities: []Activity{fw2, {Name: NvosUpdate}, nmx}, want: []lifecycle.Step{fw, nm}},
		"a driver without images":            {activities: []Activity{fw2, img2}, given: func(r *rig) { r.caps.SwitchImage = nil }, want: []lifecycle.Step{fw}},
		"a driver without a fabric":          {activities: []Activity{fw2, nmx}, given: func(r *rig) { r.caps.Fabric = nil }, want: []lifecycle.Step{fw}},
		"a driver without firmware":          {activities: []Activity{fw2, nmx}, given: func(r *rig) { r.caps.Firmware = nil }, want: []lifecycle.Step{nm}},
		"firmware that is not available":     {activities: []Activity{fw2, img2}, given: func(r *rig) { r.catalog = backend.Catalog{{ID: "fw-2", HardwareType: "any"}} }, want: []lifecycle.Step{os}},
		"images that turn out unsupported":   {activities: []Activity{fw2, img2, nmx}, given: func(r *rig) { r.hw.script("ApplySwitchImage", answer{err: backend.ErrNotSupported}) }, want: []lifecycle.Step{fw, os, nm}},
		"firmware that turns out so":         {activities: []Activity{fw2, img2, nmx}, given: func(r *rig) { r.hw.script("ApplyFirmware", answer{err: backend.ErrNotSupported}) }, want: []lifecycle.Step{os, nm}},
		"a fabric where nobody stands by":    {activities: []Activity{nmx}, given: func(r *rig) { r.hw.script("FabricStatus", answer{fabric: allRun}) }, want: []lifecycle.Step{nm}},
		"a fabric where one gives no reason": {activities: []Activity{nmx}, given: func(r *rig) { r.hw.script("FabricStatus", answer{fabric: oneIsSilent}, answer{fabric: allRun}) }, want: []lifecycle.Step{nm}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("r1", Ready).devices("m1", "s1", "s2")
			if c.given != nil {
				c.given(r)
			}
			r.pending("q1", "r1", -time.Minute, FullRack(c.activities...))
			r.run(30 * time.Minute)
			r.inState(Ready)
			assert.Equal(t, backend.RequestFinished, r.request(r1, "q1").State)
			for _, id := range []string{"s1", "s2"} {
				assert.Equal(t, string(nvswitch.Ready), r.s(id).State())
				assert.Empty(t, r.controller().OpenRequests(nvswitch.Ref(id)))
				if c.want == nil {
					assert.Empty(t, r.asked(nvswitch.Ref(id)))
				} else {
					assert.Equal(t, c.want, r.awaits(id))
				}
			}
		})
	}
}

var (
	allRun      = map[string]backend.FabricReport{"s1": {State: backend.FabricOK}, "s2": {State: backend.FabricOK}}
	oneIsSilent = map[string]backend.FabricReport{"s1": {State: backend.FabricOK}, "s2": {State: backend.FabricUnknown}}
)

func TestAScopeOfMachinesLeavesTheSwitchesOutOfEveryActivity(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready).devices("m1", "m2", "s1", "p1")
	r.profile.DefaultFirmware, r.profile.DefaultSwitchImage = map[string]string{"gb200": "fw-1"}, map[string]string{"gb200": "img-1"}
	r.pending("q1", "r1", -time.Minute, Scope{Machines: []string{"m1"}})
	r.run(30 * time.Minute)
	r.inState(Ready)
	assert.Equal(t, []string{"ApplyFirmware m1", "SetPower off m1", "SetPower on m1"}, r.hw.did)
	assert.Equal(t, []nvswitch.State{nvswitch.Ready}, statesOf[nvswitch.State](r, nvswitch.Ref("s1")))
	assert.Len(t, r.asked(machine.Ref("m1")), 1)
	assert.Empty(t, r.asked(machine.Ref("m2")))
}

func TestARequestOfAnEarlierCycleIsNeverCounted(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(FirmwareStart, FullRack(fw2), func(k *Rack) { k.Cycle.ID = "c2" }).
		machine("m1", machine.HostReprovisionWaitingForRackFirmwareUpgrade).nvlink("s1", nvswitch.WaitingForNVOS).nvlink("s2", nvswitch.Ready).
		byRack("x1", machine.Ref("m1"), cycle1, backend.RequestStarted).
		byRack("x2", nvswitch.Ref("s1"), cycle1, backend.RequestStarted, lifecycle.StepFirmware, lifecycle.StepNVOS).
		byRack("x3", nvswitch.Ref("s2"), cycle1, backend.RequestPending, lifecycle.StepNVOS)
	r.step()
	r.inState(FirmwareWait)
	for _, ref := range []backend.Ref{machine.Ref("m1"), nvswitch.Ref("s1"), nvswitch.Ref("s2")} {
		posted := r.asked(ref)
		require.Len(t, posted, 2, "%s has one of the earlier cycle and one of this", ref)
		assert.Equal(t, "c2", posted[1].Cycle)
	}
	r.run(10 * time.Minute)
	r.inState(Ready)
	for id, ref := range map[string]backend.Ref{"x1": machine.Ref("m1"), "x2": nvswitch.Ref("s1"), "x3": nvswitch.Ref("s2")} {
		assert.Contains(t, []backend.RequestState{backend.RequestWithdrawn, backend.RequestSuperseded}, r.request(ref, id).State)
	}
	assert.NotContains(t, statesOf[nvswitch.State](r, nvswitch.Ref("s2")), nvswitch.WaitingForNVOS)
}

func TestEachCycleHasAnIdOfItsOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready).devices("m1")
	seen := map[string]bool{}
	for _, id := range []string{"q1", "q2", "q3"} {
		require.NoError(t, r.post(id, Maintenance{Scope: FullRack(fw2)}))
		r.run(10 * time.Minute)
		r.inState(Ready)
		seen[r.get().Cycle.ID] = true
	}
	assert.Len(t, seen, 3)
	posted := r.asked(machine.Ref("m1"))
	require.Len(t, posted, 3)
	for _, req := range posted {
		assert.True(t, seen[req.Cycle])
		assert.Equal(t, backend.RequestFinished, req.State)
	}
}

func TestNoChildWaitsForARackThatIsNoLongerComing(t *testing.T) {
	t.Parallel()
	for _, state := range []State{Error, Ready, ValidationPending, Discovering} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			r := newRig(t).rack("r1", state, func(k *Rack) { k.Cycle, k.Cause = &Cycle{ID: cycle1}, "firmware upgrade failed" }).
				machine("m1", machine.HostReprovisionWaitingForRackFirmwareUpgrade).machine("m2", machine.Ready).machine("m3", machine.Failed).nvlink("s1", nvswitch.WaitingForFirmware).
				byRack("x1", machine.Ref("m1"), cycle1, backend.RequestStarted).byRack("x2", machine.Ref("m2"), cycle1, backend.RequestPending).
				byRack("x3", nvswitch.Ref("s1"), cycle1, backend.RequestStarted, lifecycle.StepFirmware)
			r.step(machine.Ref("m1"), machine.Ref("m2"), nvswitch.Ref("s1"))
			assert.Equal(t, []string{string(machine.Ready), string(machine.Ready), string(nvswitch.Ready)}, []string{r.m("m1").State(), r.m("m2").State(), r.s("s1").State()})
			for id, ref := range map[string]backend.Ref{"x1": machine.Ref("m1"), "x2": machine.Ref("m2"), "x3": nvswitch.Ref("s1")} {
				assert.Equal(t, backend.RequestWithdrawn, r.request(ref, id).State)
			}
		})
	}
}

func TestAChildsOwnResultComesBeforeTheEndOfTheCycle(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(FirmwareWait, FullRack(fw2, img2), func(k *Rack) { k.Cycle.Jobs = job("s1 running", "s2 running") }).
		nvlink("s1", nvswitch.WaitingForFirmware).nvlink("s2", nvswitch.WaitingForFirmware).
		byRack("x1", nvswitch.Ref("s1"), cycle1, backend.RequestStarted, lifecycle.StepFirmware, lifecycle.StepNVOS).
		byRack("x2", nvswitch.Ref("s2"), cycle1, backend.RequestStarted, lifecycle.StepFirmware, lifecycle.StepNVOS)
	r.hw.script("FirmwareJob", answer{jobs: found("s1 failed bad image", "s2 completed")})
	r.step()
	r.inState(Error)
	r.run(time.Minute)
	assert.Equal(t, []nvswitch.State{nvswitch.WaitingForFirmware, nvswitch.Error}, statesOf[nvswitch.State](r, nvswitch.Ref("s1")))
	assert.Equal(t, []nvswitch.State{nvswitch.WaitingForFirmware, nvswitch.WaitingForNVOS, nvswitch.Ready}, statesOf[nvswitch.State](r, nvswitch.Ref("s2")), "it came through, and then nobody comes")
	r.inState(Error)
	r.waits("s1 in Error")
}

func TestASwitchWhoseRequestWasCancelledIsAskedAgainByTheNextActivity(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(FirmwareStart, FullRack(fw2, img2)).devices("s1")
	r.hw.script("FirmwareJob", answer{jobs: found("s1 running")})
	r.step()
	first := r.asked(nvswitch.Ref("s1"))[0]
	r.cancel(nvswitch.Ref("s1"), first.ID, "bob")
	r.hw.script("FirmwareJob")
	r.run(10 * time.Minute)
	r.inState(Ready)
	posted := r.asked(nvswitch.Ref("s1"))
	require.Len(t, posted, 2)
	assert.Equal(t, []backend.RequestState{backend.RequestCancelled, backend.RequestFinished}, []backend.RequestState{posted[0].State, posted[1].State})
}

func TestASwitchThatIsReplacedDuringTheCycleTakesPartInWhatFollows(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(FirmwareStart, FullRack(fw2, nmx)).devices("s1", "s2")
	r.hw.script("FirmwareJob", answer{jobs: found("s1 running", "s2 running")})
	r.step()
	r.remove(nvswitch.Ref("s2"))
	r.run(time.Minute)
	require.Len(t, r.gone(nvswitch.Ref("s2")), 1)
	r.apply(func(tx *lifecycle.Tx) error { // the same tray is pushed in again
		s := nvswitch.NewSwitch("s2", "r1", nvswitch.Discovered{Endpoint: backend.Endpoint{BMCMAC: "02:00:00:00:0B:01", BMCAddress: "10.0.0.1", NVOSAddress: "10.0.1.1"}, Expected: true, NVOSMACs: []string{"02:00:00:00:00:99"}})
		s.ReportSeen("02:00:00:00:00:99")
		return tx.Create(s, "discovery", "")
	})
	r.run(time.Minute)
	assert.Equal(t, string(nvswitch.Ready), r.s("s2").State())
	r.hw.script("FirmwareJob")
	r.run(20 * time.Minute)
	r.inState(Ready)
	assert.Equal(t, "SetFabricState s1 s2", r.hw.calls("SetFabricState")[0])
	assert.Equal(t, backend.RequestFinished, r.request(r1, "q1").State)
	assert.Contains(t, r.path(), Discovering, "the change of topology comes after the cycle")
}

func TestARecordWithoutACycleIsMaintainedAsAFullRack(t *testing.T) {
	t.Parallel()
	for _, state := range []State{FirmwareStart, PoweredOff, Completed} {
		r := newRig(t).rack("r1", state).devices("m1")
		r.step()
		if state == PoweredOff {
			r.inState(PoweredOff)
			continue
		}
		assert.Equal(t, "r1-1", r.get().Cycle.ID)
		assert.True(t, r.get().Cycle.Scope.whole())
	}
}
