package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/rack"
	"github.com/rackstate/rackstate/rack/sitefile"
)

// What the racks of this example are updated to. A site file may say so itself, in default_firmware and default_switch_image of a profile.
const (
	firmware    = "fw-gb200-1.3.0"
	switchImage = "nvos-25.02.3"
)

// longest bounds the bring-up in virtual time.
const longest = 7 * 24 * time.Hour

func bringUp(ctx context.Context, o options, faults []fake.Fault, out io.Writer) (err error) {
	site, err := readSite(o.site)
	if err != nil {
		return err
	}
	store, err := sqlite.Open(ctx, o.db, sqlite.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	began := time.Now()
	show := newProgress(out, o, site)
	sim, err := sitesim.New(ctx, sitesim.Config{
		Site: site, Store: store, Seed: o.seed, Journal: o.db + ".hardware",
		Hardware: fake.Config{Faults: faults},
		Rack: rack.Config{
			Settings:  rack.Settings{Validation: true},
			Catalog:   backend.Catalog{{ID: firmware, HardwareType: "gb200", Available: true}},
			Lifecycle: lifecycleConfig(show, o.crashAfter),
		},
		Pace: pacer(o.speed, began),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sim.Close()) }()
	show.begin(sim)

	op := &operator{sim: sim, show: show}
	err = sim.RunUntil(ctx, func() bool {
		op.look(ctx)
		return op.err != nil || sim.AllReady()
	}, longest)
	show.end()
	if err := errors.Join(err, op.err); err != nil {
		return err
	}
	return report(ctx, out, sim, store, o, time.Since(began))
}

// readSite reads the site, and gives profiles that name no firmware or image those of this example.
func readSite(path string) (*rack.Site, error) {
	var site *rack.Site
	var err error
	if path == "" {
		site, err = sitefile.Parse("site-nvl72.json", exampleSite)
	} else {
		site, err = sitefile.Read(path)
	}
	if err != nil {
		return nil, err
	}
	for id, p := range site.Profiles {
		if p.HardwareType != "gb200" {
			continue
		}
		if p.Firmware() == "" {
			p.DefaultFirmware = map[string]string{"gb200": firmware}
		}
		if p.SwitchImage() == "" {
			p.DefaultSwitchImage = map[string]string{"gb200": switchImage}
		}
		site.Profiles[id] = p
	}
	return site, nil
}

// pacer lets virtual time pass at a multiple of real time.
func pacer(speed float64, began time.Time) func(context.Context, time.Duration) error {
	if speed == 0 {
		return nil
	}
	var virtual time.Duration
	return func(ctx context.Context, d time.Duration) error {
		virtual += d
		wait := time.Until(began.Add(time.Duration(float64(virtual) / speed)))
		if wait < time.Millisecond {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
			return nil
		}
	}
}

// operator is the person who looks after the site: a rack whose maintenance failed is maintained again.
type operator struct {
	sim  *sitesim.Simulation
	show progress
	err  error
}

// look posts what an operator would post.
func (op *operator) look(ctx context.Context) {
	m := op.sim.Manager()
	for _, r := range op.sim.Racks() {
		if r.State() != string(rack.Error) || r.Origin != rack.OriginMaintenance || len(m.Controller().OpenRequests(r.Ref())) > 0 {
			continue
		}
		scope := rack.FullRack(rack.Activity{Name: rack.FirmwareUpgrade}, rack.Activity{Name: rack.NvosUpdate}, rack.Activity{Name: rack.ConfigureNmxCluster})
		req, err := m.RequestMaintenance(ctx, rack.MaintenanceRequest{Rack: r.ID(), Scope: scope, User: "operator", Reference: "TICKET-1"})
		if err != nil {
			op.err = errors.Join(op.err, err)
			return
		}
		op.show.say(op.sim.Now(), fmt.Sprintf("operator  asks for the maintenance of rack %s again (request %s)", r.ID(), req.ID))
	}
}
