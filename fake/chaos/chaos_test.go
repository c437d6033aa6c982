//go:build unix

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/postgres"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/fake/remote"
	"github.com/rackstate/rackstate/fake/sitesim"
)

// size is how much a run takes on.
type size struct {
	racks int
	speed float64
	// operation is for how long trouble is made, in virtual time.
	operation time.Duration
}

// lease is how long a lease lasts, in virtual time.
const lease = 30 * time.Second

const schema = "chaos"

func TestThreeControllersInTroubleComeToTheEndOfAnUndisturbedRun(t *testing.T) {
	s := size{racks: 50, speed: 30, operation: 10 * time.Minute}
	if testing.Short() {
		s = size{racks: 10, speed: 40, operation: 10 * time.Minute}
	}
	seed := seedOf(t)
	dsn := cluster.Start(t)
	want := undisturbed(t, s.racks)

	store, err := postgres.Open(t.Context(), named(dsn, hostName, 1), postgres.Config{Schema: schema, RetryFor: patience, Logger: quiet})
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	beginAudit(t, dsn, schema)
	pace := remote.NewPace(sitesim.Start, s.speed)
	hw := fake.New(pace, hardware(t))
	site := newHost(t, s.racks, store, hw, pace)
	all, log := startAll(t, order{DSN: dsn, Schema: schema, Socket: serve(t, hw, pace), Racks: s.racks, Lease: lease})
	defer func() {
		if t.Failed() {
			t.Log(tail(log.String()))
		}
	}()

	tr := &trouble{T: t, random: rand.New(rand.NewPCG(seed, 1)), all: all, schema: schema, dsn: dsn, lease: pace.Real(lease), began: time.Now()}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	stormy, calm := context.WithTimeout(ctx, pace.Real(s.operation))
	defer calm()
	stormed := make(chan struct{})
	go func() {
		defer close(stormed)
		tr.make(stormy)
	}()
	require.NoError(t, site.rackUp(ctx, time.Minute))
	require.NoError(t, site.operate(ctx))
	<-stormed
	require.NoError(t, site.operate(ctx), "it was over, and is not any more")
	t.Logf("all is over after %s, %s of virtual time", time.Since(tr.began).Round(time.Millisecond), pace.Now().Sub(sitesim.Start).Round(time.Second))
	for _, c := range all {
		c.stop(t)
	}

	assert.Empty(t, cmp.Diff(want, endOf(t, store, hw)), "the end is another one than that of an undisturbed run")
	requireUnbroken(t, store)
	assert.Empty(t, hw.DoubleStarts())
	for what, n := range hw.StartedByKey() {
		assert.Equal(t, 1, n, what)
	}
	wrong, writes := trespasses(t, dsn, schema)
	assert.Empty(t, wrong, "commits without a lease")
	for _, c := range all {
		assert.Positive(t, writes[c.Name], "%s wrote nothing", c.Name)
	}
	for _, kind := range kinds {
		assert.Positive(t, tr.seen[kind], kind)
	}
	t.Logf("trouble: %v; writes of objects: %v; refused for a lost lease: %d", tr.seen, writes, strings.Count(log.String(), "lease lost"))
}

// seedOf is the seed of the run, which it tells with how to have it again.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("RACKSTATE_CHAOS_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	short := ""
	if testing.Short() {
		short = " -short"
	}
	t.Logf("again: RACKSTATE_CHAOS_SEED=%d go test%s -count=1 -v -run %s ./fake/chaos", seed, short, t.Name())
	return seed
}

// serve makes the hardware reachable.
func serve(t *testing.T, hw *fake.Hardware, pace remote.Pace) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "chaos-") //nolint:usetesting // the path of a socket must be short
	require.NoError(t, err)
	socket := filepath.Join(dir, "hardware")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- remote.Serve(ctx, listener, hw.Driver(), pace) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-served)
		assert.NoError(t, os.RemoveAll(dir))
	})
	return socket
}

// startAll starts three controllers, which end with the test at the latest.
func startAll(t *testing.T, o order) ([]*controller, *logFile) {
	t.Helper()
	log := &logFile{}
	var all []*controller
	for _, name := range []string{"ada", "ben", "cem"} {
		c := &controller{order: o, log: log}
		c.Name = name
		require.NoError(t, c.start())
		t.Cleanup(func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.cmd != nil {
				_ = c.kill() // only after a failure
			}
		})
		all = append(all, c)
	}
	return all, log
}

// requireUnbroken checks that the history of every object is a chain that ends where the object stands.
func requireUnbroken(t *testing.T, store backend.Store) {
	t.Helper()
	history, err := store.History(t.Context(), backend.HistoryQuery{})
	require.NoError(t, err)
	last := map[backend.Ref]backend.Transition{}
	for _, row := range history {
		before := last[row.Ref]
		require.Equal(t, before.Seq+1, row.Seq, "%s", row.Ref)
		require.Equal(t, before.To, row.From, "%s, row %d", row.Ref, row.Seq)
		require.False(t, row.At.Before(before.At), "%s, row %d", row.Ref, row.Seq)
		last[row.Ref] = row
	}
	records, err := store.List(t.Context(), backend.Query{})
	require.NoError(t, err)
	for _, r := range records {
		require.Equal(t, fmt.Sprint(r.State, r.Transitions), fmt.Sprint(last[r.Ref].To, last[r.Ref].Seq), "%s", r.Ref)
	}
}

// tail is the end of a long text.
func tail(text string) string { return text[max(0, len(text)-20_000):] }
