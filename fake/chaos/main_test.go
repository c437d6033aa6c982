//go:build unix

// Package chaos has three controllers bring up and maintain a site while they are killed, stopped and cut off from a PostgreSQL that crashes itself.
//
//	go test ./fake/chaos                               # 50 racks, about half a minute
//	go test -short ./fake/chaos                        # 10 racks, 20 seconds
//	RACKSTATE_CHAOS_SEED=7 go test -v ./fake/chaos     # the troubles of a seed again
//
// The seed decides what happens to whom and when. How far each process has come then is up to the machine.
package chaos

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/rackstate/rackstate/backend/postgres/pgtest"
)

// childVar makes the test binary a controller; its value is an order in JSON.
const childVar = "RACKSTATE_CHAOS_CONTROLLER"

// cluster is the server that is restarted all the time. steady serves the other tests.
var (
	cluster = pgtest.New(pgtest.Config{})
	steady  = pgtest.New(pgtest.Config{})
)

func TestMain(m *testing.M) {
	if text := os.Getenv(childVar); text != "" {
		if err := control(context.Background(), text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := cluster.Main(m)
	if err := steady.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}
