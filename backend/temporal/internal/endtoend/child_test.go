package endtoend_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/sqlite"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/rackstate/rackstate/backend/temporal"
	"github.com/rackstate/rackstate/backend/temporal/internal/virtual"
)

// childVariable makes the test binary a worker: address, folder, and the commit in which it hangs until it is killed, with a sign: a negative one hangs when it is written.
const childVariable = "RACKSTATE_TEMPORAL_CHILD"

// hanging is a store that hangs in one commit, before or after that is written.
type hanging struct {
	backend.Store
	at, commits int
}

func (h *hanging) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	h.commits++
	if h.commits == h.at {
		hang()
	}
	results, err := h.Store.Commit(ctx, batch)
	if h.commits == -h.at {
		hang()
	}
	return results, err
}

// hang says that the process can be killed now.
func hang() {
	fmt.Println("hanging")
	select {}
}

// child runs a worker until it is killed, or until its rack is up.
func child() int {
	if err := live(context.Background(), strings.Split(os.Getenv(childVariable), " ")); err != nil {
		fmt.Println("failed:", err)
		return 1
	}
	return 0
}

func live(ctx context.Context, args []string) error {
	address, dir := args[0], args[1]
	at, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	store, err := sqlite.Open(ctx, filepath.Join(dir, "racks.db"), sqlite.Config{Synchronous: sqlite.Normal})
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	site, err := virtual.New(ctx, virtual.Config{Store: &hanging{Store: store, at: at}, Quick: true, Seed: 1, Journal: filepath.Join(dir, "hardware")})
	if err != nil {
		return err
	}
	defer func() { _ = site.Close() }()
	c, err := client.DialContext(ctx, client.Options{HostPort: address, Logger: quiet()})
	if err != nil {
		return err
	}
	defer c.Close()
	h := newHopper(site)
	up := make(chan struct{})
	w := worker.New(c, temporal.TaskQueue, worker.Options{StickyScheduleToStartTimeout: 300 * time.Millisecond}) // what the dead had in hand is given to others soon
	w.RegisterWorkflow(temporal.RackWorkflow)
	w.RegisterActivityWithOptions(func(ctx context.Context, in temporal.StepInput) (temporal.StepOutput, error) {
		out, err := h.StepRack(ctx, in)
		if err == nil && h.ready() {
			select {
			case <-up:
			default:
				close(up)
			}
		}
		return out, err
	}, activity.RegisterOptions{Name: "StepRack"})
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	fmt.Println("working")
	<-up
	fmt.Println("up")
	return nil
}
