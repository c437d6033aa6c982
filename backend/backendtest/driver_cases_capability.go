package backendtest

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/rackstate/rackstate/backend"
)

// capabilityCases prove what single capabilities promise.
func capabilityCases() []driverCase {
	return []driverCase{
		driverRule("CapabilitiesStayTheSame", "Capabilities must return the same at every call", func(*driverCheck) bool { return true }, func(c *driverCheck) {
			again := c.h.Driver.Capabilities()
			if !reflect.DeepEqual(capabilityList(c.can), capabilityList(again)) || !reflect.DeepEqual(c.can, again) {
				c.failf("Capabilities returns %v, then %v", capabilityList(c.can), capabilityList(again))
			}
		}),
		driverRule("PowerFollowsItsAction", "SetPower begins the action on every device; PowerState returns the power state of each device",
			func(c *driverCheck) bool { return c.can.Power != nil && len(c.h.everything()) > 0 }, checkPower),
		driverRule("PlacementsAreDistinct", "Placement returns slot and tray index of each switch; slots count from 1",
			func(c *driverCheck) bool { return c.can.Inventory != nil && len(c.h.Switches) > 0 }, checkPlacement),
		driverRule("VersionsBelongToTheCaller", "FirmwareInventory returns the version of each component",
			func(c *driverCheck) bool { return c.can.Inventory != nil && len(c.h.everything()) > 0 }, checkInventory),
		driverRule("PlatformWorkIsSeenByALook", `SubmitPlatform returns the id of the job, or "" when no job is needed: then a restart, if any, and a look suffice`,
			func(c *driverCheck) bool { return c.can.Platform != nil && c.can.Reset != nil && len(c.h.Machines) > 0 }, checkPlatform),
		driverRule("ARestartIsReported", "RebootedAt is when the host last came up, DiscoveredAt when the agent last completed a discovery",
			func(c *driverCheck) bool { return c.can.Agent != nil && c.can.Reset != nil && len(c.h.Machines) > 0 }, checkAgent),
		driverRule("ThePrimarySwitchRunsTheFabricManager", "ConfigureFabricManager configures and starts the fabric manager of the primary switch; a reason is no fault",
			func(c *driverCheck) bool { return c.can.Fabric != nil && len(c.h.Switches) > 0 }, checkFabric),
		driverRule("AnUndefinedSKUIsMissing", "Missing says that the SKU assigned to the host is not defined",
			func(c *driverCheck) bool { return c.can.SKU != nil && len(c.h.Machines) > 0 }, checkSKU),
		driverRule("AControllerComesBackFromItsReset", "ResetBMC restarts the management controller, which is away for a while then",
			func(c *driverCheck) bool { return c.can.Reset != nil && c.can.Power != nil && len(c.h.Machines) > 0 }, checkBMC),
	}
}

func checkPower(c *driverCheck) {
	devices := c.h.everything()
	for _, step := range []struct {
		action backend.PowerAction
		want   backend.PowerState
	}{{backend.ActionPowerOff, backend.PowerOff}, {backend.ActionPowerOn, backend.PowerOn}, {backend.ActionReset, backend.PowerOn}} {
		if !c.ok(string(step.action), c.can.Power.SetPower(c.ctx, "key-"+string(step.action), step.action, devices)) {
			return
		}
		c.until(fmt.Sprintf("power is %s after %s", step.want, step.action), func() bool {
			found, err := c.can.Power.PowerState(c.ctx, devices)
			for _, dev := range devices {
				if err != nil || found[dev.Ref] != step.want {
					return false
				}
			}
			return true
		})
	}
}

func checkPlacement(c *driverCheck) {
	var places map[backend.Ref]backend.Placement
	if !c.look("Placement", func() (err error) { places, err = c.can.Inventory.Placement(c.ctx, c.h.Switches); return err }) {
		return
	}
	at := make(map[int]backend.Ref)
	for _, dev := range c.h.Switches {
		place := places[dev.Ref]
		if place.Slot < 1 || place.Tray < 0 {
			c.failf("%s: slot %d, tray %d", dev.Ref, place.Slot, place.Tray)
		}
		if other, taken := at[place.Tray]; taken {
			c.failf("%s and %s both have tray %d", dev.Ref, other, place.Tray)
		}
		at[place.Tray] = dev.Ref
	}
}

