package backendtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rackstate/rackstate/backend"
)

func TestADriverThatIsBrokenAtOneHostFailsTheCaseOfTheRuleItBreaks(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		spoil func(c *backend.Capabilities)
		want  []string
	}{
		{"an upload begins anew with every call", func(c *backend.Capabilities) { c.Upload = &uploadsAnew{Upload: c.Upload} }, []string{
			"AnEqualKeyIsOneAction/UploadFirmware", "ALostAnswerIsFoundByItsKey/UploadFirmware", "ABrokenUploadGoesOnByItsKey", "AnUploadMovesForward",
		}},
		{"an upload forgets its task", func(c *backend.Capabilities) { c.Upload = forgetsTask{c.Upload} }, []string{"ATaskStaysTheAnswerOfItsUpload", "AnEqualKeyIsOneAction/UploadFirmware"}},
		{"a broken upload is begun as another one", func(c *backend.Capabilities) {
			reset := &newAfterReset{Reset: c.Reset, Upload: c.Upload}
			c.Reset, c.Upload = reset, reset
		}, []string{"ABrokenUploadGoesOnByItsKey"}},
		{"an upload goes back", func(c *backend.Capabilities) { c.Upload = &goesBack{Upload: c.Upload} }, []string{"AnUploadMovesForward"}},
		{"an upload installs nothing", func(c *backend.Capabilities) { c.Upload = otherComponent{c.Upload} }, []string{"AnUploadedVersionIsReported"}},
		{"an unknown task runs", func(c *backend.Capabilities) { c.Upload = runsAlways{c.Upload} }, []string{"AnUnknownJobIsErrNoJob/UploadFirmware"}},
		{"attestors share a name", func(c *backend.Capabilities) { c.Attestors[1] = c.Attestors[0] }, []string{"AttestorsHaveNamesOfTheirOwn"}},
		{"an attestor changes its name", func(c *backend.Capabilities) { c.Attestors[0] = &changesName{Attestor: c.Attestors[0]} }, []string{"AttestorsHaveNamesOfTheirOwn"}},
		{"a proof is old", func(c *backend.Capabilities) { c.Attestors[1] = oldProof{c.Attestors[1]} }, []string{"AProofIsMeasuredAfterItWasAskedFor"}},
		{"a proof of nothing passes", func(c *backend.Capabilities) { c.Attestors[0] = emptyProof{c.Attestors[0]} }, []string{"AProofIsMeasuredAfterItWasAskedFor"}},
		{"an unknown proof passes", func(c *backend.Capabilities) { c.Attestors[0] = anyProof{c.Attestors[0]} }, []string{"AnUnknownProofIsErrNoJob", "AnUnknownJobIsErrNoJob/Attest"}},
		{"a clean-up leaves a result out", func(c *backend.Capabilities) { c.Cleanup = leavesOut{c.Cleanup} }, []string{"EveryStepOfACleanupHasAResult"}},
		{"a clean-up reports what nobody asked for", func(c *backend.Capabilities) { c.Cleanup = addsResult{c.Cleanup} }, []string{"EveryStepOfACleanupHasAResult"}},
		{"a unit that restarts is not reported", func(c *backend.Capabilities) {
			units := &hidesUnits{DPU: c.DPU}
			c.DPU = units
		}, []string{"DPUsAreReportedInOneOrder"}},
		{"units are reported in any order", func(c *backend.Capabilities) { c.DPU = reversesUnits{c.DPU} }, []string{"DPUsAreReportedInOneOrder"}},
		{"reports of units share memory", func(c *backend.Capabilities) { c.DPU = &sharesUnits{DPU: c.DPU} }, []string{"DPUsAreReportedInOneOrder"}},
		{"units do not restart", func(c *backend.Capabilities) { c.DPU = deafUnits{c.DPU} }, []string{
			"ARestartOfTheDPUsIsReported", "TheNetworkOfTheDPUsIsReported", "AnEqualKeyIsOneAction/RestartDPUs", "AnEqualKeyIsOneAction/ConfigureDPUNetwork",
		}},
		{"events come newest first", func(c *backend.Capabilities) { c.EventLog = newestFirst{c.EventLog} }, []string{"EventsAreInOrder"}},
		{"events are never left out", func(c *backend.Capabilities) { c.EventLog = allEvents{c.EventLog} }, []string{"EventsAreInOrder"}},
		{"events at the very time are left out", func(c *backend.Capabilities) { c.EventLog = afterOnly{c.EventLog} }, []string{"EventsAreInOrder"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			failed, report := failingCases(t, func(_ *DriverHarness, c *backend.Capabilities) {
				c.Attestors = slices.Clone(c.Attestors)
				tc.spoil(c)
			})
			for _, want := range tc.want {
				assert.Contains(t, failed, want)
			}
			for _, name := range failed {
				_, call, general := strings.Cut(name, "/")
				mine := slices.ContainsFunc(tc.want, func(want string) bool { return want == name || strings.HasSuffix(want, "/"+call) })
				assert.True(t, mine || !general, "%s fails too:\n%s", name, report)
			}
			assert.Contains(t, report, "rule: ")
		})
	}
}

