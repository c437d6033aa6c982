package powershelf

import (
	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// PowerShelf is one power shelf.
type PowerShelf struct {
	lifecycle.Object
	// Endpoint is where its controller is reached.
	Endpoint backend.Endpoint `json:"endpoint,omitzero"`
	// Vendor, Model, Serial and Firmware are what the controller tells.
	Vendor   string `json:"vendor,omitempty"`
	Model    string `json:"model,omitempty"`
	Serial   string `json:"serial,omitempty"`
	Firmware string `json:"firmware,omitempty"`
	// Power is the power state that was last observed.
	Power backend.PowerState `json:"power,omitempty"`
	// FirmwareUpgrade is what the rack's cycle last wrote about this shelf.
	FirmwareUpgrade *lifecycle.CycleStatus `json:"firmware_upgrade_status,omitempty"`
	// Driven says that the operation of the maintenance was handed to the hardware, whose new power state is awaited.
	Driven bool `json:"driven,omitempty"`
	// Cause says why the shelf is in Error.
	Cause string `json:"cause,omitempty"`
}

// NewPowerShelf makes the object of a shelf that was discovered.
func NewPowerShelf(id, rack string, endpoint backend.Endpoint) *PowerShelf {
	return &PowerShelf{Object: lifecycle.NewObject(Ref(id), rack), Endpoint: endpoint}
}

// Ref names the shelf with that id.
func Ref(id string) backend.Ref { return backend.Ref{Kind: backend.KindPowerShelf, ID: id} }

// Device is the shelf as the target of a hardware action.
func (p *PowerShelf) Device() backend.Device {
	return backend.Device{Ref: p.Ref(), Rack: p.Rack(), Endpoint: p.Endpoint}
}

// Ready reports whether the shelf is in service.
func (p *PowerShelf) Ready() bool { return p.State() == string(Ready) }

// Failed reports whether the shelf is in Error.
func (p *PowerShelf) Failed() bool { return p.State() == string(Error) }

func clone(p *PowerShelf) *PowerShelf {
	c := *p
	c.Object = p.Clone()
	if p.FirmwareUpgrade != nil {
		status := *p.FirmwareUpgrade
		c.FirmwareUpgrade = &status
	}
	return &c
}
