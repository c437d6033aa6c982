package backendtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
)

// handClock is a clock that a test moves.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

const harnessSecret = "correct-horse-battery"

// goodHarness is a simulated rack behind a driver that keeps every rule.
func goodHarness(t *testing.T) DriverHarness {
	t.Helper()
	clk := &handClock{now: storeTime(0)}
	hw := fake.New(clk, fake.Config{Seed: 7, Strict: true, Attestation: true})
	h := DriverHarness{Driver: hw.Driver(), Rack: "r1", Started: hw.Started, Advance: clk.add, Secrets: []string{harnessSecret}}
	for _, part := range []struct {
		kind backend.Kind
		to   *[]backend.Device
	}{{backend.KindMachine, &h.Machines}, {backend.KindSwitch, &h.Switches}, {backend.KindPowerShelf, &h.Shelves}} {
		for n := range 2 {
			dev := backend.Device{Ref: backend.Ref{Kind: part.kind, ID: fmt.Sprintf("d%d", n)}, Rack: "r1"}
			require.NoError(t, hw.Add(dev, fake.Traits{DPUs: 2}))
			*part.to = append(*part.to, dev)
		}
	}
	h.Unknown = backend.Device{Ref: backend.Ref{Kind: backend.KindMachine, ID: "nobody"}}
	h.Break = func(call string, device backend.Ref, class error) {
		verb := map[error]string{backend.ErrNotDone: "fail %s class=notdone", backend.ErrMaybeDone: "lose %s", backend.ErrPermanent: "fail %s class=permanent"}[class]
		fault, err := fake.ParseFault(fmt.Sprintf(verb, call) + " nth=1 on " + device.String())
		require.NoError(t, err)
		require.NoError(t, hw.Inject(fault))
	}
	return h
}

// failingCases runs every case on a driver in which spoil has broken something and returns the names of those that fail.
func failingCases(t *testing.T, spoil func(h *DriverHarness, c *backend.Capabilities)) (failed []string, report string) {
	t.Helper()
	open := func() *driverCheck {
		h := goodHarness(t)
		c := h.Driver.Capabilities()
		h.Driver = nil
		spoil(&h, &c)
		if h.Driver == nil {
			h.Driver = c
		}
		check := newDriverCheck(t.Context(), h)
		check.patience = 2 * time.Second
		return check
	}
	for _, dc := range driverCases() {
		for _, call := range dc.callsOf(open()) {
			if err := dc.try(open(), call.name); err != nil {
				failed = append(failed, strings.TrimSuffix(dc.name+"/"+call.name, "/"))
				report += err.Error() + "\n"
			}
		}
	}
	return failed, report
}

func TestAGoodDriverPassesEveryCase(t *testing.T) { //nolint:tparallel // the subtests are those of the suite
	t.Parallel()
	TestDriver(t, goodHarness)
}

func TestADriverWithFewCapabilitiesIsTestedOnThoseAlone(t *testing.T) { //nolint:tparallel // the subtests are those of the suite
	t.Parallel()
	few := func(t *testing.T) DriverHarness {
		t.Helper()
		h := goodHarness(t)
		all := h.Driver.Capabilities()
		return DriverHarness{Driver: backend.Capabilities{Power: all.Power, Certificates: all.Certificates}, Machines: h.Machines[:1], Advance: h.Advance}
	}
	TestDriver(t, few)
	gaps := few(t).gaps()
	assert.Equal(t, "absent capabilities: Agent, Attestors, Cleanup, DPU, EventLog, Fabric, Firmware, Inventory, Platform, RackTest, Reset, SKU, Shelf, SwitchCheck, SwitchImage, Upload, Validation; "+
		"the harness lacks: Break, Machines, Secrets, Shelves, Started, Switches, Unknown", gaps)
}

