package machine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

// flasher is the part of the hardware that takes firmware and reports versions. What it installs is staged, and reported after a reset.
type flasher struct {
	hw *hardware
	// uploadTakes and taskTakes are how long an upload and a task take; a negative time is for ever.
	uploadTakes, taskTakes time.Duration
	// fails is the cause with which tasks fail, by number of the image.
	fails map[int]string
	// forgets says that the controller does not know its tasks any more.
	forgets bool
	// resets is how many resets a version needs until it is reported; early reports it when the task has ended.
	resets int
	early  bool
	// awayFor is how long the controller does not answer after it was restarted.
	awayFor   time.Duration
	awayUntil time.Time
	// deaf is how often a change of power is taken and not made.
	deaf map[backend.PowerAction]int

	uploads map[string]*transfer // by key
	tasks   map[string]*transfer
	begun   []string // what was sent, in order: "BMC 2.0 1/2"
	most    int      // uploads at once
	staged  map[backend.Ref]*transfer
}

// transfer is one image on its way into use.
type transfer struct {
	device         backend.Ref
	image          backend.Artifact
	began, done    time.Time
	task           string
	resetsAtStaged int
}

// withUpload gives the machine a management controller that takes firmware.
func (r *rig) withUpload() *flasher {
	r.Helper()
	f := &flasher{hw: r.hw, resets: 1, fails: map[int]string{}, deaf: map[backend.PowerAction]int{}, uploads: map[string]*transfer{}, tasks: map[string]*transfer{}, staged: map[backend.Ref]*transfer{}}
	caps := r.hw.caps()
	caps.Upload, caps.Inventory, caps.Reset, caps.Power = f, f, f, f
	r.cfg.Driver = caps
	return f
}

// over reports whether something that takes a while has ended.
func (f *flasher) over(began time.Time, takes time.Duration) bool {
	return takes >= 0 && !f.hw.now().Before(began.Add(takes))
}

func (f *flasher) UploadFirmware(_ context.Context, key string, device backend.Device, a backend.Artifact) (backend.UploadStatus, error) {
	if err := f.hw.called("UploadFirmware", ""); err != nil {
		return backend.UploadStatus{}, err
	}
	up := f.uploads[key]
	if up == nil {
		f.hw.remember(key, "")
		up = &transfer{device: device.Ref, image: a, began: f.hw.now()}
		f.uploads[key] = up
		f.begun = append(f.begun, fmt.Sprintf("%s %s %d/%d", a.Component, a.Version, a.Number, a.Of))
		f.most = max(f.most, f.sending())
	}
	if up.task == "" && f.over(up.began, f.uploadTakes) {
		up.task, up.done = fmt.Sprintf("task-%d", len(f.tasks)+1), f.hw.now()
		f.tasks[up.task] = up
	}
	return backend.UploadStatus{Task: up.task, Sent: 40, Size: 100}, nil
}

// sending is how many uploads are under way.
func (f *flasher) sending() int {
	n := 0
	for _, up := range f.uploads {
		if up.done.IsZero() {
			n++
		}
	}
	return n
}

func (f *flasher) FirmwareTask(_ context.Context, job backend.Job) (backend.JobStatus, error) {
	if err := f.hw.called("FirmwareTask", ""); err != nil {
		return backend.JobStatus{}, err
	}
	task := f.tasks[job.ID]
	switch {
	case task == nil || f.forgets:
		return backend.JobStatus{}, fmt.Errorf("task %s: %w", job.ID, backend.ErrNoJob)
	case f.fails[task.image.Number] != "":
		return backend.JobStatus{State: backend.JobFailed, Cause: f.fails[task.image.Number]}, nil
	case !f.over(task.done, f.taskTakes):
		return backend.JobStatus{State: backend.JobRunning}, nil
	}
	if task.image.Number == task.image.Of && f.staged[task.device] != task {
		task.resetsAtStaged = f.made()
		f.staged[task.device] = task
	}
	return backend.JobStatus{State: backend.JobCompleted}, nil
}

// made is how many resets were made.
func (f *flasher) made() int {
	return f.hw.count("ResetHost") + f.hw.count("ResetBMC") + f.hw.count("SetPower:PowerOff")
}

func (f *flasher) ResetHost(ctx context.Context, key string, device backend.Device) error {
	return f.hw.ResetHost(ctx, key, device)
}

func (f *flasher) ResetBMC(ctx context.Context, key string, device backend.Device) error {
	_, known := f.hw.seen(key)
	err := f.hw.ResetBMC(ctx, key, device)
	if err == nil && !known {
		f.awayUntil = f.hw.now().Add(f.awayFor)
	}
	return err
}

func (f *flasher) Placement(context.Context, []backend.Device) (map[backend.Ref]backend.Placement, error) {
	return nil, backend.ErrNotSupported
}

