package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/lifecycle"
)

// run lets time pass.
func (s *shell) run(ctx context.Context, args []string) error {
	d, err := duration(args[0])
	if err != nil {
		return err
	}
	return s.sim.Run(ctx, d)
}

func duration(word string) (time.Duration, error) {
	d, err := time.ParseDuration(word)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("bad duration %q; allowed: more than zero, for example 90s, 20m or 3h", word)
	}
	return d, nil
}

// state is the state of an object, or gone.
func (s *shell) state(ref backend.Ref) string {
	x, err := s.ctl().Explain(ref)
	if err != nil {
		return gone
	}
	return x.State
}

// longestWait bounds until in virtual time, unless it is told otherwise.
const longestWait = 24 * time.Hour

// until lets time pass until an object is in a state. It stops early when the object fails on the way.
func (s *shell) until(ctx context.Context, args []string) error {
	ref, err := s.object(args[0])
	if err != nil {
		return err
	}
	want, limit := args[1], longestWait
	states := s.states(ref.Kind)
	if want != gone && !slices.ContainsFunc(states, func(i lifecycle.StateInfo[string]) bool { return within(i.State, want) }) {
		return fmt.Errorf("a %s has no state %q; allowed: %s, or a part of the path from the left", ref.Kind, want, stateNames(states))
	}
	if len(args) == 3 {
		if limit, err = duration(args[2]); err != nil {
			return err
		}
	}
	begin, failed := s.state(ref), ""
	err = s.sim.RunUntil(ctx, func() bool {
		is := s.state(ref)
		if is != begin && !within(is, want) && (is == gone || class(states, is) == lifecycle.Failed) {
			failed = is
		}
		begin = is
		return failed != "" || within(is, want)
	}, limit)
	switch failed {
	case "":
		return err
	case gone:
		return fmt.Errorf("%s is gone; try history %s", ref, ref)
	default:
		return fmt.Errorf("%s went to %s on the way; try explain %s", ref, failed, ref.ID)
	}
}

// within reports whether a state is the wanted one or below it.
func within(is, want string) bool { return is == want || strings.HasPrefix(is, want+"/") }

func (s *shell) states(kind backend.Kind) []lifecycle.StateInfo[string] {
	for _, k := range s.ctl().Kinds() {
		if k.Name() == kind {
			return k.States()
		}
	}
	return nil
}

func class(states []lifecycle.StateInfo[string], name string) lifecycle.Class {
	for _, i := range states {
		if i.State == name {
			return i.Class
		}
	}
	return ""
}

func stateNames(states []lifecycle.StateInfo[string]) string {
	names := make([]string, len(states), len(states)+1)
	for i, info := range states {
		names[i] = info.State
	}
	return strings.Join(append(names, gone), ", ")
}

// fault breaks something.
func (s *shell) fault(_ context.Context, args []string) error {
	f, err := fake.ParseFault(strings.Join(args, " "))
	if err != nil {
		return err
	}
	if err := s.sim.Hardware().Inject(f); err != nil {
		return err
	}
	s.next("run 10m", "faults off")
	return nil
}

// faults takes all faults away.
func (s *shell) faults(_ context.Context, args []string) error {
	if args[0] != "off" {
		return errors.New("usage: faults off")
	}
	return s.sim.Hardware().ClearFaults()
}
