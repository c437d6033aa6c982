package machine

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

func TestAJobOnTheDPUsRunsAtTheirRestartOrTheHosts(t *testing.T) {
	t.Parallel()
	r := newRig(t).withDPUs(2).machine(DpuDiscoveringConfiguring, 0, Machine{DPUs: 2}).start()
	r.hw.jobs[dpuBoot] = polls(backend.JobPending, backend.JobRunning, backend.JobCompleted)
	r.run(time.Minute)
	r.inState(Ready)
	assert.Equal(t, []string{"SubmitPlatform:DpuSecureBoot", "RestartDPUs", "ResetHost", "RestartDPUs"}, r.hw.changes()[:4])

	r = newRig(t).withDPUs(2).machine(DpuDiscoveringConfiguring, 0, Machine{DPUs: 2}).start()
	r.hw.needsRestart[dpuBoot] = true
	r.hw.always["RestartDPUs"] = backend.ErrNotSupported
	r.run(time.Minute)
	r.inState(Ready)
	assert.Equal(t, 3, r.hw.count("ResetHost"), "for the job, into the tests and out of them")

	r = newRig(t).withDPUs(2).machine(DpuDiscoveringConfiguring, 0, Machine{DPUs: 2}).start()
	r.hw.needsRestart[dpuBoot] = true
	r.hw.always["RestartDPUs"] = errBroken
	r.step()
	r.inState(Failed)
}

func TestAnInstallationOnDPUsIsTriedThreeTimesBeforeTheMachineFails(t *testing.T) {
	t.Parallel()
	for kind, state := range map[backend.PlatformKind]State{dpuBoot: DpuDiscoveringConfiguring, dpuOS: DpuInitInstallDpuOs, dpuProfile: DpuInitWaitingForPlatformConfiguration} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			r := newRig(t).withDPUs(2).machine(state, 0, Machine{DPUs: 2}).start()
			r.hw.jobs[kind] = polls(backend.JobFailed)
			r.run(time.Hour)
			r.inState(Failed)
			m := r.get()
			assert.Equal(t, platformSetup(kind), m.Cause)
			assert.Equal(t, returnTo(state), m.ReturnTo)
			assert.Equal(t, 3, r.hw.count("SubmitPlatform:"+string(kind)))
			assert.Contains(t, m.Failure.Message, "3 of 3 attempts")
			r.hw.jobs[kind], r.hw.applied[kind] = nil, true
			r.run(2 * time.Minute)
			r.inState(Ready)
			assert.Contains(t, r.way(), returnTo(state))
		})
	}
}

func TestAHostThatDoesNotGoOffForItsDPUsFails(t *testing.T) {
	t.Parallel()
	r := newRig(t).withDPUs(2).machine(DpuInitWaitingForPlatformPowercycle, 0, Machine{DPUs: 2}).start()
	r.hw.always["SetPower:PowerOff"] = errBusy
	r.run(time.Minute)
	r.inState(DpuInitWaitingForPlatformPowercycle)
	assert.Contains(t, r.reason(), "power cycle, stage GoesOff")
	r.run(46 * time.Minute)
	r.inState(Failed)
	m := r.get()
	assert.Equal(t, CauseDpuProvisioning, m.Cause)
	assert.Nil(t, m.PowerCycle)
}

func TestAMachineThatFailedOverItsDPUsGoesBackWhenTheyAreInOrder(t *testing.T) {
	t.Parallel()
	failedOver := func(run *DPURun, source State) *rig {
		m := Machine{DPUs: 2, Cause: CauseDpuProvisioning, ReturnTo: returnTo(source), DPURun: run, Failure: &Failure{Source: source, At: epoch.Add(-time.Minute)}}
		return newRig(t).withDPUs(2).machine(Failed, 0, m)
	}
	network := &DPURun{Network: "m1-1"}
	for name, c := range map[string]struct {
		run    *DPURun
		given  func(d *dpuHardware) // what keeps the machine in Failed, and is reported
		why    string
		mended func(d *dpuHardware)
	}{
		"they have the network after all": {network, func(d *dpuHardware) { d.units[0].Network = "m1-1" }, `dpu1: its network is ""`, func(d *dpuHardware) { d.units[1].Network = "m1-1" }},
		"they came up since":              {network, func(*dpuHardware) {}, "dpu1: its network is", func(d *dpuHardware) { d.units[0].UpAt, d.units[1].UpAt = epoch, epoch }},
		"they were not what failed":       {nil, func(d *dpuHardware) { d.units[0].UpAt = epoch }, "dpu1: it has not come up since", func(d *dpuHardware) { d.units[1].UpAt = epoch }},
		"one was missing":                 {nil, func(d *dpuHardware) { d.units[0].UpAt = epoch; d.units = d.units[:1] }, "1 units are reported", func(d *dpuHardware) { d.units = append(d.units, backend.DPUReport{ID: "dpu1", UpAt: epoch}) }},
		"one had a problem":               {nil, func(d *dpuHardware) { d.units[0].UpAt, d.units[1].UpAt, d.units[1].Problem = epoch, epoch, "hot" }, "dpu1: hot", func(d *dpuHardware) { d.units[1].Problem = "" }},
		"one did not report":              {nil, func(d *dpuHardware) { d.units[0].UpAt, d.units[1].UpAt, d.dead["dpu1"] = epoch, epoch, true }, "dpu1: it has not reported since", func(d *dpuHardware) { d.dead["dpu1"] = false }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := failedOver(c.run, DpuInitWaitingForNetworkConfig)
			c.given(&r.hw.dpus)
			r.start().run(time.Hour)
			r.inState(Failed)
			assert.Contains(t, r.reason(), c.why)
			assert.Empty(t, r.hw.changes())
			c.mended(&r.hw.dpus)
			r.run(2 * time.Minute)
			assert.Equal(t, DpuInitInstallDpuOs, r.way()[1])
			r.inState(Ready)
		})
	}
	r := failedOver(nil, DpuInitWaitingForNetworkConfig).start()
	r.hw.always["DPUs"] = errBusy
	r.run(time.Hour)
	assert.Contains(t, r.reason(), "the DPUs cannot be asked: the BMC is busy")
}

func TestADeathBetweenAnyTwoCallsToDPUsStartsNothingTwice(t *testing.T) {
	t.Parallel()
	begin := func() *rig {
		r := newRig(t).withDPUs(2)
		r.hw.scheduled = map[backend.PlatformKind]int{dpuBoot: 1, dpuOS: 0}
		return r.start().report(Discovered{DPUs: 2})
	}
	calm := begin()
	calm.run(time.Hour)
	require.Equal(t, slices.Concat(dpuWay, wayToReady[1:]), calm.way())
	for n := 1; n < len(calm.hw.calls); n++ {
		t.Run(fmt.Sprintf("after call %d", n), func(t *testing.T) {
			t.Parallel()
			r := begin()
			r.diesAfter(n)
			assert.Equal(t, calm.way(), r.way())
			assert.ElementsMatch(t, calm.hw.order, r.hw.order, "what was begun in a run without a death")
		})
	}
}

func (r *rig) diesAfter(n int) {
	r.Helper()
	r.hw.diesAfter = n
	for r.hw.diesAfter > 0 {
		_, next, err := r.ctl.RunUntilIdle(r.Context(), r.now)
		require.NoError(r, err)
		r.now = next
	}
	r.now = r.now.Add(time.Minute)
	r.start().run(time.Hour)
}
