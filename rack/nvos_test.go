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

// img2 asks for the switch image img-2.
var img2 = Activity{Name: NvosUpdate, Image: "img-2"}

func TestWhichSwitchImageIsInstalled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		activity Activity
		defaults map[string]string
		given    func(r *rig)
		want     string
		skip     []string
	}{
		"the named one":                    {activity: img2, defaults: map[string]string{"gb200": "img-1"}, want: "img-2"},
		"the default of the hardware type": {activity: Activity{Name: NvosUpdate}, defaults: map[string]string{"gb200": "img-1", "any": "img-0"}, want: "img-1"},
		"the default for any hardware":     {activity: Activity{Name: NvosUpdate}, defaults: map[string]string{"any": "img-0"}, want: "img-0"},
		"no default":                       {activity: Activity{Name: NvosUpdate}, skip: []string{"skipped", "no default switch image"}},
		"no profile":                       {activity: Activity{Name: NvosUpdate}, given: func(r *rig) { r.edit(func(k *Rack) { k.ProfileID = "P9" }) }, skip: []string{"P9"}},
		"a driver that cannot":             {activity: img2, given: func(r *rig) { r.caps.SwitchImage = nil }, skip: []string{"no switch image capability"}},
		"a driver that says it cannot":     {activity: img2, given: func(r *rig) { r.hw.script("ApplySwitchImage", answer{err: backend.ErrNotSupported}) }, skip: []string{"no switch image capability"}},
		"no switch in scope":               {activity: img2, given: func(r *rig) { r.edit(func(k *Rack) { k.Cycle.Scope.Machines = []string{"m1"} }) }, skip: []string{"no switch"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).maintained(NVOSStart, FullRack(c.activity)).devices("m1", "s1")
			r.profile.DefaultSwitchImage = c.defaults
			if c.given != nil {
				c.given(r)
			}
			r.step()
			if c.want == "" {
				r.inState(Completed)
				mentions(t, r.last().Note, c.skip...)
				assert.Zero(t, r.hw.begun("ApplySwitchImage"))
				assert.Empty(t, r.asked(nvswitch.Ref("s1")))
				return
			}
			r.inState(NVOSWait)
			assert.Equal(t, c.want, r.hw.image)
		})
	}
}

func TestTheImageUpdateIsOneBatchOfTheSwitchesInScope(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(NVOSStart, Scope{Machines: []string{"m1"}, Switches: []string{"s1", "s3"}, Activities: []Activity{img2}}).devices("m1", "s1", "s2", "s3")
	r.hw.script("SwitchImageJob", answer{jobs: found("s1 running", "s3 completed")}, answer{})
	r.step()
	r.inState(NVOSWait)
	assert.Equal(t, []string{"ApplySwitchImage s1 s3"}, r.hw.did)
	assert.Equal(t, []lifecycle.Step{lifecycle.StepNVOS}, r.awaits("s1"))
	assert.Empty(t, r.asked(nvswitch.Ref("s2")))
	assert.Empty(t, r.asked(machine.Ref("m1")))
	want := lifecycle.CycleStatus{Status: lifecycle.ProgressStarted, TaskID: "os-s1", Firmware: "img-2", ImageFile: "img-2.bin", StartedAt: epoch, Cycle: cycle1}
	assert.Equal(t, want, *r.s("s1").NVOSUpdate)
	r.advance(time.Minute).step()
	r.inState(NVOSWait)
	r.waits("1/2 devices terminal", "completed=1")
	want.Status = lifecycle.ProgressRunning
	assert.Equal(t, want, *r.s("s1").NVOSUpdate)
	assert.Equal(t, lifecycle.ProgressCompleted, r.s("s3").NVOSUpdate.Status)
	assert.Equal(t, r.now, r.s("s3").NVOSUpdate.EndedAt)
	r.step()
	r.inState(Completed)
	r.run(time.Minute)
	r.inState(Ready)
	assert.Equal(t, []string{"NvosUpdate s1 ok", "NvosUpdate s3 ok"}, r.results("q1"))
	assert.Equal(t, []nvswitch.State{nvswitch.Ready}, statesOf[nvswitch.State](r, nvswitch.Ref("s2")))
}

