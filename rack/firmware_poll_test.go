package rack

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
)

// upgrading is r1 in the wait for a firmware batch.
func upgrading(t *testing.T, scope Scope, jobs ...string) *rig {
	t.Helper()
	return newRig(t).maintained(FirmwareWait, scope, func(k *Rack) { k.Cycle.Jobs = job(jobs...) })
}

func TestTheFirmwareUpgradeEndsWhenEveryDeviceIsDone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		poll    []string
		want    State
		waits   []string
		cause   string
		results []string
		alerts  []string // of m1
	}{
		"nothing is done":           {[]string{"m1 running", "m2 pending"}, FirmwareWait, []string{"0/2 devices terminal (completed=0, failed=0)"}, "", nil, nil},
		"one is done":               {[]string{"m1 running", "m2 completed"}, FirmwareWait, []string{"1/2 devices terminal (completed=1, failed=0)"}, "", nil, nil},
		"one has failed":            {[]string{"m1 failed bad image", "m2 running"}, FirmwareWait, []string{"1/2 devices terminal (completed=0, failed=1)"}, "", nil, nil},
		"all are done":              {[]string{"m1 completed", "m2 completed"}, Completed, nil, "", []string{"FirmwareUpgrade m1 ok", "FirmwareUpgrade m2 ok"}, nil},
		"all are done and one not":  {[]string{"m1 failed bad image", "m2 completed"}, Error, nil, "firmware upgrade failed: 1/2 devices failed: m1: bad image", []string{"FirmwareUpgrade m1 failed", "FirmwareUpgrade m2 ok"}, []string{"rack-maintenance/FirmwareUpgrade"}},
		"all have failed":           {[]string{"m1 failed bad image", "m2 failed no power"}, Error, nil, "firmware upgrade failed: 2/2 devices failed: m1: bad image, m2: no power", []string{"FirmwareUpgrade m1 failed", "FirmwareUpgrade m2 failed"}, []string{"rack-maintenance/FirmwareUpgrade"}},
		"the state is not known":    {[]string{"m1 unknown", "m2 completed"}, FirmwareWait, []string{"1/2"}, "", nil, nil},
		"one is not in the answer":  {[]string{"m2 completed"}, FirmwareWait, []string{"1/2"}, "", nil, nil},
		"a state that nobody knows": {[]string{"m1 ", "m2 completed"}, FirmwareWait, []string{"1/2"}, "", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := upgrading(t, FullRack(fw2), "m1 running", "m2 running").devices("m1", "m2")
			r.hw.script("FirmwareJob", answer{jobs: found(c.poll...)})
			r.step()
			r.inState(c.want)
			if c.waits != nil {
				r.waits(c.waits...)
			}
			mentions(t, r.get().Cause, c.cause)
			assert.Equal(t, c.results, r.results("q1"))
			assert.Equal(t, c.alerts, r.alerts(machine.Ref("m1")))
		})
	}
}

func TestAPollThatFailsKeepsWhatWasLastSeen(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]answer{
		"as a whole":          {err: errors.New("connection reset")},
		"for one device":      {failed: map[string]error{"m1": errors.New("connection reset")}, jobs: found("m2 completed")},
		"a job that is gone":  {failed: map[string]error{"m1": backend.ErrNoJob}, jobs: found("m2 completed")},
		"even when permanent": {failed: map[string]error{"m1": permanent("connection reset")}, jobs: found("m2 completed")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status := lifecycle.CycleStatus{Status: lifecycle.ProgressRunning, TaskID: "job-m1", StartedAt: epoch.Add(-time.Minute), Cycle: cycle1}
			r := upgrading(t, FullRack(fw2), "m1 running", "m2 running").machine("m1", machine.Ready, func(m *machine.Machine) { s := status; m.FirmwareUpgrade = &s }).devices("m2")
			r.hw.script("FirmwareJob", first, answer{})
			r.step()
			r.inState(FirmwareWait)
			r.waits("the last poll failed")
			assert.Equal(t, status, *r.m("m1").FirmwareUpgrade)
			r.advance(15 * time.Second).step()
			r.inState(Completed)
			status.Status, status.EndedAt = lifecycle.ProgressCompleted, r.now
			assert.Equal(t, status, *r.m("m1").FirmwareUpgrade)
		})
	}
}

