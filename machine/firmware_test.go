package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// wants is a rig whose machine is checked against wanted versions. It has BMC 1.0 and UEFI 5.0.
func wants(t *testing.T, wanted ...Firmware) *rig {
	t.Helper()
	r := newRig(t).rack("Ready", "")
	r.cfg.Firmware = wanted
	r.hw.locked().fw = map[string]string{"BMC": "1.0", "UEFI": "5.0"}
	return r
}

func TestTheRequestOfAnOperatorStartsACheckUnderAnAlert(t *testing.T) {
	t.Parallel()
	r := wants(t, Firmware{Component: "BMC", Version: "2.0"}).machine(Ready, 0, Machine{RetryCount: 2}).asked(reprovisionBy("alice", "", ""), nil).start()
	r.step()
	r.inState(fwCheck)
	assert.Equal(t, []string{sourceUpdate}, r.sources())
	m := r.get()
	assert.True(t, m.HasAlert(lifecycle.PreventAllocations))
	assert.True(t, m.HasAlert(lifecycle.SuppressExternalAlerting))
	assert.Zero(t, m.RetryCount)
	assert.Equal(t, started, r.request("q1").State)
}

func TestACheckThatFindsEveryComponentCurrentEndsWhereItBegan(t *testing.T) {
	t.Parallel()
	for name, l := range lanes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := wants(t, Firmware{Component: "BMC", Version: "1.0"}, Firmware{Component: "UEFI", Version: "5.0"})
			r.machine(l.back, 0, Machine{TenantApproved: true}).asked(reprovisionBy("alice", "", ""), nil).start()
			r.run(time.Minute)
			assert.Equal(t, []State{l.back, l.in(fwCheck), l.back}, r.way())
			assert.Empty(t, r.sources())
			assert.Equal(t, backend.RequestFinished, r.request("q1").State)
			assert.Equal(t, map[string]string{"BMC": "1.0", "UEFI": "5.0"}, r.get().Firmware)
			assert.Empty(t, r.hw.changes())
		})
	}
}

func TestWhatIsDoneAboutTheFirstComponentThatDiffers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wanted  []Firmware
		to      State
		toAgain State
	}{
		"upload":               {[]Firmware{{Component: "BMC", Version: "2.0"}}, HostReprovisionWaitingForUpload, HostReprovisionWaitingForUpload},
		"manual":               {[]Firmware{{Component: "BMC", Version: "2.0", How: HowManual}}, HostReprovisionWaitingForManualUpgrade, HostReprovisionWaitingForManualUpgrade},
		"script":               {[]Firmware{{Component: "BMC", Version: "2.0", How: HowScript}}, HostReprovisionWaitingForScript, HostReprovisionWaitingForScript},
		"a reset, once":        {[]Firmware{{Component: "BMC", Version: "2.0", How: HowReset}}, HostReprovisionInitialReset, HostReprovisionWaitingForUpload},
		"in configured order":  {[]Firmware{{Component: "UEFI", Version: "5.1", How: HowScript}, {Component: "BMC", Version: "2.0"}}, HostReprovisionWaitingForScript, HostReprovisionWaitingForScript},
		"current ones skipped": {[]Firmware{{Component: "BMC", Version: "1.0"}, {Component: "UEFI", Version: "5.1", How: HowManual}}, HostReprovisionWaitingForManualUpgrade, HostReprovisionWaitingForManualUpgrade},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for name, l := range lanes {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					for from, to := range map[State]State{fwCheck: c.to, fwRepeat: c.toAgain} {
						r := wants(t, c.wanted...).machine(l.in(from), 0, Machine{}).asked(reprovisionBy("alice", "", started), nil).start()
						r.step()
						r.inState(l.in(to))
						assert.Contains(t, r.note(), "wanted is")
					}
				})
			}
		})
	}
}

func TestAnInventoryThatCannotBeReadFailsTheUpgradeOnlyForGood(t *testing.T) {
	t.Parallel()
	for name, l := range lanes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, from := range []State{fwCheck, fwRepeat} {
				r := wants(t, Firmware{Component: "BMC", Version: "2.0"}).machine(l.in(from), 0, Machine{}).start()
				r.hw.errs["FirmwareInventory"] = []error{errBusy, errBroken}
				r.step()
				r.inState(l.in(from))
				assert.Contains(t, r.reason(), "the BMC is busy")
				r.step()
				r.inState(l.in(fwFailed))
				assert.Contains(t, r.get().Failure.Message, "the board is broken")
			}
		})
	}
}

