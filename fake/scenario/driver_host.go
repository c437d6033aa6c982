package scenario

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// cleanupPoll is the call that polls the clean-ups of hosts.
const cleanupPoll = "CleanupJob"

// StartCleanup begins a clean-up, which erases everything at once.
func (h *hardware) StartCleanup(_ context.Context, key string, d backend.Device, steps []backend.CleanupStep) (string, error) {
	got, err := h.act("StartCleanup", key, d.Rack, []backend.Device{d}, func(reply, []backend.Device) any {
		h.cleanups[d.Ref] = slices.Clone(steps)
		return jobID(cleanupPoll, d.Ref)
	})
	id, _ := got.(string)
	return id, oneDevice(err)
}

// Words of the report of a clean-up.
const (
	stepDone    = "done"
	stepMissing = "missing"
)

// CleanupJob finds a clean-up completed with a result of every step, unless the script reports otherwise.
func (h *hardware) CleanupJob(_ context.Context, job backend.Job) (backend.CleanupStatus, error) {
	d := backend.Device{Ref: job.Device, Rack: h.racks[job.Device]}
	found, err := read(h, cleanupPoll, []backend.Device{d}, func(d backend.Device, report *Datum) (backend.CleanupStatus, bool) {
		var words map[string]string
		if report != nil {
			words = report.Map
		}
		status := backend.CleanupStatus{JobStatus: backend.JobStatus{State: backend.JobCompleted, Cause: words["cause"]}, Results: map[backend.CleanupStep]backend.CleanupResult{}}
		if state := words["state"]; state != "" {
			status.State = backend.JobState(state)
		}
		for _, step := range h.cleanups[d.Ref] {
			switch word := words[string(step)]; {
			case word == stepMissing || word == "" && status.State != backend.JobCompleted:
			case word == stepDone || word == "":
				status.Results[step] = backend.CleanupResult{Done: true}
			default:
				status.Results[step] = backend.CleanupResult{Detail: word}
			}
		}
		return status, true
	})
	if _, known := found[job.Device]; err == nil && !known {
		return backend.CleanupStatus{}, backend.ErrNoJob
	}
	return found[job.Device], oneDevice(err)
}

// Events returns what the scripted hardware was made to do since.
func (h *hardware) Events(_ context.Context, d backend.Device, since time.Time) ([]backend.Event, error) {
	found, err := read(h, "Events", []backend.Device{d}, func(d backend.Device, _ *Datum) ([]backend.Event, bool) {
		var out []backend.Event
		for _, e := range h.events[d.Ref] {
			if !e.At.Before(since) {
				out = append(out, e)
			}
		}
		return out, true
	})
	return found[d.Ref], oneDevice(err)
}

// happened writes into the event logs of devices.
func (h *hardware) happened(kind backend.EventKind, devices ...backend.Device) {
	for _, d := range devices {
		h.events[d.Ref] = append(h.events[d.Ref], backend.Event{ID: strconv.Itoa(len(h.events[d.Ref]) + 1), At: h.now(), Kind: kind})
	}
}

// attestor is one of the attestors that a scenario names in its settings.
type attestor struct {
	h    *hardware
	name string
}

// Name returns the name.
func (a attestor) Name() string { return a.name }

// Attest asks for a proof, which is there at once.
func (a attestor) Attest(_ context.Context, key string, d backend.Device) (string, error) {
	got, err := a.h.act("Attest", key, d.Rack, []backend.Device{d}, func(reply, []backend.Device) any { return a.name + "-" + d.Ref.ID })
	id, _ := got.(string)
	return id, oneDevice(err)
}

// Attestation finds the proof good, unless the script reports otherwise of this attestor or of all.
func (a attestor) Attestation(_ context.Context, job backend.Job) (backend.AttestationStatus, error) {
	d := backend.Device{Ref: job.Device, Rack: a.h.racks[job.Device]}
	found, err := read(a.h, "Attestation", []backend.Device{d}, func(_ backend.Device, report *Datum) (backend.AttestationStatus, bool) {
		status := backend.AttestationStatus{State: backend.AttestationPassed, MeasuredAt: a.h.now(), Measured: 1}
		if report == nil || report.Map["attestor"] != "" && report.Map["attestor"] != a.name {
			return status, true
		}
		if state := report.Map["state"]; state != "" {
			status.State = backend.AttestationState(state)
		}
		if at, err := time.ParseDuration(report.Map["measured_at"]); err == nil {
			status.MeasuredAt = moment(Duration(at))
		}
		if n, err := strconv.Atoi(report.Map["measured"]); err == nil {
			status.Measured = n
		}
		status.Cause = report.Map["cause"]
		return status, true
	})
	if _, known := found[job.Device]; err == nil && !known {
		return backend.AttestationStatus{}, backend.ErrNoJob
	}
	return found[job.Device], oneDevice(err)
}

// Words of the report of a data processing unit. Any other text is its problem.
const (
	unitOK      = "ok"
	unitDown    = "down"
	unitSilent  = "silent"
	unitMissing = "missing"
	unitOld     = "old firmware"
	unitDeaf    = "no network"
)

// DPUs reports every unit of a host as up, with its network and the wanted firmware, unless the script says otherwise of one.
func (h *hardware) DPUs(_ context.Context, host backend.Device) ([]backend.DPUReport, error) {
	found, err := read(h, "DPUs", []backend.Device{host}, func(d backend.Device, report *Datum) ([]backend.DPUReport, bool) {
		var out []backend.DPUReport
		for i := range h.units[d.Ref] {
			u := backend.DPUReport{ID: fmt.Sprintf("dpu%d", i), UpAt: h.unitsUp(d.Ref), SeenAt: h.now(), Network: h.networks[d.Ref], Firmware: h.unitFirmware}
			if report != nil && !unitIs(&u, report.Map[u.ID]) {
				continue
			}
			out = append(out, u)
		}
		return out, true
	})
	return found[host.Ref], oneDevice(err)
}

// unitIs makes a unit as the script says, and reports whether it is there.
func unitIs(u *backend.DPUReport, word string) bool {
	switch word {
	case "", unitOK:
	case unitDown:
		u.UpAt, u.SeenAt = time.Time{}, time.Time{}
	case unitSilent:
		u.SeenAt = time.Time{}
	case unitOld:
		u.Firmware = nil
	case unitDeaf:
		u.Network = ""
	case unitMissing:
		return false
	default:
		u.Problem = word
	}
	return true
}

// unitsUp is when the units of a host came up last: before the scenario began, unless they were restarted or lost their power since.
func (h *hardware) unitsUp(host backend.Ref) time.Time {
	if at, restarted := h.bootedAt[host]; restarted {
		return at
	}
	return Start().Add(-time.Hour)
}

func (h *hardware) RestartDPUs(_ context.Context, key string, host backend.Device) error {
	_, err := h.act("RestartDPUs", key, host.Rack, []backend.Device{host}, func(reply, []backend.Device) any {
		h.bootedAt[host.Ref] = h.now()
		return nil
	})
	return oneDevice(err)
}

func (h *hardware) ConfigureDPUNetwork(_ context.Context, key string, host backend.Device, network string) error {
	_, err := h.act("ConfigureDPUNetwork", key, host.Rack, []backend.Device{host}, func(reply, []backend.Device) any {
		h.networks[host.Ref] = network
		return nil
	})
	return oneDevice(err)
}
