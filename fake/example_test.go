package fake_test

import (
	"context"
	"fmt"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
)

// A firmware update on two machines of a rack, one of which gets a bad image.
func Example() {
	ctx, clk := context.Background(), clock.NewMock()
	faults, err := fake.ParseFaults(`job FirmwareJob on machine/A12-compute-02 fails "bad checksum"`)
	if err != nil {
		fmt.Println(err)
		return
	}
	hw := fake.New(clk, fake.Config{Seed: 1, Faults: faults})
	firmware := hw.Capabilities().Firmware

	machines := fake.Rack("A12", fake.NVL72())[:2]
	ids, err := firmware.ApplyFirmware(ctx, "rack/A12#7#ApplyFirmware#1", backend.FirmwareOrder{Firmware: "fw-2"}, machines)
	if err != nil {
		fmt.Println(err)
		return
	}
	clk.Add(30 * time.Minute)
	for _, m := range machines {
		jobs, err := firmware.FirmwareJob(ctx, []backend.Job{{Device: m.Ref, ID: ids[m.Ref]}})
		fmt.Println(m.Ref, jobs[m.Ref].State, jobs[m.Ref].Cause, err)
	}
	// Output:
	// machine/A12-compute-01 completed  <nil>
	// machine/A12-compute-02 failed bad checksum <nil>
}