func checkInventory(c *driverCheck) {
	dev := c.h.everything()[0]
	read := func() (versions map[string]string) {
		c.look("FirmwareInventory", func() (err error) { versions, err = c.can.Inventory.FirmwareInventory(c.ctx, dev); return err })
		return versions
	}
	first := read()
	if len(first) == 0 {
		if len(c.notes) == 0 {
			c.failf("FirmwareInventory: %s has no components", dev.Ref)
		}
		return
	}
	for component := range first {
		first[component] = "overwritten by the caller"
	}
	for component, version := range read() {
		if version == first[component] {
			c.failf("FirmwareInventory: the answer shares memory with an earlier one")
			return
		}
	}
}

func checkPlatform(c *driverCheck) {
	host := c.h.Machines[0]
	for _, kind := range []backend.PlatformKind{
		backend.PlatformIPMIOverLAN, backend.PlatformBIOSProfile, backend.PlatformBootOrder, backend.PlatformLockdownEnable, backend.PlatformLockdownDisable,
	} {
		call := driverCall{
			name: string(kind), changes: true, devices: c.h.Machines[:1], poll: oneJob(c.can.Platform.PlatformJob),
			restart: func(c *driverCheck, dev backend.Device) { c.restart("for job "+string(kind), dev) },
			do: func(ctx callContext, key string, devices callDevices) (callAnswer, error) {
				id, err := c.can.Platform.SubmitPlatform(ctx, key, devices[0], kind)
				return oneAnswer(devices[0], id, err)
			},
		}
		answer, err := c.call(call, "key-"+string(kind), call.devices)
		if errors.Is(err, backend.ErrNotSupported) || !c.ok(string(kind), err) {
			continue
		}
		if answer[host.Ref] == "" {
			c.restart("after "+string(kind), host)
		} else {
			c.end(call, call.devices, answer)
		}
		c.until(string(kind)+" is applied", func() bool {
			status, err := c.can.Platform.InspectPlatform(c.ctx, host, kind)
			return err == nil && status.Applied
		})
	}
}

// restart restarts a host and notes a failure when that cannot be done.
func (c *driverCheck) restart(key string, host backend.Device) {
	c.look("ResetHost", func() error { return c.can.Reset.ResetHost(c.ctx, key, host) })
}

func checkAgent(c *driverCheck) {
	host := c.h.Machines[0]
	var before backend.AgentReport
	if !c.look("Discover", func() (err error) { before, err = c.can.Agent.Discover(c.ctx, host); return err }) {
		return
	}
	c.pass(c.step())
	c.restart("restart", host)
	c.until("the restart and a discovery after it are reported", func() bool {
		now, err := c.can.Agent.Discover(c.ctx, host)
		return err == nil && now.RebootedAt.After(before.RebootedAt) && !now.DiscoveredAt.Before(now.RebootedAt)
	})
}

func checkFabric(c *driverCheck) {
	f, switches := c.can.Fabric, c.h.Switches
	if !c.look("SetFabricState", func() error { return f.SetFabricState(c.ctx, "key-1", false, switches) }) {
		return
	}
	order := backend.FabricOrder{Topology: c.h.Topology, Primary: switches[0], Switches: switches}
	if !c.look("ConfigureFabricManager", func() error { return f.ConfigureFabricManager(c.ctx, "key-2", order) }) {
		return
	}
	c.until("the primary switch runs the fabric manager, and every switch has a report", func() bool {
		reports, err := f.FabricStatus(c.ctx, switches)
		return err == nil && len(reports) == len(switches) && reports[switches[0].Ref].State == backend.FabricOK
	})
	reports, err := f.FabricStatus(c.ctx, switches)
	c.ok("FabricStatus", err)
	for ref, report := range reports {
		if report.Error != "" {
			c.failf("%s reports the error %q", ref, report.Error)
		}
	}
}

func checkSKU(c *driverCheck) {
	var match backend.SKUMatch
	if c.look("MatchSKU", func() (err error) {
		match, err = c.can.SKU.MatchSKU(c.ctx, c.h.Machines[0], "no-such-sku", nil)
		return err
	}) && !match.Missing {
		c.failf("MatchSKU: the SKU no-such-sku is not missing")
	}
}

func checkBMC(c *driverCheck) {
	host := c.h.Machines[:1]
	if !c.look("ResetBMC", func() error { return c.can.Reset.ResetBMC(c.ctx, "key-1", host[0]) }) {
		return
	}
	c.until("the management controller answers again", func() bool {
		states, err := c.can.Power.PowerState(c.ctx, host)
		return err == nil && states[host[0].Ref] == backend.PowerOn
	})
}
