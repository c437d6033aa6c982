package endtoend_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	server "go.temporal.io/server/temporal"
	"go.temporal.io/server/temporaltest"

	"github.com/rackstate/rackstate/backend/temporal"
	"github.com/rackstate/rackstate/backend/temporal/devserver"
	"github.com/rackstate/rackstate/backend/temporal/internal/virtual"
)

// TestMain is also the program that the tests kill.
func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	os.Exit(m.Run())
}

// patience bounds what a test waits for in real time.
const patience = 60 * time.Second

func quiet() log.Logger {
	return log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
}

// newServer starts a server that ends with the test, and returns a client of it.
func newServer(tb testing.TB) (client.Client, *temporaltest.TestServer) {
	tb.Helper()
	server := temporaltest.NewServer(
		temporaltest.WithBaseClientOptions(client.Options{Logger: quiet(), Identity: "test"}),
		temporaltest.WithBaseServerOptions(server.WithDynamicConfigClient(devserver.Settings())),
	)
	tb.Cleanup(server.Stop)
	return server.GetDefaultClient(), server
}

// eventually waits until what is awaited has come.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	require.Eventually(tb, ok, patience, 20*time.Millisecond, what)
}

// hopper steps a virtual site whose time hops to whatever is due next: nobody waits for simulated hardware. Several racks may be stepped at once; each waits until it is the one where something is due
// first, so that none finds itself hours late.
type hopper struct {
	site *virtual.Site
	real *temporal.Activities
	mu   sync.Mutex
	turn *sync.Cond
	// next is when something is due in each rack that is under way.
	next map[string]time.Time
	// pauses is after how many of the first steps a workflow waits for a moment of real time.
	pauses int
	// steps counts the steps.
	steps int
}

func newHopper(site *virtual.Site) *hopper {
	h := &hopper{site: site, real: temporal.NewActivities(site.Manager().Controller()), next: map[string]time.Time{}}
	h.turn = sync.NewCond(&h.mu)
	return h
}

func (h *hopper) StepRack(ctx context.Context, in temporal.StepInput) (temporal.StepOutput, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.turn.Broadcast()
	defer context.AfterFunc(ctx, h.turn.Broadcast)()
	for h.early(in.Rack) && ctx.Err() == nil {
		h.turn.Wait()
	}
	h.steps++
	if err := h.site.Before(ctx, h.next[in.Rack]); err != nil {
		return temporal.StepOutput{}, err
	}
	in.At = h.site.Now()
	out, err := h.real.StepRack(ctx, in)
	if err != nil {
		return out, err
	}
	out.Next = h.site.Next(out.Next)
	switch h.next[in.Rack] = out.Next; {
	case out.Objects == 0:
		delete(h.next, in.Rack)
	case h.site.AllReady():
		out.Wait = time.Minute
		clear(h.next)
	case h.steps <= h.pauses:
		out.Wait = time.Millisecond
	default:
		out.Wait = 0
	}
	return out, nil
}

// early reports whether something is due in another rack first.
func (h *hopper) early(rack string) bool {
	for _, at := range h.next {
		if at.Before(h.next[rack]) {
			return true
		}
	}
	return false
}

// count is how many steps were made.
func (h *hopper) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.steps
}

// ready reports whether everything is.
func (h *hopper) ready() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.site.AllReady()
}

// work starts a worker that steps by the hopper.
func (h *hopper) work(tb testing.TB, c client.Client) {
	tb.Helper()
	w := worker.New(c, temporal.TaskQueue, worker.Options{WorkflowPanicPolicy: worker.FailWorkflow})
	w.RegisterWorkflow(temporal.RackWorkflow)
	w.RegisterActivityWithOptions(h.StepRack, activity.RegisterOptions{Name: "StepRack"})
	require.NoError(tb, w.Start())
	tb.Cleanup(w.Stop)
}

// arrive lets time pass until all devices of a site are found.
func arrive(tb testing.TB, site *virtual.Site) {
	tb.Helper()
	assert.NoError(tb, site.Before(tb.Context(), virtual.Start().Add(time.Hour)))
}
