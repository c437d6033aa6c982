package fake

import (
	"context"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// driver is the backend.Driver of a site. It has every capability.
type driver struct{ h *Hardware }

// Driver returns a driver that has every capability, and the attestors when Config.Attestation is set. To take some away, set fields of Capabilities to nil.
func (h *Hardware) Driver() backend.Driver { return h.Capabilities() }

// Capabilities returns all capabilities of the site's driver.
func (h *Hardware) Capabilities() backend.Capabilities {
	d := driver{h}
	c := backend.Capabilities{
		Power: d, Reset: d, Shelf: d, Inventory: d, Firmware: d, SwitchImage: d, Certificates: d, Fabric: d, SwitchCheck: d, Platform: d,
		Agent: d, SKU: d, Validation: d, RackTest: d, Upload: d, Cleanup: d, DPU: d, EventLog: d,
	}
	if h.config.Attestation {
		c.Attestors = []backend.Attestor{attestor{h, MeasuredBoot}, attestor{h, DeviceAttestation}}
	}
	return c
}

// batch carries out a changing call for many devices.
func (d driver) batch(ctx context.Context, o *order, begun func(i int, id string)) error {
	replies, err := d.h.change(ctx, o, make([]reply, 0, len(o.Targets)))
	if err != nil {
		return err
	}
	if begun != nil {
		for i := range replies {
			if r := &replies[i]; r.err == nil && !r.omitted {
				begun(i, r.id)
			}
		}
	}
	return joined(o.Targets, replies)
}

// single carries out a changing call for one device and returns the id of its job.
func (d driver) single(ctx context.Context, o *order) (string, error) {
	var buffer [1]reply
	replies, err := d.h.change(ctx, o, buffer[:0])
	if err != nil {
		return "", err
	}
	return replies[0].id, single(o, replies[0])
}

// SetPower begins a change of power, which shows after Delays.Power.
func (d driver) SetPower(ctx context.Context, key string, action backend.PowerAction, devices []backend.Device) error {
	return d.batch(ctx, &order{Call: opSetPower, Key: key, What: string(action), Targets: devices}, nil)
}

// PowerState returns the power as the management controllers show it: Delays.PowerLag behind, or as a fault lies about it.
func (d driver) PowerState(ctx context.Context, devices []backend.Device) (map[backend.Ref]backend.PowerState, error) {
	answer := make(map[backend.Ref]backend.PowerState, len(devices))
	err := d.h.look(ctx, opPowerState, "", devices, func(dev *device, now time.Time, f *armed) error {
		power := dev.powerShown(now)
		switch {
		case f == nil:
		case f.Fault.as != "":
			power = backend.PowerState(f.Fault.as)
		case power == backend.PowerOn:
			power = backend.PowerOff
		default:
			power = backend.PowerOn
		}
		answer[dev.Device.Ref] = power
		return nil
	})
	return answer, err
}

// ResetHost restarts the host. One that has no power is switched on.
func (d driver) ResetHost(ctx context.Context, key string, device backend.Device) error {
	_, err := d.single(ctx, &order{Call: opResetHost, Key: key, Targets: []backend.Device{device}})
	return err
}

// ResetBMC takes the management controller away for Delays.BMCReset.
func (d driver) ResetBMC(ctx context.Context, key string, device backend.Device) error {
	_, err := d.single(ctx, &order{Call: opResetBMC, Key: key, Targets: []backend.Device{device}})
	return err
}

// FetchShelf reads the data of a shelf.
func (d driver) FetchShelf(ctx context.Context, shelf backend.Device) (data backend.ShelfData, err error) {
	err = d.h.look(ctx, opFetchShelf, "", []backend.Device{shelf}, func(dev *device, _ time.Time, _ *armed) error {
		data = backend.ShelfData{
			Vendor: or(dev.Traits.Vendor, "Simulated Power"), Model: or(dev.Traits.Model, "PS-33"),
			Serial: or(dev.Traits.Serial, or(dev.Device.Endpoint.Serial, "PS-"+dev.Device.Ref.ID)), Firmware: dev.versions()["PMC"], Power: dev.powerState(),
		}
		return nil
	})
	return data, one(err)
}

// or returns the first text, or the second when that is empty.
func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// ConfigureShelf configures the controller of a shelf, at once.
func (d driver) ConfigureShelf(ctx context.Context, key string, shelf backend.Device) error {
	_, err := d.single(ctx, &order{Call: opConfigureShelf, Key: key, Targets: []backend.Device{shelf}})
	return err
}
