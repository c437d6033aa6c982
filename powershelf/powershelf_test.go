package powershelf_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/powershelf"
)

// shelves is hardware whose answers a test sets. It keeps a log of its calls.
type shelves struct {
	power    backend.PowerState
	fetch    []error // used in order, the last one repeats
	set      error
	observe  error
	stuck    bool // the power state does not follow
	calls    []string
	setKeys  []string
	absent   bool
	data     backend.ShelfData
	confErrs []error
}

func (s *shelves) FetchShelf(context.Context, backend.Device) (backend.ShelfData, error) {
	s.calls = append(s.calls, "FetchShelf")
	return s.data, take(&s.fetch)
}

func (s *shelves) ConfigureShelf(context.Context, string, backend.Device) error {
	s.calls = append(s.calls, "ConfigureShelf")
	return take(&s.confErrs)
}

func (s *shelves) SetPower(_ context.Context, key string, action backend.PowerAction, _ []backend.Device) error {
	s.calls, s.setKeys = append(s.calls, "SetPower "+string(action)), append(s.setKeys, key)
	if s.set == nil && !s.stuck {
		s.power = map[backend.PowerAction]backend.PowerState{backend.ActionPowerOn: backend.PowerOn, backend.ActionPowerOff: backend.PowerOff}[action]
	}
	return s.set
}

func (s *shelves) PowerState(_ context.Context, devices []backend.Device) (map[backend.Ref]backend.PowerState, error) {
	s.calls = append(s.calls, "PowerState")
	if s.observe != nil {
		return nil, s.observe
	}
	return map[backend.Ref]backend.PowerState{devices[0].Ref: s.power}, nil
}

func take(list *[]error) error {
	if len(*list) == 0 {
		return nil
	}
	err := (*list)[0]
	if len(*list) > 1 {
		*list = (*list)[1:]
	}
	return err
}

// bench is one shelf, p1 of rack r1, over made-up hardware.
type bench struct {
	t   *testing.T
	hw  *shelves
	ctl *lifecycle.Controller
	now time.Time
}

var p1 = powershelf.Ref("p1")

func newBench(t *testing.T, hw *shelves, credentials backend.CredentialStore) *bench {
	t.Helper()
	caps := backend.Capabilities{}
	if !hw.absent {
		caps = backend.Capabilities{Power: hw, Shelf: hw}
	}
	kind, err := powershelf.New(powershelf.Config{Driver: caps, Credentials: credentials})
	require.NoError(t, err)
	clk := clock.NewMock()
	ctl, err := lifecycle.NewController(t.Context(), memory.New(), lifecycle.Config{Clock: clk, Logger: slog.New(slog.DiscardHandler)}, kind)
	require.NoError(t, err)
	require.NoError(t, ctl.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		return tx.Create(powershelf.NewPowerShelf("p1", "r1", backend.Endpoint{BMCAddress: "192.0.2.1"}), "test", "")
	}))
	return &bench{t: t, hw: hw, ctl: ctl, now: clk.Now()}
}

// settle reconciles until nothing is due.
func (b *bench) settle() {
	b.t.Helper()
	_, _, err := b.ctl.RunUntilIdle(b.t.Context(), b.now)
	require.NoError(b.t, err)
}

// pass lets time pass in steps of what falls due.
func (b *bench) pass(d time.Duration) {
	b.t.Helper()
	for end := b.now.Add(d); ; {
		_, next, err := b.ctl.RunUntilIdle(b.t.Context(), b.now)
		require.NoError(b.t, err)
		if next.IsZero() || next.After(end) {
			b.now = end
			return
		}
		b.now = next
	}
}

func (b *bench) shelf() *powershelf.PowerShelf {
	b.t.Helper()
	p, err := lifecycle.Get[powershelf.PowerShelf](b.ctl, p1)
	require.NoError(b.t, err)
	return p
}

func (b *bench) path() []string {
	b.t.Helper()
	rows, err := b.ctl.History(b.t.Context(), p1)
	require.NoError(b.t, err)
	var out []string
	for _, r := range rows {
		out = append(out, r.To)
	}
	return out
}

