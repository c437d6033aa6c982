package machine_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
)

// day is one machine on simulated hardware, in virtual time.
type day struct {
	ctx   context.Context
	clock *sitesim.Clock
	hw    *fake.Hardware
	ctl   *lifecycle.Controller
	began time.Time
	shown uint64
}

func newDay(faults string) (*day, error) {
	began := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	d := &day{ctx: context.Background(), clock: sitesim.NewClock(began), began: began}
	list, err := fake.ParseFaults(faults)
	if err != nil {
		return nil, err
	}
	d.hw = fake.New(d.clock, fake.Config{Seed: 7, Faults: list, Attestation: true})
	kind, err := machine.New(machine.Config{Driver: d.hw.Driver(), Firmware: []machine.Firmware{{Component: "BMC", Version: "1.1.0"}}})
	if err != nil {
		return nil, err
	}
	d.ctl, err = lifecycle.NewController(d.ctx, memory.New(), lifecycle.Config{Clock: d.clock, Logger: slog.New(slog.DiscardHandler)}, kind)
	return d, err
}

// report tells the controller of a tray that was found.
func (d *day) report(id, serial string) error {
	return d.ctl.Apply(d.ctx, func(tx *lifecycle.Tx) error {
		endpoint := backend.Endpoint{BMCAddress: "10.0.0.7", Serial: serial, Slot: 7}
		return tx.Create(machine.NewMachine(id, "A12", machine.Discovered{Endpoint: endpoint}), "discovery", "serial "+serial)
	})
}

// ask posts a request.
func (d *day) ask(id, typ, initiator string, params any) error {
	_, err := d.ctl.Request(d.ctx, lifecycle.NewRequest{Type: typ, Initiator: initiator, Params: params}, machine.Ref(id))
	return err
}

// until lets time pass until the machine is in that state, and prints what happened on the way.
func (d *day) until(id, state string) error {
	for d.clock.Since(d.began) < 48*time.Hour {
		if _, _, err := d.ctl.RunUntilIdle(d.ctx, d.clock.Now()); err != nil {
			return err
		}
		m, err := lifecycle.Get[machine.Machine](d.ctl, machine.Ref(id))
		if err != nil && state != "" {
			return err
		}
		if err != nil || m.State() == state {
			return d.print()
		}
		d.clock.Set(d.ctl.NextDue())
	}
	return fmt.Errorf("%s does not get to %s", id, state)
}

func (d *day) print() error {
	rows, err := d.ctl.Store().History(d.ctx, backend.HistoryQuery{After: d.shown})
	for _, row := range rows {
		to := row.To
		if to == "" {
			to = "(gone)"
		}
		fmt.Printf("%s  %-10s %s", row.At.Sub(d.began).Round(time.Minute), row.Initiator, to)
		if row.Note != "" {
			fmt.Printf("  (%s)", row.Note)
		}
		fmt.Println()
		d.shown = row.Position
	}
	return err
}

