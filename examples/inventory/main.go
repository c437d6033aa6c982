// Command inventory is an inventory server that a site can start as it is: the nodes of the site, what each is for right now, and the hardware below them, over HTTP.
//
//	go run ./examples/inventory                                  # the server, with two small racks of simulated hardware
//	go run ./examples/inventory receive -secret whsec_...        # a receiver of its webhooks
//
// The records are in an SQLite file; kill the server and start it again with the same -db, and it goes on where it was. The hardware is simulated, in virtual time that passes -speed
// times as fast as real time, so that a rack is Ready after about a minute. In a server of your own a backend.Driver takes the place of package fake, and rack.Manager.Run and
// service.Service.Watch that of the file drive.go; everything else stays. docs/inventory.md walks through it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "inventory:", err)
		os.Exit(1)
	}
}

// run is the whole program, for main and for tests.
func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 && args[0] == "receive" {
		return runReceiver(ctx, args[1:], out)
	}
	o, err := parse(args, out)
	if err != nil {
		return err
	}
	return serve(ctx, o, out)
}

// options are the flags of the server.
type options struct {
	db, site, definition string
	addr                 string
	read, write          string
	seed                 uint64
	speed                float64
	networks             []netip.Prefix
	begin                time.Time // of virtual time; zero: sitesim.Start
}

// Names of the environment variables that hold tokens: a flag can be read by everybody on the machine.
const (
	readVar  = "INVENTORY_READ_TOKEN"
	writeVar = "INVENTORY_WRITE_TOKEN"
)

func parse(args []string, out io.Writer) (options, error) {
	var o options
	var networks string
	flags := flag.NewFlagSet("inventory", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.db, "db", "", "SQLite `file` (default: racks.db in a new temporary folder)")
	flags.StringVar(&o.site, "site", "", "site `file`, JSON or YAML (default: the built-in one, two small racks)")
	flags.StringVar(&o.definition, "definition", "", "`file` with the service lifecycle of the nodes (default: the built-in one)")
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`address` to listen on; the server speaks plain HTTP, so put a proxy with TLS before it")
	flags.StringVar(&o.read, "read-token", "", "token for reading (default: $"+readVar+", else one is made)")
	flags.StringVar(&o.write, "write-token", "", "token for writing (default: $"+writeVar+", else one is made)")
	flags.StringVar(&networks, "webhook-net", "127.0.0.0/8,::1/128", "`networks` that webhooks may go to although they are not public, with commas")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of everything that varies in the simulated hardware")
	flags.Float64Var(&o.speed, "speed", 60, "virtual seconds for each real second; 0: time stands still")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q; see -help", flags.Arg(0))
	case o.speed < 0 || o.speed > 1e6:
		return o, errors.New("-speed must be 0 to 1000000")
	}
	for _, text := range strings.FieldsFunc(networks, func(r rune) bool { return r == ',' }) {
		p, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			return o, fmt.Errorf("-webhook-net: %w", err)
		}
		o.networks = append(o.networks, p)
	}
	if o.db == "" {
		dir, err := os.MkdirTemp("", "rackstate-")
		if err != nil {
			return o, err
		}
		o.db = filepath.Join(dir, "racks.db")
	}
	return o, nil
}
