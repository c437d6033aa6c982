package hall

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/lifecycle"
)

// longest bounds a run in virtual time.
const longest = 7 * 24 * time.Hour

// The steps of a run that Options.Reached is called with.
const (
	Opened = "opened" // the store is open
	Built  = "built"  // the controller has loaded everything
	Over   = "over"   // there is nothing left to do, and everything closes
)

// Options are what may be done about a run. The zero value leaves it alone.
type Options struct {
	// Watch puts something between the controller and the store.
	Watch func(store backend.CursorStore) backend.CursorStore
	// Reached is called with each step.
	Reached func(step string) error
	// Pause is asked whenever nothing is due; true ends the process in good order, and another one goes on.
	Pause func() bool
}

// Run brings up the site in a folder and fulfils all wishes, or goes on with it.
func Run(ctx context.Context, folder string, o Options) (err error) {
	if o.Reached == nil {
		o.Reached = func(string) error { return nil }
	}
	file, err := sqlite.Open(ctx, filepath.Join(folder, StoreFile), stored)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := o.Reached(Opened); err != nil {
		return err
	}
	var store backend.CursorStore = file
	if o.Watch != nil {
		store = o.Watch(store)
	}
	cfg, err := config(folder, store)
	if err != nil {
		return err
	}
	sim, err := sitesim.New(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sim.Close()) }()
	relay, end, err := relayTo(folder, store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	if err := o.Reached(Built); err != nil {
		return err
	}
	if over, err := live(ctx, sim, store, relay, o.Pause); err != nil || !over {
		return err
	}
	return o.Reached(Over)
}

// live lets time pass until all wishes are fulfilled and everybody has heard of it, or until a pause.
func live(ctx context.Context, sim *sitesim.Simulation, store backend.CursorStore, relay *lifecycle.Relay, pause func() bool) (over bool, err error) {
	var failed error
	err = sim.RunUntil(ctx, func() bool {
		if over, failed = attend(ctx, sim, store); failed == nil {
			failed = deliver(ctx, relay, store, over)
		}
		return over || failed != nil || pause != nil && pause()
	}, longest)
	if err != nil {
		return false, fmt.Errorf("%w\n%s", err, explain(sim))
	}
	return over, failed
}

// explain says for a person why a run is not over.
func explain(sim *sitesim.Simulation) string {
	text := ""
	for _, r := range sim.Racks() {
		if x, err := sim.Manager().Controller().Explain(r.Ref()); err == nil {
			text += x.String()
		}
	}
	return text
}

// appendTo opens a file to which lines are added.
func appendTo(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}
