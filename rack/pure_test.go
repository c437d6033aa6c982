package rack

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	nvswitch "github.com/rackstate/rackstate/switch"
)

type rackRow = lifecycle.Row[State, Trigger]

func TestCountsArePrintedAgainstWhatIsWanted(t *testing.T) {
	t.Parallel()
	want := wanted(Profile{Compute: Capability{Count: 18}, Switch: Capability{Count: 9}, PowerShelf: Capability{Count: 8}})
	assert.Equal(t, "compute=1/18 switch=2/9 power_shelf=0/8", count{compute: 1, switches: 2}.of(want))
	for name, c := range map[string]struct {
		is   count
		want bool
	}{
		"just enough":       {count{18, 9, 8}, true},
		"more than enough":  {count{19, 10, 9}, true},
		"a tray is missing": {count{17, 9, 8}, false},
		"a switch is":       {count{18, 8, 8}, false},
		"a shelf is":        {count{18, 9, 7}, false},
	} {
		assert.Equal(t, c.want, c.is.covers(want), name)
	}
}

func TestALongListIsShortenedForPeople(t *testing.T) {
	t.Parallel()
	assert.Empty(t, someOf(nil))
	assert.Equal(t, "a, b, c, d, e, f, g, h", someOf([]string{"a", "b", "c", "d", "e", "f", "g", "h"}))
	assert.Equal(t, "a, b, c, d, e, f, g, h and 2 more", someOf([]string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}))
}

func TestThePrimarySwitchIsTheOneWithTheLowestTrayIndex(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		switches []string
		trays    map[string]int
		primary  string
		problem  []string
	}{
		"the lowest":                {[]string{"s1", "s2", "s3"}, map[string]int{"s1": 5, "s2": 1, "s3": 3}, "s2", nil},
		"counted from zero":         {[]string{"s1", "s2"}, map[string]int{"s1": 1, "s2": 0}, "s2", nil},
		"the first is zero":         {[]string{"s1", "s2"}, map[string]int{"s1": 0, "s2": 1}, "s1", nil},
		"alone":                     {[]string{"s7"}, map[string]int{"s7": 9}, "s7", nil},
		"one reports nothing":       {[]string{"s1", "s2"}, map[string]int{"s1": 1}, "", []string{"s2"}},
		"nobody reports":            {[]string{"s1", "s2"}, nil, "", []string{"s1", "s2"}},
		"two report the same":       {[]string{"s1", "s2", "s3"}, map[string]int{"s1": 2, "s2": 2, "s3": 1}, "", []string{"s1", "s2"}},
		"a stranger reports":        {[]string{"s1"}, map[string]int{"s1": 2, "s9": 1}, "", []string{"s9"}},
		"all problems are reported": {[]string{"s1", "s2", "s3"}, map[string]int{"s1": 2, "s2": 2, "s9": 1}, "", []string{"s1", "s2", "s3", "s9"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var refs []backend.Ref
			for _, id := range c.switches {
				refs = append(refs, nvswitch.Ref(id))
			}
			placements := map[backend.Ref]backend.Placement{}
			for id, tray := range c.trays {
				placements[nvswitch.Ref(id)] = backend.Placement{Tray: tray}
			}
			primary, problem := choosePrimary(refs, placements)
			assert.Equal(t, c.primary, primary.ID)
			assert.Equal(t, len(c.problem) > 0, problem != "", problem)
			mentions(t, problem, c.problem...)
		})
	}
}

func TestTheOriginAndAlertNamesAreFrozen(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []Origin{"component", "maintenance", "validation"}, []Origin{OriginComponent, OriginMaintenance, OriginValidation})
	assert.Equal(t, []string{"rack-maintenance", "rack-validation"}, []string{AlertMaintenance, AlertValidation})
	assert.Equal(t, []string{"rv.run-id", "rv.part-id", "rv.st", "rv.fail-desc"}, []string{LabelRun, LabelPart, LabelState, LabelFailDesc})
	assert.Equal(t, []PartitionState{"idle", "inp", "pass", "fail"}, []PartitionState{PartitionIdle, PartitionBusy, PartitionPass, PartitionFail})
	assert.Equal(t, []ActivityName{"FirmwareUpgrade", "NvosUpdate", "ConfigureNmxCluster", "PowerSequence"}, activityOrder)
}