func (b *bench) ask(op backend.PowerAction) (backend.Request, error) {
	b.t.Helper()
	posted, err := powershelf.RequestMaintenance(b.t.Context(), b.ctl, powershelf.MaintenanceRequest{Shelves: []string{"p1"}, Operation: op, User: "alice", Reference: "T-1"})
	if err != nil {
		return backend.Request{}, err
	}
	return posted[0], nil
}

func (b *bench) request(id string) backend.Request {
	b.t.Helper()
	list, err := b.ctl.Store().Requests(b.t.Context(), backend.RequestQuery{ID: id})
	require.NoError(b.t, err)
	require.Len(b.t, list, 1)
	return list[0]
}

func TestTheTableIsSound(t *testing.T) {
	t.Parallel()
	kind, err := powershelf.New(powershelf.Config{Driver: backend.Capabilities{}})
	require.NoError(t, err)
	require.NoError(t, lifecycle.Check(kind))
	for _, s := range kind.States() {
		require.True(t, kind.Handled(s.State), s.State)
	}
	_, err = powershelf.New(powershelf.Config{})
	require.ErrorContains(t, err, "Driver is missing")
}

func TestAShelfIsReadOutSetUpAndReady(t *testing.T) {
	t.Parallel()
	hw := &shelves{power: backend.PowerOn, data: backend.ShelfData{Vendor: "ACME", Model: "PS-33", Serial: "S1", Firmware: "1.2", Power: backend.PowerOn}}
	b := newBench(t, hw, nil)
	b.settle()
	require.Equal(t, []string{"Initializing", "FetchingData", "Configuring", "Ready"}, b.path())
	p := b.shelf()
	require.Equal(t, []string{"ACME", "PS-33", "S1", "1.2"}, []string{p.Vendor, p.Model, p.Serial, p.Firmware})
	require.Equal(t, backend.PowerOn, p.Power)
	require.True(t, p.Ready())
}

func TestAnAbsentCapabilityIsPassedWithANote(t *testing.T) {
	t.Parallel()
	for name, hw := range map[string]*shelves{
		"nil":     {absent: true},
		"says so": {fetch: []error{backend.ErrNotSupported}, confErrs: []error{fmt.Errorf("no: %w", backend.ErrNotSupported)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, hw, nil)
			b.settle()
			rows, err := b.ctl.History(t.Context(), p1)
			require.NoError(t, err)
			require.Equal(t, "Ready", rows[3].To)
			require.Contains(t, rows[2].Note, "no capability to read")
			require.Contains(t, rows[3].Note, "no capability to set up")
		})
	}
}

func TestAControllerThatDoesNotAnswerIsAskedAgainWithBackoff(t *testing.T) {
	t.Parallel()
	hw := &shelves{power: backend.PowerOn, fetch: []error{errors.New("connection refused"), errors.New("connection refused"), nil}, confErrs: []error{errors.New("busy"), nil}}
	b := newBench(t, hw, nil)
	b.settle()
	require.Equal(t, "FetchingData", b.shelf().State())
	out, err := b.ctl.Outcome(p1)
	require.NoError(t, err)
	require.Equal(t, backend.OutcomeError, out.Kind)
	require.Contains(t, out.Reason, "connection refused")
	b.pass(time.Minute)
	require.True(t, b.shelf().Ready())
}

func TestAReadyShelfPollsItsPowerAndWritesOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	hw := &shelves{power: backend.PowerOn}
	b := newBench(t, hw, nil)
	b.pass(time.Minute)
	version := b.shelf().Version()
	b.pass(10 * time.Minute)
	require.Equal(t, version, b.shelf().Version(), "an unchanged power state is not written")
	hw.observe = errors.New("connection refused")
	b.pass(time.Minute)
	require.True(t, b.shelf().Ready(), "a failed poll is no failure")
	hw.observe, hw.power = nil, backend.PowerOff
	b.pass(time.Minute)
	require.Equal(t, backend.PowerOff, b.shelf().Power)
}

