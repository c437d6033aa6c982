package lifecycle_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestACycleIsOverForAMemberWhenItsRackIsNoLongerComing(t *testing.T) {
	t.Parallel()
	req := &backend.Request{Cycle: "c2"}
	for _, c := range []struct {
		name string
		rack lifecycle.Parent
		req  *backend.Request
		want bool
	}{
		{"in the cycle", lifecycle.Parent{Exists: true, State: "Maintenance/X", Cycle: "c2"}, req, false},
		{"in another cycle", lifecycle.Parent{Exists: true, State: "Maintenance/X", Cycle: "c3"}, req, true},
		{"in no cycle", lifecycle.Parent{Exists: true, State: "Ready"}, req, true},
		{"failed", lifecycle.Parent{Exists: true, State: "Error", Cycle: "c2"}, req, true},
		{"gone", lifecycle.Parent{}, req, true},
		{"a request of no cycle", lifecycle.Parent{Exists: true, State: "Maintenance/X", Cycle: "c3"}, &backend.Request{}, false},
	} {
		assert.Equal(t, c.want, lifecycle.CycleEnded(c.rack, c.req), c.name)
	}
}

func TestAStatusOfAnEarlierCycleIsNoResult(t *testing.T) {
	t.Parallel()
	earlier, later := begin.Add(-time.Hour), begin.Add(time.Hour)
	for _, c := range []struct {
		name           string
		request        string // the cycle of the request, which was made at begin
		cycle          string
		started, ended time.Time
		want           bool
	}{
		{"the same cycle", "c2", "c2", earlier, earlier, true},
		{"another cycle", "c2", "c1", later, later, false},
		{"an unnamed one begun after the request", "c2", "", later, time.Time{}, true},
		{"an unnamed one begun with the request", "", "c1", begin, time.Time{}, true},
		{"an unnamed one ended after the request", "", "", earlier, later, true},
		{"an unnamed one from before", "", "", earlier, earlier, false},
		{"one without times", "", "", time.Time{}, time.Time{}, false},
	} {
		req := &backend.Request{Cycle: c.request, At: begin}
		assert.Equal(t, c.want, (&lifecycle.CycleStatus{Cycle: c.cycle, StartedAt: c.started, EndedAt: c.ended}).CurrentFor(req), c.name)
		assert.Equal(t, c.want, (&lifecycle.FabricStatus{Cycle: c.cycle, StartedAt: c.started, EndedAt: c.ended}).CurrentFor(req), c.name)
	}
	assert.False(t, (*lifecycle.CycleStatus)(nil).CurrentFor(&backend.Request{}))
	assert.False(t, (*lifecycle.FabricStatus)(nil).CurrentFor(&backend.Request{}))
}

func TestAnActivityIsOverWhenItCompletedOrFailed(t *testing.T) {
	t.Parallel()
	for p, want := range map[lifecycle.Progress]bool{
		lifecycle.ProgressStarted: false, lifecycle.ProgressRunning: false, lifecycle.ProgressCompleted: true, lifecycle.ProgressFailed: true,
	} {
		assert.Equal(t, want, (&lifecycle.CycleStatus{Status: p}).Terminal(), p)
	}
	assert.False(t, (*lifecycle.CycleStatus)(nil).Terminal())
}

func TestStepsComeInTheOrderOfTheCycleHoweverTheyAreListed(t *testing.T) {
	t.Parallel()
	await := []lifecycle.Step{lifecycle.StepNMXC, lifecycle.StepFirmware}
	for _, c := range []struct {
		after, want lifecycle.Step
		ok          bool
	}{
		{"", lifecycle.StepFirmware, true},
		{lifecycle.StepFirmware, lifecycle.StepNMXC, true},
		{lifecycle.StepNVOS, lifecycle.StepNMXC, true},
		{lifecycle.StepNMXC, "", false},
	} {
		got, ok := lifecycle.NextStep(await, c.after)
		assert.Equal(t, c.want, got)
		assert.Equal(t, c.ok, ok)
	}
	_, ok := lifecycle.NextStep(nil, "")
	assert.False(t, ok)
}

func TestARequestOfARackIsKnownByItsInitiator(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "rack-A12", lifecycle.RackInitiator("A12"))
	assert.True(t, lifecycle.FromRack(&backend.Request{Initiator: lifecycle.RackInitiator("A12")}))
	assert.False(t, lifecycle.FromRack(&backend.Request{Initiator: "ann"}))
}
