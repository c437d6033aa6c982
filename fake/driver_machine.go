package fake

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// InspectPlatform looks whether a piece of platform configuration is there.
func (d driver) InspectPlatform(ctx context.Context, host backend.Device, kind backend.PlatformKind) (status backend.PlatformStatus, err error) {
	err = d.h.look(ctx, opInspectPlatform, string(kind), []backend.Device{host}, func(dev *device, _ time.Time, _ *armed) error {
		if _, err := dev.platformKind(kind); err != nil {
			return err
		}
		status = backend.PlatformStatus{Applied: dev.Applied.has(kind), Detail: "not there"}
		if status.Applied {
			status.Detail = "there"
		}
		return nil
	})
	return status, one(err)
}

// SubmitPlatform asks for a piece of platform configuration. IPMI over LAN, lockdown and the profile of DPUs need no job, secure erase and the installation of the DPUs'
// system run at once, all others are scheduled for the next restart of the host. One job runs at a time. A host without DPUs supports none of their kinds.
func (d driver) SubmitPlatform(ctx context.Context, key string, host backend.Device, kind backend.PlatformKind) (string, error) {
	return d.single(ctx, &order{Call: opSubmitPlatform, Key: key, What: string(kind), Targets: []backend.Device{host}})
}

// PlatformJob polls a platform job.
func (d driver) PlatformJob(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
	return d.job(ctx, opPlatformJob, job)
}

// Discover returns what the agent of a host last reported: Delays.Discovery after each boot.
func (d driver) Discover(ctx context.Context, host backend.Device) (report backend.AgentReport, err error) {
	err = d.h.look(ctx, opDiscover, "", []backend.Device{host}, func(dev *device, _ time.Time, _ *armed) error {
		report = backend.AgentReport{DiscoveredAt: dev.Discovered, RebootedAt: dev.Rebooted}
		switch {
		case dev.Discovered.IsZero():
		case dev.Traits.Parts != nil:
			report.Parts = maps.Clone(dev.Traits.Parts)
		default:
			report.Parts = defaultParts()
		}
		return nil
	})
	return report, one(err)
}

// MatchSKU compares parts with Config.SKUs. Of several SKUs that match, the first by name is returned.
func (d driver) MatchSKU(ctx context.Context, host backend.Device, assigned string, parts map[string]string) (match backend.SKUMatch, err error) {
	err = d.h.look(ctx, opMatchSKU, assigned, []backend.Device{host}, func(*device, time.Time, *armed) error {
		match = d.h.match(assigned, parts)
		return nil
	})
	return match, one(err)
}

func (h *Hardware) match(assigned string, parts map[string]string) backend.SKUMatch {
	if assigned != "" {
		want, defined := h.config.SKUs[assigned]
		if !defined {
			return backend.SKUMatch{SKU: assigned, Missing: true}
		}
		return backend.SKUMatch{SKU: assigned, Differences: differences(want, parts)}
	}
	for _, sku := range slices.Sorted(maps.Keys(h.config.SKUs)) {
		if maps.Equal(h.config.SKUs[sku], parts) {
			return backend.SKUMatch{SKU: sku}
		}
	}
	return backend.SKUMatch{}
}

// differences lists the slots whose part is not the wanted one, in the order of the slots.
func differences(want, have map[string]string) []string {
	var all []string
	for slot, part := range want {
		if have[slot] != part {
			all = append(all, fmt.Sprintf("%s: want %s, found %s", slot, part, or(have[slot], "nothing")))
		}
	}
	for slot, part := range have {
		if _, wanted := want[slot]; !wanted {
			all = append(all, fmt.Sprintf("%s: want nothing, found %s", slot, part))
		}
	}
	slices.Sort(all)
	return all
}

// ValidateMachine begins the tests of a machine, which run as soon as its host is up.
func (d driver) ValidateMachine(ctx context.Context, key string, host backend.Device) (string, error) {
	return d.single(ctx, &order{Call: opValidateMachine, Key: key, Targets: []backend.Device{host}})
}

// ValidationJob polls the tests of a machine.
func (d driver) ValidationJob(ctx context.Context, job backend.Job) (backend.JobStatus, error) {
	return d.job(ctx, opValidationJob, job)
}

// StartValidation begins a validation of a rack. Its labels come out of Hardware.Advance.
func (d driver) StartValidation(ctx context.Context, key, rack string, machines []backend.Device) error {
	target := backend.Device{Ref: backend.Ref{Kind: backend.KindRack, ID: rack}, Rack: rack}
	_, err := d.single(ctx, &order{Call: opStartValidation, Key: key, What: rack, Targets: []backend.Device{target}, Others: machines})
	return err
}
