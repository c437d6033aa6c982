package rack

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	nvswitch "github.com/rackstate/rackstate/switch"
)

var nmx = Activity{Name: ConfigureNmxCluster}

// clustering is r1 in a state of the fabric configuration, with two switches; s1 has the lowest tray index.
func clustering(t *testing.T, state State) *rig {
	t.Helper()
	return newRig(t).maintained(state, FullRack(nmx)).devices("m1", "s1", "s2")
}

const nmxAlert = "rack-maintenance/ConfigureNmxCluster"

func TestTheFabricIsConfiguredStepByStep(t *testing.T) {
	t.Parallel()
	r := clustering(t, ClusterStart)
	r.step()
	r.inState(CertificatesStart)
	assert.Empty(t, r.hw.did, "the first step only checks")
	assert.Equal(t, []lifecycle.Step{lifecycle.StepNMXC}, r.awaits("s1"))
	assert.Equal(t, []lifecycle.Step{lifecycle.StepNMXC}, r.awaits("s2"))
	assert.Empty(t, r.asked(machine.Ref("m1")))
	r.step()
	r.inState(CertificatesWait)
	assert.Equal(t, []string{"ConfigureCertificate s1"}, r.hw.did)
	assert.Equal(t, "cert-s1-r1", r.get().Cycle.Jobs[0].ID, "the domain is the rack")
	r.step()
	r.inState(FabricDisable)
	r.step()
	r.inState(FabricConfigure)
	assert.Equal(t, []string{"SetFabricState s1 s2"}, r.hw.calls("SetFabricState"))
	r.step()
	r.inState(FabricWait)
	assert.Equal(t, []string{"ConfigureFabricManager s1"}, r.hw.calls("ConfigureFabricManager"))
	assert.Equal(t, topology, r.hw.fabric.Topology)
	assert.Len(t, r.hw.fabric.Switches, 2)
	assert.True(t, r.s("s1").Primary)
	assert.False(t, r.s("s2").Primary)
	r.step()
	r.inState(Completed)
	assert.Equal(t, lifecycle.FabricStatus{Status: backend.FabricOK, StartedAt: epoch, EndedAt: epoch, Cycle: cycle1}, *r.s("s1").Fabric)
	assert.Equal(t, "standby", r.s("s2").Fabric.Reason)
	r.run(time.Minute)
	r.inState(Ready)
	assert.Equal(t, []string{"ConfigureNmxCluster s1 ok", "ConfigureNmxCluster s2 ok"}, r.results("q1"))
}

func TestAFabricConfigurationIsSkippedWhereThereIsNothingToConfigure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scope Scope
		given func(r *rig)
		note  string
	}{
		"no switch in scope":      {Scope{Machines: []string{"m1"}, Activities: []Activity{nmx}}, func(*rig) {}, "no switch in scope"},
		"the switch is deleted":   {FullRack(nmx), func(r *rig) { r.remove(nvswitch.Ref("s1")) }, "no switch in scope"},
		"the driver has no cable": {FullRack(nmx), func(r *rig) { r.caps.Fabric = nil }, "no fabric capability"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).maintained(ClusterStart, c.scope).devices("m1", "s1")
			c.given(r)
			r.step()
			r.inState(Completed)
			mentions(t, r.last().Note, "skipped", c.note)
			assert.Empty(t, r.asked(nvswitch.Ref("s1")))
		})
	}
}

func TestADriverWithoutCertificatesPassesThemWithANote(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]func(r *rig){
		"the capability is absent": func(r *rig) { r.caps.Certificates = nil },
		"it is not supported":      func(r *rig) { r.hw.script("ConfigureCertificate", answer{err: backend.ErrNotSupported}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := clustering(t, CertificatesStart)
			given(r)
			r.step()
			r.inState(FabricDisable)
			mentions(t, r.last().Note, "no certificate capability", "passed")
		})
	}
}

