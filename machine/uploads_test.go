package machine

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// fleet is a number of machines m1, m2, ... that wait in WaitingForUpload since one second after the other.
func fleet(t *testing.T, n, limit int) (*rig, *flasher) {
	t.Helper()
	r := wants(t, Firmware{Component: "BMC", Version: "2.0"})
	r.cfg.UploadLimit = limit
	f := r.withUpload()
	f.uploadTakes = 10 * time.Minute
	for i := range n {
		r.seed(machineNo(i+1), string(fwUpload), time.Duration(i)*time.Second, &Machine{Firmware: map[string]string{"BMC": "1.0"}})
	}
	r.now = epoch.Add(time.Minute)
	r.clock.Set(r.now)
	return r, f
}

func machineNo(n int) backend.Ref { return Ref(fmt.Sprintf("m%d", n)) }

// outcomeOf is what the machine waits for.
func (r *rig) outcomeOf(ref backend.Ref) string {
	r.Helper()
	out, err := r.ctl.Outcome(ref)
	require.NoError(r, err)
	return out.Reason
}

// senders are the machines that send, by their records.
func (r *rig) senders() []string {
	r.Helper()
	var out []string
	require.NoError(r, r.ctl.Apply(r.Context(), func(tx *lifecycle.Tx) error {
		for _, m := range lifecycle.All[Machine](tx, backend.KindMachine) {
			if poolState(State(m.State())) == fwUpload && m.sending() {
				out = append(out, m.ID())
			}
		}
		return nil
	}))
	return out
}

func TestNoMoreMachinesSendAtOnceThanTheSiteAllows(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{1: 1, 3: 3, 0: DefaultUploadLimit, -1: 9} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			r, f := fleet(t, 9, limit)
			r.start().run(2 * time.Hour)
			assert.Equal(t, want, f.most)
			assert.Len(t, f.begun, 9)
			for i := range 9 {
				m, err := lifecycle.Get[Machine](r.ctl, machineNo(i+1))
				require.NoError(t, err)
				assert.Equal(t, string(Ready), m.State())
			}
		})
	}
}

func TestAMachineThatWaitsForItsTurnSaysWhoSends(t *testing.T) {
	t.Parallel()
	r, _ := fleet(t, 3, 2)
	r.start().run(time.Minute)
	assert.Equal(t, []string{"m1", "m2"}, r.senders())
	assert.Equal(t, "waits for its turn to send BMC 2.0: 2 of 2 slots of the site are taken: m1, m2", r.outcomeOf(machineNo(3)))
	assert.Equal(t, "waits for the upload of BMC 2.0: 40 of 100 bytes are sent", r.outcomeOf(machineNo(1)))
}

func TestTheNextMachineHasItsTurnAtOnce(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(r *rig, f *flasher){
		"when the upload is done":    func(_ *rig, f *flasher) { f.uploadTakes = 0 },
		"when the upload has failed": func(r *rig, _ *flasher) { r.hw.errs["UploadFirmware"] = []error{errBroken} },
		"when the request is cancelled": func(r *rig, _ *flasher) {
			require.NoError(r, r.ctl.CancelRequest(r.Context(), m1, "q1", "bob"))
		},
		"when the check starts over": func(r *rig, _ *flasher) {
			require.NoError(r, r.post(lifecycle.NewRequest{ID: "q2", Type: lifecycle.TypeReprovision, Initiator: "bob", Params: lifecycle.Reprovision{Reset: true}}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, f := fleet(t, 2, 1)
			r.asked(reprovisionBy("alice", "", started), nil)
			r.start().run(time.Minute)
			require.Equal(t, []string{"m1"}, r.senders())
			r.now = r.now.Add(time.Second)
			r.clock.Set(r.now)
			leave(r, f)
			r.step() // m1 alone
			steps, _, err := r.ctl.RunUntilIdle(t.Context(), r.now)
			require.NoError(t, err)
			require.Positive(t, steps)
			var sent *transfer
			for _, up := range f.uploads {
				if up.device == machineNo(2) {
					sent = up
				}
			}
			require.NotNil(t, sent)
			assert.Equal(t, r.now, sent.began)
		})
	}
}

func TestASlotDoesNotLeak(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(r *rig){
		"by a deletion":        func(r *rig) { require.NoError(r, r.ctl.Delete(r.Context(), m1, "alice", false)) },
		"by a forced deletion": func(r *rig) { require.NoError(r, r.ctl.Delete(r.Context(), m1, "alice", true)) },
		"by a purge":           func(r *rig) { require.NoError(r, r.ctl.Purge(r.Context(), m1, "alice", "broken")) },
		"by a crash":           func(r *rig) { r.start() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, f := fleet(t, 3, 1)
			r.start().run(time.Minute)
			require.Equal(t, []string{"m1"}, r.senders())
			leave(r)
			r.run(16 * time.Second) // a look at the poll interval, not a resync
			if name == "by a crash" {
				assert.Equal(t, []string{"m1"}, r.senders(), "who was sending goes on")
			} else {
				assert.Equal(t, []string{"m2"}, r.senders())
			}
			r.run(time.Hour)
			assert.Len(t, f.begun, 3)
			assert.Empty(t, r.senders())
		})
	}
}

