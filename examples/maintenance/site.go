package main

import (
	"context"
	_ "embed"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
	"github.com/rackstate/rackstate/rack/sitefile"
)

//go:embed testdata/site.yaml
var exampleSite []byte

// catalog is the firmware that this site knows. The files of the last one have not arrived.
var catalog = backend.Catalog{
	{ID: "fw-1.3.0", HardwareType: rack.AnyHardware, Available: true},
	{ID: "fw-1.4.0", HardwareType: rack.AnyHardware, Available: true},
	{ID: "fw-1.5.0", HardwareType: rack.AnyHardware},
}

// longestBringUp bounds the bring-up in virtual time.
const longestBringUp = 7 * 24 * time.Hour

// open makes the site and a shell over it.
func open(ctx context.Context, o options, out io.Writer) (*shell, error) {
	site, err := readSite(o.site)
	if err != nil {
		return nil, err
	}
	sh := &shell{out: out, user: o.user, show: &reporter{out: out, watched: map[backend.Ref]bool{}}}
	journal := ""
	if o.db == "" {
		sh.store = memory.New()
	} else {
		journal = o.db + ".hardware"
		if sh.store, err = sqlite.Open(ctx, o.db, sqlite.Config{}); err != nil {
			return nil, err
		}
	}
	if err = dropRemoved(ctx, sh.store, site); err == nil {
		sh.sim, err = sitesim.New(ctx, sitesim.Config{
			Site: site, Store: sh.store, Seed: o.seed, Journal: journal,
			Rack: rack.Config{
				Settings:  rack.Settings{Validation: o.validation, MaxInMaintenance: o.limit},
				Catalog:   catalog,
				Lifecycle: lifecycle.Config{Observer: sh.show},
			},
			Pace: func(context.Context, time.Duration) error { return sh.interrupted() },
		})
	}
	if err != nil {
		return nil, errors.Join(err, sh.store.Close())
	}
	return sh, nil
}

func readSite(path string) (*rack.Site, error) {
	if path == "" {
		return sitefile.Parse("site.yaml", exampleSite)
	}
	return sitefile.Read(path)
}

// dropRemoved takes devices off the site that were there and are gone: an operator strikes a tray from the list when it is carried out of the hall.
func dropRemoved(ctx context.Context, store backend.Store, site *rack.Site) error {
	records, err := store.List(ctx, backend.Query{})
	if err != nil || len(records) == 0 {
		return err
	}
	there := map[backend.Ref]bool{}
	for _, r := range records {
		there[r.Ref] = true
	}
	var problems error
	removed := func(kind backend.Kind, id string) bool {
		ref := backend.Ref{Kind: kind, ID: id}
		if there[ref] {
			return false
		}
		rows, err := store.History(ctx, backend.HistoryQuery{Ref: ref, Limit: 1})
		problems = errors.Join(problems, err)
		return len(rows) > 0
	}
	site.Machines = slices.DeleteFunc(site.Machines, func(d rack.ExpectedMachine) bool { return removed(backend.KindMachine, d.ID) })
	site.Switches = slices.DeleteFunc(site.Switches, func(d rack.ExpectedSwitch) bool { return removed(backend.KindSwitch, d.ID) })
	site.PowerShelves = slices.DeleteFunc(site.PowerShelves, func(d rack.ExpectedPowerShelf) bool { return removed(backend.KindPowerShelf, d.ID) })
	return problems
}

// bringUp lets time pass until every rack is Ready, silently. A site that was brought up before goes on where it stopped.
func (s *shell) bringUp(ctx context.Context) error {
	if n := s.sim.Known(); n > 0 {
		say(s.out, "%d racks and %d devices, as they were left.\n", len(s.sim.Racks()), n)
		return nil
	}
	s.show.quiet = true
	if err := s.sim.RunUntil(ctx, s.sim.AllReady, longestBringUp); err != nil {
		return err
	}
	s.show.quiet = false
	say(s.out, "%d racks and %d devices were brought up by %s of virtual time. Try help.\n", len(s.sim.Racks()), s.sim.Known(), stamp(s.sim.Now()))
	return nil
}

func (s *shell) close() error { return errors.Join(s.sim.Close(), s.store.Close()) }
