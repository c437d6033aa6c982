package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/backend/webhook"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/lifecycle/rest"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/machine/service"
	"github.com/rackstate/rackstate/rack"
	"github.com/rackstate/rackstate/rack/sitefile"
)

var (
	//go:embed site.yaml
	exampleSite []byte
	//go:embed definition.yaml
	exampleDefinition []byte
)

// wanted is the firmware that a machine must have at the end of a reprovision.
var wanted = []machine.Firmware{{Component: "BIOS", Version: "fw-1.3.0"}}

// inventory is the server without its listener.
type inventory struct {
	store   backend.Store
	sim     *sitesim.Simulation
	nodes   *service.Service
	sender  *webhook.Sender
	handler *rest.Handler
	tokens  tokens
	speed   float64
}

// open wires everything together. What one part tells another goes through observers: the controller tells the stream of events, the nodes and the sender of webhooks.
func open(ctx context.Context, o options, out io.Writer, logger *slog.Logger) (_ *inventory, err error) {
	site, definition, text, err := readFiles(o)
	if err != nil {
		return nil, err
	}
	inv := &inventory{speed: o.speed}
	if inv.tokens, err = newTokens(o.read, o.write); err != nil {
		return nil, err
	}
	if inv.store, err = sqlite.Open(ctx, o.db, sqlite.Config{}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, inv.close())
		}
	}()
	inv.sender, err = webhook.New(inv.store, webhook.Config{Source: "/rackstate/inventory", HTTP: true, Networks: o.networks, Logger: logger})
	if err != nil {
		return nil, err
	}
	kind, err := service.NewKind(definition, service.Config{
		Actions: map[string]service.Action{service.ActionHostReprovision: service.HostReprovision{Store: inv.store}},
	})
	if err != nil {
		return nil, err
	}
	feed := rest.NewFeed(lifecycle.Waking(&printer{out: out}, inv.sender.Wake))
	inv.sim, err = sitesim.New(ctx, sitesim.Config{
		Site: site, Store: inv.store, Seed: o.seed, Journal: o.db + ".hardware", Start: o.begin,
		Rack: rack.Config{
			Kinds: []*lifecycle.Kind{kind.Kind}, Machine: machine.Config{Firmware: wanted},
			Lifecycle: lifecycle.Config{Observer: kind.Observe(feed), Logger: logger},
		},
	})
	if err != nil {
		return nil, err
	}
	if inv.nodes, err = service.New(ctx, inv.racks().Controller(), kind); err != nil {
		return nil, err
	}
	if err = inv.firstNodes(ctx, site); err != nil {
		return nil, err
	}
	subscribers, err := openSubscribers(ctx, o.db+".subscribers", inv.sender)
	if err != nil {
		return nil, err
	}
	api := &api{nodes: inv.nodes, racks: inv.racks(), subscribers: subscribers, definition: text}
	inv.handler, err = rest.New(inv.racks().Controller(), rest.Config{
		Authorizer: inv.tokens.authorizer, Title: "Inventory", Version: "1", Feed: feed, Planner: planner{inv.racks()}, Register: api.register, Logger: logger,
		Params: []rest.Params{
			{Kind: backend.KindRack, Type: lifecycle.TypeMaintenance, Value: rack.Maintenance{}},
			{Kind: backend.KindRack, Type: rack.TypePower, Value: rack.Power{}},
			{Kind: backend.KindRack, Type: rack.TypeRecover, Value: rack.Recover{}},
		},
	})
	return inv, err
}

func (inv *inventory) racks() *rack.Manager { return inv.sim.Manager() }

// close closes what was opened.
func (inv *inventory) close() error {
	var problems []error
	if inv.handler != nil {
		problems = append(problems, inv.handler.Close())
	}
	if inv.sim != nil {
		problems = append(problems, inv.sim.Close())
	}
	return errors.Join(append(problems, inv.store.Close())...)
}

// readFiles reads the site and the definition, and returns the text of the definition too.
func readFiles(o options) (*rack.Site, *service.Definition, []byte, error) {
	var site *rack.Site
	var err error
	if o.site == "" {
		site, err = sitefile.Parse("site.yaml", exampleSite)
	} else {
		site, err = sitefile.Read(o.site)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	text, name := exampleDefinition, "definition.yaml"
	if o.definition != "" {
		name = o.definition
		if text, err = os.ReadFile(name); err != nil {
			return nil, nil, nil, fmt.Errorf("-definition: %w", err)
		}
	}
	definition, err := service.Parse(text, name)
	return site, definition, text, err
}

// printer prints what racks do.
type printer struct {
	lifecycle.NoObserver
	out io.Writer
}

// Transitioned prints a line for each transition of a rack.
func (p *printer) Transitioned(t backend.Transition) {
	if t.Ref.Kind == backend.KindRack {
		fmt.Fprintf(p.out, "%s  rack %s  %s\n", t.At.UTC().Format("15:04:05"), t.Ref.ID, t.To)
	}
}
