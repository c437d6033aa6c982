package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"

	"github.com/rackstate/rackstate/backend/postgres"
	"github.com/rackstate/rackstate/fake/remote"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// control is one of the controllers, until ctx ends. This is all that a controller of a real site does too, with its own driver and the clock of the machine: a name of its own makes the
// difference between one controller and many.
func control(ctx context.Context, o options) (err error) {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends when the process is gone that has the hardware
		leave()
	}()
	hardware, err := remote.Dial(ctx, o.socket)
	if err != nil {
		return err
	}
	defer hardware.Close()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	store, err := postgres.Open(ctx, o.dsn, postgres.Config{Schema: o.schema, Logger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	last, stop := context.WithCancel(context.WithoutCancel(ctx)) // the clock goes on while the controller stops
	defer stop()
	m, err := rack.NewManager(ctx, hardware.Pace().Leases(store), managed(o.racks, hardware, lifecycle.Config{
		Clock: hardware.Clock(last), Logger: log, Owner: o.name, LeaseTTL: o.lease,
	}))
	if err != nil {
		return err
	}
	return m.Run(ctx)
}
