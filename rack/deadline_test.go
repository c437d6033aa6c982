package rack

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/machine"
	nvswitch "github.com/rackstate/rackstate/switch"
)

func TestAnActivityThatIsNotDoneInTimeFailsAndNamesItsStragglers(t *testing.T) {
	t.Parallel()
	type reports = map[string]backend.FabricReport
	for name, c := range map[string]struct {
		state    State
		activity Activity
		deadline time.Duration
		jobs     []DeviceJob
		given    func(h *hardware)
		words    []string
		hurt     []string // carry an alert
		not      []string // carry none
	}{
		"firmware": {
			FirmwareWait, fw2, 4 * time.Hour, job("m1 running", "m2 running", "s1 running"),
			func(h *hardware) { h.script("FirmwareJob", answer{jobs: found("m1 completed", "m2 running")}) },
			[]string{"FirmwareUpgrade timed out after 4h0m0s", "m2", "s1"},
			[]string{"m2", "s1"},
			[]string{"m1"},
		},
		"images": {
			NVOSWait, img2, 2 * time.Hour, job("s1 running", "s2 running"),
			func(h *hardware) { h.script("SwitchImageJob", answer{jobs: found("s2 running")}) },
			[]string{"NvosUpdate timed out after 2h0m0s", "s1", "s2"},
			[]string{"s1", "s2"},
			[]string{"m1"},
		},
		"certificates": {
			CertificatesWait, nmx, 30 * time.Minute, job("s1 running"),
			func(h *hardware) { h.script("CertificateJob", answer{jobs: found("s1 running")}) },
			[]string{"ConfigureNmxCluster timed out after 30m0s", "s1"},
			[]string{"s1", "s2"},
			[]string{"m1"},
		},
		"a fabric that does not run": {
			FabricWait, nmx, 30 * time.Minute, nil,
			func(h *hardware) {
				h.script("FabricStatus", answer{fabric: reports{"s1": {State: backend.FabricNotOK, Reason: "starting"}, "s2": {State: backend.FabricNotOK, Reason: "standby"}}})
			},
			[]string{"timed out after 30m0s", "s1"},
			[]string{"s1", "s2"},
			[]string{"m1"},
		},
		"a fabric manager that is never reached": {
			FabricConfigure, nmx, 30 * time.Minute, nil,
			func(h *hardware) { h.script("ConfigureFabricManager", answer{err: notDone("connection refused")}) },
			[]string{"timed out after 30m0s", "connection refused"},
			[]string{"s1", "s2"},
			[]string{"m1"},
		},
		"a fabric that is turned off in part": {
			FabricDisable, nmx, 30 * time.Minute, nil,
			func(h *hardware) {
				h.script("SetFabricState", answer{failed: map[string]error{"s2": notDone("connection refused")}})
			},
			[]string{"timed out after 30m0s", "s2"},
			[]string{"s1", "s2"},
			[]string{"m1"},
		},
		"power": {
			PoweringOff, sequence(SequenceOff), 30 * time.Minute, nil,
			func(h *hardware) { h.stuck["m2"] = true },
			[]string{"PowerSequence timed out after 30m0s", "m2"},
			[]string{"m2", "m1"}, // m1 arrived, and has no power now
			[]string{"s1", "p1"},
		},
		"power on": {
			PoweringOn, sequence(SequenceOn), 30 * time.Minute, nil,
			func(h *hardware) { h.stuck["m2"], h.power[machine.Ref("m2")] = true, backend.PowerOff },
			[]string{"PowerSequence timed out after 30m0s", "m2"},
			[]string{"m2"},
			[]string{"m1", "s1"},
		},
		"power that is never reached": {
			PoweringOff, sequence(SequenceReset), 30 * time.Minute, nil,
			func(h *hardware) {
				h.power[machine.Ref("m1")], h.power[machine.Ref("m2")] = backend.PowerOff, backend.PowerOff
				h.script("SetPower off", answer{err: notDone("connection refused")})
			},
			[]string{"timed out after 30m0s", "connection refused"},
			[]string{"m1", "m2"}, // they are left without power; of the switches surely none was asked
			[]string{"s1", "s2", "p1"},
		},
		"a batch of unknown outcome": {
			FirmwareStart, fw2, 4 * time.Hour, nil,
			func(h *hardware) { h.script("ApplyFirmware", answer{lost: maybeDone("timeout")}) },
			[]string{"timed out after 4h0m0s", "timeout"},
			[]string{"m1", "m2", "s1", "s2"},
			[]string{"p1"},
		},
		"a batch that was surely not taken": {
			FirmwareStart, fw2, 4 * time.Hour, nil,
			func(h *hardware) { h.script("ApplyFirmware", answer{err: notDone("connection refused")}) },
			[]string{"timed out after 4h0m0s", "connection refused"},
			nil,
			[]string{"m1", "s1"},
		},
		"images of unknown outcome": {
			NVOSStart, img2, 2 * time.Hour, nil,
			func(h *hardware) { h.script("ApplySwitchImage", answer{lost: maybeDone("timeout")}) },
			[]string{"timed out after 2h0m0s", "timeout"},
			[]string{"s1", "s2"},
			[]string{"m1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.age = c.deadline - time.Minute
			r.maintained(c.state, FullRack(c.activity), func(k *Rack) { k.Cycle.Jobs, k.Cycle.Primary = c.jobs, "s1" }).devices("m1", "m2", "s1", "s2", "p1")
			c.given(r.hw)
			r.step()
			r.inState(c.state)
			r.advance(2 * time.Minute).step()
			r.failedBy(OriginMaintenance, c.words...)
			assert.Equal(t, backend.RequestFailed, r.request(r1, "q1").State)
			alert := []string{"rack-maintenance/" + string(c.activity.Name)}
			for _, id := range c.hurt {
				assert.Equal(t, alert, r.alerts(deviceRef(id)), id)
				assert.Contains(t, r.results("q1"), string(c.activity.Name)+" "+id+" failed")
			}
			for _, id := range c.not {
				assert.Empty(t, r.alerts(deviceRef(id)), id)
			}
			r.run(time.Minute)
			if c.hurt == nil {
				r.inState(Ready)
			} else {
				r.inState(Error)
			}
		})
	}
}

