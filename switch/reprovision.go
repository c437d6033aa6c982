package nvswitch

import (
	"context"
	"fmt"
	"slices"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// activity is one step of a rack's cycle as the switch sees it.
type activity struct {
	step  lifecycle.Step
	state State   // where the switch waits for it
	done  Trigger // what moves the switch on
	name  string  // as the rack calls it, for results and causes
}

// activities lists the steps in the order of the cycle.
var activities = []activity{
	{step: lifecycle.StepFirmware, state: WaitingForFirmware, done: FirmwareUpgraded, name: "FirmwareUpgrade"},
	{step: lifecycle.StepNVOS, state: WaitingForNVOS, done: NvosUpdated, name: "NVOSUpdate"},
	{step: lifecycle.StepNMXC, state: WaitingForNMXC, done: FabricConfigured, name: "ConfigureNmxCluster"},
}

func activityOf(step lifecycle.Step) activity {
	for _, a := range activities {
		if a.step == step {
			return a
		}
	}
	return activity{}
}

// verdict is what the rack's status of a step means for a request.
type verdict struct {
	done   bool
	failed string // why the step failed, if it did
	seen   string // what is observed while it is neither
	jobID  string
	to     string // the version that was installed
}

func (v verdict) terminal() bool { return v.done || v.failed != "" }

// judge reads the status of a step. A status that does not belong to the request is a wait, never a result.
func judge(step lifecycle.Step, s *Switch, req *backend.Request) verdict {
	switch step {
	case lifecycle.StepFirmware:
		return judgeUpdate(s.FirmwareUpgrade, req)
	case lifecycle.StepNVOS:
		return judgeUpdate(s.NVOSUpdate, req)
	default:
		return judgeFabric(s.Fabric, s.Primary, req)
	}
}

func judgeUpdate(status *lifecycle.CycleStatus, req *backend.Request) verdict {
	switch {
	case status == nil:
		return verdict{seen: "no status yet"}
	case !status.CurrentFor(req):
		return verdict{seen: "the status is of an earlier cycle"}
	case status.Status == lifecycle.ProgressCompleted:
		return verdict{done: true, jobID: status.TaskID, to: status.Firmware}
	case status.Status == lifecycle.ProgressFailed:
		return verdict{failed: orUnknown(status.Cause), jobID: status.TaskID}
	default:
		return verdict{seen: "it is " + string(status.Status)}
	}
}

// judgeFabric lets a switch go that runs its fabric manager, or that says why it does not. The primary switch has to run one, so there a reason is
// only what it is waiting for.
func judgeFabric(status *lifecycle.FabricStatus, primary bool, req *backend.Request) verdict {
	switch {
	case status == nil:
		return verdict{seen: "no status yet"}
	case !status.CurrentFor(req):
		return verdict{seen: "the status is of an earlier cycle"}
	case status.Error != "":
		return verdict{failed: status.Error}
	case status.Status == backend.FabricOK:
		return verdict{done: true}
	case status.Reason != "" && !primary:
		return verdict{done: true}
	case status.Reason != "":
		return verdict{seen: fmt.Sprintf("the fabric manager of the primary switch is %s (%s)", status.Status, status.Reason)}
	default:
		return verdict{seen: fmt.Sprintf("the fabric manager is %s", status.Status)}
	}
}

func orUnknown(cause string) string {
	if cause == "" {
		return "no cause is given"
	}
	return cause
}

// reprovisioning waits for one step of the rack's cycle. The switch's own result comes first, so that a switch that failed ends as failed whoever came last;
// then the end of the cycle.
func (h *handler) reprovisioning(step lifecycle.Step) lifecycle.Handler[Switch] {
	this := activityOf(step)
	return func(_ context.Context, s *Switch, env *lifecycle.Env) (lifecycle.Outcome, error) {
		req, ok := env.Started(lifecycle.TypeReprovision)
		if !ok {
			s.Cause = ""
			return lifecycle.Fire(RequestCleared).Because("no reprovision request is on record: it was cleared"), nil
		}
		params, err := lifecycle.Params[lifecycle.Reprovision](&req)
		if err != nil {
			return failStep(s, env, req, this, verdict{failed: err.Error()})
		}
		v := judge(step, s, &req)
		rack := env.Rack()
		switch {
		case v.failed != "":
			return failStep(s, env, req, this, v)
		case v.done:
			return nextStep(s, env, req, this, params.Await, v)
		case req.CancelledBy != "":
			s.Cause = ""
			note := "cancelled by " + req.CancelledBy
			return lifecycle.Fire(RequestCleared).Because(note).By(req.CancelledBy), env.End(env.Self(), req.ID, backend.RequestCancelled, note)
		case lifecycle.CycleEnded(rack, &req):
			s.Cause = ""
			note := endOfCycle(rack, &req)
			return lifecycle.Fire(RackCycleEnded).Because(note), env.End(env.Self(), req.ID, backend.RequestWithdrawn, note)
		}
		return lifecycle.Wait(this.name+" by the rack", v.seen, 0), nil
	}
}

// nextStep goes on to the next awaited step, or ends the request with the last one.
func nextStep(s *Switch, env *lifecycle.Env, req backend.Request, this activity, await []lifecycle.Step, v verdict) (lifecycle.Outcome, error) {
	results := append(slices.Clone(req.Results), backend.Result{Target: s.Ref(), Activity: this.name, Status: backend.ResultOK, JobID: v.jobID, To: v.to})
	if next, ok := lifecycle.NextStep(await, this.step); ok {
		return lifecycle.FireTo(this.done, activityOf(next).state).By(req.Initiator), env.SetResults(env.Self(), req.ID, results)
	}
	s.Cause = ""
	return lifecycle.FireTo(this.done, Ready).By(req.Initiator), env.Finish(req.ID, "", results...)
}

func failStep(s *Switch, env *lifecycle.Env, req backend.Request, this activity, v verdict) (lifecycle.Outcome, error) {
	s.Cause = this.name + " failed: " + v.failed
	results := append(slices.Clone(req.Results), backend.Result{Target: s.Ref(), Activity: this.name, Status: backend.ResultFailed, JobID: v.jobID, Error: v.failed})
	return lifecycle.Fire(ReprovisionFailed).Because(s.Cause).By(req.Initiator), env.Fail(req.ID, s.Cause, results...)
}

// endOfCycle says why a request of the rack no longer counts.
func endOfCycle(rack lifecycle.Parent, req *backend.Request) string {
	switch {
	case !rack.Exists:
		return "rack " + req.Rack + " is gone"
	case rack.Cycle == "":
		return fmt.Sprintf("rack %s is in %s and has left cycle %s", req.Rack, rack.State, req.Cycle)
	default:
		return fmt.Sprintf("rack %s is in %s of cycle %s, the request is of cycle %s", req.Rack, rack.State, rack.Cycle, req.Cycle)
	}
}