func TestAnOperationDrivesTheHardwareOnceAndWaitsForTheNewPowerState(t *testing.T) {
	t.Parallel()
	hw := &shelves{power: backend.PowerOn, stuck: true}
	b := newBench(t, hw, nil)
	b.settle()
	req, err := b.ask(backend.ActionPowerOff)
	require.NoError(t, err)
	b.pass(2 * time.Minute)
	require.Equal(t, string(powershelf.PoweringOff), b.shelf().State())
	x, err := b.ctl.Explain(p1)
	require.NoError(t, err)
	require.Contains(t, x.String(), "waits for power state off: it is on")
	hw.power = backend.PowerOff
	b.pass(time.Minute)
	require.Equal(t, []string{"Ready", "Maintenance/PowerOff", "Ready"}, b.path()[3:])
	require.Len(t, hw.setKeys, 1)
	done := b.request(req.ID)
	require.Equal(t, backend.RequestFinished, done.State)
	require.Equal(t, "alice (T-1)", done.Initiator)
	require.Equal(t, []backend.Result{{Target: p1, Activity: "PowerOff", Status: backend.ResultOK, To: "off"}}, done.Results)

	_, err = b.ask(backend.ActionPowerOn)
	require.NoError(t, err)
	hw.stuck = false
	b.pass(time.Minute)
	require.Equal(t, backend.PowerOn, b.shelf().Power)
}

func TestAnOperationThatFailsEndsInErrorWithItsCauseAndWithoutARetry(t *testing.T) {
	t.Parallel()
	with := func(change func(*shelves)) *shelves {
		hw := &shelves{power: backend.PowerOn}
		change(hw)
		return hw
	}
	for name, c := range map[string]struct {
		hw     *shelves
		cause  string
		after  time.Duration
		retry  bool
		orders int
	}{
		"the hardware refuses":        {with(func(h *shelves) { h.set = backend.Permanent(errors.New("PSU 3 refused"), "") }), "PSU 3 refused", 0, false, 1},
		"the call fails":              {with(func(h *shelves) { h.set = errors.New("connection reset") }), "connection reset", 0, true, 1},
		"the state is never observed": {with(func(h *shelves) { h.stuck = true }), "was not observed within 10m", 11 * time.Minute, true, 1},
		"no capability":               {&shelves{absent: true}, "no capability", 0, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, c.hw, nil)
			b.settle()
			req, err := b.ask(backend.ActionPowerOff)
			require.NoError(t, err)
			b.pass(c.after)
			p := b.shelf()
			require.True(t, p.Failed())
			for _, text := range []string{"p1", "PowerOff", c.cause} {
				require.Contains(t, p.Cause, text)
			}
			done := b.request(req.ID)
			require.Equal(t, backend.RequestFailed, done.State)
			require.Equal(t, backend.ResultFailed, done.Results[0].Status)
			require.Equal(t, c.retry, done.Results[0].Retryable)
			b.pass(time.Hour)
			require.Len(t, c.hw.setKeys, c.orders)
			require.Equal(t, "Error", b.path()[len(b.path())-1])
		})
	}
}

func TestAShelfWithoutAddressOrCredentialCannotBeSwitchedAndSaysSo(t *testing.T) {
	t.Parallel()
	b := newBench(t, &shelves{power: backend.PowerOn}, noCredentials{})
	b.settle()
	_, err := b.ask(backend.ActionPowerOff)
	require.NoError(t, err)
	b.settle()
	require.Contains(t, b.shelf().Cause, "credential of its controller is missing")
	require.NoError(t, b.ctl.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		p, err := lifecycle.Edit[powershelf.PowerShelf](tx, p1)
		if err == nil {
			p.Endpoint.BMCAddress = ""
		}
		return err
	}))
	_, err = b.ask(backend.ActionPowerOn)
	require.NoError(t, err)
	b.settle()
	require.Contains(t, b.shelf().Cause, "address")
	require.False(t, slices.ContainsFunc(b.hw.calls, func(c string) bool { return c == "SetPower PowerOn" || c == "SetPower PowerOff" }))
}