func TestAMachineUnderAHoldLetsTheOthersPass(t *testing.T) {
	t.Parallel()
	r, f := fleet(t, 3, 1)
	r.start().run(time.Minute)
	require.NoError(t, r.ctl.PlaceHold(t.Context(), machineNo(2), lifecycle.Hold{Type: "service", Owner: "alice", Reason: "a look inside"}))
	f.uploadTakes = 0
	r.run(time.Minute)
	assert.Empty(t, r.senders())
	assert.Len(t, f.begun, 2)
	require.NoError(t, r.ctl.ReleaseHold(t.Context(), machineNo(2), "service", "alice"))
	r.run(time.Minute)
	assert.Len(t, f.begun, 3)
}

func TestAMachineThatSendsKeepsItsSlotUnderAHold(t *testing.T) {
	t.Parallel()
	r, f := fleet(t, 2, 1)
	r.start().run(time.Minute)
	require.NoError(t, r.ctl.PlaceHold(t.Context(), m1, lifecycle.Hold{Type: "service", Owner: "alice", Reason: "a look inside"}))
	r.run(30 * time.Minute)
	assert.Len(t, f.begun, 1)
	assert.Contains(t, r.outcomeOf(machineNo(2)), "slots of the site are taken: m1")
}

func TestTheOrderOfThoseThatWaitOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	r, f := fleet(t, 4, 1)
	r.start().run(time.Minute)
	for range 3 {
		r.start().run(15 * time.Minute)
	}
	r.run(time.Hour)
	require.Len(t, f.begun, 4)
	var began []time.Time
	for i := range 4 {
		rows, err := r.ctl.History(t.Context(), machineNo(i+1))
		require.NoError(t, err)
		began = append(began, rows[1].At)
	}
	assert.IsIncreasing(t, []int64{began[0].Unix(), began[1].Unix(), began[2].Unix(), began[3].Unix()})
}

func TestTheTimeInTheLineCountsNeitherForTheDeadlineNorForTheSLA(t *testing.T) {
	t.Parallel()
	r, f := fleet(t, 2, 1)
	r.cfg.UploadDeadline = 30 * time.Minute
	f.uploadTakes = 25 * time.Minute
	r.start().run(20 * time.Minute)
	m2, err := lifecycle.Get[Machine](r.ctl, machineNo(2))
	require.NoError(t, err)
	assert.Less(t, m2.ElapsedInState(r.now), 2*time.Minute)
	r.run(35 * time.Minute)
	assert.Len(t, f.begun, 2)
	m2, err = lifecycle.Get[Machine](r.ctl, machineNo(2))
	require.NoError(t, err)
	assert.Equal(t, string(Ready), m2.State())
	assert.Zero(t, m2.RetryCount)
	for i := range 2 {
		rows, err := r.ctl.History(t.Context(), machineNo(i+1))
		require.NoError(t, err)
		for _, row := range rows {
			assert.NotEqual(t, string(UploadFailed), row.Trigger)
		}
	}
}

