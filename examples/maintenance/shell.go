package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// shell reads commands and does them.
type shell struct {
	sim   *sitesim.Simulation
	store backend.Store
	out   io.Writer
	show  *reporter
	user  string
	// stopped is not nil once somebody interrupts the command that runs.
	stopped func() error
}

// What a command returns to end the shell, and when it was interrupted.
var (
	errQuit        = errors.New("quit")
	errInterrupted = errors.New("interrupted")
)

func (s *shell) racks() *rack.Manager { return s.sim.Manager() }

func (s *shell) ctl() *lifecycle.Controller { return s.sim.Manager().Controller() }

// loop does one command after the other until there are no more. A command that fails does not end it.
func (s *shell) loop(ctx context.Context, src source) error {
	for {
		line, err := src.next("rackstate " + stamp(s.sim.Now()) + "> ")
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		err = s.do(ctx, line)
		switch {
		case errors.Is(err, errQuit):
			return nil
		case errors.Is(err, errInterrupted) && !src.person():
			return err
		case err != nil:
			say(s.out, "error: %s\n", tidy(err.Error()))
		}
	}
}

// do does one command. Empty lines and comments are none.
func (s *shell) do(ctx context.Context, line string) error {
	words := strings.Fields(line)
	if len(words) == 0 || strings.HasPrefix(words[0], "#") {
		return nil
	}
	c, err := find(words[0])
	if err != nil {
		return err
	}
	if args := words[1:]; len(args) < c.min || c.max >= 0 && len(args) > c.max {
		return fmt.Errorf("usage: %s", c.usage())
	}
	interrupt, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	s.stopped = interrupt.Err
	return c.do(s, ctx, words[1:])
}

// interrupted reports whether the command that runs shall stop. Time stops then; what the engine is writing is not torn.
func (s *shell) interrupted() error {
	if s.stopped != nil && s.stopped() != nil {
		return errInterrupted
	}
	return nil
}

// settle lets everything happen that is due now, as an engine that runs all the time does.
func (s *shell) settle(ctx context.Context) error { return s.sim.Run(ctx, 0) }