func TestASwitchWhoseOperatingSystemCannotBeReachedFailsTheActivityByName(t *testing.T) {
	t.Parallel()
	for name, break2 := range map[string]func(r *rig){
		"no credential": func(r *rig) { r.creds[backend.NVOSCredential(nvswitch.Ref("s2"))] = false },
		"no address": func(r *rig) {
			r.apply(func(tx *lifecycle.Tx) error {
				s, err := lifecycle.Edit[nvswitch.Switch](tx, nvswitch.Ref("s2"))
				s.Endpoint.NVOSAddress = ""
				return err
			})
		},
	} {
		for _, state := range []State{NVOSStart, ClusterStart} {
			t.Run(name+" in "+string(state), func(t *testing.T) {
				t.Parallel()
				r := newRig(t).maintained(state, FullRack(img2, Activity{Name: ConfigureNmxCluster})).devices("s1", "s2", "s3")
				break2(r)
				r.step()
				r.failedBy(OriginMaintenance, "s2", "NVOS")
				assert.NotContains(t, r.get().Cause, "s1")
				assert.NotContains(t, r.get().Cause, "s3")
				assert.Equal(t, backend.RequestFailed, r.request(r1, "q1").State)
				assert.Empty(t, r.hw.did)
				assert.Empty(t, r.asked(nvswitch.Ref("s1")))
				for _, id := range []string{"s1", "s2", "s3"} {
					if state == ClusterStart {
						assert.Equal(t, []string{nmxAlert}, r.alerts(nvswitch.Ref(id)), "the fabric is not configured: every switch in scope")
					} else {
						assert.Empty(t, r.alerts(nvswitch.Ref(id)), "no hardware was asked for anything")
					}
				}
			})
		}
	}
}

func TestAnUnreachableSwitchOutOfTheScopeDoesNotMatter(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(NVOSStart, Scope{Switches: []string{"s1"}, Activities: []Activity{img2}}).devices("s1", "s2")
	r.creds[backend.NVOSCredential(nvswitch.Ref("s2"))] = false
	r.step()
	r.inState(NVOSWait)
}

func TestOneFailedSwitchImageFailsTheMaintenanceWhenAllAreDone(t *testing.T) {
	t.Parallel()
	r := newRig(t).maintained(NVOSWait, FullRack(img2), func(k *Rack) { k.Cycle.Jobs = job("s1 running", "s2 running") }).devices("s1", "s2")
	r.hw.script("SwitchImageJob", answer{jobs: found("s1 failed boom", "s2 running")}, answer{err: errors.New("connection reset")}, answer{})
	r.step()
	r.waits("1/2", "failed=1")
	r.step()
	r.inState(NVOSWait)
	r.waits("1/2", "the last poll failed", "connection reset")
	r.step()
	r.failedBy(OriginMaintenance, "1/2 switches failed", "s1: boom")
	assert.Equal(t, "boom", r.s("s1").NVOSUpdate.Cause)
	assert.Equal(t, []string{"NvosUpdate s1 failed", "NvosUpdate s2 ok"}, r.results("q1"))
	assert.Equal(t, []string{"rack-maintenance/NvosUpdate"}, r.alerts(nvswitch.Ref("s1")))
	assert.Empty(t, r.alerts(nvswitch.Ref("s2")))
}

func TestASubmissionOfSwitchImagesFailsLikeOneOfFirmware(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first answer
		want  State
		words []string
	}{
		"surely not done":            {answer{err: notDone("busy")}, NVOSStart, nil},
		"may have been done":         {answer{lost: maybeDone("timeout")}, NVOSStart, nil},
		"refused":                    {answer{err: permanent("signature refused")}, Error, []string{"switch image refused", "signature refused"}},
		"no job for anybody":         {answer{none: []string{"s1", "s2"}}, Error, []string{"switch image"}},
		"no job for one":             {answer{none: []string{"s2"}}, NVOSWait, nil},
		"one refuses":                {answer{failed: map[string]error{"s2": permanent("locked")}}, NVOSWait, nil},
		"one has no such function":   {answer{failed: map[string]error{"s2": backend.ErrNotSupported}}, NVOSWait, nil},
		"nobody has such a function": {answer{failed: map[string]error{"s1": backend.ErrNotSupported, "s2": backend.ErrNotSupported}}, Completed, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t).maintained(NVOSStart, FullRack(img2)).devices("s1", "s2")
			r.hw.script("ApplySwitchImage", c.first, answer{})
			r.step()
			r.inState(c.want)
			mentions(t, r.get().Cause, c.words...)
			switch c.want {
			case NVOSWait:
				r.step()
				r.failedBy(OriginMaintenance, "1/2 switches failed", "s2")
			case NVOSStart:
				r.run(10 * time.Minute)
				r.inState(Ready)
				assert.Equal(t, 1, r.hw.begun("ApplySwitchImage"))
			default:
				require.Empty(t, r.asked(nvswitch.Ref("s1")))
			}
		})
	}
}

func TestWhatFollowsTheSwitchImages(t *testing.T) {
	t.Parallel()
	for want, next := range map[State][]Activity{
		ClusterStart: {{Name: PowerSequence}, img2, {Name: ConfigureNmxCluster}},
		PoweringOff:  {img2, {Name: PowerSequence}},
		PoweringOn:   {img2, {Name: PowerSequence, Power: SequenceOn}},
		Completed:    {fw2, img2},
	} {
		r := newRig(t).maintained(NVOSWait, FullRack(next...), func(k *Rack) { k.Cycle.Jobs = job("s1 running") }).devices("s1")
		r.step()
		r.inState(want)
	}
}
