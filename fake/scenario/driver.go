package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// driver makes the capabilities of the scripted hardware. What the script calls unsupported answers so when it is called. A catalogue, tests of machines and attestors are there only
// in scenarios that speak of them.
func (h *hardware) driver() backend.Driver {
	if h.simulated != nil {
		return h.simulated.driver(h)
	}
	c := backend.Capabilities{
		Power: h, Reset: h, Shelf: h, Inventory: h, Firmware: h, SwitchImage: h, Certificates: h, Fabric: h, SwitchCheck: h, Platform: platform{h}, Agent: h, RackTest: h,
		Upload: h, Cleanup: h, DPU: h, EventLog: h,
	}
	if slices.Contains(h.spoken, "MatchSKU") {
		c.SKU = h
	}
	if slices.Contains(h.spoken, "ValidateMachine") || slices.Contains(h.spoken, validationPoll) {
		c.Validation = h
	}
	for _, name := range h.attestors {
		c.Attestors = append(c.Attestors, attestor{h, name})
	}
	return c
}

func none(reply, []backend.Device) any { return nil }

// powerEvents are what a change of power leaves in the event log.
var powerEvents = map[backend.PowerAction]backend.EventKind{
	backend.ActionPowerOn: backend.EventPowerOn, backend.ActionPowerOff: backend.EventPowerOff, backend.ActionReset: backend.EventHostReset,
}

func (h *hardware) SetPower(_ context.Context, key string, action backend.PowerAction, devices []backend.Device) error {
	_, err := h.act("SetPower", key, rackOf(devices), devices, func(_ reply, accepted []backend.Device) any {
		for _, d := range accepted {
			h.power[d.Ref], h.bootedAt[d.Ref] = backend.PowerOn, h.now()
			if action == backend.ActionPowerOff {
				h.power[d.Ref] = backend.PowerOff
			}
		}
		h.happened(powerEvents[action], accepted...)
		return nil
	})
	return err
}

func (h *hardware) PowerState(_ context.Context, devices []backend.Device) (map[backend.Ref]backend.PowerState, error) {
	return read(h, "PowerState", devices, func(d backend.Device, report *Datum) (backend.PowerState, bool) {
		if report != nil {
			return backend.PowerState(report.Text), true
		}
		if p, ok := h.power[d.Ref]; ok {
			return p, true
		}
		return backend.PowerOn, true
	})
}

func (h *hardware) ResetHost(_ context.Context, key string, d backend.Device) error {
	_, err := h.act("ResetHost", key, d.Rack, []backend.Device{d}, func(reply, []backend.Device) any { h.happened(backend.EventHostReset, d); return nil })
	return oneDevice(err)
}

func (h *hardware) ResetBMC(_ context.Context, key string, d backend.Device) error {
	_, err := h.act("ResetBMC", key, d.Rack, []backend.Device{d}, func(reply, []backend.Device) any { h.happened(backend.EventBMCReset, d); return nil })
	return oneDevice(err)
}

func (h *hardware) FetchShelf(_ context.Context, d backend.Device) (backend.ShelfData, error) {
	found, err := read(h, "FetchShelf", []backend.Device{d}, func(d backend.Device, _ *Datum) (backend.ShelfData, bool) {
		data := backend.ShelfData{Vendor: "ACME", Model: "PS-33", Serial: "S-" + d.Ref.ID, Firmware: "1.0", Power: backend.PowerOn}
		if p, ok := h.power[d.Ref]; ok {
			data.Power = p
		}
		return data, true
	})
	return found[d.Ref], oneDevice(err)
}

func (h *hardware) ConfigureShelf(_ context.Context, key string, d backend.Device) error {
	_, err := h.act("ConfigureShelf", key, d.Rack, []backend.Device{d}, none)
	return oneDevice(err)
}

func (h *hardware) Placement(_ context.Context, switches []backend.Device) (map[backend.Ref]backend.Placement, error) {
	return read(h, "Placement", switches, func(d backend.Device, report *Datum) (backend.Placement, bool) {
		tray, ok := h.tray[d.Ref]
		if report != nil {
			n, err := strconv.Atoi(report.Text)
			tray, ok = n, err == nil
		}
		return backend.Placement{Slot: d.Endpoint.Slot, Tray: tray}, ok
	})
}

