package fake

import (
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Config says what the simulated site is like. The zero value is a site with realistic delays and without faults.
type Config struct {
	// Seed varies delays, probabilities and partitions. Equal seeds repeat a run.
	Seed uint64
	// Instant takes all delays away: jobs complete and hosts boot at the moment they are asked to. What waits for a restart of the host still does.
	Instant bool
	// Delays are how long things take. A zero field has its default.
	Delays Delays
	// Faults go wrong. Their time windows count from New, and from Open when the journal is begun.
	Faults []Fault
	// Strict knows only the devices that were added with Add. Otherwise a device is added when it is first named.
	Strict bool
	// Record keeps a log of all calls for Calls. The log grows without bound.
	Record bool
	// Remember bounds how many changing calls a device remembers with their keys and jobs. Zero is all of them; a long benchmark
	// sets a bound.
	Remember int
	// Credentials, when set, must hold the credential of every management controller and switch system that is called.
	Credentials backend.CredentialStore
	// Bundles are the versions that each firmware bundle installs, by bundle and component. A bundle or component that is not here installs
	// its own name as version.
	Bundles map[string]map[string]string
	// SKUs are the parts of each SKU that the catalogue defines. Nil defines "gb200", which is what hosts have that were not added otherwise.
	SKUs map[string]map[string]string
	// PartitionSize is how many machines a partition of a rack validation has. Zero is 4.
	PartitionSize int
	// ValidationTries is how often the rack validation runs a partition that fails. Zero is once.
	ValidationTries int
	// Attestation gives the driver its attestors, "measured-boot" and "device". Without it there is none.
	Attestation bool
	// Activations say by component what brings a version to life that was uploaded, unless the Traits of the device say so. What is not here has its default, see
	// Activation.
	Activations map[string]Activation
	// DPUFirmware are the versions that the operating system of the DPUs brings, by component. They run after the next loss of power. Nil brings none.
	DPUFirmware map[string]string
	// EventLog is how many entries the event log of a management controller has; newer ones take the place of the oldest. Zero is 32.
	EventLog int
}

// Range is a delay between two bounds, both included. The zero value stands for the default; Range{Max: 1} is as good as none.
type Range struct {
	Min, Max time.Duration
}

// Delays are how long things take. Each is drawn for the device and the key of the call.
type Delays struct {
	// Power is from a change of power to its effect. Default 3 to 7 s.
	Power Range
	// Boot is from power or restart until the host is up. Default 210 to 270 s.
	Boot Range
	// Discovery is from there until the agent has reported. Default 20 to 60 s.
	Discovery Range
	// BMCReset is how long a management controller is away after its reset. Default 80 to 100 s.
	BMCReset Range
	// Queue is how long a job is pending before it runs. Default 1 to 5 s.
	Queue Range
	// Firmware is how long a firmware job runs. Default 10 to 25 min.
	Firmware Range
	// SwitchImage is how long the installation of a switch image runs. Default 8 to 12 min.
	SwitchImage Range
	// Certificate is how long the installation of a certificate runs. Default 20 to 40 s.
	Certificate Range
	// Platform is how long a platform job runs. Default 60 to 180 s.
	Platform Range
	// MachineValidation is how long the tests of a machine run. Default 4 to 6 min.
	MachineValidation Range
	// FabricManager is from the configuration until the fabric manager runs. Default 30 to 90 s.
	FabricManager Range
	// RackTestStart is until a rack validation has labelled its machines, and again until a partition runs. Default 10 to 30 s.
	RackTestStart Range
	// RackTestRun is how long a partition runs. Default 10 to 30 min.
	RackTestRun Range
	// PowerLag is for how long a management controller shows the power as it was after it has changed. Default: not at all.
	PowerLag Range
	// Upload is how long an image takes to its management controller. Default 2 to 5 min. Its installation takes Queue and Firmware.
	Upload Range
	// Cleanup is how long the agent cleans up. Default 3 to 8 min.
	Cleanup Range
	// Attestation is from the measurement until its proof is there. Default 10 to 30 s.
	Attestation Range
	// DPUBoot is from power or restart until a DPU is up. Default 150 to 210 s.
	DPUBoot Range
	// DPUAgent is from there until its agent reports. Default 10 to 30 s; then it reports every 30 s.
	DPUAgent Range
	// DPUNetwork is until a DPU that is up has applied its network configuration. Default 10 to 30 s.
	DPUNetwork Range
	// DPUOSInstall is how long the installation of the DPUs' operating system runs. Default 5 to 8 min.
	DPUOSInstall Range
}

// withDefaults returns a copy in which every zero field has its default.
func (c Config) withDefaults() Config {
	d := &c.Delays
	for _, f := range []struct {
		field    *Range
		min, max time.Duration
	}{
		{&d.Power, 3 * time.Second, 7 * time.Second},
		{&d.Boot, 210 * time.Second, 270 * time.Second},
		{&d.Discovery, 20 * time.Second, 60 * time.Second},
		{&d.BMCReset, 80 * time.Second, 100 * time.Second},
		{&d.Queue, time.Second, 5 * time.Second},
		{&d.Firmware, 10 * time.Minute, 25 * time.Minute},
		{&d.SwitchImage, 8 * time.Minute, 12 * time.Minute},
		{&d.Certificate, 20 * time.Second, 40 * time.Second},
		{&d.Platform, 60 * time.Second, 180 * time.Second},
		{&d.MachineValidation, 4 * time.Minute, 6 * time.Minute},
		{&d.FabricManager, 30 * time.Second, 90 * time.Second},
		{&d.RackTestStart, 10 * time.Second, 30 * time.Second},
		{&d.RackTestRun, 10 * time.Minute, 30 * time.Minute},
		{&d.Upload, 2 * time.Minute, 5 * time.Minute},
		{&d.Cleanup, 3 * time.Minute, 8 * time.Minute},
		{&d.Attestation, 10 * time.Second, 30 * time.Second},
		{&d.DPUBoot, 150 * time.Second, 210 * time.Second},
		{&d.DPUAgent, 10 * time.Second, 30 * time.Second},
		{&d.DPUNetwork, 10 * time.Second, 30 * time.Second},
		{&d.DPUOSInstall, 5 * time.Minute, 8 * time.Minute},
	} {
		if *f.field == (Range{}) {
			*f.field = Range{Min: f.min, Max: f.max}
		}
	}
	if c.SKUs == nil {
		c.SKUs = map[string]map[string]string{"gb200": defaultParts()}
	}
	if c.PartitionSize <= 0 {
		c.PartitionSize = 4
	}
	if c.ValidationTries <= 0 {
		c.ValidationTries = 1
	}
	if c.EventLog <= 0 {
		c.EventLog = 32
	}
	return c
}

// defaultParts are the parts of a host that was not added with others.
func defaultParts() map[string]string {
	return map[string]string{"cpu0": "G-72C", "cpu1": "G-72C", "gpu0": "B-192", "gpu1": "B-192", "gpu2": "B-192", "gpu3": "B-192", "nic0": "N-400"}
}

// defaultFirmware are the versions that a device of the kind comes with.
func defaultFirmware(kind backend.Kind) map[string]string {
	if kind == backend.KindPowerShelf {
		return map[string]string{"PMC": "1.0.0", "PSU": "1.0.0"}
	}
	return map[string]string{"BIOS": "1.0.0", "BMC": "1.0.0", "CPLD": "1.0.0"}
}

// mix folds a text into a hash (FNV-1a, 64 bit).
func mix(h uint64, text string) uint64 {
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return (h ^ 0xff) * 1099511628211
}

// scatter makes every bit of the result depend on every bit of x (the finisher of splitmix64).
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

// draw picks a duration of whole microseconds from the range.
func (r Range) draw(random uint64) time.Duration {
	if r.Max <= r.Min {
		return max(r.Min, 0).Truncate(time.Microsecond)
	}
	span := uint64(r.Max-r.Min) + 1
	return max(r.Min+time.Duration(random%span), 0).Truncate(time.Microsecond)
}
