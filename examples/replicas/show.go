package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/postgres"
	"github.com/rackstate/rackstate/backend/postgres/pgtest"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/fake/remote"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// epoch is when virtual time begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// show starts everything, and tells what happens until every rack is Ready.
func show(ctx context.Context, o options, out io.Writer) (err error) {
	if o.dsn == "" {
		cluster := pgtest.New(pgtest.Config{})
		defer func() { err = errors.Join(err, cluster.Stop()) }()
		if o.dsn, err = cluster.DSN(); err != nil {
			return fmt.Errorf("%w; or name a database with -dsn", err)
		}
	}
	store, err := postgres.Open(ctx, o.dsn, postgres.Config{Schema: o.schema, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	pace := remote.NewPace(epoch, o.speed)
	hardware := fake.New(pace, fake.Config{Seed: 1, Strict: true, Delays: delays()})
	socket, stop, err := serve(ctx, hardware, pace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()

	w := &watcher{o: o, out: out, store: store, hardware: hardware, pace: pace}
	if w.leases, err = connect(ctx, o); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.leases.Close(context.WithoutCancel(ctx))) }()
	if err := rackUp(ctx, w); err != nil {
		return err
	}
	replicas := map[string]*replica{}
	defer func() {
		for _, r := range replicas {
			_ = r.cmd.Process.Kill() // those that are still there after a failure
		}
	}()
	for _, name := range []string{"ada", "ben", "cem"} {
		if replicas[name], err = start(ctx, o, name, socket); err != nil {
			return err
		}
	}
	return w.tell(ctx, replicas)
}

// serve makes the hardware reachable for the controllers. stop ends that.
func serve(ctx context.Context, hardware *fake.Hardware, pace remote.Pace) (socket string, stop func() error, err error) {
	dir, err := os.MkdirTemp("", "replicas-")
	if err != nil {
		return "", nil, err
	}
	socket = filepath.Join(dir, "hardware")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() { served <- remote.Serve(ctx, listener, hardware.Driver(), pace) }()
	return socket, func() error {
		cancel()
		return errors.Join(<-served, os.RemoveAll(dir))
	}, nil
}

// rackUp puts all devices into their racks and reports them, as a host application does that finds them. It works on no rack itself.
func rackUp(ctx context.Context, w *watcher) error {
	engine := lifecycle.Config{Clock: w.pace.Clock(ctx), Logger: slog.New(slog.DiscardHandler)}
	host, err := rack.NewManager(ctx, w.store, managed(w.o.racks, w.hardware.Driver(), engine))
	if err != nil {
		return err
	}
	for _, id := range host.Site().Racks() {
		devices := found(host.Site(), id)
		for _, d := range devices {
			dev := backend.Device{Ref: backend.Ref{Kind: d.Kind, ID: d.ID}, Rack: d.Rack, Endpoint: d.Endpoint}
			if err := w.hardware.Add(dev, fake.Traits{}); err != nil {
				return err
			}
		}
		if err := host.Discover(ctx, devices...); err != nil {
			return err
		}
	}
	w.say("site", fmt.Sprintf("%d racks with %d devices, three controllers; a lease lasts %s", w.o.racks, 5*w.o.racks, w.o.lease))
	return nil
}
