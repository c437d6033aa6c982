package machine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestFault01ALockedHostWithoutDPUsGoesTheWholeWayAndIsLockedInTheEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.hw.locked().jobs[backend.PlatformLockdownDisable] = polls(backend.JobPending, backend.JobRunning, backend.JobCompleted)
	r.start().report(Discovered{})
	r.run(10 * time.Minute)
	assert.Equal(t, wayToReady, r.way())
	for _, kind := range []backend.PlatformKind{
		backend.PlatformLockdownDisable, backend.PlatformIPMIOverLAN, backend.PlatformBIOSProfile, backend.PlatformBootOrder, backend.PlatformUEFIPassword, backend.PlatformLockdownEnable,
	} {
		assert.Equal(t, 1, r.hw.count("SubmitPlatform:"+string(kind)), kind)
	}
	assert.True(t, r.hw.applied[backend.PlatformLockdownEnable])
}

func TestFault02NoStatePanicsOverARecordThatIsMissing(t *testing.T) {
	t.Parallel()
	for _, info := range states {
		for name, rack := range map[string]func(r *rig) *rig{
			"rack at work": func(r *rig) *rig { return r.rack("Maintenance", "c1") },
			"no rack":      func(r *rig) *rig { return r },
		} {
			t.Run(string(info.State)+", "+name, func(t *testing.T) {
				t.Parallel()
				r := rack(newRig(t)).withDPUs(2).withEventLog()
				r.withAttestors(MeasuredBoot)
				r.withCleanup()
				r.cfg.Firmware = []Firmware{{Component: "BMC", Version: "2.0"}}
				r.machine(info.State, 0, Machine{DPUs: 2}).start()
				for range 5 {
					if _, err := lifecycle.Get[Machine](r.ctl, m1); err != nil {
						return
					}
					assert.NotContains(t, r.step().Outcome.Reason, lifecycle.ErrHandlerPanic.Error())
					r.now = r.now.Add(time.Minute)
				}
			})
		}
	}
}

func TestFault02AMachineThatWaitsForItsRackIsGivenBackWhenItsRequestIsTakenAway(t *testing.T) {
	t.Parallel()
	for name, l := range lanes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := waiting(t, l, nil)
			require.NoError(t, r.ctl.CancelRequest(t.Context(), m1, "q1", "alice"))
			r.run(time.Minute)
			r.inState(l.back)
			assert.Equal(t, backend.RequestCancelled, r.request("q1").State)
		})
	}
}

func TestFault03AFreshRequestOfTheRackLeavesATenantsMachineWithItsTenant(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("Maintenance", "c2")
	r.machine(AssignedFailedFirmwareUpgrade, -time.Minute, Machine{RetryCount: 5, Tenant: "tenant-7"}).start()
	require.NoError(t, r.post(lifecycle.NewRequest{ID: "q2", Type: lifecycle.TypeReprovision, Initiator: "rack-r1", Cycle: "c2"}))
	r.run(time.Minute)
	r.inState(AssignedWaitingForRackFirmwareUpgrade)
	r.edit(func(m *Machine) { m.FirmwareUpgrade = rackStatus(lifecycle.ProgressCompleted, "c2", 0, 0) })
	r.run(time.Minute)
	r.inState(AssignedReady)
	assert.Equal(t, "tenant-7", r.get().Tenant)
	for _, state := range r.way() {
		assert.Contains(t, string(state), string(Assigned)+"/")
	}
}

func TestFault05APassInFlightDoesNotOverwriteAForcedDeletion(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(HostInitSetBootOrder, 0, Machine{}).start()
	r.hw.interrupt = func() {
		_, err := r.ctl.Request(t.Context(), lifecycle.NewRequest{Type: lifecycle.ForceDelete, Initiator: "admin"}, m1)
		require.NoError(t, err)
	}
	res := r.step()
	assert.True(t, res.Conflict, "what the pass decided is not applied")
	r.inState(HostInitSetBootOrder)
	assert.NotNil(t, r.get().Deletion)
	r.run(0)
	assert.Equal(t, []State{HostInitSetBootOrder, Deleting, ForceDeletion, ""}, r.way())
}

func TestFault05AFailureOnRecordDoesNotLeadOutOfAForcedDeletion(t *testing.T) {
	t.Parallel()
	for _, state := range []State{Deleting, ForceDeletion} {
		m := Machine{Cause: CauseMachineValidation, ReturnTo: ValidationRebootHost, Failure: &Failure{At: epoch}}
		m.Deletion = &lifecycle.Deletion{At: epoch, Initiator: "admin", Force: true}
		r := newRig(t).machine(state, 0, m).start()
		r.run(time.Minute)
		way := r.way()
		assert.Equal(t, State(""), way[len(way)-1])
		assert.NotContains(t, way, Failed)
	}
}

func TestFault06AReportFromOutsideIsARecordAndThePassMovesTheMachine(t *testing.T) {
	t.Parallel()
	for name, l := range lanes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, state := range []State{HostReprovisionWaitingForManualUpgrade, HostReprovisionWaitingForScript} {
				r := newRig(t).rack("Ready", "").machine(l.in(state), 0, Machine{}).start()
				r.apply(func(tx *lifecycle.Tx) error { return ReportUpgrade(tx, m1, UpgradeReport{By: "script-7"}) })
				r.inState(l.in(state))
				assert.EqualValues(t, 1, r.get().Transitions())
				r.step()
				r.inState(l.in(fwRepeat))
			}
		})
	}
}

