package backend

import "context"

// Driver makes hardware do things. What it can do is the set of its capabilities; a nil one is absent, and a state that needs it is
// passed with that note.
//
// Rules for every capability:
//
//   - It must be safe for concurrent use, and must return soon after its context is done.
//   - A call that changes something carries a key. Two calls with the same key are one action: the second returns what the first one
//     returned, whether or not the first answer arrived. A repeated batch may name fewer devices, where some
//     are gone meanwhile: it is answered for those that it names. Where it names more, nothing is begun twice: those that were begun are answered as before,
//     and the others may be left without a job, which counts as a failure of theirs. A new intention has a new key. After ErrNotDone the same key is tried again, and that error
//     says that nothing was done under this key, by this call or an earlier one.
//   - Long work is a job: the call submits and returns its id, a second method polls.
//   - A call for many devices reports for each. What failed is a multierror of *DeviceError (see DeviceErrors); a device that is neither in the
//     answer nor in the error counts as failed.
//   - An error says whether the action was surely not done, may have been done, or cannot be done (see NotDone, MaybeDone and
//     Permanent). "Not supported" and "no such device" are ErrNotSupported and ErrNoDevice.
//   - Secrets come from the CredentialStore that the driver was made with and appear in no error.
type Driver interface {
	// Capabilities returns what the driver can do. It must return the same at every call.
	Capabilities() Capabilities
}

// Capabilities is the set of what a driver can do. It is a Driver itself, so that a host composes one from several sources:
//
//	driver := backend.Capabilities{Power: redfish, Firmware: rackManager}
type Capabilities struct {
	Power        Power
	Reset        Reset
	Shelf        Shelf
	Inventory    Inventory
	Firmware     Firmware
	SwitchImage  SwitchImage
	Certificates Certificates
	Fabric       Fabric
	SwitchCheck  SwitchCheck
	Platform     Platform
	Agent        Agent
	SKU          SKU
	Validation   Validation
	RackTest     RackTest
	Upload       Upload
	Cleanup      Cleanup
	DPU          DPU
	EventLog     EventLog
	// Attestors are asked one after the other, in this order.
	Attestors []Attestor
}

// Capabilities returns c.
func (c Capabilities) Capabilities() Capabilities { return c }

// Device is the target of a hardware action.
type Device struct {
	// Ref names the object.
	Ref Ref
	// Rack is the id of its rack.
	Rack string
	// Endpoint is where it is reached.
	Endpoint Endpoint
}

// Endpoint is where a device is reached. Credentials are not in it: see CredentialStore.
type Endpoint struct {
	// BMCMAC is the MAC of the management controller, upper case with colons.
	BMCMAC string `json:"bmc_mac,omitempty"`
	// BMCAddress is the IP address or host name of the management controller.
	BMCAddress string `json:"bmc_address,omitempty"`
	// NVOSAddress is the IP address or host name of a switch's operating system.
	NVOSAddress string `json:"nvos_address,omitempty"`
	// Serial is the serial number of the chassis.
	Serial string `json:"serial,omitempty"`
	// Slot is where the device sits in the rack, as the site says. Zero is unknown.
	Slot int `json:"slot,omitempty"`
}

// Job names one piece of long work on one device.
type Job struct {
	// Device is what it works on, and Endpoint where that is reached, so that a driver needs no memory of its own to poll.
	Device   Ref
	Endpoint Endpoint
	// ID is what the submission returned.
	ID string
}

// JobState is where a job stands.
type JobState string

// The states of a job. A driver that cannot tell says JobUnknown, and the last known state stays.
const (
	JobUnknown   JobState = "unknown"
	JobPending   JobState = "pending"
	JobRunning   JobState = "running"
	JobCompleted JobState = "completed"
	JobFailed    JobState = "failed"
)

// Terminal reports whether the job has ended.
func (s JobState) Terminal() bool { return s == JobCompleted || s == JobFailed }

// JobStatus is what a poll found.
type JobStatus struct {
	State JobState
	// Cause says why a job failed.
	Cause string
}

// Jobs polls many jobs of one sort.
type Jobs = map[Ref]JobStatus

// PowerState is whether a device has power.
type PowerState string

// The power states. The strings are stored and must not change.
const (
	PowerUnknown PowerState = ""
	PowerOn      PowerState = "on"
	PowerOff     PowerState = "off"
)

// PowerAction is a change of power. The strings are stored and must not change.
type PowerAction string

// The power actions: PowerOff is forced, without asking the operating system; Reset is a forced restart.
const (
	ActionPowerOn  PowerAction = "PowerOn"
	ActionPowerOff PowerAction = "PowerOff"
	ActionReset    PowerAction = "Reset"
)

// Power switches devices on and off.
type Power interface {
	// SetPower begins the action on every device and does not wait until its state has changed.
	SetPower(ctx context.Context, key string, action PowerAction, devices []Device) error
	// PowerState returns the power state of each device that answered.
	PowerState(ctx context.Context, devices []Device) (map[Ref]PowerState, error)
}

// Reset restarts parts of a device.
type Reset interface {
	// ResetHost restarts the host.
	ResetHost(ctx context.Context, key string, device Device) error
	// ResetBMC restarts the management controller, which is away for a while then.
	ResetBMC(ctx context.Context, key string, device Device) error
}

// ShelfData is what a power shelf's controller (PMC) tells.
type ShelfData struct {
	Vendor, Model, Serial, Firmware string
	Power                           PowerState
}

// Shelf reads and sets up power shelves.
type Shelf interface {
	// FetchShelf reads the data of the shelf's controller.
	FetchShelf(ctx context.Context, device Device) (ShelfData, error)
	// ConfigureShelf sets the credentials and the monitoring of the shelf's controller.
	ConfigureShelf(ctx context.Context, key string, device Device) error
}
