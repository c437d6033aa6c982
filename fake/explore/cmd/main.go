// Command cmd explores small worlds of racks exhaustively, see package explore. For example
//
//	go run ./fake/explore/cmd -preset ci
//	go run ./fake/explore/cmd -start ready -requests 1 -faults 1 -out /tmp/found
//	go run ./fake/explore/cmd -replay /tmp/found/1.yaml
//
// It ends with status 1 when something does not hold.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/rackstate/rackstate/fake/explore"
	"github.com/rackstate/rackstate/fake/scenario"
)

// memory is from where on the collector works harder, in bytes.
const memory = 2 << 30

func main() {
	debug.SetGCPercent(300) // what is kept grows slowly, what is thrown away is most of it
	debug.SetMemoryLimit(memory)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ok, err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "explore:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	preset, start, world, out, replay, profile string
	quiet                                      bool
	cfg                                        explore.Config
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("explore", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.preset, "preset", "", "a list of searches: "+strings.Join(explore.Presets(), ", "))
	f.StringVar(&o.start, "start", "", "the world to explore, by name; without it all of them")
	f.StringVar(&o.world, "world", "", "a file with worlds of your own, in the place of those of the module")
	f.StringVar(&o.out, "out", "", "a directory for a scenario file of each finding")
	f.StringVar(&o.replay, "replay", "", "a scenario file to run once, with every rule looked at")
	f.StringVar(&o.profile, "cpuprofile", "", "a file for a CPU profile")
	f.BoolVar(&o.quiet, "quiet", false, "no progress")
	f.IntVar(&o.cfg.Budget.Faults, "faults", 0, "how many calls and jobs may fail on a path")
	f.IntVar(&o.cfg.Budget.Crashes, "crashes", 0, "how many crashes there may be")
	f.IntVar(&o.cfg.Budget.Requests, "requests", 0, "how many requests and deletions there may be")
	f.IntVar(&o.cfg.Budget.Holds, "holds", 0, "how many holds may be placed")
	f.IntVar(&o.cfg.Budget.Jumps, "jumps", 0, "how often time may pass a limit while other things could happen")
	f.IntVar(&o.cfg.Budget.Ticks, "ticks", 0, "how often a second may pass at any moment")
	f.IntVar(&o.cfg.Depth, "depth", 0, "the largest number of moves; 0: no bound")
	f.IntVar(&o.cfg.States, "states", 0, "the largest number of states; 0: no bound")
	f.DurationVar(&o.cfg.For, "for", 0, "how long each search may take; 0: no bound")
	f.IntVar(&o.cfg.Workers, "workers", 0, "how many goroutines; 0: one for each processor")
	f.IntVar(&o.cfg.Each, "each", 1, "how many findings of each rule are shown")
	f.IntVar(&o.cfg.Recheck, "recheck", 0, "expand every so-many-th state that is met again once more; 0: none")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	o.cfg.Clock = clock.New().Now
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (ok bool, err error) {
	o, err := parse(args, stderr)
	if err != nil {
		return false, err
	}
	if o.replay != "" {
		return replay(ctx, o.replay, stdout)
	}
	if o.profile != "" {
		f, err := os.Create(o.profile)
		if err != nil {
			return false, err
		}
		defer f.Close() //nolint:errcheck // a profile is a help only
		if err := pprof.StartCPUProfile(f); err != nil {
			return false, err
		}
		defer pprof.StopCPUProfile()
	}
	searches, err := o.searches()
	if err != nil {
		return false, err
	}
	ok = true
	number := 0
	for _, cfg := range searches {
		if !o.quiet {
			cfg.Progress = progress(stderr, cfg.Clock)
		}
		report, err := explore.Run(ctx, cfg)
		if err != nil {
			return false, err
		}
		fmt.Fprint(stdout, report.Text())
		for _, f := range report.Findings {
			number++
			ok = false
			if err := write(o.out, number, f, stdout); err != nil {
				return false, err
			}
		}
	}
	return ok, nil
}

// searches are what the flags ask for.
func (o *options) searches() ([]explore.Config, error) {
	if o.preset != "" {
		list, err := explore.Preset(o.preset)
		for i := range list {
			list[i].Clock, list[i].Workers, list[i].Each, list[i].Recheck, list[i].For = o.cfg.Clock, o.cfg.Workers, o.cfg.Each, o.cfg.Recheck, o.cfg.For
		}
		list = slices.DeleteFunc(list, func(c explore.Config) bool { return o.start != "" && c.Start.Name != o.start })
		return list, err
	}
	starts, err := explore.Starts()
	if o.world != "" {
		var raw []byte
		if raw, err = os.ReadFile(o.world); err == nil {
			starts, err = explore.ParseStarts(filepath.Base(o.world), raw)
		}
	}
	if err != nil {
		return nil, err
	}
	var out []explore.Config
	var names []string
	for _, s := range starts {
		names = append(names, s.Name)
		if o.start == "" || s.Name == o.start {
			cfg := o.cfg
			cfg.Start = s
			out = append(out, cfg)
		}
	}
	if out == nil {
		return nil, fmt.Errorf("there is no start %q; there are %s", o.start, strings.Join(names, ", "))
	}
	return out, nil
}

func progress(to io.Writer, now func() time.Time) func(explore.Progress) {
	began := now()
	return func(p explore.Progress) {
		took := now().Sub(began).Seconds()
		fmt.Fprintf(to, "  %3d moves: %9d states, %8d of them next, %10d transitions, %.0f s, %.0f transitions/s\n", p.Depth, p.States, p.Frontier, p.Transitions, took, float64(p.Transitions)/max(took, 0.001))
	}
}

// write writes the scenario of a finding, into a file if there is a directory for it.
func write(dir string, number int, f explore.Finding, stdout io.Writer) error {
	text := scenario.Encode(f.Scenario)
	if dir == "" {
		_, err := stdout.Write(text)
		return err
	}
	name := filepath.Join(dir, fmt.Sprintf("%d.yaml", number))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "  %s\n", name)
	return os.WriteFile(name, text, 0o644)
}

// replay runs the scenarios of a file.
func replay(ctx context.Context, file string, stdout io.Writer) (ok bool, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	list, err := scenario.Parse(filepath.Base(file), raw)
	if err != nil {
		return false, err
	}
	ok = true
	for _, s := range list {
		broken, trace, err := explore.Replay(ctx, s)
		fmt.Fprintf(stdout, "%s\n%s", s.Name, trace)
		for _, b := range broken {
			fmt.Fprintf(stdout, "BROKEN %s\n", b)
		}
		if err != nil {
			fmt.Fprintf(stdout, "EXPECTED %s\n", err)
		}
		ok = ok && len(broken) == 0 && err == nil
	}
	return ok, nil
}