func (h *hardware) FirmwareInventory(_ context.Context, d backend.Device) (map[string]string, error) {
	found, err := read(h, "FirmwareInventory", []backend.Device{d}, func(d backend.Device, report *Datum) (map[string]string, bool) {
		if report != nil {
			return maps.Clone(report.Map), true
		}
		return maps.Clone(h.versions[d.Ref]), true
	})
	return found[d.Ref], oneDevice(err)
}

func (h *hardware) ApplyFirmware(_ context.Context, key string, _ backend.FirmwareOrder, devices []backend.Device) (map[backend.Ref]string, error) {
	got, err := h.act("ApplyFirmware", key, rackOf(devices), devices, func(r reply, accepted []backend.Device) any { return h.begin(firmwarePoll, r, accepted) })
	ids, _ := got.(map[backend.Ref]string)
	return ids, err
}

func (h *hardware) FirmwareJob(_ context.Context, jobs []backend.Job) (backend.Jobs, error) {
	return h.poll(firmwarePoll, jobs)
}

func (h *hardware) ApplySwitchImage(_ context.Context, key, image string, switches []backend.Device) (map[backend.Ref]backend.ImageFile, error) {
	got, err := h.act("ApplySwitchImage", key, rackOf(switches), switches, func(r reply, accepted []backend.Device) any {
		out := map[backend.Ref]backend.ImageFile{}
		for ref, id := range h.begin(imagePoll, r, accepted) {
			out[ref] = backend.ImageFile{JobID: id, File: image + ".bin"}
		}
		return out
	})
	files, _ := got.(map[backend.Ref]backend.ImageFile)
	return files, err
}

func (h *hardware) SwitchImageJob(_ context.Context, jobs []backend.Job) (backend.Jobs, error) {
	return h.poll(imagePoll, jobs)
}

func (h *hardware) ConfigureCertificate(_ context.Context, key string, d backend.Device, _ string) (string, error) {
	got, err := h.act("ConfigureCertificate", key, d.Rack, []backend.Device{d}, func(r reply, accepted []backend.Device) any {
		return h.begin(certificatePoll, r, accepted)[d.Ref]
	})
	id, _ := got.(string)
	return id, oneDevice(err)
}

func (h *hardware) CertificateJob(_ context.Context, job backend.Job) (backend.JobStatus, error) {
	found, err := h.poll(certificatePoll, []backend.Job{job})
	return found[job.Device], oneDevice(err)
}

func (h *hardware) SetFabricState(_ context.Context, key string, _ bool, switches []backend.Device) error {
	_, err := h.act("SetFabricState", key, rackOf(switches), switches, none)
	return err
}

func (h *hardware) ConfigureFabricManager(_ context.Context, key string, order backend.FabricOrder) error {
	_, err := h.act("ConfigureFabricManager", key, order.Primary.Rack, []backend.Device{order.Primary}, none)
	return oneDevice(err)
}

func (h *hardware) FabricStatus(_ context.Context, switches []backend.Device) (map[backend.Ref]backend.FabricReport, error) {
	return read(h, "FabricStatus", switches, func(_ backend.Device, report *Datum) (backend.FabricReport, bool) {
		if report == nil {
			return backend.FabricReport{State: backend.FabricOK}, true
		}
		return backend.FabricReport{State: backend.FabricState(report.Map["status"]), Reason: report.Map["reason"], Error: report.Map["error"]}, true
	})
}

// errNotScripted is how a capability answers that the hardware has only in scenarios which speak of it.
var errNotScripted = fmt.Errorf("not scripted: %w", backend.ErrNotSupported)

func (h *hardware) CheckSwitch(_ context.Context, d backend.Device) error {
	if !h.scripted("CheckSwitch") {
		return errNotScripted
	}
	_, err := read(h, "CheckSwitch", []backend.Device{d}, func(backend.Device, *Datum) (bool, bool) { return true, true })
	return oneDevice(err)
}

func (h *hardware) StartValidation(_ context.Context, key, rack string, machines []backend.Device) error {
	if !h.scripted("StartValidation") {
		return errNotScripted
	}
	_, err := h.act("StartValidation", key, rack, machines, none)
	return err
}

func (h *hardware) Discover(_ context.Context, d backend.Device) (backend.AgentReport, error) {
	found, err := read(h, "Discover", []backend.Device{d}, func(backend.Device, *Datum) (backend.AgentReport, bool) {
		now := h.now()
		return backend.AgentReport{DiscoveredAt: now, RebootedAt: now.Add(time.Microsecond)}, true
	})
	return found[d.Ref], oneDevice(err)
}