func TestTheCertificateJobIsPolled(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(CertificatesWait, FullRack(nmx), func(k *Rack) { k.Cycle.Jobs = job("s1 pending") }).devices("s1", "s2")
	r.hw.script("CertificateJob", answer{jobs: found("s1 running")}, answer{err: errors.New("connection reset")}, answer{jobs: found("s1 unknown")}, answer{jobs: found("s1 failed bad csr")})
	r.step()
	r.waits("certificates", "0/1")
	r.step()
	r.waits("connection reset")
	r.step()
	r.inState(CertificatesWait)
	r.step()
	r.failedBy(OriginMaintenance, "certificates", "s1: bad csr")
	assert.Equal(t, backend.RequestFailed, r.request(r1, "q1").State)
	for _, id := range []string{"s1", "s2"} {
		assert.Equal(t, []string{nmxAlert}, r.alerts(nvswitch.Ref(id)), "every switch in scope")
	}
	assert.Empty(t, r.hw.did)
}

func TestAPrimarySwitchThatCannotBeChosenIsAnErrorThatNamesTheSwitches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trays map[string]int
		words []string
	}{
		"used twice": {map[string]int{"s1": 1, "s2": 1}, []string{"s1", "s2", "tray 1"}},
		"missing":    {map[string]int{"s1": 1}, []string{"s2"}},
		"unexpected": {map[string]int{"s1": 1, "s2": 2, "s9": 3}, []string{"s9"}},
	} {
		for _, state := range []State{CertificatesStart, FabricConfigure} {
			t.Run(name+" in "+string(state), func(t *testing.T) {
				t.Parallel()
				r := clustering(t, state)
				r.hw.script("Placement", answer{trays: c.trays})
				r.step()
				r.failedBy(OriginMaintenance, append(c.words, "primary")...)
				assert.Empty(t, r.hw.did)
				if state == FabricConfigure { // the fabric is off by now
					assert.Equal(t, []string{nmxAlert}, r.alerts(nvswitch.Ref("s1")))
				}
			})
		}
	}
}

func TestWithoutAnInventoryTheTrayOfTheBringUpCounts(t *testing.T) {
	t.Parallel()
	tray := func(n int) func(*nvswitch.Switch) { return func(s *nvswitch.Switch) { s.Tray, s.TrayKnown = n, true } }
	for name, given := range map[string]func(r *rig){
		"the capability is absent": func(r *rig) { r.caps.Inventory = nil },
		"it is not supported":      func(r *rig) { r.hw.script("Placement", answer{err: backend.ErrNotSupported}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).maintained(FabricConfigure, FullRack(nmx)).nvlink("s1", nvswitch.Ready, tray(5)).nvlink("s2", nvswitch.Ready, tray(0))
			given(r)
			r.step()
			assert.Equal(t, []string{"ConfigureFabricManager s2"}, r.hw.did)
		})
	}
	r := newRig(t).maintained(FabricConfigure, FullRack(nmx)).nvlink("s1", nvswitch.Ready, tray(5)).nvlink("s2", nvswitch.Ready)
	r.caps.Inventory = nil
	r.step()
	r.failedBy(OriginMaintenance, "s2", "no placement")
}

func TestThePrimaryOfAnEarlierCycleIsReplaced(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(FabricConfigure, FullRack(nmx)).nvlink("s5", nvswitch.Ready, func(s *nvswitch.Switch) { s.Primary = true }).devices("s1", "s3")
	r.step()
	r.inState(FabricWait)
	assert.Equal(t, []bool{false, true, false}, []bool{r.s("s5").Primary, r.s("s1").Primary, r.s("s3").Primary})
	assert.Equal(t, "s1", r.get().Cycle.Primary)
}

