package rack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rackstate/rackstate/backend"
)

// answer is how the hardware answers one call. The zero answer is that all is well: jobs complete at once, power is as asked, the primary runs its fabric
// manager.
type answer struct {
	err    error                           // of the call as a whole: nothing was done
	lost   error                           // it is done, and the caller is told this
	failed map[string]error                // of single devices
	none   []string                        // devices for which a batch returns no job
	jobs   map[string]backend.JobStatus    // what a poll finds; devices that are not in it are not in the answer
	trays  map[string]int                  // likewise for Placement
	fabric map[string]backend.FabricReport // likewise for FabricStatus
	power  map[string]backend.PowerState   // likewise for PowerState
}

// hardware notes every call and answers as it was told. Calls that only look are noted apart.
type hardware struct {
	did, looked []string
	answers     map[string][]answer
	keys        map[string]map[string]bool // by call: the keys that began work
	trays       map[string]int
	power       map[backend.Ref]backend.PowerState
	stuck       map[string]bool // devices whose power does not change
	primary     backend.Ref
	order       backend.FirmwareOrder
	image       string
	fabric      backend.FabricOrder
}

func newHardware() *hardware {
	return &hardware{answers: map[string][]answer{}, keys: map[string]map[string]bool{}, trays: map[string]int{}, power: map[backend.Ref]backend.PowerState{}, stuck: map[string]bool{}}
}

// caps is all that a rack uses, but for starting a validation run.
func (h *hardware) caps() backend.Capabilities {
	return backend.Capabilities{Power: h, Inventory: h, Firmware: h, SwitchImage: h, Certificates: h, Fabric: h}
}

// script says how a call answers, in order; the last answer repeats.
func (h *hardware) script(call string, answers ...answer) { h.answers[call] = answers }

func (h *hardware) next(call string) answer {
	list := h.answers[call]
	if len(list) == 0 {
		return answer{}
	}
	if len(list) > 1 {
		h.answers[call] = list[1:]
	}
	return list[0]
}

// began notes a call that changes something.
func (h *hardware) began(call, key string, devices ...backend.Device) answer {
	h.did = append(h.did, strings.TrimSpace(call+" "+strings.Join(ids(devices), " ")))
	a := h.next(call)
	if a.err == nil {
		if h.keys[call] == nil {
			h.keys[call] = map[string]bool{}
		}
		h.keys[call][key] = true
	}
	return a
}

func (h *hardware) look(call string) answer {
	h.looked = append(h.looked, call)
	return h.next(call)
}

// begun is how often work of that sort was begun: calls with one key are one.
func (h *hardware) begun(call string) int { return len(h.keys[call]) }

// calls lists the calls of that sort that change something, in order.
func (h *hardware) calls(call string) []string {
	var out []string
	for _, c := range h.did {
		if c == call || strings.HasPrefix(c, call+" ") {
			out = append(out, c)
		}
	}
	return out
}

// verdict is the error of a call: of all, of some devices, or of an answer that got lost.
func (a answer) verdict(devices []backend.Device) error {
	if a.err != nil {
		return a.err
	}
	if a.lost != nil {
		return a.lost
	}
	failed := map[backend.Ref]error{}
	for _, d := range devices {
		failed[d.Ref] = a.failed[d.Ref.ID]
	}
	return backend.DeviceErrors(failed)
}

// jobsFor are the ids of the jobs of a batch.
func (a answer) jobsFor(call string, devices []backend.Device) map[backend.Ref]string {
	if a.err != nil || a.lost != nil {
		return nil
	}
	out := map[backend.Ref]string{}
	for _, d := range devices {
		if a.failed[d.Ref.ID] == nil && !slices.Contains(a.none, d.Ref.ID) {
			out[d.Ref] = call + "-" + d.Ref.ID
		}
	}
	return out
}

func (h *hardware) poll(call string, jobs []backend.Job) (backend.Jobs, error) {
	a := h.look(call)
	if a.err != nil {
		return nil, a.err
	}
	out := backend.Jobs{}
	failed := map[backend.Ref]error{}
	for _, j := range jobs {
		failed[j.Device] = a.failed[j.Device.ID]
		if status, ok := a.jobs[j.Device.ID]; ok {
			out[j.Device] = status
		} else if a.jobs == nil && failed[j.Device] == nil {
			out[j.Device] = backend.JobStatus{State: backend.JobCompleted}
		}
	}
	return out, backend.DeviceErrors(failed)
}

func (h *hardware) ApplyFirmware(_ context.Context, key string, order backend.FirmwareOrder, devices []backend.Device) (map[backend.Ref]string, error) {
	h.order = order
	a := h.began("ApplyFirmware", key, devices...)
	return a.jobsFor("fw", devices), a.verdict(devices)
}

func (h *hardware) FirmwareJob(_ context.Context, jobs []backend.Job) (backend.Jobs, error) {
	return h.poll("FirmwareJob", jobs)
}

func (h *hardware) ApplySwitchImage(_ context.Context, key, image string, switches []backend.Device) (map[backend.Ref]backend.ImageFile, error) {
	h.image = image
	a := h.began("ApplySwitchImage", key, switches...)
	out := map[backend.Ref]backend.ImageFile{}
	for ref, id := range a.jobsFor("os", switches) {
		out[ref] = backend.ImageFile{JobID: id, File: image + ".bin"}
	}
	return out, a.verdict(switches)
}

func (h *hardware) SwitchImageJob(_ context.Context, jobs []backend.Job) (backend.Jobs, error) {
	return h.poll("SwitchImageJob", jobs)
}

