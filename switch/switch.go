package nvswitch

import (
	"net"
	"slices"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Switch is one NVLink switch tray.
type Switch struct {
	lifecycle.Object
	// Endpoint is where its management controller and its NVOS are reached.
	Endpoint backend.Endpoint `json:"endpoint,omitzero"`

	// Expected says that the site expects a switch with this BMC MAC.
	Expected bool `json:"expected,omitempty"`
	// ExpectedMACs are the MACs of the NVOS interfaces that the site expects.
	ExpectedMACs []string `json:"nvos_macs,omitempty"`
	// SeenMACs are MACs that the host has seen on the network; see ReportSeen.
	SeenMACs []string `json:"seen_macs,omitempty"`
	// AssociatedMACs are the expected MACs that were seen when the switch left Initializing. They belong to this switch: no other one may have them.
	AssociatedMACs []string `json:"associated_macs,omitempty"`

	// ExpectedPart and FoundPart are part numbers: what the site expects, and what the host has found. Empty is unknown.
	ExpectedPart string `json:"expected_part,omitempty"`
	FoundPart    string `json:"found_part,omitempty"`

	// Slot is the physical slot in the rack, counted from 1, as the hardware reports it. Zero is unknown.
	Slot int `json:"slot,omitempty"`
	// Tray is the index among the switch trays as the hardware reports it. It means nothing unless TrayKnown is set, since zero is an index.
	Tray      int  `json:"tray,omitempty"`
	TrayKnown bool `json:"tray_known,omitempty"`
	// Power is the power state that was last observed, unknown after an operation that changes it.
	Power backend.PowerState `json:"power,omitempty"`

	// Primary says that the rack runs its fabric manager on this switch. The rack writes it.
	Primary bool `json:"primary,omitempty"`
	// FirmwareUpgrade, NVOSUpdate and Fabric are what a cycle of the rack last wrote about this switch. The rack writes them; the switch reads them
	// in ReProvisioning.
	FirmwareUpgrade *lifecycle.CycleStatus  `json:"firmware_upgrade_status,omitempty"`
	NVOSUpdate      *lifecycle.CycleStatus  `json:"nvos_update_status,omitempty"`
	Fabric          *lifecycle.FabricStatus `json:"fabric_manager_status,omitempty"`

	// Certificate is the certificate job that runs, nil if none does.
	Certificate *CertificateJob `json:"certificate,omitempty"`
	// Cause says why the switch is in Error. It is kept until the switch is Ready again.
	Cause string `json:"cause,omitempty"`
}

// CertificateJob is the job that installs a certificate.
type CertificateJob struct {
	// ID is the driver's name of the job.
	ID string `json:"id"`
	// StartedAt is when it was submitted.
	StartedAt time.Time `json:"started_at,omitzero"`
	// Clock is what the clock of the state showed then. The deadline counts from here, so that neither holds nor a late submission shorten it.
	Clock time.Duration `json:"clock,omitempty"`
}

// Discovered is what a host reports when it finds a switch, together with what the site expects of it.
type Discovered struct {
	// Endpoint is where the switch is reached.
	Endpoint backend.Endpoint
	// Expected says that the site expects a switch with this BMC MAC; the fields below are empty otherwise.
	Expected bool
	// NVOSMACs are the MACs of the NVOS interfaces that the site expects.
	NVOSMACs []string
	// ExpectedPart is the part number that the site expects, FoundPart the one that the host has read. Empty is unknown.
	ExpectedPart, FoundPart string
}

// NewSwitch makes the object of a switch that was discovered.
func NewSwitch(id, rack string, d Discovered) *Switch {
	s := &Switch{Object: lifecycle.NewObject(Ref(id), rack)}
	s.Report(d)
	return s
}

// Report takes over what a host reports of a switch that is known already. Reporting the same again changes nothing.
func (s *Switch) Report(d Discovered) {
	s.Endpoint, s.Expected = d.Endpoint, d.Expected
	s.ExpectedMACs = normalMACs(d.NVOSMACs)
	s.ExpectedPart, s.FoundPart = d.ExpectedPart, d.FoundPart
}

// ReportSeen notes that an interface with this MAC is on the network, and reports whether that is news. A MAC that is not expected of the switch is kept
// too: the expectation may come later.
func (s *Switch) ReportSeen(mac string) bool {
	mac = normalMAC(mac)
	if slices.ContainsFunc(s.SeenMACs, func(seen string) bool { return normalMAC(seen) == mac }) {
		return false
	}
	s.SeenMACs = append(s.SeenMACs, mac)
	return true
}

// Ref names the switch with that id.
func Ref(id string) backend.Ref { return backend.Ref{Kind: backend.KindSwitch, ID: id} }

// Device is the switch as the target of a hardware action.
func (s *Switch) Device() backend.Device {
	return backend.Device{Ref: s.Ref(), Rack: s.Rack(), Endpoint: s.Endpoint}
}

// Ready reports whether the switch is in service.
func (s *Switch) Ready() bool { return s.State() == string(Ready) }

// Failed reports whether the switch is in Error.
func (s *Switch) Failed() bool { return s.State() == string(Error) }

// InterfaceName is the further name under which the switch that an NVOS MAC belongs to is found, see lifecycle.Tx.Named.
func InterfaceName(mac string) string { return "nvos-mac:" + normalMAC(mac) }

// names lists the interfaces that belong to the switch. One that is marked deleted gives them free: its successor may come before it is gone.
func names(s *Switch) []string {
	if s.Deleted() {
		return nil
	}
	out := make([]string, len(s.AssociatedMACs))
	for i, mac := range s.AssociatedMACs {
		out[i] = InterfaceName(mac)
	}
	return out
}

func clone(s *Switch) *Switch {
	c := *s
	c.Object = s.Clone()
	c.ExpectedMACs = slices.Clone(s.ExpectedMACs)
	c.SeenMACs = slices.Clone(s.SeenMACs)
	c.AssociatedMACs = slices.Clone(s.AssociatedMACs)
	c.FirmwareUpgrade = copied(s.FirmwareUpgrade)
	c.NVOSUpdate = copied(s.NVOSUpdate)
	c.Fabric = copied(s.Fabric)
	c.Certificate = copied(s.Certificate)
	return &c
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

// normalMAC is the form in which MACs are compared: upper case with colons.
func normalMAC(mac string) string {
	if hw, err := net.ParseMAC(mac); err == nil {
		mac = hw.String()
	}
	return strings.ToUpper(mac)
}

func normalMACs(macs []string) []string {
	if len(macs) == 0 {
		return nil
	}
	out := make([]string, len(macs))
	for i, mac := range macs {
		out[i] = normalMAC(mac)
	}
	return out
}