func TestAFabricThatCannotBeConfiguredMarksEverySwitchInScope(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state  State
		call   string
		answer answer
		given  func(r *rig)
		words  []string
	}{
		"a certificate is refused":  {CertificatesStart, "ConfigureCertificate", answer{err: permanent("bad csr")}, nil, []string{"s1", "bad csr"}},
		"one switch refuses":        {FabricDisable, "SetFabricState", answer{failed: map[string]error{"s2": permanent("disable rejected")}}, nil, []string{"s2", "disable rejected"}},
		"one has no such function":  {FabricDisable, "SetFabricState", answer{failed: map[string]error{"s2": backend.ErrNotSupported}}, nil, []string{"s2"}},
		"all refuse":                {FabricDisable, "SetFabricState", answer{err: permanent("disable rejected")}, nil, []string{"disable rejected"}},
		"the topology is refused":   {FabricConfigure, "ConfigureFabricManager", answer{err: permanent("topology refused")}, nil, []string{"s1", "topology refused"}},
		"no such function":          {FabricConfigure, "ConfigureFabricManager", answer{err: backend.ErrNotSupported}, nil, []string{"s1", "not supported"}},
		"the profile has no layout": {FabricConfigure, "", answer{}, func(r *rig) { r.profile.Topology = "" }, []string{"P", "topology"}},
		"nobody knows the profile":  {FabricConfigure, "", answer{}, func(r *rig) { r.edit(func(k *Rack) { k.ProfileID = "P9" }) }, []string{"P9", "topology"}},
		"a switch reports a fault":  {FabricWait, "FabricStatus", answer{fabric: map[string]backend.FabricReport{"s1": {State: backend.FabricOK}, "s2": {State: backend.FabricNotOK, Error: "link down"}}}, nil, []string{"s2: link down"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).maintained(c.state, Scope{Switches: []string{"s1", "s2"}, Activities: []Activity{nmx}}).devices("s1", "s2", "s3")
			if c.given != nil {
				c.given(r)
			}
			r.hw.script(c.call, c.answer)
			r.step()
			r.failedBy(OriginMaintenance, c.words...)
			assert.Equal(t, backend.RequestFailed, r.request(r1, "q1").State)
			assert.Equal(t, []string{"ConfigureNmxCluster s1 failed", "ConfigureNmxCluster s2 failed"}, r.results("q1"))
			assert.Equal(t, []string{nmxAlert}, r.alerts(nvswitch.Ref("s1")))
			assert.Equal(t, []string{nmxAlert}, r.alerts(nvswitch.Ref("s2")))
			assert.Empty(t, r.alerts(nvswitch.Ref("s3")), "out of the scope")
			r.run(time.Hour)
			r.inState(Error)
			r.waits(nmxAlert[:16])
		})
	}
}

func TestAFabricCallThatMayHaveBeenDoneIsRepeatedWithItsKey(t *testing.T) {
	t.Parallel()
	for state, call := range map[State]string{CertificatesStart: "ConfigureCertificate", FabricDisable: "SetFabricState", FabricConfigure: "ConfigureFabricManager"} {
		for _, first := range []answer{{lost: maybeDone("timeout")}, {err: notDone("busy")}, {lost: errors.New("timeout")}, {failed: map[string]error{"s1": notDone("busy")}}} {
			r := clustering(t, state)
			r.hw.script(call, first, answer{})
			assert.Equal(t, backend.OutcomeError, r.step().Outcome.Kind)
			r.inState(state)
			r.run(10 * time.Minute)
			r.inState(Ready)
			assert.Equal(t, 1, r.hw.begun(call), call)
			assert.Len(t, r.hw.calls(call), 2)
		}
	}
}

func TestACrashWhileTheFabricIsConfiguredRepeatsTheStepWithTheSamePrimary(t *testing.T) {
	t.Parallel()
	r := clustering(t, FabricConfigure)
	r.store.refuse = true
	_, err := r.controller().Step(t.Context(), r1, r.now)
	require.ErrorIs(t, err, backend.ErrNotCommitted)
	r.crash().run(10 * time.Minute)
	r.inState(Ready)
	assert.True(t, r.s("s1").Primary)
	assert.Equal(t, 1, r.hw.begun("ConfigureFabricManager"))
	assert.Equal(t, backend.RequestFinished, r.request(r1, "q1").State)
}

