package backendtest

import (
	"context"

	"github.com/rackstate/rackstate/backend"
)

// driverCall is one method of a capability in a form that is the same for all.
type driverCall struct {
	name string
	// changes says that it changes something and takes a key.
	changes bool
	// batch says that it is for many devices, partial that a healthy device may be missing in its answer, and silent that it has no answer but
	// its error.
	batch, partial, silent bool
	// stranger says that who answers need not know the device: an agent that has not reported, a catalogue, an external service.
	stranger bool
	devices  []backend.Device
	// do makes the call. The answer has the id of the job of each device that answered, or an empty text.
	do func(ctx context.Context, key string, devices []backend.Device) (map[backend.Ref]string, error)
	// poll polls the jobs that the call began; it is nil when there are none.
	poll func(ctx context.Context, jobs []backend.Job) (backend.Jobs, error)
	// restart restarts a host for which a job is scheduled.
	restart func(c *driverCheck, device backend.Device)
}

// calls returns all calls that the driver has and for which there are devices.
func (c *driverCheck) calls() []driverCall {
	var all []driverCall
	for _, group := range [][]driverCall{c.powerCalls(), c.firmwareCalls(), c.switchCalls(), c.machineCalls(), c.hostCalls()} {
		for _, call := range group {
			if len(call.devices) > 0 {
				all = append(all, call)
			}
		}
	}
	return all
}

// everything returns the devices of all kinds.
func (h DriverHarness) everything() []backend.Device {
	var all []backend.Device
	for _, devices := range [][]backend.Device{h.Machines, h.Switches, h.Shelves} {
		all = append(all, devices...)
	}
	return all
}

// silent makes the answer of a call that has none.
func silent(err error) (map[backend.Ref]string, error) { return nil, err }

// oneAnswer makes the answer of a call for one device.
func oneAnswer(dev backend.Device, id string, err error) (map[backend.Ref]string, error) {
	if err != nil {
		return nil, err
	}
	return map[backend.Ref]string{dev.Ref: id}, nil
}

// answered makes the answer of a call for many devices that returns no jobs.
func answered[V any](found map[backend.Ref]V, err error) (map[backend.Ref]string, error) {
	answer := make(map[backend.Ref]string, len(found))
	for ref := range found {
		answer[ref] = ""
	}
	return answer, err
}

// oneJob makes the poll for many jobs of that for one.
func oneJob(poll func(context.Context, backend.Job) (backend.JobStatus, error)) func(context.Context, []backend.Job) (backend.Jobs, error) {
	return func(ctx context.Context, jobs []backend.Job) (backend.Jobs, error) {
		status, err := poll(ctx, jobs[0])
		if err != nil {
			return nil, err
		}
		return backend.Jobs{jobs[0].Device: status}, nil
	}
}

type (
	callContext = context.Context
	callDevices = []backend.Device
	callAnswer  = map[backend.Ref]string
)

func (c *driverCheck) powerCalls() (all []driverCall) {
	if p := c.can.Power; p != nil {
		all = append(all,
			driverCall{
				name: "SetPower", changes: true, batch: true, silent: true, devices: c.h.everything(),
				do: func(ctx callContext, key string, devices callDevices) (callAnswer, error) {
					return silent(p.SetPower(ctx, key, backend.ActionPowerOn, devices))
				},
			},
			driverCall{
				name: "PowerState", batch: true, devices: c.h.everything(),
				do: func(ctx callContext, _ string, devices callDevices) (callAnswer, error) {
					return answered(p.PowerState(ctx, devices))
				},
			})
	}
	if r := c.can.Reset; r != nil {
		all = append(all,
			driverCall{
				name: "ResetHost", changes: true, silent: true, devices: c.h.Machines,
				do: func(ctx callContext, key string, devices callDevices) (callAnswer, error) {
					return silent(r.ResetHost(ctx, key, devices[0]))
				},
			},
			driverCall{
				name: "ResetBMC", changes: true, silent: true, devices: c.h.Machines,
				do: func(ctx callContext, key string, devices callDevices) (callAnswer, error) {
					return silent(r.ResetBMC(ctx, key, devices[0]))
				},
			})
	}
	if s := c.can.Shelf; s != nil {
		all = append(all,
			driverCall{
				name: "ConfigureShelf", changes: true, silent: true, devices: c.h.Shelves,
				do: func(ctx callContext, key string, devices callDevices) (callAnswer, error) {
					return silent(s.ConfigureShelf(ctx, key, devices[0]))
				},
			},
			driverCall{
				name: "FetchShelf", devices: c.h.Shelves,
				do: func(ctx callContext, _ string, devices callDevices) (callAnswer, error) {
					_, err := s.FetchShelf(ctx, devices[0])
					return oneAnswer(devices[0], "", err)
				},
			})
	}
	return all
}

