package machine

import (
	"maps"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Machine is one compute tray: a host, its management controller, and the DPUs in it.
type Machine struct {
	lifecycle.Object
	// Endpoint is where its management controller is reached.
	Endpoint backend.Endpoint `json:"endpoint,omitzero"`
	// DPUs is how many data processing units the host has.
	DPUs int `json:"dpus,omitempty"`
	// Power is the power state that was last observed by whoever looked, for example the power sequence of the rack.
	Power backend.PowerState `json:"power,omitempty"`
	// Firmware is the version of each component that was last read.
	Firmware map[string]string `json:"firmware,omitempty"`

	// SKU is the id of the SKU that is assigned, by a person or because it matched. SKUDifferences are what the host has otherwise.
	SKU            string   `json:"sku,omitempty"`
	SKUDifferences []string `json:"sku_differences,omitempty"`
	// VerifyOnly says that BomValidating was asked for in Ready and goes back there without validation.
	VerifyOnly bool `json:"verify_only,omitempty"`

	// DiscoveredAt and RebootedAt are the agent's reports that a state last waited for.
	DiscoveredAt time.Time `json:"discovered_at,omitzero"`
	RebootedAt   time.Time `json:"rebooted_at,omitzero"`
	// RestartedAt is the time from which a report of the agent counts: nothing older can come from the restart that was last asked for.
	RestartedAt time.Time `json:"restarted_at,omitzero"`
	// RestartDue says that the state asks for a restart of the host before it waits.
	RestartDue bool `json:"restart_due,omitempty"`
	// Restarts are those that were tried because the host did not come up, nil if there were none.
	Restarts *Restarts `json:"restarts,omitempty"`

	// Job is the platform job of the state, nil if there is none.
	Job *PlatformJob `json:"job,omitempty"`
	// PowerCycle is the change of power of the state, nil if there is none.
	PowerCycle *PowerCycle `json:"power_cycle,omitempty"`
	// ValidationJob is the driver's id of the test run.
	ValidationJob string `json:"validation_job,omitempty"`
	// Attestation is the proof that the host is asked for, nil if it is asked for none.
	Attestation *AttestationRun `json:"attestation,omitempty"`
	// CleanupJob is the driver's id of the clean-up after a tenant.
	CleanupJob string `json:"cleanup_job,omitempty"`
	// DPURun is what is under way on the DPUs, nil if nothing is.
	DPURun *DPURun `json:"dpu_run,omitempty"`
	// Upgrade is the component that is being installed, nil if none is.
	Upgrade *Upgrade `json:"upgrade,omitempty"`

	// Tenant is who has the machine. TenantApproved says that the tenant agrees to a reprovision; beginning with one consumes it.
	Tenant         string `json:"tenant,omitempty"`
	TenantApproved bool   `json:"tenant_approved,omitempty"`

	// Reprovision is what the running host reprovision needs to know, nil if none runs.
	Reprovision *Reprovision `json:"reprovision,omitempty"`
	// RetryCount counts the retries of a failed firmware upgrade.
	RetryCount int `json:"retry_count,omitempty"`
	// FirmwareUpgrade is what the rack's cycle last wrote about this machine.
	FirmwareUpgrade *lifecycle.CycleStatus `json:"firmware_upgrade_status,omitempty"`

	// Cause says why the machine is in Failed or Assigned/Failed.
	Cause Cause `json:"cause,omitempty"`
	// ReturnTo is the state to which it goes back: from Failed the one that repeats the failed step, from a reprovision where that was asked for.
	ReturnTo State `json:"return_to,omitempty"`
	// Failure is what is known of the last failure, nil since the machine was last Ready.
	Failure *Failure `json:"failure,omitempty"`
}

// Discovered is what is known of a machine when it is reported.
type Discovered struct {
	// Endpoint is where its management controller is reached.
	Endpoint backend.Endpoint
	// DPUs is how many data processing units the host has.
	DPUs int
	// SKU is the id of the SKU that the site expects. Empty: the one that matches.
	SKU string
	// Labels are key-value metadata.
	Labels map[string]string
}

// Ref names the machine with that id.
func Ref(id string) backend.Ref { return backend.Ref{Kind: backend.KindMachine, ID: id} }

// NewMachine makes the object of a machine that was reported, for lifecycle.Tx.Create.
func NewMachine(id, rack string, d Discovered) *Machine {
	m := &Machine{Object: lifecycle.NewObject(Ref(id), rack), Endpoint: d.Endpoint, DPUs: d.DPUs, SKU: d.SKU}
	m.Labels = maps.Clone(d.Labels)
	return m
}

// Device is the machine as the target of a hardware action.
func (m *Machine) Device() backend.Device {
	return backend.Device{Ref: m.Ref(), Rack: m.Rack(), Endpoint: m.Endpoint}
}

// Tenanted reports whether the machine has a tenant.
func (m *Machine) Tenanted() bool { return m.In(string(Assigned)) }

// Available reports whether the machine is in service, in the pool or with a tenant. One that failed, or is being reprovisioned while it has a tenant, is
// not.
func (m *Machine) Available() bool {
	switch s := State(m.State()); s {
	case Ready:
		return true
	case AssignedFailed:
		return false
	default:
		return m.In(string(Assigned)) && !m.In(string(AssignedHostReprovision))
	}
}

// Installing reports whether something is being installed on the machine, by itself, a person or a script: without power it may be lost.
func (m *Machine) Installing() bool {
	switch poolState(State(m.State())) {
	case HostReprovisionWaitingForRackFirmwareUpgrade, HostReprovisionNewFirmwareReportedWait, HostReprovisionFailedFirmwareUpgrade:
		return false
	case DpuInitInstallDpuOs, DpuReprovisionInstallDpuOs, WaitingForCleanupSecureErase:
		return true
	default:
		return m.In(string(HostReprovision)) || m.In(string(AssignedHostReprovision))
	}
}

// Failed reports whether the machine needs help: it is in Failed or in Assigned/Failed, or its firmware upgrade failed and the retries are
// spent. retryLimit is Config.FirmwareRetryLimit.
func (m *Machine) Failed(retryLimit int) bool {
	switch State(m.State()) {
	case Failed, AssignedFailed:
		return true
	case HostReprovisionFailedFirmwareUpgrade, AssignedFailedFirmwareUpgrade:
		return m.RetryCount >= retries(retryLimit)
	default:
		return false
	}
}

func clone(m *Machine) *Machine {
	c := *m
	c.Object = m.Clone()
	c.Firmware = maps.Clone(m.Firmware)
	c.SKUDifferences = slices.Clone(m.SKUDifferences)
	c.Restarts = copied(m.Restarts)
	c.Job = copied(m.Job)
	c.PowerCycle = copied(m.PowerCycle)
	c.Attestation = copied(m.Attestation)
	c.DPURun = copied(m.DPURun)
	c.Upgrade = copied(m.Upgrade)
	c.Reprovision = copied(m.Reprovision)
	if c.Reprovision != nil {
		c.Reprovision.Report = copied(m.Reprovision.Report)
	}
	c.FirmwareUpgrade = copied(m.FirmwareUpgrade)
	c.Failure = copied(m.Failure)
	return &c
}

// copied returns a pointer to a copy, nil for nil.
func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