func (h *hardware) ConfigureCertificate(_ context.Context, key string, d backend.Device, domain string) (string, error) {
	a := h.began("ConfigureCertificate", key, d)
	if err := a.verdict([]backend.Device{d}); err != nil {
		return "", err
	}
	return "cert-" + d.Ref.ID + "-" + domain, nil
}

func (h *hardware) CertificateJob(_ context.Context, job backend.Job) (backend.JobStatus, error) {
	found, err := h.poll("CertificateJob", []backend.Job{job})
	return found[job.Device], err
}

func (h *hardware) SetFabricState(_ context.Context, key string, on bool, switches []backend.Device) error {
	if on {
		return errors.New("the tests never turn a fabric on")
	}
	return h.began("SetFabricState", key, switches...).verdict(switches)
}

func (h *hardware) ConfigureFabricManager(_ context.Context, key string, order backend.FabricOrder) error {
	h.fabric = order
	a := h.began("ConfigureFabricManager", key, order.Primary)
	if a.err == nil {
		h.primary = order.Primary.Ref
	}
	return a.verdict([]backend.Device{order.Primary})
}

func (h *hardware) FabricStatus(_ context.Context, switches []backend.Device) (map[backend.Ref]backend.FabricReport, error) {
	a := h.look("FabricStatus")
	out := map[backend.Ref]backend.FabricReport{}
	for _, d := range switches {
		report, ok := a.fabric[d.Ref.ID]
		switch {
		case ok:
			out[d.Ref] = report
		case a.fabric != nil || a.err != nil:
		case d.Ref == h.primary:
			out[d.Ref] = backend.FabricReport{State: backend.FabricOK}
		default:
			out[d.Ref] = backend.FabricReport{State: backend.FabricNotOK, Reason: "standby"}
		}
	}
	return out, a.err
}

func (h *hardware) Placement(_ context.Context, switches []backend.Device) (map[backend.Ref]backend.Placement, error) {
	a := h.look("Placement")
	if a.err != nil {
		return nil, a.err
	}
	out := map[backend.Ref]backend.Placement{}
	for id, tray := range a.trays {
		out[backend.Ref{Kind: backend.KindSwitch, ID: id}] = backend.Placement{Slot: 10 + tray, Tray: tray}
	}
	for _, d := range switches {
		if a.trays == nil {
			out[d.Ref] = backend.Placement{Slot: 10 + h.trays[d.Ref.ID], Tray: h.trays[d.Ref.ID]}
		}
	}
	return out, nil
}

func (h *hardware) FirmwareInventory(context.Context, backend.Device) (map[string]string, error) {
	return nil, backend.ErrNotSupported
}

func (h *hardware) SetPower(_ context.Context, key string, action backend.PowerAction, devices []backend.Device) error {
	a := h.began("SetPower "+strings.ToLower(strings.TrimPrefix(string(action), "Power")), key, devices...)
	if a.err != nil {
		return a.err
	}
	for _, d := range devices {
		switch {
		case a.failed[d.Ref.ID] != nil || h.stuck[d.Ref.ID]:
		case action == backend.ActionPowerOff:
			h.power[d.Ref] = backend.PowerOff
		default:
			h.power[d.Ref] = backend.PowerOn
		}
	}
	return a.verdict(devices)
}

func (h *hardware) PowerState(_ context.Context, devices []backend.Device) (map[backend.Ref]backend.PowerState, error) {
	a := h.look("PowerState")
	if a.err != nil {
		return nil, a.err
	}
	out := map[backend.Ref]backend.PowerState{}
	for _, d := range devices {
		switch state, ok := a.power[d.Ref.ID]; {
		case ok:
			out[d.Ref] = state
		case a.power != nil:
		case h.power[d.Ref] == backend.PowerUnknown:
			out[d.Ref] = backend.PowerOn
		default:
			out[d.Ref] = h.power[d.Ref]
		}
	}
	return out, nil
}

func (h *hardware) StartValidation(_ context.Context, key, _ string, machines []backend.Device) error {
	return h.began("StartValidation", key, machines...).verdict(machines)
}

func notDone(text string) error   { return backend.NotDone(errors.New(text)) }
func maybeDone(text string) error { return backend.MaybeDone(errors.New(text)) }
func permanent(text string) error { return backend.Permanent(errors.New(text), "") }

// found makes what a poll finds: "m1 running", "m2 failed bad image".
func found(list ...string) map[string]backend.JobStatus {
	out := map[string]backend.JobStatus{}
	for _, text := range list {
		var status backend.JobStatus
		words := strings.SplitN(text, " ", 3)
		status.State = backend.JobState(words[1])
		if len(words) > 2 {
			status.Cause = words[2]
		}
		out[words[0]] = status
	}
	return out
}

// job is a job as r1 has last seen it: "m1 running".
func job(texts ...string) []DeviceJob {
	var out []DeviceJob
	for _, text := range texts {
		id, state, _ := strings.Cut(text, " ")
		ref := deviceRef(id)
		out = append(out, DeviceJob{Device: ref, ID: fmt.Sprintf("job-%s", id), State: backend.JobState(state)})
	}
	return out
}

func deviceRef(id string) backend.Ref {
	kind := map[byte]backend.Kind{'m': backend.KindMachine, 's': backend.KindSwitch, 'p': backend.KindPowerShelf}[id[0]]
	return backend.Ref{Kind: kind, ID: id}
}
