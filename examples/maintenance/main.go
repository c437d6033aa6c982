// Command maintenance is an operator's shell over a small simulated site, in virtual time.
//
//	go run ./examples/maintenance                                        # on a terminal: a prompt; try help
//	go run ./examples/maintenance < examples/maintenance/testdata/walk.txt   # a script: prints a transcript
//
// It brings up two racks at once and then does what it is told: plan a maintenance, ask for it, let time pass, break something, repair it. Every command is
// a few lines over the public API, so this is also where to look how something is done in a program of your own. docs/operations.md walks through it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// options are the flags.
type options struct {
	site       string
	db         string
	seed       uint64
	limit      int
	validation bool
	user       string
}

func main() {
	err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "maintenance:", err)
		os.Exit(1)
	}
}

// run is the whole program, for main and for tests.
func run(ctx context.Context, args []string, in io.Reader, out io.Writer) (err error) {
	var o options
	flags := flag.NewFlagSet("maintenance", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.site, "site", "", "site `file`, JSON or YAML (default: the built-in example, two small racks)")
	flags.StringVar(&o.db, "db", "", "SQLite `file` for the records (default: they are kept in memory)")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of everything that varies; the same seed and the same commands give the same history")
	flags.IntVar(&o.limit, "limit", 1, "how many racks may be in maintenance at once; 0: all")
	flags.BoolVar(&o.validation, "validation", false, "have racks validated after each maintenance")
	flags.StringVar(&o.user, "user", "operator", "`name` that goes on record for what is asked for")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; see -help", flags.Arg(0))
	}
	sh, err := open(ctx, o, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sh.close()) }()
	if err := sh.bringUp(ctx); err != nil {
		return err
	}
	return sh.loop(ctx, newSource(in, out, sh.complete))
}
