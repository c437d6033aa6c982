package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// driver makes the capabilities of the scripted hardware. What the script calls unsupported answers so when it is called.
func (h *hardware) driver() backend.Driver {
	return backend.Capabilities{Power: h, Reset: h, Shelf: h, Inventory: h, Firmware: h, SwitchImage: h, Certificates: h, Fabric: h, Platform: platform{h},
		Agent: h, RackTest: h}
}

func (h *hardware) SetPower(_ context.Context, key string, action backend.PowerAction, devices []backend.Device) error {
	_, err := h.act("SetPower", key, "", devices, func(_ reply, accepted []backend.Device) any {
		for _, d := range accepted {
			h.power[d.Ref] = backend.PowerOn
			if action == backend.ActionPowerOff {
				h.power[d.Ref] = backend.PowerOff
			}
		}
		return nil
	})
	return err
}

func (h *hardware) PowerState(_ context.Context, devices []backend.Device) (map[backend.Ref]backend.PowerState, error) {
	return read(h, "PowerState", devices, func(d backend.Device, report any, scripted bool) (backend.PowerState, bool) {
		if scripted {
			return backend.PowerState(fmt.Sprint(report)), true
		}
		if p, ok := h.power[d.Ref]; ok {
			return p, true
		}
		return backend.PowerOn, true
	})
}

func (h *hardware) ResetHost(_ context.Context, key string, d backend.Device) error {
	_, err := h.act("ResetHost", key, "", []backend.Device{d}, func(reply, []backend.Device) any { return nil })
	return err
}

func (h *hardware) ResetBMC(_ context.Context, key string, d backend.Device) error {
	_, err := h.act("ResetBMC", key, "", []backend.Device{d}, func(reply, []backend.Device) any { return nil })
	return err
}

func (h *hardware) FetchShelf(_ context.Context, d backend.Device) (backend.ShelfData, error) {
	found, err := read(h, "FetchShelf", []backend.Device{d}, func(d backend.Device, _ any, _ bool) (backend.ShelfData, bool) {
		data := backend.ShelfData{Vendor: "ACME", Model: "PS-33", Serial: "S-" + d.Ref.ID, Firmware: "1.0", Power: backend.PowerOn}
		if p, ok := h.power[d.Ref]; ok {
			data.Power = p
		}
		return data, true
	})
	return found[d.Ref], oneDevice(err)
}

// oneDevice takes the failure of the only device out of a batch error.
func oneDevice(err error) error {
	failed, rest := backend.SplitDeviceErrors(err)
	for _, e := range failed {
		return e
	}
	return rest
}

func (h *hardware) ConfigureShelf(_ context.Context, key string, d backend.Device) error {
	_, err := h.act("ConfigureShelf", key, "", []backend.Device{d}, func(reply, []backend.Device) any { return nil })
	return oneDevice(err)
}

func (h *hardware) Placement(_ context.Context, switches []backend.Device) (map[backend.Ref]backend.Placement, error) {
	return read(h, "Placement", switches, func(d backend.Device, report any, scripted bool) (backend.Placement, bool) {
		tray, ok := h.tray[d.Ref]
		if scripted {
			_, err := fmt.Sscan(fmt.Sprint(report), &tray)
			ok = err == nil
		}
		return backend.Placement{Slot: d.Endpoint.Slot, Tray: tray}, ok
	})
}

func (h *hardware) FirmwareInventory(_ context.Context, d backend.Device) (map[string]string, error) {
	found, err := read(h, "FirmwareInventory", []backend.Device{d}, func(d backend.Device, report any, scripted bool) (map[string]string, bool) {
		if !scripted {
			out := map[string]string{}
			for k, v := range h.versions[d.Ref] {
				out[k] = v
			}
			return out, true
		}
		out := map[string]string{}
		if m, ok := report.(map[string]any); ok {
			for k, v := range m {
				out[k] = fmt.Sprint(v)
			}
		}
		return out, true
	})
	return found[d.Ref], oneDevice(err)
}

func (h *hardware) ApplyFirmware(_ context.Context, key string, _ backend.FirmwareOrder, devices []backend.Device) (map[backend.Ref]string, error) {
	got, err := h.act("ApplyFirmware", key, rackOf(devices), devices, func(r reply, accepted []backend.Device) any { return h.begin("FirmwareJob", r, accepted) })
	ids, _ := got.(map[backend.Ref]string)
	return ids, err
}

func rackOf(devices []backend.Device) string {
	if len(devices) == 0 {
		return ""
	}
	return devices[0].Rack
}

func (h *hardware) FirmwareJob(_ context.Context, jobs []backend.Job) (backend.Jobs, error) {
	return h.poll("FirmwareJob", jobs)
}

