// Command smallest is the smallest complete program: it reads a site, keeps its records in SQLite, and brings up what is found. The driver is a
// simulated one; yours takes its place.
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"os/signal"

	"github.com/benbjohnson/clock"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/rack"
	"github.com/rackstate/rackstate/rack/sitefile"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := bringUp(ctx, "site.json", "racks.db")
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func bringUp(ctx context.Context, sitePath, dbPath string) (err error) {
	site, err := sitefile.Read(sitePath)
	if err != nil {
		return err
	}
	store, err := sqlite.Open(ctx, dbPath, sqlite.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	hardware := fake.New(clock.New(), fake.Config{}) // your driver goes here
	racks, err := rack.NewManager(ctx, store, rack.Config{Driver: hardware.Driver(), Site: site})
	if err != nil {
		return err
	}
	for _, d := range site.Machines { // report what your discovery finds, when it finds it
		err := racks.Discover(ctx, rack.Discovery{Kind: backend.KindMachine, ID: d.ID, Rack: d.RackID, Endpoint: backend.Endpoint{BMCMAC: d.BMCMAC, BMCAddress: "10.0.0.7"}})
		if err != nil {
			return err
		}
	}
	return racks.Run(ctx)
}