type noCredentials struct{}

func (noCredentials) Credential(context.Context, string) (backend.Credential, error) {
	return backend.Credential{}, backend.ErrNotFound
}
func (noCredentials) PutCredential(context.Context, string, backend.Credential) error { return nil }
func (noCredentials) DeleteCredential(context.Context, string) error                  { return nil }

func TestAnotherRequestOrADeletionLeadsOutOfError(t *testing.T) {
	t.Parallel()
	hw := &shelves{power: backend.PowerOn, set: errors.New("reset")}
	b := newBench(t, hw, nil)
	b.settle()
	_, err := b.ask(backend.ActionPowerOff)
	require.NoError(t, err)
	b.settle()
	hw.set = nil
	_, err = b.ask(backend.ActionPowerOff)
	require.NoError(t, err)
	b.settle()
	require.True(t, b.shelf().Ready())
	require.Empty(t, b.shelf().Cause)
	require.NoError(t, b.ctl.Delete(t.Context(), p1, "alice", false))
	b.settle()
	require.Equal(t, []string{"Deleting", ""}, b.path()[len(b.path())-2:])
}

func TestARequestIsRefusedWithAllItsProblems(t *testing.T) {
	t.Parallel()
	b := newBench(t, &shelves{power: backend.PowerOn}, nil)
	_, err := b.ask("Explode")
	require.ErrorIs(t, err, lifecycle.ErrRejected)
	require.ErrorContains(t, err, `operation "Explode" is not known`)
	require.ErrorContains(t, err, "is in Initializing")
	b.settle()
	_, err = b.ask(backend.ActionPowerOff)
	require.NoError(t, err)
	_, err = b.ask(backend.ActionPowerOn)
	require.ErrorContains(t, err, "pending already")

	_, err = powershelf.RequestMaintenance(t.Context(), b.ctl, powershelf.MaintenanceRequest{Operation: backend.ActionPowerOn})
	require.ErrorContains(t, err, "no object is named")
	_, err = powershelf.RequestMaintenance(t.Context(), b.ctl, powershelf.MaintenanceRequest{Shelves: []string{"a", "b", "c"}, Limit: 2, Operation: backend.ActionPowerOn})
	require.ErrorContains(t, err, "3 power shelves are named, at most 2")
}

func TestACancelledOperationThatWasNotBegunIsNotDone(t *testing.T) {
	t.Parallel()
	hw := &shelves{power: backend.PowerOn}
	b := newBench(t, hw, nil)
	b.settle()
	req, err := b.ask(backend.ActionPowerOff)
	require.NoError(t, err)
	_, err = b.ctl.Step(t.Context(), p1, b.now) // takes the request up, and drives nothing yet
	require.NoError(t, err)
	require.NoError(t, b.ctl.CancelRequest(t.Context(), p1, req.ID, "bob"))
	b.settle()
	require.Empty(t, hw.setKeys)
	require.Equal(t, backend.RequestCancelled, b.request(req.ID).State)
	require.True(t, b.shelf().Ready(), "nothing was done, so nothing has failed")
}

func TestAForcedDeletionEndsAShelfInTheMiddleOfAnOperation(t *testing.T) {
	t.Parallel()
	b := newBench(t, &shelves{power: backend.PowerOn, stuck: true}, nil)
	b.settle()
	req, err := b.ask(backend.ActionPowerOff)
	require.NoError(t, err)
	b.pass(time.Minute)
	_, err = b.ctl.Request(t.Context(), lifecycle.NewRequest{Type: lifecycle.ForceDelete, Initiator: "admin"}, p1)
	require.NoError(t, err)
	b.settle()
	_, err = lifecycle.Get[powershelf.PowerShelf](b.ctl, p1)
	require.ErrorIs(t, err, backend.ErrNotFound)
	require.Equal(t, backend.RequestSuperseded, b.request(req.ID).State)
}
