package rack

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/go-multierror"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// Discovery is a device that the host application found.
type Discovery struct {
	// Kind and ID name the device.
	Kind backend.Kind
	ID   string
	// Rack is the id of the rack that it is in.
	Rack string
	// Endpoint is where it is reached.
	Endpoint backend.Endpoint
	// SeenMACs are MACs of interfaces of a switch that were seen on the network.
	SeenMACs []string
	// FoundPart is the part number that was read from a switch.
	FoundPart string
	// DPUs is how many data processing units a machine has.
	DPUs int
	// Initiator says who reports it. Default: "discovery".
	Initiator string
}

func (d Discovery) ref() backend.Ref { return backend.Ref{Kind: d.Kind, ID: d.ID} }

func (d Discovery) initiator() string {
	if d.Initiator == "" {
		return "discovery"
	}
	return d.Initiator
}

// DiscoveryError is a device that was not taken. It wraps ErrUnexpectedRack when nobody expects its rack, ErrMalformed when what is reported makes no sense.
type DiscoveryError struct {
	// Device and Rack name the two.
	Device backend.Ref
	Rack   string
	// Err says why.
	Err error
}

// Error names the device and its rack.
func (e *DiscoveryError) Error() string {
	return fmt.Sprintf("device %s in rack %q: %s", e.Device, e.Rack, e.Err)
}

// Unwrap returns the reason.
func (e *DiscoveryError) Unwrap() error { return e.Err }

// Discover takes devices that the host application found. The first device of an expected rack creates the rack. A device that is known already has its
// endpoint brought up to date, so reporting again is harmless. The devices of one rack are one commit. Devices that cannot be taken are reported together, as *DiscoveryError in a
// *multierror.Error, and do not keep the others out.
func (m *Manager) Discover(ctx context.Context, found ...Discovery) error {
	var problems *multierror.Error
	var racks []string
	byRack := map[string][]Discovery{}
	for _, d := range found {
		if err := m.check(d); err != nil {
			problems = multierror.Append(problems, &DiscoveryError{Device: d.ref(), Rack: d.Rack, Err: err})
			continue
		}
		if byRack[d.Rack] == nil {
			racks = append(racks, d.Rack)
		}
		byRack[d.Rack] = append(byRack[d.Rack], d)
	}
	for _, rack := range racks {
		for _, d := range byRack[rack] {
			if err := m.keepCredentials(ctx, d); err != nil {
				return errors.Join(problems.ErrorOrNil(), fmt.Errorf("credentials of %s: %w", d.ref(), err))
			}
		}
		var refused []error
		err := m.ctl.Apply(ctx, func(tx *lifecycle.Tx) (err error) {
			refused, err = m.takeAll(tx, rack, byRack[rack])
			return err
		})
		if err != nil {
			return errors.Join(problems.ErrorOrNil(), fmt.Errorf("discover in rack %s: %w", rack, err))
		}
		problems = multierror.Append(problems, refused...)
	}
	return problems.ErrorOrNil()
}

func (m *Manager) check(d Discovery) error {
	switch d.Kind {
	case backend.KindMachine, backend.KindSwitch, backend.KindPowerShelf:
	default:
		return fmt.Errorf("%w: kind %q is no device of a rack; use machine, switch or power_shelf", ErrMalformed, d.Kind)
	}
	if err := backend.CheckID(d.ID); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if _, ok := m.site.Rack(d.Rack); !ok {
		return fmt.Errorf("%w", ErrUnexpectedRack)
	}
	return nil
}

// keepCredentials stores what the site knows, so that no later step has to wait for it.
func (m *Manager) keepCredentials(ctx context.Context, d Discovery) error {
	if m.credentials == nil {
		return nil
	}
	expected, ok := m.expected(d)
	if !ok {
		return nil
	}
	var err error
	if !expected.BMC.Password.IsZero() {
		err = m.putOnce(ctx, backend.BMCCredential(d.ref()), expected.BMC)
	}
	if sw, ok := m.site.SwitchByBMC(expected.BMCMAC); err == nil && ok && d.Kind == backend.KindSwitch && !sw.NVOS.Password.IsZero() {
		err = m.putOnce(ctx, backend.NVOSCredential(d.ref()), sw.NVOS)
	}
	return err
}

