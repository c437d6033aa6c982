package nvswitch_test

import (
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	nvswitch "github.com/rackstate/rackstate/switch"
)

const (
	firmware = lifecycle.StepFirmware
	nvos     = lifecycle.StepNVOS
	nmxc     = lifecycle.StepNMXC
)

func ago(d time.Duration) time.Time { return begin.Add(-d) }

// update is a status of cycle c1.
func update(progress lifecycle.Progress, cause string) *lifecycle.CycleStatus {
	s := &lifecycle.CycleStatus{Status: progress, Cause: cause, StartedAt: ago(9 * time.Minute), Cycle: "c1"}
	if s.Terminal() {
		s.EndedAt = ago(5 * time.Minute)
	}
	return s
}

func fabric(state backend.FabricState, reason, fault string) func(*nvswitch.Switch) {
	return func(s *nvswitch.Switch) {
		s.Fabric = &lifecycle.FabricStatus{Status: state, Reason: reason, Error: fault, StartedAt: ago(time.Minute), EndedAt: ago(time.Minute), Cycle: "c1"}
	}
}

var reprovisionScenarios = []scenario{
	{
		name: "a switch starts at the first step that the rack's request lists",
		rack: "Maintenance", cycle: "c1", state: nvswitch.Ready, requests: one(byRack("q1", "c1", false, nvos, firmware)),
		path: []nvswitch.State{nvswitch.WaitingForFirmware}, requestz: ends(backend.RequestStarted),
	},
	{
		name: "a request without firmware starts at the image",
		rack: "Maintenance", cycle: "c1", state: nvswitch.Ready, requests: one(byRack("q1", "c1", false, nvos, nmxc)),
		path: []nvswitch.State{nvswitch.WaitingForNVOS},
	},
	{
		name: "a request for the fabric alone starts there",
		rack: "Maintenance", cycle: "c1", state: nvswitch.Ready, requests: one(byRack("q1", "c1", false, nmxc)),
		path: []nvswitch.State{nvswitch.WaitingForNMXC},
	},
	{
		name: "a failed switch takes part in the rack's cycle from its firmware on",
		rack: "Maintenance", cycle: "c1", state: nvswitch.Error, with: inError, requests: one(byRack("q1", "c1", false, firmware)),
		path: []nvswitch.State{nvswitch.WaitingForFirmware}, cause: []string{"fan 3"},
	},
	{
		name: "a failed switch takes part in the rack's cycle from its image on",
		rack: "Maintenance", cycle: "c1", state: nvswitch.Error, requests: one(byRack("q1", "c1", false, nvos)),
		path: []nvswitch.State{nvswitch.WaitingForNVOS},
	},
	{
		name: "a failed switch takes part in the rack's cycle from the fabric on",
		rack: "Maintenance", cycle: "c1", state: nvswitch.Error, requests: one(byRack("q1", "c1", false, nmxc)),
		path: []nvswitch.State{nvswitch.WaitingForNMXC},
	},
	{
		name: "a request that awaits nothing is consumed where the switch is",
		rack: "Maintenance", cycle: "c1", state: nvswitch.Ready, requests: one(byRack("q1", "c1", false)), requestz: done,
	},
	{
		name: "a request that this version does not understand is rejected where the switch is",
		rack: "Maintenance", cycle: "c1", state: nvswitch.Ready, requestz: ends(backend.RequestRejected),
		requests: func() []backend.Request {
			r := byRack("q1", "c1", false, firmware)
			r.Params = []byte(`{"await": 7}`)
			return one(r)
		}(),
	},
	{
		name: "a request of a cycle that has ended is consumed where the switch is, and the next one starts",
		rack: "Maintenance", cycle: "c2", state: nvswitch.Ready,
		requests: []backend.Request{byRack("q1", "c1", false, firmware), byRack("q2", "c2", false, nvos)},
		path:     []nvswitch.State{nvswitch.WaitingForNVOS},
		requestz: map[string]backend.RequestState{"q1": backend.RequestWithdrawn, "q2": backend.RequestStarted},
	},
	{
		name: "a request of a rack in Error does not move a failed switch",
		rack: "Error", state: nvswitch.Error, with: inError, cause: []string{"fan 3"}, requests: one(byRack("q1", "c1", false, firmware)), requestz: ends(backend.RequestWithdrawn),
	},
	{
		name: "a switch that failed before it began ends as failed although the cycle is over",
		rack: "Error", state: nvswitch.Ready, with: func(s *nvswitch.Switch) { s.FirmwareUpgrade = update(lifecycle.ProgressFailed, "bad image") },
		requests: one(byRack("q1", "c1", false, firmware, nvos)), steps: 2,
		path: []nvswitch.State{nvswitch.WaitingForFirmware, nvswitch.Error}, cause: []string{"bad image"}, requestz: ends(backend.RequestFailed),
	},

	{
		name: "firmware that is in progress keeps a switch waiting",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForFirmware, requests: one(byRack("q1", "c1", true, firmware, nvos)),
		with:    func(s *nvswitch.Switch) { s.FirmwareUpgrade = update(lifecycle.ProgressRunning, "") },
		outcome: []string{"wait", "FirmwareUpgrade", "in_progress"}, requestz: ends(backend.RequestStarted),
	},
	{
		name: "a switch without a status waits",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForNMXC, requests: one(byRack("q1", "c1", true, nmxc)),
		outcome: []string{"wait", "ConfigureNmxCluster", "no status yet"},
	},
	{
		name: "completed firmware returns a switch to Ready when nothing else is awaited",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForFirmware, requests: one(byRack("q1", "c1", true, firmware)),
		with: func(s *nvswitch.Switch) {
			s.FirmwareUpgrade = update(lifecycle.ProgressCompleted, "")
			inError(s)
		},
		path: []nvswitch.State{nvswitch.Ready}, trigger: nvswitch.FirmwareUpgraded, requestz: done,
	},
	{
		name: "completed firmware goes on to the image",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForFirmware, requests: one(byRack("q1", "c1", true, firmware, nvos, nmxc)),
		with: func(s *nvswitch.Switch) { s.FirmwareUpgrade = update(lifecycle.ProgressCompleted, "") },
		path: []nvswitch.State{nvswitch.WaitingForNVOS}, requestz: ends(backend.RequestStarted),
	},
	{
		name: "completed firmware goes on to the fabric when no image is awaited",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForFirmware, requests: one(byRack("q1", "c1", true, firmware, nmxc)),
		with: func(s *nvswitch.Switch) { s.FirmwareUpgrade = update(lifecycle.ProgressCompleted, "") },
		path: []nvswitch.State{nvswitch.WaitingForNMXC},
	},
	{
		name: "a completed image goes on to the fabric",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForNVOS, requests: one(byRack("q1", "c1", true, nvos, nmxc)),
		with: func(s *nvswitch.Switch) { s.NVOSUpdate = update(lifecycle.ProgressCompleted, "") },
		path: []nvswitch.State{nvswitch.WaitingForNMXC},
	},
	{
		name: "a completed image returns a switch to Ready when nothing else is awaited",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForNVOS, requests: one(byRack("q1", "c1", true, nvos)),
		with: func(s *nvswitch.Switch) { s.NVOSUpdate = update(lifecycle.ProgressCompleted, "") },
		path: []nvswitch.State{nvswitch.Ready}, trigger: nvswitch.NvosUpdated, requestz: done,
	},
	{
		name: "an image status of an earlier cycle is a wait and not a result",
		rack: "Maintenance", cycle: "c2", state: nvswitch.WaitingForNVOS, requests: one(byRack("q1", "c2", true, nvos)),
		with: func(s *nvswitch.Switch) { s.NVOSUpdate = update(lifecycle.ProgressCompleted, "") }, outcome: []string{"wait", "earlier cycle"},
	},
	{
		name: "a status without a cycle that ended before the request was made is no result",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForFirmware, requests: one(byRack("q1", "c1", true, firmware)),
		with: func(s *nvswitch.Switch) {
			s.FirmwareUpgrade = &lifecycle.CycleStatus{Status: lifecycle.ProgressFailed, Cause: "boom", StartedAt: ago(20 * time.Minute), EndedAt: ago(15 * time.Minute)}
		},
		outcome: []string{"wait", "earlier cycle"},
	},
	{
		name: "a failed image takes the switch to Error with its cause",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForNVOS, requests: one(byRack("q1", "c1", true, nvos, nmxc)),
		with: func(s *nvswitch.Switch) { s.NVOSUpdate = update(lifecycle.ProgressFailed, "boom") },
		path: []nvswitch.State{nvswitch.Error}, trigger: nvswitch.ReprovisionFailed, cause: []string{"NVOSUpdate", "boom"}, requestz: ends(backend.RequestFailed),
	},
	{
		name: "a failure without a cause says so",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForFirmware, requests: one(byRack("q1", "c1", true, firmware)),
		with: func(s *nvswitch.Switch) { s.FirmwareUpgrade = update(lifecycle.ProgressFailed, "") },
		path: []nvswitch.State{nvswitch.Error}, cause: []string{"no cause is given"},
	},
	{
		name: "a current failure comes before the end of the cycle",
		rack: "Error", state: nvswitch.WaitingForFirmware, requests: one(byRack("q1", "c1", true, firmware)),
		with: func(s *nvswitch.Switch) { s.FirmwareUpgrade = update(lifecycle.ProgressFailed, "boom") },
		path: []nvswitch.State{nvswitch.Error}, cause: []string{"boom"}, requestz: ends(backend.RequestFailed),
	},
	{
		name: "a current failure comes before a cancellation",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForFirmware, requests: one(cancelled(byRack("q1", "c1", true, firmware))),
		with: func(s *nvswitch.Switch) { s.FirmwareUpgrade = update(lifecycle.ProgressFailed, "boom") },
		path: []nvswitch.State{nvswitch.Error}, cause: []string{"boom"}, requestz: ends(backend.RequestFailed),
	},
	{
		name: "what has completed counts although the cycle is over",
		rack: "Error", state: nvswitch.WaitingForFirmware, requests: one(byRack("q1", "c1", true, firmware, nvos)), steps: 2,
		with: func(s *nvswitch.Switch) { s.FirmwareUpgrade = update(lifecycle.ProgressCompleted, "") },
		path: []nvswitch.State{nvswitch.WaitingForNVOS, nvswitch.Ready}, trigger: nvswitch.RackCycleEnded, requestz: ends(backend.RequestWithdrawn),
	},

	{
		name: "a fabric manager that runs ends the wait",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForNMXC, requests: one(byRack("q1", "c1", true, nmxc)), with: fabric(backend.FabricOK, "", ""),
		path: []nvswitch.State{nvswitch.Ready}, trigger: nvswitch.FabricConfigured, requestz: done,
	},
	{
		name: "a reason why this switch runs no fabric manager ends its wait",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForNMXC, requests: one(byRack("q1", "c1", true, nmxc)), with: fabric(backend.FabricNotOK, "not the primary switch", ""),
		path: []nvswitch.State{nvswitch.Ready}, requestz: done,
	},
	{
		name: "a reason does not end the wait of the switch that has to run the fabric manager",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForNMXC, requests: one(byRack("q1", "c1", true, nmxc)),
		with:    func(s *nvswitch.Switch) { fabric(backend.FabricNotOK, "starting", "")(s); s.Primary = true },
		outcome: []string{"wait", "primary", "starting"}, requestz: ends(backend.RequestStarted),
	},
	{
		name: "a fabric manager of unknown state keeps a switch waiting",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForNMXC, requests: one(byRack("q1", "c1", true, nmxc)), with: fabric(backend.FabricUnknown, "", ""),
		outcome: []string{"wait", "unknown"},
	},
	{
		name: "an error message of the fabric takes the switch to Error even when the manager runs",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForNMXC, requests: one(byRack("q1", "c1", true, nmxc)), with: fabric(backend.FabricOK, "", "link 4 is down"),
		path: []nvswitch.State{nvswitch.Error}, cause: []string{"ConfigureNmxCluster", "link 4 is down"}, requestz: ends(backend.RequestFailed),
	},
	{
		name: "a fabric that ran in an earlier cycle does not end the wait of this one",
		rack: "Maintenance", cycle: "c2", state: nvswitch.WaitingForNMXC, requests: one(byRack("q1", "c2", true, nvos, nmxc)), with: fabric(backend.FabricOK, "", ""),
		outcome: []string{"wait", "earlier cycle"},
	},

	{
		name: "a switch stops waiting when its rack is in Error",
		rack: "Error", state: nvswitch.WaitingForFirmware, requests: one(byRack("q1", "c1", true, firmware, nvos)),
		path: []nvswitch.State{nvswitch.Ready}, trigger: nvswitch.RackCycleEnded, note: []string{"r1", "Error"}, requestz: ends(backend.RequestWithdrawn),
	},
	{
		name: "a switch that waits for an earlier cycle is let go although the rack is in maintenance again",
		rack: "Maintenance", cycle: "c2", state: nvswitch.WaitingForNVOS, requests: one(byRack("q1", "c1", true, firmware, nvos)),
		path: []nvswitch.State{nvswitch.Ready}, trigger: nvswitch.RackCycleEnded, note: []string{"c1", "c2"}, requestz: ends(backend.RequestWithdrawn),
	},
	{
		name: "a switch whose request was cleared by an operator goes back to Ready",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForFirmware,
		path: []nvswitch.State{nvswitch.Ready}, trigger: nvswitch.RequestCleared, note: []string{"cleared"},
	},
	{
		name: "a switch whose request was cancelled by an operator goes back to Ready",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForNMXC, requests: one(cancelled(byRack("q1", "c1", true, nmxc))),
		path: []nvswitch.State{nvswitch.Ready}, trigger: nvswitch.RequestCleared, note: []string{"cancelled by bob"}, requestz: ends(backend.RequestCancelled),
	},
	{
		name: "a started request that cannot be read takes the switch to Error",
		rack: "Maintenance", cycle: "c1", state: nvswitch.WaitingForFirmware, cause: []string{"q1"}, path: []nvswitch.State{nvswitch.Error}, requestz: ends(backend.RequestFailed),
		requests: func() []backend.Request {
			r := byRack("q1", "c1", true, firmware)
			r.Params = []byte(`{"await": 7}`)
			return one(r)
		}(),
	},
}