func TestACheckWithoutAnInventoryIsPassedWithThatNote(t *testing.T) {
	t.Parallel()
	r := wants(t, Firmware{Component: "BMC", Version: "2.0"}).machine(fwCheck, 0, Machine{}).start()
	r.hw.always["FirmwareInventory"] = backend.ErrNotSupported
	r.step()
	r.inState(Ready)
	assert.Contains(t, r.note(), "no inventory capability: passed")

	r = wants(t, Firmware{Component: "BMC", Version: "2.0"})
	r.cfg.Driver = backend.Capabilities{}
	r.machine(fwCheck, 0, Machine{}).start().step()
	r.inState(Ready)
	assert.Contains(t, r.note(), "no inventory capability: passed")
}

func TestAReportedUpgradeIsChecked(t *testing.T) {
	t.Parallel()
	for name, l := range lanes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for from, how := range map[State]How{HostReprovisionWaitingForManualUpgrade: HowManual, HostReprovisionWaitingForScript: HowScript} {
				r := wants(t, Firmware{Component: "BMC", Version: "2.0", How: how}).machine(l.in(fwCheck), 0, Machine{}).asked(reprovisionBy("alice", "", started), nil).start()
				r.run(time.Hour)
				r.inState(l.in(from))
				assert.Contains(t, r.reason(), `BMC is "1.0", wanted is "2.0"`)
				r.apply(func(tx *lifecycle.Tx) error { return ReportUpgrade(tx, m1, UpgradeReport{By: "carol"}) })
				r.run(time.Minute)
				r.inState(l.in(from)) // said, and not so
				r.hw.fw["BMC"] = "2.0"
				r.apply(func(tx *lifecycle.Tx) error { return ReportUpgrade(tx, m1, UpgradeReport{By: "carol"}) })
				r.run(time.Minute)
				r.inState(l.back)
				assert.Equal(t, backend.RequestFinished, r.request("q1").State)
			}
		})
	}
}

func TestAReportOfAFailureFailsTheUpgrade(t *testing.T) {
	t.Parallel()
	for name, l := range lanes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, from := range []State{HostReprovisionWaitingForManualUpgrade, HostReprovisionWaitingForScript} {
				r := wants(t).machine(l.in(from), 0, Machine{}).start()
				r.apply(func(tx *lifecycle.Tx) error {
					return ReportUpgrade(tx, m1, UpgradeReport{By: "carol", Error: "exit 3"})
				})
				r.step()
				r.inState(l.in(fwFailed))
				assert.Equal(t, "reported by carol: exit 3", r.note())
			}
		})
	}
}

func TestAnUpgradeThatNobodyReportsFailsAtItsDeadline(t *testing.T) {
	t.Parallel()
	for state, deadline := range map[State]time.Duration{HostReprovisionWaitingForManualUpgrade: 72 * time.Hour, HostReprovisionWaitingForScript: 5 * time.Hour} {
		r := wants(t).machine(state, -deadline+time.Minute, Machine{}).start()
		r.run(59 * time.Second)
		r.inState(state)
		assert.Contains(t, r.reason(), "none has come")
		r.run(time.Second)
		r.inState(fwFailed)
	}
}

func TestAReportIsRefusedWhereNoneIsWaitedFor(t *testing.T) {
	t.Parallel()
	r := newRig(t).machine(Ready, 0, Machine{}).start()
	require.ErrorIs(t, r.ctl.Apply(t.Context(), func(tx *lifecycle.Tx) error { return ReportUpgrade(tx, m1, UpgradeReport{}) }), lifecycle.ErrNotPermitted)
	require.ErrorIs(t, r.ctl.Apply(t.Context(), func(tx *lifecycle.Tx) error { return ReportUpgrade(tx, Ref("m9"), UpgradeReport{}) }), backend.ErrNotFound)
}

func TestWhichComponentIsInstalledFirst(t *testing.T) {
	t.Parallel()
	wanted := []Firmware{{Component: "BMC", Version: "2.0"}, {Component: "UEFI", Version: "5.1"}}
	for _, c := range []struct {
		found map[string]string
		want  string
	}{
		{map[string]string{"BMC": "2.0", "UEFI": "5.1"}, ""},
		{map[string]string{"BMC": "2.0", "UEFI": "5.0"}, "UEFI"},
		{map[string]string{"BMC": "3.0", "UEFI": "5.0"}, "BMC"},
		{map[string]string{"BMC": "2.0"}, "UEFI"},
		{nil, "BMC"},
	} {
		f, outdated := firstOutdated(wanted, c.found)
		assert.Equal(t, c.want != "", outdated)
		assert.Equal(t, c.want, f.Component)
	}
}