func TestTheDeadlineCountsFromTheBeginOfTheActivity(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(ClusterStart, FullRack(nmx)).devices("s1")
	r.hw.script("CertificateJob", answer{jobs: found("s1 running")})
	r.run(20 * time.Minute)
	r.inState(CertificatesWait)
	assert.True(t, r.over(), "past the SLA of 15 minutes it is reported")
	r.hw.script("CertificateJob", answer{})
	r.hw.script("FabricStatus", answer{fabric: map[string]backend.FabricReport{}})
	r.run(9 * time.Minute)
	r.inState(FabricWait)
	r.run(2 * time.Minute)
	r.failedBy(OriginMaintenance, "timed out after 30m0s", "s1")
}

func TestAConfiguredDeadlineReplacesTheDefaultOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set      func(d *Deadlines)
		state    State
		activity Activity
		call     string
	}{
		"firmware": {func(d *Deadlines) { d.FirmwareUpgrade = 5 * time.Minute }, FirmwareWait, fw2, "FirmwareJob"},
		"images":   {func(d *Deadlines) { d.NVOSUpdate = 5 * time.Minute }, NVOSWait, img2, "SwitchImageJob"},
		"fabric":   {func(d *Deadlines) { d.ConfigureNmxCluster = 5 * time.Minute }, CertificatesWait, nmx, "CertificateJob"},
		"power":    {func(d *Deadlines) { d.PowerSequence = 5 * time.Minute }, PoweringOff, sequence(SequenceOff), "PowerState"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).maintained(c.state, FullRack(c.activity), func(k *Rack) { k.Cycle.Jobs = job("s1 running") }).devices("s1")
			c.set(&r.set.Deadlines)
			r.hw.script(c.call, answer{jobs: found("s1 running"), power: map[string]backend.PowerState{"s1": backend.PowerOn}})
			r.step()
			r.inState(c.state)
			r.advance(5 * time.Minute).step()
			r.failedBy(OriginMaintenance, "timed out after 5m0s", "s1")
		})
	}
}

func TestALateActivityThatIsDoneInTheSamePassHasMadeIt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.age = 5 * time.Hour
	r.maintained(FirmwareWait, FullRack(fw2), func(k *Rack) { k.Cycle.Jobs = job("m1 running") }).devices("m1")
	r.step()
	r.inState(Completed)
}

func TestPastItsSLAAMaintenanceIsReportedAndGoesOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.age = 3 * time.Hour
	r.maintained(FirmwareWait, FullRack(fw2), func(k *Rack) { k.Cycle.Jobs = job("m1 running") }).devices("m1")
	r.hw.script("FirmwareJob", answer{jobs: found("m1 running")})
	r.step()
	r.inState(FirmwareWait)
	assert.True(t, r.over())
}

func TestARackInErrorIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Error, func(k *Rack) { k.Cause = "switch s1 failed" }).nvlink("s1", nvswitch.Error)
	r.step()
	assert.True(t, r.over())
}

func TestImpossibleSettingsAreRefusedTogether(t *testing.T) {
	t.Parallel()
	_, err := New(KindConfig{Driver: backend.Capabilities{}, Profile: func(string) (Profile, bool) { return Profile{}, false }, Settings: Settings{
		MaxInMaintenance: -1, MaxShareInMaintenance: 1.5, FailedGrace: -1, PollInterval: -1,
		Deadlines: Deadlines{FirmwareUpgrade: -1, NVOSUpdate: -1, ConfigureNmxCluster: -1, PowerSequence: -1, Completed: -1, Validating: -1},
	}})
	require.Error(t, err)
	mentions(t, err.Error(), "10 errors", "MaxInMaintenance is -1", "MaxShareInMaintenance is 1.5", "FailedGrace", "PollInterval", "FirmwareUpgrade", "NVOSUpdate", "ConfigureNmxCluster",
		"PowerSequence", "Completed", "Validating")
}