func (c *driverCheck) firmwareCalls() (all []driverCall) {
	if i := c.can.Inventory; i != nil {
		all = append(all,
			driverCall{
				name: "Placement", batch: true, devices: c.h.Switches,
				do: func(ctx callContext, _ string, devices callDevices) (callAnswer, error) {
					return answered(i.Placement(ctx, devices))
				},
			},
			driverCall{
				name: "FirmwareInventory", devices: c.h.everything(),
				do: func(ctx callContext, _ string, devices callDevices) (callAnswer, error) {
					_, err := i.FirmwareInventory(ctx, devices[0])
					return oneAnswer(devices[0], "", err)
				},
			})
	}
	if f := c.can.Firmware; f != nil {
		all = append(all, driverCall{
			name: "ApplyFirmware", changes: true, batch: true, devices: c.h.everything(), poll: f.FirmwareJob,
			do: func(ctx callContext, key string, devices callDevices) (callAnswer, error) {
				return f.ApplyFirmware(ctx, key, backend.FirmwareOrder{Firmware: c.h.Firmware, Force: true}, devices)
			},
		})
	}
	if s := c.can.SwitchImage; s != nil {
		all = append(all, driverCall{
			name: "ApplySwitchImage", changes: true, batch: true, devices: c.h.Switches, poll: s.SwitchImageJob,
			do: func(ctx callContext, key string, devices callDevices) (callAnswer, error) {
				files, err := s.ApplySwitchImage(ctx, key, c.h.Image, devices)
				answer := make(callAnswer, len(files))
				for ref, file := range files {
					answer[ref] = file.JobID
				}
				return answer, err
			},
		})
	}
	return all
}

func (c *driverCheck) switchCalls() (all []driverCall) {
	if k := c.can.Certificates; k != nil {
		all = append(all, driverCall{
			name: "ConfigureCertificate", changes: true, devices: c.h.Switches, poll: oneJob(k.CertificateJob),
			do: func(ctx callContext, key string, devices callDevices) (callAnswer, error) {
				id, err := k.ConfigureCertificate(ctx, key, devices[0], c.h.Rack)
				return oneAnswer(devices[0], id, err)
			},
		})
	}
	if f := c.can.Fabric; f != nil {
		all = append(all,
			driverCall{
				name: "SetFabricState", changes: true, batch: true, silent: true, devices: c.h.Switches,
				do: func(ctx callContext, key string, devices callDevices) (callAnswer, error) {
					return silent(f.SetFabricState(ctx, key, false, devices))
				},
			},
			driverCall{
				name: "ConfigureFabricManager", changes: true, silent: true, devices: c.h.Switches,
				do: func(ctx callContext, key string, devices callDevices) (callAnswer, error) {
					return silent(f.ConfigureFabricManager(ctx, key, backend.FabricOrder{Topology: c.h.Topology, Primary: devices[0], Switches: devices}))
				},
			},
			driverCall{
				name: "FabricStatus", batch: true, partial: true, devices: c.h.Switches,
				do: func(ctx callContext, _ string, devices callDevices) (callAnswer, error) {
					return answered(f.FabricStatus(ctx, devices))
				},
			})
	}
	if s := c.can.SwitchCheck; s != nil {
		all = append(all, driverCall{
			name: "CheckSwitch", silent: true, devices: c.h.Switches,
			do: func(ctx callContext, _ string, devices callDevices) (callAnswer, error) {
				return silent(s.CheckSwitch(ctx, devices[0]))
			},
		})
	}
	return all
}

func (c *driverCheck) machineCalls() (all []driverCall) {
	if p := c.can.Platform; p != nil {
		all = append(all,
			driverCall{
				name: "SubmitPlatform", changes: true, devices: c.h.Machines, poll: oneJob(p.PlatformJob), restart: restartForJob,
				do: func(ctx callContext, key string, devices callDevices) (callAnswer, error) {
					id, err := p.SubmitPlatform(ctx, key, devices[0], backend.PlatformBIOSProfile)
					return oneAnswer(devices[0], id, err)
				},
			},
			driverCall{
				name: "InspectPlatform", devices: c.h.Machines,
				do: func(ctx callContext, _ string, devices callDevices) (callAnswer, error) {
					_, err := p.InspectPlatform(ctx, devices[0], backend.PlatformBIOSProfile)
					return oneAnswer(devices[0], "", err)
				},
			})
	}
	if a := c.can.Agent; a != nil {
		all = append(all, driverCall{
			name: "Discover", stranger: true, devices: c.h.Machines,
			do: func(ctx callContext, _ string, devices callDevices) (callAnswer, error) {
				_, err := a.Discover(ctx, devices[0])
				return oneAnswer(devices[0], "", err)
			},
		})
	}
	if s := c.can.SKU; s != nil {
		all = append(all, driverCall{
			name: "MatchSKU", stranger: true, devices: c.h.Machines,
			do: func(ctx callContext, _ string, devices callDevices) (callAnswer, error) {
				_, err := s.MatchSKU(ctx, devices[0], "", nil)
				return oneAnswer(devices[0], "", err)
			},
		})
	}
	if v := c.can.Validation; v != nil {
		all = append(all, driverCall{
			name: "ValidateMachine", changes: true, devices: c.h.Machines, poll: oneJob(v.ValidationJob),
			do: func(ctx callContext, key string, devices callDevices) (callAnswer, error) {
				id, err := v.ValidateMachine(ctx, key, devices[0])
				return oneAnswer(devices[0], id, err)
			},
		})
	}
	if r := c.can.RackTest; r != nil {
		all = append(all, driverCall{
			name: "StartValidation", changes: true, silent: true, stranger: true, devices: c.h.Machines,
			do: func(ctx callContext, key string, devices callDevices) (callAnswer, error) {
				return silent(r.StartValidation(ctx, key, c.h.Rack, devices))
			},
		})
	}
	return all
}

// restartForJob restarts a host.
func restartForJob(c *driverCheck, device backend.Device) {
	if c.can.Reset == nil {
		return
	}
	if err := c.can.Reset.ResetHost(c.ctx, "restart for "+device.Ref.ID, device); err != nil {
		c.failf("ResetHost: %w", err)
	}
}