func TestTheFabricIsDoneWhenEverySwitchReportsAndThePrimaryRuns(t *testing.T) {
	t.Parallel()
	type reports = map[string]backend.FabricReport
	ok, standby := backend.FabricReport{State: backend.FabricOK}, backend.FabricReport{State: backend.FabricNotOK, Reason: "standby"}
	for name, c := range map[string]struct {
		reports reports
		err     error
		waits   []string // none: done
	}{
		"all run":                      {reports: reports{"s1": ok, "s2": ok}},
		"the other stands by":          {reports: reports{"s1": ok, "s2": standby}},
		"the other is silent":          {reports{"s1": ok}, nil, []string{"s2 does not report"}},
		"the primary is silent":        {reports{"s2": ok}, nil, []string{"s1 does not report"}},
		"the primary does not run yet": {reports{"s1": {State: backend.FabricNotOK, Reason: "starting"}, "s2": standby}, nil, []string{"primary s1", "not_ok", "starting"}},
		"the primary does not know":    {reports{"s1": {State: backend.FabricUnknown}, "s2": standby}, nil, []string{"primary s1", "unknown"}},
		"nobody answers":               {reports{}, errors.New("connection reset"), []string{"s1", "s2", "connection reset"}},
		"some answer and some do not":  {reports{"s1": ok}, errors.New("connection reset"), []string{"s2", "connection reset"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).maintained(FabricWait, FullRack(nmx)).nvlink("s1", nvswitch.Ready, func(s *nvswitch.Switch) { s.Primary = true }).devices("s2")
			r.hw.script("FabricStatus", answer{fabric: c.reports, err: c.err})
			r.step()
			for id, want := range c.reports {
				got := lifecycle.FabricStatus{}
				if f := deviceFabric(r, id); f != nil {
					got = *f
				}
				assert.Equal(t, []string{string(want.State), want.Reason, want.Error, cycle1}, []string{string(got.Status), got.Reason, got.Error, got.Cycle}, id)
			}
			if c.waits != nil {
				r.inState(FabricWait)
				r.waits(c.waits...)
				return
			}
			r.inState(Completed)
		})
	}
}

func deviceFabric(r *rig, id string) *lifecycle.FabricStatus {
	r.Helper()
	return r.s(id).Fabric
}

func TestWhatFollowsTheFabric(t *testing.T) {
	t.Parallel()
	for want, next := range map[State][]Activity{
		PoweringOff: {nmx, {Name: PowerSequence}},
		PoweringOn:  {nmx, {Name: PowerSequence, Power: SequenceOn}},
		Completed:   {fw2, nmx},
	} {
		r := newRig(t).maintained(FabricWait, FullRack(next...)).nvlink("s1", nvswitch.Ready, func(s *nvswitch.Switch) { s.Primary = true })
		r.hw.primary = nvswitch.Ref("s1")
		r.step()
		r.inState(want)
	}
}

func TestAFabricConfigurationEndsWhenItsSwitchesAreGone(t *testing.T) {
	t.Parallel()
	for _, state := range []State{ClusterStart, CertificatesStart, CertificatesWait, FabricDisable, FabricConfigure, FabricWait} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			r := newRig(t).maintained(state, Scope{Switches: []string{"s1"}, Activities: []Activity{nmx}}, func(k *Rack) { k.Cycle.Jobs = job("s1 running") }).devices("m1", "s1", "s2")
			r.remove(nvswitch.Ref("s1"))
			r.step()
			r.inState(Completed)
			mentions(t, r.last().Note, "no switch in scope")
			assert.Empty(t, r.hw.did, "no hardware without a name is asked")
		})
	}
}

func TestAPrimarySwitchThatGoesTakesTheFabricWithIt(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(FabricWait, FullRack(nmx), func(k *Rack) { k.Cycle.Primary = "s1" }).
		nvlink("s1", nvswitch.Ready, func(s *nvswitch.Switch) { s.Primary = true }).devices("s2", "s3")
	r.remove(nvswitch.Ref("s1"))
	r.step()
	r.failedBy(OriginMaintenance, "s1", "gone")
	assert.Equal(t, []string{nmxAlert}, r.alerts(nvswitch.Ref("s2")))
	assert.Equal(t, []string{nmxAlert}, r.alerts(nvswitch.Ref("s3")))
}