// TestTheLimitsOfTheStatesAreThoseOfTheDesign holds SLAs and deadlines against the page.
func TestTheLimitsOfTheStatesAreThoseOfTheDesign(t *testing.T) {
	t.Parallel()
	sla := map[State]string{
		Created: "1h0m0s", Discovering: "1h0m0s", inFirmware: "2h0m0s", inNVOS: "1h0m0s", inCluster: "15m0s", PoweringOff: "15m0s", PoweringOn: "15m0s",
		inValidating: "12h0m0s", Deleting: "15m0s", Ready: "0s", PoweredOff: "0s", Error: "0s",
	}
	for _, s := range states {
		for path, want := range sla {
			if s.State == path || len(s.State) > len(path) && s.State[:len(path)+1] == path+"/" {
				assert.Equal(t, want, s.SLA.String(), "SLA of %s", s.State)
			}
		}
		assert.Equal(t, s.State == Error, s.ReportAtOnce, "%s is reported at once", s.State)
	}
	d := Settings{}.WithDefaults().Deadlines
	assert.Equal(t, []string{"4h0m0s", "2h0m0s", "30m0s", "30m0s", "1h0m0s", "24h0m0s"},
		[]string{d.FirmwareUpgrade.String(), d.NVOSUpdate.String(), d.ConfigureNmxCluster.String(), d.PowerSequence.String(), d.Completed.String(), d.Validating.String()})
}

func TestFailedChildrenAreDescribedByKindCountAndId(t *testing.T) {
	t.Parallel()
	r := newRig(t).rack("r1", Ready).
		machine("m1", machine.Failed).machine("m2", machine.Ready).machine("m3", machine.AssignedFailed).machine("m4", machine.HostReprovisionFailedFirmwareUpgrade, func(m *machine.Machine) { m.RetryCount = 4 }).
		machine("m5", machine.HostReprovisionFailedFirmwareUpgrade, func(m *machine.Machine) { m.RetryCount = 5 }).
		nvlink("s1", nvswitch.Error).nvlink("s2", nvswitch.Error).nvlink("s3", nvswitch.FetchInfo).shelf("p1", powershelf.Error).shelf("p2", powershelf.Ready)
	r.look(func(kids children) {
		assert.Equal(t, "2 switch(es) failed: s1, s2; 1 power shelf/shelves failed: p1; 3 machine(s) failed: m1, m3, m5", kids.failures(5))
		assert.Equal(t, count{compute: 5, switches: 3, shelves: 2}, kids.present())
		assert.Equal(t, count{compute: 1, switches: 0, shelves: 1}, kids.ready())
		assert.Len(t, kids.stragglers(), 8)
	})
}

// look shows r1's children to a test.
func (r *rig) look(f func(kids children)) {
	r.Helper()
	r.apply(func(tx *lifecycle.Tx) error {
		f(lookAtChildren(tx, "r1"))
		return nil
	})
}

func TestAClonedRackSharesNothing(t *testing.T) {
	t.Parallel()
	full := func() *Rack {
		k := NewRack(ExpectedRack{ID: "r1", ProfileID: "P", Labels: map[string]string{"location.room": "4"}})
		k.Cycle = &Cycle{
			ID: "c1", Scope: Scope{Machines: []string{"m1"}}, Jobs: job("m1 running"), Asked: []backend.Ref{machine.Ref("m1")}, Calls: map[string]int{"machines": 1},
			Results: []backend.Result{{Target: machine.Ref("m1")}},
		}
		return k
	}
	k := full()
	c := clone(k)
	assert.Equal(t, full(), c)
	c.Labels["location.room"], c.Cycle.ID, c.Cycle.Scope.Machines[0], c.Cycle.Jobs[0].ID, c.Cycle.Asked[0].ID, c.Cycle.Calls["machines"], c.Cycle.Results[0].Error = "x", "x", "x", "x", "x", 2, "x"
	assert.Equal(t, full(), k)
}
