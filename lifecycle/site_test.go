package lifecycle_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// site is a controller over a tapped memory store, on a clock that stands still unless the test moves it.
type site struct {
	*lifecycle.Controller
	tb    testing.TB
	store *tap
	clock *clock.Mock
	seen  *watcher
	kinds []*lifecycle.Kind
	cfg   lifecycle.Config
}

// newSite makes a controller over an empty store.
func newSite(tb testing.TB, kinds ...*lifecycle.Kind) *site {
	tb.Helper()
	return newSiteWith(tb, newTap(), lifecycle.Config{}, kinds...)
}

// newSiteWith makes a controller over a store, with a clock, an observer and a silent log of its own.
func newSiteWith(tb testing.TB, store *tap, cfg lifecycle.Config, kinds ...*lifecycle.Kind) *site {
	tb.Helper()
	s := &site{tb: tb, store: store, clock: clock.NewMock(), seen: newWatcher(), kinds: kinds}
	s.clock.Set(begin)
	cfg.Clock, cfg.Observer = s.clock, s.seen
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s.cfg = cfg
	s.restart()
	return s
}

// restart makes a new controller over the same store, as after a crash.
func (s *site) restart() {
	s.tb.Helper()
	ctl, err := lifecycle.NewController(s.tb.Context(), s.store, s.cfg, s.kinds...)
	require.NoError(s.tb, err)
	s.Controller = ctl
}

// create adds objects.
func (s *site) create(entities ...lifecycle.Entity) {
	s.tb.Helper()
	require.NoError(s.tb, s.Apply(s.tb.Context(), func(tx *lifecycle.Tx) error {
		for _, e := range entities {
			if err := tx.Create(e, "tester", ""); err != nil {
				return err
			}
		}
		return nil
	}))
}

// step reconciles one object at the clock's time.
func (s *site) step(ref backend.Ref) lifecycle.StepResult {
	s.tb.Helper()
	res, err := s.Step(s.tb.Context(), ref, s.clock.Now())
	require.NoError(s.tb, err)
	return res
}

// settle reconciles until nothing is due at the clock's time, and returns how many steps that took and when the next object is due.
func (s *site) settle() (steps int, next time.Time) {
	s.tb.Helper()
	steps, next, err := s.RunUntilIdle(s.tb.Context(), s.clock.Now())
	require.NoError(s.tb, err)
	return steps, next
}

// after lets time pass and reconciles everything that is due then.
func (s *site) after(d time.Duration) {
	s.tb.Helper()
	s.clock.Add(d)
	s.settle()
}

// lamp returns a copy of a lamp.
func (s *site) lamp(id string) *lamp {
	s.tb.Helper()
	l, err := lifecycle.Get[lamp](s.Controller, lampRef(id))
	require.NoError(s.tb, err)
	return l
}

// outcome returns the outcome of an object's last pass.
func (s *site) outcome(ref backend.Ref) backend.Outcome {
	s.tb.Helper()
	out, err := s.Outcome(ref)
	require.NoError(s.tb, err)
	return out
}

// chain returns the history of an object, and fails the test if it is broken.
func (s *site) chain(ref backend.Ref) []backend.Transition {
	s.tb.Helper()
	rows, err := s.History(s.tb.Context(), ref)
	require.NoError(s.tb, err)
	requireUnbroken(s.tb, rows)
	return rows
}

// visited returns the states that an object went through.
func (s *site) visited(ref backend.Ref) []string {
	s.tb.Helper()
	rows := s.chain(ref)
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.To
	}
	return out
}

// requests returns all requests that were ever posted to an object.
func (s *site) requests(ref backend.Ref) []backend.Request {
	s.tb.Helper()
	all, err := s.store.Requests(s.tb.Context(), backend.RequestQuery{On: ref})
	require.NoError(s.tb, err)
	return all
}

// requireUnbroken checks that the rows of one object form a chain: from equals the to before, and seq counts from 1 without gaps.
func requireUnbroken(tb testing.TB, rows []backend.Transition) {
	tb.Helper()
	state := ""
	for i, r := range rows {
		require.Equal(tb, uint64(i+1), r.Seq, "row %d of %s", i, r.Ref)
		require.Equal(tb, state, r.From, "row %d of %s", i, r.Ref)
		assert.NotEmpty(tb, r.Trigger)
		assert.NotEmpty(tb, r.Initiator)
		assert.Equal(tb, backend.Timestamp(r.At), r.At)
		state = r.To
	}
}
