// Command bringup brings up the racks of a site file on simulated hardware, from the first device that is found until every rack is Ready.
//
//	go run ./examples/bringup
//
// It is what a provisioner does, with package fake in the place of hardware and virtual time in the place of hours: the records are in a real SQLite
// file, and the state machines are those that run in production. One device fails on the way; the program plays the operator who has it repaired. Kill it and
// start it again with the same -db: it continues where it stopped.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/rackstate/rackstate/fake"
)

//go:embed testdata/site-nvl72.json
var exampleSite []byte

// options are the flags.
type options struct {
	site       string
	db         string
	seed       uint64
	speed      float64
	faults     string
	crashAfter int
	plain      bool
}

// defaultFault makes the firmware of one compute tray fail once. The rack goes to Error, and an operator has it maintained again.
const defaultFault = `job FirmwareJob on machine/a12-compute-07 fails "image checksum mismatch" count=1`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bringup:", err)
		os.Exit(1)
	}
}

// run is the whole program, for main and for tests.
func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("bringup", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.site, "site", "", "site `file`, JSON or YAML (default: the built-in example, two NVL72 racks and one NVL36)")
	flags.StringVar(&o.db, "db", "", "SQLite `file` (default: a new one in a temporary folder)")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of everything that varies; the same seed gives the same history")
	flags.Float64Var(&o.speed, "speed", 900, "virtual seconds for each real second; 0: as fast as it goes")
	flags.StringVar(&o.faults, "faults", defaultFault, "what goes wrong, separated by semicolons; empty: nothing")
	flags.IntVar(&o.crashAfter, "crash-after", 0, "kill the process after that `many` transitions; 0: do not")
	flags.BoolVar(&o.plain, "plain", false, "print a line for each transition of a rack, also on a terminal")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; see -help", flags.Arg(0))
	}
	if o.speed < 0 || o.crashAfter < 0 {
		return errors.New("-speed and -crash-after must not be negative")
	}
	faults, err := fake.ParseFaults(o.faults)
	if err != nil {
		return fmt.Errorf("-faults: %w", err)
	}
	if o.db == "" {
		dir, err := os.MkdirTemp("", "rackstate-")
		if err != nil {
			return err
		}
		o.db = filepath.Join(dir, "bringup.db")
	}
	return bringUp(ctx, o, faults, out)
}
