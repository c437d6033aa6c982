package verify_test

import (
	"encoding/json"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/verify"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// sick is a machine with an alert that forbids allocation.
func sick() lifecycle.Entity {
	return edited(m1, func(o *lifecycle.Object) {
		o.Alerts = []lifecycle.Alert{{ID: "a", Source: "b", Classifications: []lifecycle.Classification{lifecycle.PreventAllocations}}}
	})
}

func rackBreaches() []breach {
	const (
		ready   = "a rack gets Ready only with every device ready"
		healthy = "a rack recovers only with devices that are healthy"
		cause   = "a rack in Error has a cause and an origin"
		tenants = "a maintenance that nobody may be disturbed by leaves the machines of tenants alone"
		limit   = "no more racks are in maintenance than may be"
	)
	validated := func(s *stage) []error {
		s.put(r1, string(rack.Validated), inCycle("c"))
		return s.commit(s.move(r1, "ValidationPassed", "Ready"))
	}
	recovers := func(s *stage) []error {
		s.put(r1, string(rack.Error), &rack.Rack{Cause: "x", Origin: rack.OriginComponent})
		return s.commit(s.data(s.move(r1, "ComponentsRecovered", "Ready"), &rack.Rack{}))
	}
	state := func(wrong bool, bad, good machine.State) string {
		if wrong {
			return string(bad)
		}
		return string(good)
	}
	failing := func(s *stage) *backend.Commit {
		return s.data(s.move(r1, "ComponentFailed", "Error"), &rack.Rack{Cause: "x", Origin: rack.OriginComponent})
	}
	second := rack.Ref("r2")
	return []breach{
		either(ready, "a machine that failed", func(s *stage, wrong bool) []error {
			s.put(m1, state(wrong, machine.AssignedFailed, machine.AssignedReady), entity(m1))
			return validated(s)
		}),
		either(ready, "a machine that is not there yet", func(s *stage, wrong bool) []error {
			e := entity(m1)
			if !wrong { // one that goes does not count
				e = marked(m1)
			}
			s.put(m1, string(machine.HostInitUefiSetup), e)
			return validated(s)
		}),
		either(ready, "a newcomer of the same commit", func(s *stage, wrong bool) []error {
			s.put(r1, string(rack.Validated), inCycle("c"))
			k := s.move(r1, "ValidationPassed", "Ready")
			if wrong {
				k = with(k, created(s, machine.Ref("m2"), "Reported", "Created"))
			}
			return s.commit(k)
		}),
		either(healthy, "an alert that forbids allocation", func(s *stage, wrong bool) []error {
			if wrong {
				s.put(m1, "Ready", sick())
			}
			return recovers(s)
		}),
		either(healthy, "no device", func(s *stage, wrong bool) []error {
			for _, ref := range []backend.Ref{m1, s1, p1} {
				if wrong || ref != p1 {
					s.commit(purge(s.move(ref, "Purged", "")))
				}
			}
			return recovers(s)
		}),
		either(cause, "an error without a cause", func(s *stage, wrong bool) []error {
			k := failing(s)
			if wrong {
				s.data(k, &rack.Rack{Origin: rack.OriginComponent})
			}
			return s.commit(k)
		}),
		either(cause, "an error of no origin", func(s *stage, wrong bool) []error {
			k := failing(s)
			if wrong {
				s.data(k, &rack.Rack{Cause: "x"})
			}
			return s.commit(k)
		}),
		either(cause, "a cause that is forgotten", func(s *stage, wrong bool) []error {
			s.put(r1, string(rack.Error), &rack.Rack{Cause: "x", Origin: rack.OriginComponent})
			if wrong {
				return s.commit(s.edit(r1, &rack.Rack{}))
			}
			return s.commit(s.edit(r1, &rack.Rack{Cause: "y", Origin: rack.OriginComponent}))
		}),
		either(tenants, "a machine with a tenant", func(s *stage, wrong bool) []error {
			r := inCycle("c")
			r.Cycle.DisturbTenants = !wrong
			s.put(r1, string(rack.PoweringOff), r)
			s.put(m1, string(machine.AssignedReady), entity(m1))
			return s.call(r1, 0, "SetPower", m1)
		}),
		either(tenants, "a validation of a machine with a tenant", func(s *stage, wrong bool) []error {
			s.put(r1, string(rack.ValidationPending), inCycle("c"))
			if wrong {
				s.put(m1, string(machine.AssignedReady), entity(m1))
			}
			return s.call(r1, 0, "StartValidation", m1)
		}),
		{rule: limit, name: "a second rack", opts: []verify.Option{verify.Settings(rack.Settings{MaxInMaintenance: 1})}, play: func(s *stage, wrong bool) []error {
			s.put(second, state(wrong, machine.State(rack.FirmwareWait), machine.State(rack.PoweredOff)), inCycle("d"))
			return s.commit(s.data(s.move(r1, "MaintenanceRequested", string(rack.FirmwareStart)), inCycle("c")))
		}},
		{rule: limit, name: "more than the share", opts: []verify.Option{verify.Settings(rack.Settings{MaxInMaintenance: 5, MaxShareInMaintenance: 0.5})}, play: func(s *stage, wrong bool) []error {
			s.put(second, string(rack.FirmwareWait), inCycle("d"))
			if !wrong {
				s.put(rack.Ref("r3"), "Ready", entity(r1))
				s.put(rack.Ref("r4"), "Ready", entity(r1))
			}
			return s.commit(s.data(s.move(r1, "MaintenanceRequested", string(rack.FirmwareStart)), inCycle("c")))
		}},
	}
}

func cycleBreaches() []breach {
	const (
		own     = "every maintenance of a rack is a cycle of its own"
		asks    = "a rack asks its devices only in the name of the cycle that it is in"
		without = "a maintenance is completed only when no device carries a request of it"
		begins  = "a device begins no request of a cycle that is over"
		works   = "a device does no work for a cycle that is over"
		carries = "a device that rests carries no request of a cycle that is over when nothing is due"
	)
	firmware, soon := string(rack.FirmwareWait), begun.Add(time.Minute)
	begun := func(s *stage, r *rack.Rack) []error {
		return s.commit(s.data(s.move(r1, "ReprovisionRequested", string(rack.FirmwareStart)), r))
	}
	// at puts the rack into a cycle that is the one that made the requests, or not.
	at := func(s *stage, wrong bool) {
		cycle := "c"
		if wrong {
			cycle = "d"
		}
		s.put(r1, firmware, inCycle(cycle))
	}
	reported := &nvswitch.Switch{FirmwareUpgrade: &lifecycle.CycleStatus{Status: lifecycle.ProgressCompleted, Cycle: "c"}}
	reprovision := func(s *stage) []error {
		return s.commit(s.update(s.move(s1, "ReprovisionRequested", string(nvswitch.WaitingForFirmware)), "q", begin))
	}
	return []breach{
		either(own, "the cycle before", func(s *stage, wrong bool) []error {
			s.put(r1, "Ready", inCycle("c"))
			if wrong {
				return begun(s, inCycle("c"))
			}
			return begun(s, inCycle("d"))
		}),
		either(own, "no cycle", func(s *stage, wrong bool) []error {
			if wrong {
				return begun(s, &rack.Rack{})
			}
			return begun(s, inCycle("c"))
		}),
		either(asks, "a cycle of before", func(s *stage, wrong bool) []error {
			at(s, wrong)
			return s.commit(post(s.edit(s1, entity(s1)), ofCycle("q", "c")))
		}),
		either(asks, "a cycle that ends with that", func(s *stage, wrong bool) []error {
			at(s, false)
			k := post(s.edit(s1, entity(s1)), ofCycle("q", "c"))
			if wrong {
				r := inCycle("c")
				r.Cause, r.Origin = "x", rack.OriginMaintenance
				k = with(k, s.data(s.move(r1, "MaintenanceFailed", "Error"), r))
			}
			return s.commit(k)
		}),
		either(without, "a switch that is not through", func(s *stage, wrong bool) []error {
			s.put(s1, "Ready", entity(s1), ofCycle("q", "c"))
			s.put(r1, string(rack.Completed), inCycle("c"))
			if !wrong {
				s.commit(s.update(s.wait(s1), "q", end(backend.RequestFinished)))
			}
			return s.commit(s.move(r1, "MaintenanceCompleted", string(rack.ValidationPending)))
		}),
		either(begins, "a request of another cycle", func(s *stage, wrong bool) []error {
			s.put(s1, "Ready", entity(s1), ofCycle("q", "c"))
			at(s, wrong)
			return reprovision(s)
		}),
		either(begins, "a request of a rack in Error, without a result", func(s *stage, wrong bool) []error {
			e := entity(s1)
			if !wrong { // what came of the cycle counts
				e = reported
			}
			s.put(s1, "Ready", e, ofCycle("q", "c"))
			s.put(r1, string(rack.Error), &rack.Rack{Cause: "x", Origin: rack.OriginMaintenance, Cycle: &rack.Cycle{ID: "c"}})
			return reprovision(s)
		}),
		either(works, "a machine that goes on", func(s *stage, wrong bool) []error {
			s.put(m1, string(machine.HostReprovisionCheckingFirmware), entity(m1), started(ofCycle("q", "c")))
			at(s, wrong)
			return s.call(m1, 0, "ResetHost", m1)
		}),
		either(works, "a machine that goes on, or is locked down again", func(s *stage, wrong bool) []error {
			s.put(m1, string(machine.HostReprovisionCheckingFirmware), entity(m1), started(ofCycle("q", "c")))
			at(s, true)
			kind := backend.PlatformLockdownEnable
			if wrong {
				kind = backend.PlatformBIOSProfile
			}
			return s.Call(verify.Call{Name: "SubmitPlatform", Key: key(m1, 2, "SubmitPlatform:"+string(kind)), Devices: devicesOf([]backend.Ref{m1})})
		}),
		either(carries, "a switch that waits for nobody", func(s *stage, wrong bool) []error {
			s.put(s1, string(nvswitch.WaitingForFirmware), entity(s1), started(ofCycle("q", "c")))
			at(s, wrong)
			s.World().SetNow(soon)
			return s.Idle()
		}),
		either(carries, "a machine in service", func(s *stage, wrong bool) []error {
			q := ofCycle("q", "c")
			q.Params = json.RawMessage(`{}`)
			s.put(m1, "Ready", entity(m1), q)
			at(s, wrong)
			s.World().SetNow(soon)
			return s.Idle()
		}),
	}
}