func (f *flasher) FirmwareInventory(_ context.Context, device backend.Device) (map[string]string, error) {
	if err := f.hw.called("FirmwareInventory", ""); err != nil {
		return nil, err
	}
	if f.hw.now().Before(f.awayUntil) {
		return nil, errAway
	}
	found := maps.Clone(f.hw.fw)
	if task := f.staged[device.Ref]; task != nil && (f.early || f.made()-task.resetsAtStaged >= f.resets) {
		found[task.image.Component] = task.image.Version
	}
	return found, nil
}

var errAway = backend.NotDone(errors.New("no route to the BMC"))

// installs is a machine in the pool or with a tenant that begins to install BMC 2.0 by upload.
func installs(t *testing.T, l lane, wanted ...Firmware) (*rig, *flasher) {
	t.Helper()
	if wanted == nil {
		wanted = []Firmware{{Component: "BMC", Version: "2.0"}}
	}
	r := wants(t, wanted...)
	f := r.withUpload()
	m := Machine{TenantApproved: true}
	r.machine(l.back, 0, m).asked(reprovisionBy("alice", "", ""), nil)
	return r, f
}

// inLanes runs a test for a machine in the pool and for one with a tenant.
func inLanes(t *testing.T, test func(t *testing.T, l lane)) {
	t.Helper()
	for name, l := range lanes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, l)
		})
	}
}

// placed puts states where the lane is.
func (l lane) placed(states ...State) []State {
	out := make([]State, len(states))
	for i, s := range states {
		switch s {
		case Ready:
			out[i] = l.back
		case Failed:
			out[i] = l.failed
		default:
			out[i] = l.in(s)
		}
	}
	return out
}

// until lets time pass until the machine is in the state.
func (r *rig) until(want State) {
	r.Helper()
	for range 2000 {
		if State(r.get().State()) == want {
			return
		}
		if next := r.step().Next; next.After(r.now) {
			r.now = next
			r.clock.Set(next)
		}
	}
	require.Fail(r, "it does not get there", "wanted is %s, it is in %s: %s", want, r.get().State(), r.reason())
}

const (
	fwInitial  = HostReprovisionInitialReset
	fwUpload   = HostReprovisionWaitingForUpload
	fwTask     = HostReprovisionWaitingForFirmwareUpgrade
	fwReset    = HostReprovisionResetForNewFirmware
	fwReported = HostReprovisionNewFirmwareReportedWait
)

// edit0 changes the machine in the store, before any process works on it.
func (r *rig) edit0(f func(m *Machine)) {
	r.Helper()
	rec, err := r.store.Get(r.Context(), m1)
	require.NoError(r, err)
	var m Machine
	require.NoError(r, json.Unmarshal(rec.Data, &m))
	f(&m)
	next := *rec
	next.Data, err = json.Marshal(&m)
	require.NoError(r, err)
	results, err := r.store.Commit(r.Context(), []backend.Commit{{Writes: []backend.Write{{Record: next, Expect: rec.Version}}}})
	require.NoError(r, err)
	require.NoError(r, results[0])
}

// trigger is that of the latest row.
func (r *rig) trigger() string {
	r.Helper()
	rows, err := r.ctl.History(r.Context(), m1)
	require.NoError(r, err)
	return rows[len(rows)-1].Trigger
}

// flash is what withUpload gave the machine.
func (r *rig) flash() *flasher {
	r.Helper()
	f, ok := r.cfg.Driver.Capabilities().Upload.(*flasher)
	require.True(r, ok)
	return f
}

// ignores lets the host take a change of power and do nothing, so many times.
func (r *rig) ignores(action backend.PowerAction, times int) {
	r.Helper()
	r.flash().deaf[action] = times
}

func (f *flasher) SetPower(ctx context.Context, key string, action backend.PowerAction, devices []backend.Device) error {
	_, known := f.hw.seen(key)
	before := f.hw.power
	err := f.hw.SetPower(ctx, key, action, devices)
	if err == nil && !known && f.deaf[action] > 0 {
		f.deaf[action]--
		f.hw.power = before
	}
	return err
}

func (f *flasher) PowerState(ctx context.Context, devices []backend.Device) (map[backend.Ref]backend.PowerState, error) {
	return f.hw.PowerState(ctx, devices)
}

// begun is how often an action was begun whose key names it.
func (r *rig) begun(action string) int {
	n := 0
	for _, key := range r.hw.order {
		if strings.Contains(key, action) {
			n++
		}
	}
	return n
}

// teller is a controller that says one thing of every task.
type teller struct {
	*flasher
	state backend.JobState
}

func (s teller) FirmwareTask(context.Context, backend.Job) (backend.JobStatus, error) {
	return backend.JobStatus{State: s.state}, nil
}
