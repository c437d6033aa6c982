// Command returntoservice has a node with a loud fan diagnosed, returned to its vendor, updated and put back into service, by a workflow on Temporal.
//
//	go run ./examples/returntoservice        (in backend/temporal; the first build takes minutes)
//
// Nothing needs to be installed: Temporal's own server runs in this process, on a file in a temporary folder, and so does the inventory, on another one. The bench and the vendor are simulated;
// yours take their place. The vendor needs a second here, and may need weeks.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"time"

	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine/service"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/rackstate/rackstate/backend/temporal"
	"github.com/rackstate/rackstate/backend/temporal/devserver"
	"github.com/rackstate/rackstate/backend/temporal/journey"
)

const node = "node-17"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "returntoservice:", err)
		os.Exit(1)
	}
}

// run is the whole program, for main and for tests.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("returntoservice", flag.ContinueOnError)
	flags.SetOutput(out)
	vendor := flags.Duration("vendor", time.Second, "how long the vendor has the node")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	dir, err := os.MkdirTemp("", "returntoservice-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	inventory, done, err := openInventory(ctx, filepath.Join(dir, "inventory.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()

	server, err := devserver.Start(ctx, devserver.Config{File: filepath.Join(dir, "temporal.db")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	c, err := server.Dial(ctx, client.Options{Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		return err
	}
	defer c.Close()

	w := worker.New(c, temporal.TaskQueue, worker.Options{})
	journey.Register(w, journey.Local{Service: inventory}, &bench{})
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()

	journeys := journey.NewClient(c, "")
	if err := journeys.Start(ctx, journey.Input{Node: node, TakeOut: "Fan 3 is loud", Heartbeat: 3 * time.Second}); err != nil {
		return err
	}
	var vending sync.WaitGroup
	vending.Go(func() { vend(ctx, journeys, *vendor) })
	res, err := journeys.Wait(ctx, node)
	stop()
	vending.Wait()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is in %s again, after %d moves and %d return to the vendor.\n", node, res.Node.State, len(res.Moves), res.Returns)
	return show(context.WithoutCancel(ctx), inventory, out)
}

// openInventory opens an inventory with one node in service, and has its engine run. done ends both.
func openInventory(ctx context.Context, path string) (svc *service.Service, done func() error, err error) {
	store, err := sqlite.Open(ctx, path, sqlite.Config{})
	if err != nil {
		return nil, nil, err
	}
	if svc, err = service.Open(ctx, store, service.Default(), service.Config{}, lifecycle.Config{}); err == nil {
		_, err = svc.Create(ctx, service.NewNode{ID: node, Rack: "A12", Metadata: map[string]string{"sku": "gb200"}, Initiator: "operator"})
	}
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- svc.Run(ctx) }()
	return svc, func() error {
		stop()
		return errors.Join(<-ended, store.Close())
	}, nil
}

// vend is the vendor: when it has had the node for a while, it is back. It asks the journey, as a person at a terminal would.
func vend(ctx context.Context, journeys *journey.Client, takes time.Duration) {
	ticker := time.NewTicker(100 * time.Millisecond) //nolint:forbidigo // an example is a program and owns the clock
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			s, err := journeys.Status(ctx, node)
			if err == nil && s.Step == "wait for the vendor" && now.Sub(s.Since) >= takes {
				_ = journeys.Returned(ctx, node, journey.Return{By: "dock-2", Note: "fan 3 was replaced"}) // said again at the next tick if it was lost
			}
		}
	}
}

// show prints the node with its history.
func show(ctx context.Context, svc *service.Service, out io.Writer) error {
	d, err := svc.Get(ctx, node)
	if err != nil {
		return err
	}
	lines := json.NewEncoder(out)
	lines.SetIndent("", "  ")
	return lines.Encode(d)
}
