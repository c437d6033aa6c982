package hall

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/fake/sitesim"
)

// End is what a run comes to. It must not depend on how often the process died.
type End struct {
	// States are those of all objects.
	States map[string]string
	// Paths are the states that each object went through, and why.
	Paths map[string][]string
	// Requests are those of each object, in the order in which they were posted, and what became of them. Their reasons may differ: they say whether something was done just
	// now, or found done.
	Requests map[string][]string
	// Started is everything that the hardware was made to begin, by device and key, with how often.
	Started map[string]int
	// Views are what the devices are really like.
	Views map[string]fake.View
}

// Look reads what the run in a folder has come to. The error says what must not be at the end of any run: a request that is open, work that was started twice, a row that nobody
// was told of.
func Look(ctx context.Context, folder string) (end End, err error) {
	store, err := sqlite.Open(ctx, filepath.Join(folder, StoreFile), stored)
	if err != nil {
		return end, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	cfg, err := config(folder, store)
	if err != nil {
		return end, err
	}
	sim, err := sitesim.New(ctx, cfg)
	if err != nil {
		return end, err
	}
	defer func() { err = errors.Join(err, sim.Close()) }()
	if end, err = endOf(ctx, store, sim.Hardware()); err != nil {
		return end, err
	}
	history, err := store.History(ctx, backend.HistoryQuery{})
	if err != nil {
		return end, err
	}
	return end, errors.Join(once(sim.Hardware()), told(folder, history))
}

func endOf(ctx context.Context, store backend.Store, hardware *fake.Hardware) (End, error) {
	end := End{States: map[string]string{}, Paths: map[string][]string{}, Requests: map[string][]string{}, Started: hardware.StartedByKey(), Views: map[string]fake.View{}}
	records, err := store.List(ctx, backend.Query{})
	if err != nil {
		return end, err
	}
	for _, r := range records {
		end.States[r.Ref.String()] = r.State
		if v, there := hardware.View(r.Ref); there && r.Ref.Kind != backend.KindRack {
			end.Views[r.Ref.String()] = v
		}
	}
	history, err := store.History(ctx, backend.HistoryQuery{})
	if err != nil {
		return end, err
	}
	for _, t := range history {
		end.Paths[t.Ref.String()] = append(end.Paths[t.Ref.String()], t.Trigger+" "+t.To)
	}
	requests, err := store.Requests(ctx, backend.RequestQuery{})
	for _, r := range requests {
		if r.State.Open() {
			err = errors.Join(err, fmt.Errorf("request %s on %s is open at the end", r.ID, r.On))
		}
		end.Requests[r.On.String()] = append(end.Requests[r.On.String()], fmt.Sprintf("%s by %s: %s", r.Type, r.Initiator, r.State))
	}
	return end, err
}

// once checks that nothing was started twice.
func once(hardware *fake.Hardware) error {
	if doubles := hardware.DoubleStarts(); len(doubles) > 0 {
		return fmt.Errorf("%d double starts, the first is %s", len(doubles), doubles[0])
	}
	for what, n := range hardware.StartedByKey() {
		if n != 1 {
			return fmt.Errorf("%s was begun %d times", what, n)
		}
	}
	return nil
}
