package scenario

import (
	"github.com/rackstate/rackstate/backend"
)

// made logs a call; key is empty if it only looks. A controller that has crashed makes none.
func (h *hardware) made(name, key string, devices []backend.Device) error {
	if h.crashed {
		return errCrashed
	}
	if h.observe != nil {
		h.observe(Call{Name: name, Key: key, Devices: devices})
	}
	c := call{name: name}
	for _, d := range devices {
		c.on = append(c.on, d.Ref.ID)
	}
	h.log = append(h.log, c)
	return nil
}

// answeredTo comes after a call was made and before its answer arrives: the time to crash.
func (h *hardware) answeredTo(name string) {
	if h.crashAfter.comes(name, afterCall) {
		h.crashAfter, h.crashed = crashPoint{}, true
		h.crash()
	}
}

// revive is a new controller.
func (h *hardware) revive() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.crashed = false
}

// dead reports whether the controller has crashed.
func (h *hardware) dead() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.crashed
}

// act is a call that changes something: with a key that was begun before it answers the same again, otherwise do is done for the devices that the script does
// not refuse.
func (h *hardware) act(name, key, rack string, devices []backend.Device, do func(r reply, accepted []backend.Device) any) (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.made(name, key, devices); err != nil {
		return nil, err
	}
	defer h.answeredTo(name)
	if before, ok := h.answered[name+" "+key]; ok {
		return before.value, before.err
	}
	r := h.ask(name, rack, devices)
	if r.err != nil {
		return nil, r.err
	}
	var accepted []backend.Device
	for _, d := range devices {
		if r.failures[d.Ref] == nil {
			accepted = append(accepted, d)
		}
	}
	err := backend.DeviceErrors(r.failures)
	if len(accepted) == 0 && err != nil {
		return nil, err
	}
	h.started[name]++
	value := do(r, accepted)
	h.answered[name+" "+key] = kept{value: value, err: err}
	if r.lost != nil {
		return nil, r.lost
	}
	return value, err
}

// poll answers for jobs: what the script says for this poll, else how the job stands.
func (h *hardware) poll(name string, jobs []backend.Job) (backend.Jobs, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	devices := make([]backend.Device, len(jobs))
	for i, j := range jobs {
		devices[i] = backend.Device{Ref: j.Device, Rack: h.racks[j.Device]}
	}
	if err := h.made(name, "", devices); err != nil {
		return nil, err
	}
	defer h.answeredTo(name)
	r := h.ask(name, rackOf(devices), devices)
	if r.err != nil || r.lost != nil {
		return nil, either(r.err, r.lost)
	}
	out := backend.Jobs{}
	for _, d := range devices {
		if r.failures[d.Ref] != nil {
			continue
		}
		status, ok := h.jobs[jobKey{name, d.Ref}]
		if !ok {
			status = backend.JobStatus{State: backend.JobCompleted}
		}
		if state, named := r.each[d.Ref].Jobs[d.Ref.ID]; named {
			status = state.status()
		}
		if status.State != noJob {
			out[d.Ref] = status
		}
	}
	return out, backend.DeviceErrors(r.failures)
}

// read answers a call that only looks. value makes the answer of one device from what the script reports, nil if it says nothing, or from what the hardware is like;
// it returns false for a device that does not answer.
func read[V any](h *hardware, name string, devices []backend.Device, value func(d backend.Device, report *Datum) (V, bool)) (map[backend.Ref]V, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.made(name, "", devices); err != nil {
		return nil, err
	}
	defer h.answeredTo(name)
	r := h.ask(name, rackOf(devices), devices)
	if r.err != nil || r.lost != nil {
		return nil, either(r.err, r.lost)
	}
	out := map[backend.Ref]V{}
	for _, d := range devices {
		if r.failures[d.Ref] != nil {
			continue
		}
		var report *Datum
		if a := r.each[d.Ref]; a.Word == answerReport {
			one, named := a.Report[d.Ref.ID]
			if !named {
				continue
			}
			report = &one
		}
		if v, ok := value(d, report); ok {
			out[d.Ref] = v
		}
	}
	return out, backend.DeviceErrors(r.failures)
}

func either(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func rackOf(devices []backend.Device) string {
	if len(devices) == 0 {
		return ""
	}
	return devices[0].Rack
}

// oneDevice takes the failure of the only device out of a batch error.
func oneDevice(err error) error {
	failed, rest := backend.SplitDeviceErrors(err)
	for _, e := range failed {
		return e
	}
	return rest
}
