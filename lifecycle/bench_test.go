package lifecycle_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
)

// sink is a store that takes every commit and keeps nothing: what is measured over it is the engine alone.
type sink struct{ backend.Store }

func (sink) Commit(_ context.Context, batch []backend.Commit) ([]error, error) {
	return make([]error, len(batch)), nil
}

// benchSite makes a controller with one lamp of an everyday size, which a handler has brought to white.
func benchSite(b *testing.B, store backend.Store, h lampHandlers) *lifecycle.Controller {
	b.Helper()
	all := toWhite()
	for s, f := range h {
		all[s] = f
	}
	ctl, err := lifecycle.NewController(b.Context(), store, lifecycle.Config{Logger: slog.New(slog.DiscardHandler)}, lampKind(b, all))
	require.NoError(b, err)
	l := newLamp("a")
	l.Lumen, l.Sockets = 800, []string{"E14", "E27", "B22", "G9"}
	l.Labels = map[string]string{"room": "hall", "row": "12", "owner": "facilities"}
	require.NoError(b, ctl.Apply(b.Context(), func(tx *lifecycle.Tx) error { return tx.Create(l, "bench", "") }))
	for range 3 {
		_, err = ctl.Step(b.Context(), lampRef("a"), begin)
		require.NoError(b, err)
	}
	b.ReportAllocs()
	return ctl
}

// A pass over an object that waits is what most passes of a site are. Its budget is 5 µs.
func BenchmarkAPassThatChangesNothing(b *testing.B) {
	ctl := benchSite(b, memory.New(), lampHandlers{white: always[lamp](lifecycle.Wait("a request", "none", time.Minute))})
	for b.Loop() {
		if _, err := ctl.Step(b.Context(), lampRef("a"), begin); err != nil {
			b.Fatal(err)
		}
	}
}

func benchTransition(b *testing.B, store backend.Store) {
	b.Helper()
	spin := always[lamp](lifecycle.Fire(turn))
	ctl := benchSite(b, store, lampHandlers{white: spin, red: spin})
	for b.Loop() {
		res, err := ctl.Step(b.Context(), lampRef("a"), begin)
		if err != nil || res.Transition == nil {
			b.Fatal(res, err)
		}
	}
}

func BenchmarkATransitionWithoutAStore(b *testing.B) { benchTransition(b, sink{memory.New()}) }

func BenchmarkATransitionOnTheMemoryStore(b *testing.B) { benchTransition(b, memory.New()) }

// An edit that changes nothing is a clone, an encoding and a comparison.
func BenchmarkCloneAndEncode(b *testing.B) {
	ctl := benchSite(b, memory.New(), nil)
	for b.Loop() {
		if err := ctl.Apply(b.Context(), func(tx *lifecycle.Tx) error {
			_, err := lifecycle.Edit[lamp](tx, lampRef("a"))
			return err
		}); err != nil {
			b.Fatal(err)
		}
	}
}

// Workers, group commit and memory store together: one operation is one transition of one of a thousand lamps.
func BenchmarkRun(b *testing.B) {
	const lamps = 1000
	var left atomic.Int64
	done := make(chan struct{})
	spin := func(context.Context, *lamp, *lifecycle.Env) (lifecycle.Outcome, error) {
		switch n := left.Add(-1); {
		case n == 0:
			close(done)
		case n < 0:
			return lifecycle.Nothing(), nil
		}
		return lifecycle.Fire(turn), nil
	}
	h := toWhite()
	h[white], h[red] = spin, spin
	ctl, err := lifecycle.NewController(b.Context(), memory.New(), lifecycle.Config{Logger: slog.New(slog.DiscardHandler)}, lampKind(b, h))
	require.NoError(b, err)
	require.NoError(b, ctl.Apply(b.Context(), func(tx *lifecycle.Tx) error {
		for i := range lamps {
			if err := tx.Create(newLamp(fmt.Sprint(i)), "bench", ""); err != nil {
				return err
			}
		}
		return nil
	}))
	left.Store(int64(b.N))
	ctx, cancel := context.WithCancel(b.Context())
	b.ReportAllocs()
	b.ResetTimer()
	ended := make(chan error)
	go func() { ended <- ctl.Run(ctx) }()
	<-done
	b.StopTimer()
	cancel()
	require.NoError(b, <-ended)
}
