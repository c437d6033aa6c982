package backend

import "context"

// Placement is where a switch sits in the NVLink domain, as the hardware reports it.
type Placement struct {
	// Slot is the physical slot in the rack, counted from 1.
	Slot int
	// Tray is the index among the switch trays, counted from 0 or 1 as the vendor does. The lowest one is the primary switch.
	Tray int
}

// Inventory reads what devices are.
type Inventory interface {
	// Placement returns slot and tray index of each switch that answered.
	Placement(ctx context.Context, switches []Device) (map[Ref]Placement, error)
	// FirmwareInventory returns the version of each component of the device, by name of the component.
	FirmwareInventory(ctx context.Context, device Device) (map[string]string, error)
}

// FirmwareOrder is what a firmware batch shall install.
type FirmwareOrder struct {
	// Firmware is the id of the bundle.
	Firmware string
	// Components limits it to some, for example BMC, CPLD, BIOS. Empty means all.
	Components []string
	// Force installs versions that are already there too.
	Force bool
}

// Firmware updates the firmware of many devices as one batch.
type Firmware interface {
	// ApplyFirmware submits one job for each device and returns their ids.
	ApplyFirmware(ctx context.Context, key string, order FirmwareOrder, devices []Device) (map[Ref]string, error)
	// FirmwareJob polls jobs.
	FirmwareJob(ctx context.Context, jobs []Job) (Jobs, error)
}

// ImageFile is the name of the file that a switch image came from.
type ImageFile struct {
	// JobID is the id of the job.
	JobID string
	// File is the name of the image file, if the driver knows it.
	File string
}

// SwitchImage updates the operating system of switches as one batch.
type SwitchImage interface {
	// ApplySwitchImage submits one job for each switch.
	ApplySwitchImage(ctx context.Context, key string, image string, switches []Device) (map[Ref]ImageFile, error)
	// SwitchImageJob polls jobs.
	SwitchImageJob(ctx context.Context, jobs []Job) (Jobs, error)
}

// Certificates installs mTLS service certificates on switches.
type Certificates interface {
	// ConfigureCertificate submits the installation on one switch, for the given domain name, and returns the job's id.
	ConfigureCertificate(ctx context.Context, key string, device Device, domain string) (string, error)
	// CertificateJob polls a job.
	CertificateJob(ctx context.Context, job Job) (JobStatus, error)
}

// FabricState is whether a switch's fabric manager runs. The strings are stored and must not change.
type FabricState string

// The states of a fabric manager.
const (
	FabricOK      FabricState = "ok"
	FabricNotOK   FabricState = "not_ok"
	FabricUnknown FabricState = "unknown"
)

// FabricReport is what a switch says about its fabric manager.
type FabricReport struct {
	State FabricState
	// Reason says why the manager does not run here, for example "standby". It is no fault.
	Reason string
	// Error is a fault.
	Error string
}

// FabricOrder is how the fabric of a rack shall be configured.
type FabricOrder struct {
	// Topology is the rack's hardware topology, for example "gb200_nvl72r1_c2g4_topology".
	Topology string
	// Primary is the switch that runs the fabric manager.
	Primary Device
	// Switches are all switches in scope, the primary one too.
	Switches []Device
}

// Fabric configures the scale-up (NVLink) fabric.
type Fabric interface {
	// SetFabricState turns the fabric of every switch on or off, and returns when that is done.
	SetFabricState(ctx context.Context, key string, on bool, switches []Device) error
	// ConfigureFabricManager configures and starts the fabric manager of the primary switch.
	ConfigureFabricManager(ctx context.Context, key string, order FabricOrder) error
	// FabricStatus returns the report of each switch that has one.
	FabricStatus(ctx context.Context, switches []Device) (map[Ref]FabricReport, error)
}

// SwitchCheck looks for faults of a switch before it goes into service.
type SwitchCheck interface {
	// CheckSwitch returns nil when the switch is fit. An error that is ErrPermanent is a fault of the switch; others are retried.
	CheckSwitch(ctx context.Context, device Device) error
}

// RackTest is an external rack validation service. It reports through the labels rv.run-id, rv.part-id, rv.st and rv.fail-desc on the
// rack's machines.
type RackTest interface {
	// StartValidation starts one run over the machines of a rack.
	StartValidation(ctx context.Context, key string, rack string, machines []Device) error
}