type uploadsAnew struct {
	backend.Upload
	calls atomic.Int64
}

func (u *uploadsAnew) UploadFirmware(ctx context.Context, key string, device backend.Device, artifact backend.Artifact) (backend.UploadStatus, error) {
	return u.Upload.UploadFirmware(ctx, fmt.Sprintf("%s-%d", key, u.calls.Add(1)), device, artifact)
}

type forgetsTask struct{ backend.Upload }

func (f forgetsTask) UploadFirmware(ctx context.Context, key string, device backend.Device, artifact backend.Artifact) (backend.UploadStatus, error) {
	status, err := f.Upload.UploadFirmware(ctx, key, device, artifact)
	if status.Task != "" {
		if task, taskErr := f.FirmwareTask(ctx, backend.Job{Device: device.Ref, ID: status.Task}); taskErr == nil && task.State.Terminal() {
			status.Task = "task-of-the-day"
		}
	}
	return status, err
}

// newAfterReset takes an upload that goes on after a reset of the management controller for another one.
type newAfterReset struct {
	backend.Reset
	backend.Upload
	resets atomic.Int64
}

func (n *newAfterReset) ResetBMC(ctx context.Context, key string, device backend.Device) error {
	n.resets.Add(1)
	return n.Reset.ResetBMC(ctx, key, device)
}

func (n *newAfterReset) UploadFirmware(ctx context.Context, key string, device backend.Device, artifact backend.Artifact) (backend.UploadStatus, error) {
	return n.Upload.UploadFirmware(ctx, fmt.Sprintf("%s-%d", key, n.resets.Load()), device, artifact)
}

type goesBack struct {
	backend.Upload
	calls atomic.Int64
}

func (g *goesBack) UploadFirmware(ctx context.Context, key string, device backend.Device, artifact backend.Artifact) (backend.UploadStatus, error) {
	status, err := g.Upload.UploadFirmware(ctx, key, device, artifact)
	if g.calls.Add(1)%2 == 0 {
		status.Sent = 0
	} else if err == nil {
		status.Sent = max(status.Sent, 1)
	}
	return status, err
}

type otherComponent struct{ backend.Upload }

func (o otherComponent) UploadFirmware(ctx context.Context, key string, device backend.Device, artifact backend.Artifact) (backend.UploadStatus, error) {
	artifact.Component = "somewhere else"
	return o.Upload.UploadFirmware(ctx, key, device, artifact)
}

type runsAlways struct{ backend.Upload }

func (r runsAlways) FirmwareTask(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
	status, err := r.Upload.FirmwareTask(ctx, job)
	if job.ID == "no-such-job" {
		return backend.JobStatus{State: backend.JobRunning}, nil
	}
	return status, err
}

type changesName struct {
	backend.Attestor
	asked atomic.Int64
}

