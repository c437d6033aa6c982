package endtoend_test

import (
	"testing"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend/temporal"
	"github.com/rackstate/rackstate/backend/temporal/internal/virtual"
)

// BenchmarkBringUp brings four small racks up from Created to Ready in virtual time, by the engine's own loop and through workflows on a server with its database in memory. The work is the same; what
// it takes more is Temporal.
func BenchmarkBringUp(b *testing.B) {
	for name, drive := range map[string]func(*testing.B, *virtual.Site){
		"loop": func(b *testing.B, site *virtual.Site) {
			require.NoError(b, site.Run(b.Context(), site.AllReady, 48*time.Hour))
		},
		"workflow": throughServer,
	} {
		b.Run(name, func(b *testing.B) {
			transitions, took := 0, time.Duration(0)
			for b.Loop() {
				site, err := virtual.New(b.Context(), virtual.Config{Store: memory.New(), Racks: 4, Quick: true, Seed: 1})
				require.NoError(b, err)
				arrive(b, site)
				began := time.Now()
				drive(b, site)
				took += time.Since(began)
				rows, err := site.Store().History(b.Context(), backend.HistoryQuery{})
				require.NoError(b, err)
				transitions += len(rows)
			}
			b.ReportMetric(float64(transitions)/took.Seconds(), "transitions/s")
		})
	}
}

func throughServer(b *testing.B, site *virtual.Site) {
	b.Helper()
	c, _ := newServer(b)
	h := newHopper(site)
	h.work(b, c)
	runner := temporal.NewRunner(c, temporal.RunnerConfig{})
	began := time.Now()
	require.NoError(b, runner.StartAll(b.Context(), site.Store()))
	eventually(b, "all racks are up", h.ready)
	b.ReportMetric(float64(h.count())/time.Since(began).Seconds(), "steps/s")
}