func (h *hardware) ApplySwitchImage(_ context.Context, key, image string, switches []backend.Device) (map[backend.Ref]backend.ImageFile, error) {
	got, err := h.act("ApplySwitchImage", key, rackOf(switches), switches, func(r reply, accepted []backend.Device) any {
		out := map[backend.Ref]backend.ImageFile{}
		for ref, id := range h.begin("SwitchImageJob", r, accepted) {
			out[ref] = backend.ImageFile{JobID: id, File: image + ".bin"}
		}
		return out
	})
	files, _ := got.(map[backend.Ref]backend.ImageFile)
	return files, err
}

func (h *hardware) SwitchImageJob(_ context.Context, jobs []backend.Job) (backend.Jobs, error) {
	return h.poll("SwitchImageJob", jobs)
}

func (h *hardware) ConfigureCertificate(_ context.Context, key string, d backend.Device, _ string) (string, error) {
	got, err := h.act("ConfigureCertificate", key, d.Rack, []backend.Device{d}, func(r reply, accepted []backend.Device) any {
		return h.begin("CertificateJob", r, accepted)[d.Ref]
	})
	id, _ := got.(string)
	return id, oneDevice(err)
}

func (h *hardware) CertificateJob(_ context.Context, job backend.Job) (backend.JobStatus, error) {
	found, err := h.poll("CertificateJob", []backend.Job{job})
	return found[job.Device], oneDevice(err)
}

func (h *hardware) SetFabricState(_ context.Context, key string, _ bool, switches []backend.Device) error {
	_, err := h.act("SetFabricState", key, rackOf(switches), switches, func(reply, []backend.Device) any { return nil })
	return err
}

func (h *hardware) ConfigureFabricManager(_ context.Context, key string, order backend.FabricOrder) error {
	_, err := h.act("ConfigureFabricManager", key, order.Primary.Rack, []backend.Device{order.Primary}, func(reply, []backend.Device) any { return nil })
	return oneDevice(err)
}

func (h *hardware) FabricStatus(_ context.Context, switches []backend.Device) (map[backend.Ref]backend.FabricReport, error) {
	return read(h, "FabricStatus", switches, func(_ backend.Device, report any, scripted bool) (backend.FabricReport, bool) {
		if !scripted {
			return backend.FabricReport{State: backend.FabricOK}, true
		}
		m, _ := report.(map[string]any)
		text := func(k string) string {
			if v, ok := m[k]; ok {
				return fmt.Sprint(v)
			}
			return ""
		}
		return backend.FabricReport{State: backend.FabricState(text("status")), Reason: text("reason"), Error: text("error")}, true
	})
}

func (h *hardware) StartValidation(_ context.Context, key, rack string, machines []backend.Device) error {
	h.mu.Lock()
	scripted := false
	for _, r := range h.rules {
		scripted = scripted || r.call == "StartValidation"
	}
	h.mu.Unlock()
	if !scripted {
		return fmt.Errorf("scripted: %w", backend.ErrNotSupported)
	}
	_, err := h.act("StartValidation", key, rack, machines, func(reply, []backend.Device) any { return nil })
	return err
}

func (h *hardware) Discover(_ context.Context, d backend.Device) (backend.AgentReport, error) {
	found, err := read(h, "Discover", []backend.Device{d}, func(backend.Device, any, bool) (backend.AgentReport, bool) {
		now := h.now()
		return backend.AgentReport{DiscoveredAt: now, RebootedAt: now.Add(time.Microsecond)}, true
	})
	return found[d.Ref], oneDevice(err)
}

// platform answers for platform jobs under the one name that scenarios have for them.
type platform struct{ h *hardware }

func (p platform) InspectPlatform(_ context.Context, d backend.Device, _ backend.PlatformKind) (backend.PlatformStatus, error) {
	found, err := read(p.h, "PlatformJob", []backend.Device{d}, func(backend.Device, any, bool) (backend.PlatformStatus, bool) {
		return backend.PlatformStatus{Applied: true}, true
	})
	return found[d.Ref], oneDevice(err)
}

func (p platform) SubmitPlatform(_ context.Context, key string, d backend.Device, _ backend.PlatformKind) (string, error) {
	got, err := p.h.act("PlatformJob", key, "", []backend.Device{d}, func(r reply, accepted []backend.Device) any { return p.h.begin("PlatformJob", r, accepted)[d.Ref] })
	id, _ := got.(string)
	return id, oneDevice(err)
}

func (p platform) PlatformJob(_ context.Context, job backend.Job) (backend.JobStatus, error) {
	found, err := p.h.poll("PlatformJob", []backend.Job{job})
	return found[job.Device], oneDevice(err)
}