// stuck are waits that have no end, no second attempt and no way out elsewhere.
func TestFault28WordsInTheEventLogProveNoRestart(t *testing.T) {
	t.Parallel()
	r := silentHost(t, Machine{}).start()
	r.hw.log.events = []backend.Event{
		{At: epoch.Add(time.Second), Kind: backend.EventOther, Message: "Host power on: system start, reset"},
		{At: epoch.Add(time.Second), Kind: backend.EventPowerOff, Message: "power"},
		{At: epoch.Add(time.Second), Kind: backend.EventBMCReset, Message: "restart"},
	}
	r.run(10 * time.Minute)
	assert.Contains(t, r.reason(), "the event log shows no restart")
	assert.Equal(t, 1, r.hw.count("ResetHost"))
}

func TestFault28ATenantsHostIsNotRestartedBecauseTheLogShowsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t).withEventLog()
	r.hw.mute()
	r.machine(AssignedReleasing, 0, Machine{Tenant: "tenant-7", RestartedAt: epoch})
	h := &handler{cfg: r.cfg.WithDefaults(), caps: r.cfg.Driver.Capabilities()}
	r.start()
	r.now = r.now.Add(time.Hour)
	m := r.get()
	r.apply(func(tx *lifecycle.Tx) error {
		text := h.restartShown(t.Context(), m, &lifecycle.Env{Tx: *tx}, m.restarts(), "no report yet")
		assert.Contains(t, text, "the event log shows no restart")
		return nil
	})
	assert.Empty(t, r.hw.changes())
}

func TestFault29EveryCauseIsSetAndHasAWayOut(t *testing.T) {
	t.Parallel()
	for cause, c := range map[Cause]struct {
		state State
		given func(r *rig)
	}{
		CauseDiscovery:         {HostInitWaitingForDiscovery, func(r *rig) { r.hw.mute() }},
		CauseCleanup:           {WaitingForCleanupHostCleanup, func(r *rig) { r.withCleanup().states = []backend.JobState{backend.JobFailed} }},
		CauseMeasurements:      {MeasuringWaitingForMeasurements, func(r *rig) { r.proving(proofFails) }},
		CauseMachineValidation: {ValidationRebootHost, func(r *rig) { r.hw.tests = polls(backend.JobFailed) }},
		platformSetup(boot):    {HostInitSetBootOrder, func(r *rig) { r.hw.jobs[boot] = polls(backend.JobFailed) }},
		CauseDpuProvisioning:   {DpuInitWaitingForNetworkConfig, func(r *rig) { r.withDPUs(1) }},
		attestation("spdm"):    {HostInitMeasuring, func(r *rig) { r.withAttestors("spdm")["spdm"].answers = []answer{proofFails} }},
		CauseInstance:          {AssignedProvisioning, func(r *rig) { r.cfg.Tenant = &network{answers: []error{errBroken}} }},
	} {
		t.Run(string(cause), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			c.given(r)
			r.machine(c.state, 0, Machine{DPUs: 2, Tenant: "tenant-7"}).start()
			for range 2000 {
				if m := r.get(); m.Cause != "" {
					break
				}
				r.step()
				r.now = r.now.Add(15 * time.Second)
			}
			m := r.get()
			require.Equal(t, cause, m.Cause, r.lastOutcome())
			assert.Contains(t, []State{Failed, AssignedFailed}, State(m.State()))
			require.NoError(t, r.post(lifecycle.NewRequest{Type: TypeRecover, Initiator: "alice"}))
			r.step()
			r.inState(returnTo(c.state))
		})
	}
}

func TestFault30TheFirstDPUThatIsReadyTakesNoOtherAlong(t *testing.T) {
	t.Parallel()
	for _, state := range []State{DpuInitWaitingForNetworkConfig, DpuReprovisionWaitingForNetwork, DpuReprovisionVerifyFirmwareVersions} {
		for slow := range 3 {
			t.Run(fmt.Sprintf("%s, dpu%d", state, slow), func(t *testing.T) {
				t.Parallel()
				r := newRig(t).withDPUs(3)
				r.cfg.DPUFirmware = map[string]string{"nic": "2"}
				for i := range r.hw.dpus.units {
					r.hw.dpus.units[i].Firmware = map[string]string{"nic": "2"}
				}
				unit := &r.hw.dpus.units[slow]
				r.hw.dpus.dead[unit.ID] = true
				r.machine(state, 0, Machine{DPUs: 3}).start()
				r.run(20 * time.Minute)
				r.inState(state)
				assert.Contains(t, r.reason(), unit.ID+": it has not reported since")
				r.hw.dpus.dead[unit.ID] = false
				unit.Network = "m1-1"
				r.run(time.Minute)
				assert.Greater(t, len(r.way()), 1)
			})
		}
	}
}

func TestFault34AMachineThatWasNeverMatchedIsMatchedAtTheNextLook(t *testing.T) {
	t.Parallel()
	for _, state := range []State{BomValidatingMatchingSku, BomValidatingWaitingForSkuAssignment} {
		r := newRig(t).machine(state, 0, Machine{}).start()
		r.hw.sku = backend.SKUMatch{}
		r.run(24 * time.Hour)
		r.inState(BomValidatingWaitingForSkuAssignment)
		asked := r.hw.count("MatchSKU")
		r.run(time.Minute)
		assert.Greater(t, r.hw.count("MatchSKU"), asked, "it is looked for at every pass, however often there was none")
		r.hw.sku = backend.SKUMatch{SKU: "gb200"}
		r.run(2 * time.Minute)
		r.inState(Ready)
		assert.Equal(t, "gb200", r.get().SKU)
	}
}

// builtIn are the waits that are part of the plan: they come about though nothing goes wrong. A negative time is for ever.