func TestAMachineThatLeavesTheLineLeavesWithARunningClock(t *testing.T) {
	t.Parallel()
	r, _ := fleet(t, 2, 1)
	rec, err := r.store.Get(t.Context(), machineNo(2))
	require.NoError(t, err)
	q := reprovisionBy("alice", "", started)
	q.On, q.Rack, q.At = machineNo(2), "r1", epoch
	results, err := r.store.Commit(t.Context(), []backend.Commit{{Writes: []backend.Write{{Record: *rec, Expect: rec.Version}}, Post: []backend.Request{q}}})
	require.NoError(t, err)
	require.NoError(t, results[0])
	r.start().run(5 * time.Minute)
	require.NoError(t, r.ctl.CancelRequest(t.Context(), machineNo(2), "q1", "bob"))
	r.run(time.Minute)
	m2, err := lifecycle.Get[Machine](r.ctl, machineNo(2))
	require.NoError(t, err)
	assert.Equal(t, string(Ready), m2.State())
	assert.True(t, m2.PausedSince.IsZero())
}

func TestALineOfMachinesCostsNoHardwareCallsAndNoCommits(t *testing.T) {
	t.Parallel()
	r, f := fleet(t, 3, 1)
	f.uploadTakes = time.Hour
	r.start().run(time.Minute)
	m3, err := lifecycle.Get[Machine](r.ctl, machineNo(3))
	require.NoError(t, err)
	inspected := r.hw.count("InspectPlatform:LockdownDisable")
	r.run(30 * time.Minute)
	later, err := lifecycle.Get[Machine](r.ctl, machineNo(3))
	require.NoError(t, err)
	assert.Equal(t, m3.Version(), later.Version())
	assert.Equal(t, inspected, r.hw.count("InspectPlatform:LockdownDisable"))
}

// sink takes images from many workers at once; each is there after a few calls.
type sink struct {
	backend.Upload
	backend.Inventory
	mu         sync.Mutex
	calls      map[string]int
	open, most int
	done       map[backend.Ref]bool
}

func (s *sink) UploadFirmware(_ context.Context, key string, device backend.Device, _ backend.Artifact) (backend.UploadStatus, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[key]++; s.calls[key] == 1 {
		s.open++
		s.most = max(s.most, s.open)
	}
	if s.calls[key] < 5 {
		return backend.UploadStatus{}, nil
	}
	if s.calls[key] == 5 {
		s.open--
		s.done[device.Ref] = true
	}
	return backend.UploadStatus{Task: key}, nil
}

func (s *sink) FirmwareTask(context.Context, backend.Job) (backend.JobStatus, error) {
	return backend.JobStatus{State: backend.JobCompleted}, nil
}

func (s *sink) FirmwareInventory(_ context.Context, device backend.Device) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done[device.Ref] {
		return map[string]string{"BMC": "2.0"}, nil
	}
	return map[string]string{"BMC": "1.0"}, nil
}

func TestTheLimitHoldsWithManyWorkers(t *testing.T) {
	t.Parallel()
	const machines = 40
	r, _ := fleet(t, machines, 3)
	s := &sink{calls: map[string]int{}, done: map[backend.Ref]bool{}}
	r.cfg.Driver, r.cfg.PollInterval = backend.Capabilities{Upload: s, Inventory: s}, time.Millisecond
	kind, err := New(r.cfg)
	require.NoError(t, err)
	ctl, err := lifecycle.NewController(t.Context(), r.store, lifecycle.Config{Workers: 16, Logger: slog.New(slog.DiscardHandler)}, rackKind(t), kind)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- ctl.Run(ctx) }()
	ready := func() bool {
		n := 0
		ctl.Visit(func(o *lifecycle.Object) {
			if o.Ref().Kind == backend.KindMachine && o.State() == string(Ready) {
				n++
			}
		})
		return n == machines
	}
	assert.Eventually(t, ready, time.Minute, 5*time.Millisecond)
	stop()
	require.NoError(t, <-ended)
	assert.Equal(t, 3, s.most)
	assert.Len(t, s.calls, machines, "every image is sent once")
}
