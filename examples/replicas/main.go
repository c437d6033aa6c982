// Command replicas runs three controllers on one PostgreSQL, kills one of them, and shows that its work goes on.
//
//	go run ./examples/replicas
//
// Each controller is a process of its own. They divide the racks by leases, and what they commit carries the fencing token of the lease. The hardware is package fake in the process that
// starts them, which they reach over a unix socket in the place of a network; virtual time runs sixty times as fast as real time. Without -dsn the program starts a PostgreSQL server of
// its own, from the binaries on the machine, and removes it in the end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	dsn    string
	schema string
	racks  int
	speed  float64
	lease  time.Duration
	// name and socket make the process a controller.
	name   string
	socket string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "replicas:", err)
		os.Exit(1)
	}
}

// run is the whole program, for main and for tests.
func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("replicas", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.dsn, "dsn", "", "PostgreSQL `database`, as a URL or key=value pairs (default: a throw-away server)")
	flags.StringVar(&o.schema, "schema", "replicas_"+time.Now().UTC().Format("20060102_150405"), "`schema` in that database, which should be new")
	flags.IntVar(&o.racks, "racks", 6, "how `many` small racks there are")
	flags.Float64Var(&o.speed, "speed", 60, "virtual seconds for each real second")
	flags.DurationVar(&o.lease, "lease", time.Minute, "how long a lease lasts, in virtual `time`")
	flags.StringVar(&o.name, "controller", "", "be the controller of that `name`; the program starts those itself")
	flags.StringVar(&o.socket, "hardware", "", "`socket` of the hardware, for a controller")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q; see -help", flags.Arg(0))
	case o.racks < 3 || o.speed <= 0 || o.lease <= 0:
		return errors.New("want -racks of at least 3, and -speed and -lease greater than zero")
	case o.name != "":
		return control(ctx, o)
	}
	return show(ctx, o, out)
}