func TestABrokenDriverFailsTheCaseOfTheRuleItBreaks(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	t.Cleanup(func() { close(released) })
	for _, tc := range []struct {
		name  string
		spoil func(h *DriverHarness, c *backend.Capabilities)
		want  []string
	}{
		{"it forgets the key and starts twice", func(_ *DriverHarness, c *backend.Capabilities) {
			c.Firmware = &forgetsKeys{Firmware: c.Firmware}
		}, []string{"AnEqualKeyIsOneAction/ApplyFirmware", "EqualKeysAtTheSameTimeAreOneAction/ApplyFirmware", "ALostAnswerIsFoundByItsKey/ApplyFirmware"}},
		{"it takes a new intention for an old one", func(_ *DriverHarness, c *backend.Capabilities) {
			c.Shelf = oneKeyForAll{c.Shelf}
		}, []string{"ANewKeyIsANewAction/ConfigureShelf"}},
		{"it loses a device of a batch", func(_ *DriverHarness, c *backend.Capabilities) {
			c.Firmware = losesDevices{c.Firmware}
		}, []string{
			"ALostAnswerIsFoundByItsKey/ApplyFirmware", "EveryDeviceIsAccountedFor/ApplyFirmware", "AnUnknownDeviceDoesNotStopTheOthers/ApplyFirmware",
			"EveryJobIsAccountedFor/ApplyFirmware",
		}},
		{"it gives up a batch at the first failure", func(_ *DriverHarness, c *backend.Capabilities) {
			c.Fabric = givesUp{c.Fabric}
		}, []string{"AnUnknownDeviceDoesNotStopTheOthers/SetFabricState", "AFailedDeviceDoesNotStopTheOthers/SetFabricState"}},
		{"it shows a secret in an error", func(_ *DriverHarness, c *backend.Capabilities) {
			c.Agent = tellsSecrets{c.Agent}
		}, []string{"SecretsStaySecret/Discover"}},
		{"it waits although its context is done", func(_ *DriverHarness, c *backend.Capabilities) {
			c.SwitchCheck = ignoresContext{c.SwitchCheck, released}
		}, []string{"ADoneContextEndsTheCall/CheckSwitch"}},
		{"it does not say that a device is unknown", func(_ *DriverHarness, c *backend.Capabilities) {
			c.Certificates = vague{c.Certificates}
		}, []string{"PermanentIsSaid/ConfigureCertificate", "AnUnknownDeviceIsErrNoDevice/ConfigureCertificate", "AnUnknownJobIsErrNoJob/ConfigureCertificate"}},
		{"it says not done of what was done", func(_ *DriverHarness, c *backend.Capabilities) {
			c.Validation = underrates{c.Validation}
		}, []string{"ALostAnswerIsFoundByItsKey/ValidateMachine"}},
		{"its jobs do not stay ended", func(_ *DriverHarness, c *backend.Capabilities) {
			c.SwitchImage = &revives{SwitchImage: c.SwitchImage}
		}, []string{"AJobEndsAndStaysEnded/ApplySwitchImage"}},
		{"its answers share memory", func(_ *DriverHarness, c *backend.Capabilities) {
			c.Inventory = &sharesMemory{Inventory: c.Inventory}
		}, []string{"VersionsBelongToTheCaller"}},
		{"its capabilities change", func(h *DriverHarness, c *backend.Capabilities) {
			h.Driver = &changesCapabilities{all: *c}
		}, []string{"CapabilitiesStayTheSame"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			failed, report := failingCases(t, tc.spoil)
			for _, want := range tc.want {
				assert.Contains(t, failed, want)
			}
			_, call, _ := strings.Cut(tc.want[0], "/")
			for _, name := range failed {
				assert.True(t, call == "" || strings.HasSuffix(name, call) || !strings.Contains(name, "/"), "%s fails too:\n%s", name, report)
			}
			assert.Contains(t, report, "rule: ")
			assert.Contains(t, report, "at:   backend/backendtest/driver_cases_")
		})
	}
}

type forgetsKeys struct {
	backend.Firmware
	calls atomic.Int64
}