func TestAJobThatHasEndedIsNotPolledAgain(t *testing.T) {
	t.Parallel()
	r := upgrading(t, FullRack(fw2), "m1 completed", "m2 running").devices("m1", "m2")
	r.hw.script("FirmwareJob", answer{jobs: found("m1 failed it cannot fail any more", "m2 completed")})
	r.step()
	r.inState(Completed)
}

func TestAShelfThatTakesPartInTheBatchHasAStatusToo(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(FirmwareStart, Scope{PowerShelves: []string{"p1"}, Activities: []Activity{fw2}}).devices("p1")
	r.catalog = backend.Catalog{{ID: "fw-2", HardwareType: "any", Available: true, PowerShelves: true}}
	r.hw.script("FirmwareJob", answer{jobs: found("p1 failed bad image")})
	r.step(r1, r1)
	r.failedBy(OriginMaintenance, "1/1", "p1")
	assert.Equal(t, lifecycle.ProgressFailed, r.p("p1").FirmwareUpgrade.Status)
	assert.Equal(t, []string{"rack-maintenance/FirmwareUpgrade"}, r.alerts(powershelf.Ref("p1")))
}

func TestADeviceThatIsMarkedDeletedNoLongerCountsInTheBatch(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]string{"it never ends": "m2 running", "it fails": "m2 failed pulled out"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := upgrading(t, FullRack(fw2), "m1 running", "m2 running").devices("m1", "m2")
			r.remove(machine.Ref("m2"))
			r.hw.script("FirmwareJob", answer{jobs: found("m1 completed", last)})
			r.step()
			r.inState(Completed)
		})
	}
}

func TestWhatFollowsTheFirmware(t *testing.T) {
	t.Parallel()
	image := Activity{Name: NvosUpdate, Image: "img-2"}
	for want, next := range map[State][]Activity{
		NVOSStart:    {fw2, image, {Name: PowerSequence}},
		ClusterStart: {{Name: PowerSequence}, fw2, {Name: ConfigureNmxCluster}},
		PoweringOff:  {fw2, {Name: PowerSequence}},
		PoweringOn:   {fw2, {Name: PowerSequence, Power: SequenceOn}},
		Completed:    {fw2},
	} {
		r := upgrading(t, FullRack(next...), "m1 completed", "s1 completed").devices("m1", "s1")
		r.step()
		r.inState(want)
		assert.Empty(t, r.get().Cycle.Jobs, "the jobs of the activity that is over")
		mentions(t, r.last().Note, "2/2 devices terminal")
	}
}

func TestAResultSaysWhatWasInstalledAndWhatWasLeftToItsOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(FirmwareStart, FullRack(only(FirmwareUpgrade)...)).devices("m1", "m2")
	r.profile.DefaultFirmware = map[string]string{"gb200": "fw-1"}
	r.hw.script("FirmwareJob", answer{jobs: found("m1 running", "m2 running")}, answer{})
	r.step(r1, r1)
	r.inState(FirmwareWait)
	r.remove(machine.Ref("m2"))
	r.run(10 * time.Minute)
	results := r.request(r1, "q1").Results
	assert.ElementsMatch(t, []backend.Result{
		{Target: machine.Ref("m1"), Activity: "FirmwareUpgrade", Status: backend.ResultOK, To: "fw-1", JobID: "fw-m1"},
		{Target: machine.Ref("m2"), Activity: "FirmwareUpgrade", Status: backend.ResultSkipped, To: "fw-1", JobID: "fw-m2", Error: "it was deleted meanwhile; its job may still run"},
	}, results)
}

func TestAStateThatNobodyKnowsKeepsTheStatusOfTheDevice(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"m1 unknown", "m1 "} {
		r := upgrading(t, FullRack(fw2), "m1 running").devices("m1")
		r.hw.script("FirmwareJob", answer{jobs: found(text)})
		r.step()
		r.inState(FirmwareWait)
		assert.Equal(t, lifecycle.ProgressRunning, r.m("m1").FirmwareUpgrade.Status)
	}
}