// A day in the life of a compute tray: it is discovered, fails its BIOS job once, becomes Ready, is assigned, needs firmware, fails, is retried, is released, cleaned, and
// replaced.
func Example_aDayInTheLife() {
	d, err := newDay(`job SubmitPlatform on machine/tray-07 what=BiosProfile count=1 fails "BIOS settings rejected" for 1h; job UploadFirmware on machine/tray-07 count=1 fails "image verification failed"`)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range []struct {
		title string
		do    func() error
		until string
	}{
		{"a tray is found in slot 7", func() error { return d.report("tray-07", "S-1001") }, "Ready"},
		{"acme gets it", func() error { return d.ask("tray-07", machine.TypeAssign, "cloud", machine.Assign{Tenant: "acme"}) }, "Assigned/Ready"},
		{"its firmware is old; acme agrees to the update", func() error {
			if err := d.ask("tray-07", lifecycle.TypeReprovision, "alice", lifecycle.Reprovision{}); err != nil {
				return err
			}
			return d.ctl.Apply(d.ctx, func(tx *lifecycle.Tx) error { return machine.Approve(tx, machine.Ref("tray-07")) })
		}, "Assigned/Ready"},
		{"acme gives it back", func() error { return d.ask("tray-07", machine.TypeRelease, "cloud", nil) }, "Ready"},
		{"a technician pulls the tray", func() error { return d.ctl.Delete(d.ctx, machine.Ref("tray-07"), "bob", false) }, ""},
		{"and puts another one in its place", func() error {
			if err := d.hw.Remove(machine.Ref("tray-07")); err != nil {
				return err
			}
			return d.report("tray-07", "S-2002")
		}, "Ready"},
	} {
		fmt.Println("--", step.title)
		if err := step.do(); err != nil {
			fmt.Println(err)
			return
		}
		if _, _, err := d.ctl.RunUntilIdle(d.ctx, d.clock.Now()); err != nil {
			fmt.Println(err)
			return
		}
		if err := d.until("tray-07", step.until); err != nil {
			fmt.Println(err)
			return
		}
	}
	// Output:
	// -- a tray is found in slot 7
	// 0s  discovery  Created  (serial S-1001)
	// 0s  controller HostInit/WaitingForPlatformConfiguration  (the host has no DPUs)
	// 6m0s  controller HostInit/SetBootOrder  (LockdownDisable was there already; IpmiOverLan applied (attempt 1); BiosProfile applied (attempt 2))
	// 8m0s  controller HostInit/Measuring  (BootOrder applied (attempt 1))
	// 11m0s  controller HostInit/WaitingForDiscovery  (measured-boot passed: 8 parts, measured at 2026-03-02T00:10:30Z; device passed: 4 parts, measured at 2026-03-02T00:10:45Z)
	// 11m0s  controller HostInit/UefiSetup  (the agent has reported)
	// 14m0s  controller HostInit/WaitingForLockdown  (UefiPassword applied (attempt 1))
	// 14m0s  controller BomValidating/MatchingSku  (LockdownEnable applied (attempt 1))
	// 14m0s  controller Validation/RebootHost  (it matches SKU gb200)
	// 14m0s  controller Validation/MachineValidating
	// 23m0s  controller HostInit/Discovered  (run val-tray-07-17 passed)
	// 27m0s  controller Ready  (the host has come up)
	// -- acme gets it
	// 27m0s  cloud      Assigned/Provisioning
	// 27m0s  cloud      Assigned/Ready  (no tenant network hook: passed)
	// -- its firmware is old; acme agrees to the update
	// 27m0s  alice      Assigned/HostReprovision/CheckingFirmware  (request reprovision-tray-07-41)
	// 27m0s  controller Assigned/HostReprovision/WaitingForUpload  (BMC is "1.0.0", wanted is "1.1.0")
	// 30m0s  controller Assigned/HostReprovision/WaitingForFirmwareUpgrade  (LockdownDisable applied (attempt 1); BMC 1.1.0 is sent; task task-tray-07-20)
	// 48m0s  controller Assigned/HostReprovision/FailedFirmwareUpgrade  (task task-tray-07-20 (BMC 1.1.0) failed: image verification failed)
	// 1h48m0s  controller Assigned/HostReprovision/CheckingFirmware  (retry 1 of 5)
	// 1h48m0s  controller Assigned/HostReprovision/WaitingForUpload  (BMC is "1.0.0", wanted is "1.1.0")
	// 1h51m0s  controller Assigned/HostReprovision/WaitingForFirmwareUpgrade  (LockdownDisable applied (attempt 1); BMC 1.1.0 is sent; task task-tray-07-23)
	// 2h10m0s  controller Assigned/HostReprovision/ResetForNewFirmware  (task task-tray-07-23 has installed BMC 1.1.0)
	// 2h10m0s  controller Assigned/HostReprovision/NewFirmwareReportedWait  (the management controller was restarted)
	// 2h12m0s  controller Assigned/HostReprovision/CheckingFirmwareRepeat  (BMC is "1.1.0")
	// 2h12m0s  alice      Assigned/Ready  (every component is as wanted; LockdownEnable applied (attempt 1))
	// -- acme gives it back
	// 2h12m0s  cloud      Assigned/Releasing  (request release-tray-07-80)
	// 2h12m0s  controller PostAssignedMeasuring/WaitingForMeasurements  (no tenant network hook: passed)
	// 2h17m0s  controller WaitingForCleanup/Init  (measured-boot passed: 8 parts, measured at 2026-03-02T02:16:15Z; device passed: 4 parts, measured at 2026-03-02T02:16:30Z)
	// 2h17m0s  controller WaitingForCleanup/SecureErase  (the storage controller is not erased: not there)
	// 2h20m0s  controller WaitingForCleanup/HostCleanup  (LockdownDisable applied (attempt 1); SecureErase applied (attempt 1))
	// 2h27m0s  cloud      BomValidating/UpdatingInventory  (clean-up clean-tray-07-31 is complete: [nvme hdd memory tpm infiniband]; LockdownEnable applied (attempt 1))
	// 2h32m0s  controller BomValidating/VerifyingSku  (the agent has reported)
	// 2h32m0s  controller Validation/RebootHost  (it is as SKU gb200 says)
	// 2h32m0s  controller Validation/MachineValidating
	// 2h41m0s  controller HostInit/Discovered  (run val-tray-07-35 passed)
	// 2h45m0s  controller Ready  (the host has come up)
	// -- a technician pulls the tray
	// 2h45m0s  bob        Deleting  (marked deleted)
	// 2h45m0s  bob        (gone)
	// -- and puts another one in its place
	// 2h45m0s  discovery  Created  (serial S-2002)
	// 2h45m0s  controller HostInit/WaitingForPlatformConfiguration  (the host has no DPUs)
	// 2h47m0s  controller HostInit/SetBootOrder  (LockdownDisable was there already; IpmiOverLan applied (attempt 1); BiosProfile applied (attempt 1))
	// 2h48m0s  controller HostInit/Measuring  (BootOrder applied (attempt 1))
	// 2h52m0s  controller HostInit/WaitingForDiscovery  (measured-boot passed: 8 parts, measured at 2026-03-02T02:51:15Z; device passed: 4 parts, measured at 2026-03-02T02:51:45Z)
	// 2h52m0s  controller HostInit/UefiSetup  (the agent has reported)
	// 2h54m0s  controller HostInit/WaitingForLockdown  (UefiPassword applied (attempt 1))
	// 2h54m0s  controller BomValidating/MatchingSku  (LockdownEnable applied (attempt 1))
	// 2h54m0s  controller Validation/RebootHost  (it matches SKU gb200)
	// 2h54m0s  controller Validation/MachineValidating
	// 3h2m0s  controller HostInit/Discovered  (run val-tray-07-12 passed)
	// 3h6m0s  controller Ready  (the host has come up)
}
