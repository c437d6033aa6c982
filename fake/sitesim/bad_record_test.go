package sitesim

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	lite "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// edit changes a file behind the back of the store, as a person with the sqlite3 command does.
func edit(t *testing.T, path, sql string) {
	t.Helper()
	conn, err := lite.OpenConn(path, lite.OpenReadWrite)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	require.NoError(t, sqlitex.ExecuteScript(conn, sql, nil))
	require.Positive(t, conn.Changes())
}

func TestARecordThatCannotBeUnderstoodIsReportedByNameAndTheOthersCarryOn(t *testing.T) {
	t.Parallel()
	const machine = "(SELECT key FROM object WHERE id = 'R01-compute-1')"
	for name, c := range map[string]struct {
		damage   string
		sentinel error
		words    []string
	}{
		"unknown state": {
			"UPDATE object SET state = 'HostInit/Warp' WHERE key = " + machine,
			lifecycle.ErrUnknownState,
			[]string{sick, "HostInit/Warp", "HostInit/WaitingForDiscovery"},
		},
		"cut JSON": {
			"UPDATE record SET data = substr(data, 1, 20) WHERE object = " + machine,
			backend.ErrCorrupt,
			[]string{sick, "cannot be read"},
		},
		"JSON of another type": {
			"UPDATE record SET data = '{\"endpoint\": 17}' WHERE object = " + machine,
			backend.ErrCorrupt,
			[]string{sick, "cannot be read"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "racks.db")
			var log bytes.Buffer
			cfg := config(2, nil, 1)
			cfg.Racking, cfg.Journal = time.Minute, filepath.Join(dir, "hardware")
			cfg.Rack.Lifecycle.Logger = slog.New(slog.NewTextHandler(&log, nil))
			session := func(do func(sim *Simulation)) {
				store := openSQLite(t, path)
				cfg.Store = store
				sim := newSim(t, cfg)
				do(sim)
				require.NoError(t, errors.Join(sim.Close(), store.Close()))
			}
			session(func(sim *Simulation) {
				require.NoError(t, sim.Run(t.Context(), 5*time.Minute))
				require.Contains(t, statesOf(sim.manager)[sick], "HostInit/")
			})

			const keep = "CREATE TABLE kept AS SELECT o.state, r.data FROM object o JOIN record r ON r.object = o.key WHERE o.key = " + machine
			edit(t, path, keep+"; "+c.damage)
			session(func(sim *Simulation) {
				others := allReady(2, sick, sickRack)
				require.NoError(t, sim.RunUntil(t.Context(), func() bool { return others(sim.manager, nil) }, longest))
				explained, err := sim.manager.Controller().Explain(backend.Ref{Kind: backend.KindMachine, ID: "R01-compute-1"})
				require.NoError(t, err)
				require.ErrorIs(t, explained.Broken, c.sentinel)
				record, err := sim.cfg.Store.Get(t.Context(), explained.Ref)
				require.NoError(t, err)
				assert.Equal(t, backend.OutcomeError, record.Outcome.Kind)
				for _, text := range []string{record.Outcome.Reason, explained.String(), log.String()} {
					for _, word := range c.words {
						assert.Contains(t, text, word)
					}
				}
				inRack, err := sim.manager.Controller().Explain(backend.Ref{Kind: backend.KindRack, ID: "R01"})
				require.NoError(t, err)
				assert.Contains(t, inRack.Outcome.Reason, sick, "the rack says what it waits for")
			})

			const repair = "UPDATE record SET data = (SELECT data FROM kept) WHERE object = " + machine + "; DROP TABLE kept"
			edit(t, path, "UPDATE object SET state = (SELECT state FROM kept) WHERE key = "+machine+"; "+repair)
			session(func(sim *Simulation) {
				require.NoError(t, runWith(t.Context(), sim, nil))
				require.NoError(t, settled(t.Context(), sim.cfg.Store, sim.hardware))
				assert.Equal(t, ready(2), statesOf(sim.manager))
			})
		})
	}
}