func (c *changesName) Name() string { return fmt.Sprint("attestor ", c.asked.Add(1)) }

type oldProof struct{ backend.Attestor }

func (o oldProof) Attestation(ctx context.Context, job backend.Job) (backend.AttestationStatus, error) {
	status, err := o.Attestor.Attestation(ctx, job)
	status.MeasuredAt = storeTime(0)
	return status, err
}

type emptyProof struct{ backend.Attestor }

func (e emptyProof) Attestation(ctx context.Context, job backend.Job) (backend.AttestationStatus, error) {
	status, err := e.Attestor.Attestation(ctx, job)
	status.Measured = 0
	return status, err
}

type anyProof struct{ backend.Attestor }

func (a anyProof) Attestation(ctx context.Context, job backend.Job) (backend.AttestationStatus, error) {
	if strings.HasPrefix(job.ID, "no-such-") {
		return backend.AttestationStatus{State: backend.AttestationPassed, Measured: 1}, nil
	}
	return a.Attestor.Attestation(ctx, job)
}

type leavesOut struct{ backend.Cleanup }

func (l leavesOut) CleanupJob(ctx context.Context, job backend.Job) (backend.CleanupStatus, error) {
	status, err := l.Cleanup.CleanupJob(ctx, job)
	delete(status.Results, backend.CleanupMemory)
	return status, err
}

type addsResult struct{ backend.Cleanup }

func (a addsResult) CleanupJob(ctx context.Context, job backend.Job) (backend.CleanupStatus, error) {
	status, err := a.Cleanup.CleanupJob(ctx, job)
	if status.Results != nil {
		status.Results["tapes"] = backend.CleanupResult{Done: true}
	}
	return status, err
}

type hidesUnits struct {
	backend.DPU
	restarted atomic.Bool
}

func (h *hidesUnits) RestartDPUs(ctx context.Context, key string, host backend.Device) error {
	h.restarted.Store(true)
	return h.DPU.RestartDPUs(ctx, key, host)
}

func (h *hidesUnits) DPUs(ctx context.Context, host backend.Device) ([]backend.DPUReport, error) {
	reports, err := h.DPU.DPUs(ctx, host)
	if h.restarted.Load() && len(reports) > 0 {
		reports = reports[1:]
	}
	return reports, err
}

type reversesUnits struct{ backend.DPU }

func (r reversesUnits) DPUs(ctx context.Context, host backend.Device) ([]backend.DPUReport, error) {
	reports, err := r.DPU.DPUs(ctx, host)
	slices.Reverse(reports)
	return reports, err
}

type sharesUnits struct {
	backend.DPU
	mu   sync.Mutex
	kept map[string]string
}

func (s *sharesUnits) DPUs(ctx context.Context, host backend.Device) ([]backend.DPUReport, error) {
	reports, err := s.DPU.DPUs(ctx, host)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(reports) > 0 {
		if s.kept == nil {
			s.kept = reports[0].Firmware
		}
		reports[0].Firmware = s.kept
	}
	return reports, err
}

type deafUnits struct{ backend.DPU }

func (deafUnits) RestartDPUs(context.Context, string, backend.Device) error { return nil }

func (deafUnits) ConfigureDPUNetwork(context.Context, string, backend.Device, string) error {
	return nil
}

type newestFirst struct{ backend.EventLog }

func (n newestFirst) Events(ctx context.Context, device backend.Device, since time.Time) ([]backend.Event, error) {
	events, err := n.EventLog.Events(ctx, device, since)
	slices.Reverse(events)
	return events, err
}

type allEvents struct{ backend.EventLog }

func (a allEvents) Events(ctx context.Context, device backend.Device, _ time.Time) ([]backend.Event, error) {
	return a.EventLog.Events(ctx, device, time.Time{})
}

type afterOnly struct{ backend.EventLog }

func (a afterOnly) Events(ctx context.Context, device backend.Device, since time.Time) ([]backend.Event, error) {
	return a.EventLog.Events(ctx, device, since.Add(time.Microsecond))
}
