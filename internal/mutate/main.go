// Command mutate changes one rule of the state machines at a time and looks whether a test notices: it removes each row of the transition tables, leads it to another state, has
// it win over the rows that compete with it, has things come the other way round that come one before the other by design (precedence.txt), and passes over each call that starts
// or ends a request.
//
//	go run ./internal/mutate                        30 mutants, drawn with -seed, as CI does
//	go run ./internal/mutate -long                  all of them, with all tests that may notice
//	go run ./internal/mutate -sample 0 -kinds rack -only 'Ready --'
//
// All mutants are compiled into copies of the sources, which the go command takes in place of them (go test -overlay), so that each test binary is built once; the environment
// selects a mutant when a binary starts. The sources themselves are not touched. A mutant is noticed by behaviour, by the shape of the table alone, or by generated documents
// alone; one that nobody notices must be explained in explained.txt. It exits with 1 otherwise.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/benbjohnson/clock"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

// errLives says that mutants live; the report says which.
var errLives = errors.New("nobody notices, and explained.txt does not say why")

// options are the flags.
type options struct {
	root    string
	kinds   []string
	only    *regexp.Regexp
	list    bool
	long    bool
	json    bool
	sample  int
	seed    uint64
	workers int
}

func parseFlags(args []string, out io.Writer) (options, error) {
	var o options
	set := flag.NewFlagSet("mutate", flag.ContinueOnError)
	set.SetOutput(out)
	set.StringVar(&o.root, "root", ".", "the folder of the module")
	kinds := set.String("kinds", "", "mutates these packages only, separated by commas: rack, machine, switch, powershelf, lifecycle, service")
	only := set.String("only", "", "tries the mutants whose name, or whose kind, class and text, match this regular expression")
	set.BoolVar(&o.list, "list", false, "lists the mutants and tries none")
	set.BoolVar(&o.long, "long", false, "tries all mutants with all tests, and checks that every entry of explained.txt is needed")
	set.BoolVar(&o.json, "json", false, "prints one JSON object a line")
	set.IntVar(&o.sample, "sample", 30, "how many mutants are drawn; 0: all")
	set.Uint64Var(&o.seed, "seed", 1, "draws other mutants")
	set.IntVar(&o.workers, "workers", 2, "how many run side by side")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return o, err
	}
	if *kinds != "" {
		o.kinds = strings.Split(*kinds, ",")
	}
	if o.root, err = filepath.Abs(o.root); err != nil {
		return o, err
	}
	if o.long {
		o.sample = 0
	}
	return o, nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parseFlags(args, out)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	p, err := readPlan()
	if err != nil {
		return err
	}
	return p.try(ctx, o, out)
}

// try finds the mutants of the plan, tries those that were asked for and reports.
func (p plan) try(ctx context.Context, o options, out io.Writer) error {
	began := clock.New().Now()
	all, sources, err := p.find(o.root)
	if err != nil {
		return err
	}
	chosen := choose(all, o.kinds, o.only)
	if len(chosen) == 0 {
		return errors.New("there is no such mutant")
	}
	chosen = sample(chosen, o.sample, o.seed)
	if o.list {
		for _, m := range chosen {
			fmt.Fprintln(out, m)
		}
		return nil
	}
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	overlay, err := writeOverlay(o.root, dir, sources)
	if err != nil {
		return err
	}
	b := &builder{root: o.root, dir: dir, overlay: overlay, suites: map[suite]measured{}}
	suites, err := b.suitesOf(ctx, p.kinds, chosen, o)
	if err != nil {
		return err
	}
	r := &report{out: out, json: o.json, explained: p.explained}
	r.print("%d of %d mutants; the tests are built and measured after %s\n", len(chosen), len(all), clock.New().Since(began).Round(second))
	if err := tryAll(ctx, chosen, suites, o.workers, r.add); err != nil {
		return err
	}
	if o.long {
		if err := b.stillPass(ctx); err != nil {
			return err
		}
	}
	r.summary(clock.New().Since(began))
	complete := o.long && len(chosen) == len(all)
	return r.verdict(complete)
}