// putOnce stores a credential unless there is one: the one there may have been rotated.
func (m *Manager) putOnce(ctx context.Context, name string, c backend.Credential) error {
	_, err := m.credentials.Credential(ctx, name)
	if errors.Is(err, backend.ErrNotFound) {
		return m.credentials.PutCredential(ctx, name, c)
	}
	return err
}

// expected finds what the site says about a device: by the MAC of its management controller, else by its name.
func (m *Manager) expected(d Discovery) (SiteDevice, bool) {
	if dev, ok := m.site.DeviceByBMC(d.Kind, d.Endpoint.BMCMAC); ok {
		return dev, true
	}
	if d.Endpoint.BMCMAC != "" {
		return SiteDevice{}, false
	}
	return m.site.Device(d.ref())
}

func (m *Manager) takeAll(tx *lifecycle.Tx, rack string, found []Discovery) (refused []error, err error) {
	for _, d := range found {
		if in, _, known := whereIs(tx, d.ref()); known && in != rack {
			refused = append(refused, &DiscoveryError{Device: d.ref(), Rack: rack, Err: fmt.Errorf("%w: it is known in rack %s", ErrUnexpectedRack, in)})
			continue
		}
		if _, ok := lifecycle.Look[Rack](tx, Ref(rack)); !ok {
			expected, _ := m.site.Rack(rack)
			if err := tx.Create(NewRack(expected), d.initiator(), "first device "+d.ref().String()); err != nil {
				return refused, err
			}
		}
		if err := m.take(tx, d); err != nil {
			return refused, err
		}
	}
	return refused, nil
}

// take creates the object of a device, or brings a known one up to date.
func (m *Manager) take(tx *lifecycle.Tx, d Discovery) error {
	if _, _, known := whereIs(tx, d.ref()); known {
		return m.refresh(tx, d)
	}
	labels := map[string]string(nil)
	if expected, ok := m.expected(d); ok {
		labels = expected.Labels
	}
	var e lifecycle.Entity
	switch d.Kind {
	case backend.KindMachine:
		e = machine.NewMachine(d.ID, d.Rack, machine.Discovered{Endpoint: d.Endpoint, DPUs: d.DPUs})
	case backend.KindSwitch:
		s := nvswitch.NewSwitch(d.ID, d.Rack, m.discoveredSwitch(d))
		for _, mac := range d.SeenMACs {
			s.ReportSeen(mac)
		}
		e = s
	default:
		e = powershelf.NewPowerShelf(d.ID, d.Rack, d.Endpoint)
	}
	if len(labels) > 0 {
		base := e.Base()
		base.Labels = make(map[string]string, len(labels))
		for k, v := range labels {
			base.Labels[k] = v
		}
	}
	return tx.Create(e, d.initiator(), "")
}

func (m *Manager) discoveredSwitch(d Discovery) nvswitch.Discovered {
	out := nvswitch.Discovered{Endpoint: d.Endpoint, FoundPart: d.FoundPart}
	if sw, ok := m.site.SwitchByBMC(d.Endpoint.BMCMAC); ok {
		out.Expected, out.NVOSMACs = true, slices.Clone(sw.NVOSMACs)
	}
	return out
}

// refresh brings the endpoint of a known device up to date.
func (m *Manager) refresh(tx *lifecycle.Tx, d Discovery) error {
	switch d.Kind {
	case backend.KindMachine:
		e, err := lifecycle.Edit[machine.Machine](tx, d.ref())
		if err != nil {
			return err
		}
		e.Endpoint = d.Endpoint
	case backend.KindSwitch:
		e, err := lifecycle.Edit[nvswitch.Switch](tx, d.ref())
		if err != nil {
			return err
		}
		e.Report(m.discoveredSwitch(d))
		for _, mac := range d.SeenMACs {
			e.ReportSeen(mac)
		}
	default:
		e, err := lifecycle.Edit[powershelf.PowerShelf](tx, d.ref())
		if err != nil {
			return err
		}
		e.Endpoint = d.Endpoint
	}
	return nil
}