func (f *forgetsKeys) ApplyFirmware(ctx context.Context, key string, order backend.FirmwareOrder, devices []backend.Device) (map[backend.Ref]string, error) {
	return f.Firmware.ApplyFirmware(ctx, fmt.Sprintf("%s-%d", key, f.calls.Add(1)), order, devices)
}

type oneKeyForAll struct{ backend.Shelf }

func (o oneKeyForAll) ConfigureShelf(ctx context.Context, _ string, device backend.Device) error {
	return o.Shelf.ConfigureShelf(ctx, "always the same", device)
}

type losesDevices struct{ backend.Firmware }

func (l losesDevices) ApplyFirmware(ctx context.Context, key string, order backend.FirmwareOrder, devices []backend.Device) (map[backend.Ref]string, error) {
	if len(devices) > 1 {
		devices = devices[:len(devices)-1]
	}
	return l.Firmware.ApplyFirmware(ctx, key, order, devices)
}

type givesUp struct{ backend.Fabric }

func (g givesUp) SetFabricState(ctx context.Context, key string, on bool, switches []backend.Device) error {
	for _, dev := range switches {
		err := g.Fabric.SetFabricState(ctx, key, on, []backend.Device{dev})
		if failed, _ := backend.SplitDeviceErrors(err); failed != nil {
			return failed[dev.Ref]
		}
	}
	return nil
}

type tellsSecrets struct{ backend.Agent }

func (s tellsSecrets) Discover(ctx context.Context, device backend.Device) (backend.AgentReport, error) {
	report, err := s.Agent.Discover(ctx, device)
	if err != nil {
		err = fmt.Errorf("ssh root:%s@%s: %w", harnessSecret, device.Ref.ID, err)
	}
	return report, err
}

type ignoresContext struct {
	backend.SwitchCheck
	released <-chan struct{}
}

func (i ignoresContext) CheckSwitch(ctx context.Context, device backend.Device) error {
	if ctx.Err() != nil {
		<-i.released
	}
	return i.SwitchCheck.CheckSwitch(ctx, device)
}

type vague struct{ backend.Certificates }

func (v vague) ConfigureCertificate(ctx context.Context, key string, device backend.Device, domain string) (string, error) {
	id, err := v.Certificates.ConfigureCertificate(ctx, key, device, domain)
	if errors.Is(backend.Classify(err), backend.ErrPermanent) {
		err = errors.New("it did not work")
	}
	return id, err
}

func (v vague) CertificateJob(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
	status, err := v.Certificates.CertificateJob(ctx, job)
	if err != nil {
		return backend.JobStatus{State: backend.JobUnknown}, nil
	}
	return status, nil
}

type underrates struct{ backend.Validation }

func (u underrates) ValidateMachine(ctx context.Context, key string, device backend.Device) (string, error) {
	id, err := u.Validation.ValidateMachine(ctx, key, device)
	if errors.Is(err, backend.ErrMaybeDone) {
		err = backend.NotDone(err)
	}
	return id, err
}

type revives struct {
	backend.SwitchImage
	polls int
}

func (r *revives) SwitchImageJob(ctx context.Context, jobs []backend.Job) (backend.Jobs, error) {
	found, err := r.SwitchImage.SwitchImageJob(ctx, jobs)
	for ref, status := range found {
		if status.State == backend.JobCompleted {
			if r.polls++; r.polls > 3 {
				found[ref] = backend.JobStatus{State: backend.JobRunning}
			}
		}
	}
	return found, err
}

type sharesMemory struct {
	backend.Inventory
	mu   sync.Mutex
	kept map[string]string
}

func (s *sharesMemory) FirmwareInventory(ctx context.Context, device backend.Device) (map[string]string, error) {
	versions, err := s.Inventory.FirmwareInventory(ctx, device)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = versions
	}
	return s.kept, nil
}

type changesCapabilities struct {
	all   backend.Capabilities
	asked int
}

func (c *changesCapabilities) Capabilities() backend.Capabilities {
	all := c.all
	if c.asked++; c.asked > 1 {
		all.Fabric = nil
	}
	return all
}
