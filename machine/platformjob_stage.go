package machine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rackstate/rackstate/backend"
)

// stage makes one look at the hardware, or asks one thing of it.
func (p *jobPass) stage(ctx context.Context) jobStep {
	switch p.job.Stage {
	case StageInspect:
		return p.inspect(ctx)
	case StageSubmit:
		return p.submit(ctx)
	case StageAwaitScheduled, StageAwaitDone:
		return p.poll(ctx)
	case StageApplyReset:
		return p.applyReset(ctx)
	case StageVerify:
		return p.verify(ctx)
	case StageRecoverPowerOff:
		return p.recoverPower(ctx, backend.ActionPowerOff, backend.PowerOff)
	case StageRecoverResetBMC:
		return p.recoverBMC(ctx)
	case StageRecoverPowerOn:
		return p.recoverPower(ctx, backend.ActionPowerOn, backend.PowerOn)
	default:
		return jobStep{end: jobFailed, text: fmt.Sprintf("its record has the unknown stage %q", p.job.Stage)}
	}
}

func (p *jobPass) inspect(ctx context.Context) jobStep {
	found, err := p.caps.Platform.InspectPlatform(ctx, p.m.Device(), p.job.Kind)
	switch {
	case err != nil:
		return p.trouble(err)
	case found.Applied:
		return jobStep{end: jobDone, text: "was there already"}
	default:
		return p.to(StageSubmit)
	}
}

func (p *jobPass) submit(ctx context.Context) jobStep {
	id, err := p.caps.Platform.SubmitPlatform(ctx, p.key("SubmitPlatform"), p.m.Device(), p.job.Kind)
	switch {
	case err != nil:
		return p.trouble(err)
	case id == "":
		return p.to(StageVerify)
	default:
		p.job.ID = id
		return p.to(StageAwaitScheduled)
	}
}

// poll looks at the job. A job that has run before anybody saw it scheduled is as good as any other; one that the driver has forgotten is judged by what it was to bring
// about, unless it was to be made anew.
func (p *jobPass) poll(ctx context.Context) jobStep {
	status, err := p.caps.Platform.PlatformJob(ctx, backend.Job{Device: p.m.Ref(), Endpoint: p.m.Endpoint, ID: p.job.ID})
	forgotten := errors.Is(err, backend.ErrNoJob) || unsupported(err)
	switch {
	case forgotten && p.job.Force: // what is seen may be what was there before
		return p.lost(fmt.Sprintf("job %s cannot be polled: %s", p.job.ID, err))
	case forgotten:
		p.job.LastError = fmt.Sprintf("job %s cannot be polled: %s", p.job.ID, err)
		p.job.ID = ""
		return p.to(StageVerify)
	case err != nil:
		return p.trouble(err)
	}
	next, moves := afterPoll(p.job.Stage, status.State)
	switch {
	case status.State == backend.JobFailed:
		return p.lost(fmt.Sprintf("job %s failed: %s", p.job.ID, status.Cause))
	case moves:
		return p.to(next)
	default:
		return p.waits("job "+p.job.ID, "it is "+string(status.State))
	}
}

// afterPoll says which stage follows when a poll found a job in this state.
func afterPoll(at Stage, found backend.JobState) (Stage, bool) {
	switch {
	case found == backend.JobCompleted:
		return StageVerify, true
	case at == StageAwaitScheduled && found == backend.JobPending:
		return StageApplyReset, true
	case at == StageAwaitScheduled && found == backend.JobRunning:
		return StageAwaitDone, true
	default:
		return at, false
	}
}

// applyReset restarts the host, and before it the DPUs when the job is theirs. Where nothing can, the job waits for whoever does.
func (p *jobPass) applyReset(ctx context.Context) jobStep {
	if err := p.applyToDPUs(ctx); err != nil {
		return p.trouble(err)
	}
	err := p.restartHost(ctx, p.key("ApplyReset"), p.m)
	switch {
	case errors.Is(err, errNoRestart):
		p.job.LastError = err.Error()
	case err != nil:
		return p.trouble(err)
	default:
		p.m.RestartedAt = p.job.Since
	}
	p.job.Restarted = true
	if p.job.ID == "" {
		return p.to(StageVerify)
	}
	return p.to(StageAwaitDone)
}

// applyToDPUs restarts the DPUs for a job of theirs: not every host takes them along.
func (p *jobPass) applyToDPUs(ctx context.Context) error {
	if p.caps.DPU == nil || !slices.Contains(dpuKinds, p.job.Kind) {
		return nil
	}
	if err := p.caps.DPU.RestartDPUs(ctx, p.key("ApplyResetDPUs"), p.m.Device()); !unsupported(err) {
		return err
	}
	return nil
}

// verify waits until the wanted state is seen. What needed no job may still need a restart.
func (p *jobPass) verify(ctx context.Context) jobStep {
	found, err := p.caps.Platform.InspectPlatform(ctx, p.m.Device(), p.job.Kind)
	switch {
	case err != nil:
		return p.trouble(err)
	case found.Applied:
		return jobStep{end: jobDone, text: fmt.Sprintf("applied (attempt %d)", p.job.Attempt)}
	case p.job.ID == "" && !p.job.Restarted:
		return p.to(StageApplyReset)
	default:
		return p.waits("the wanted state to be seen", found.Detail)
	}
}

// trouble says what follows from an error of the driver. One that may pass is kept with the job and the call is made again, with the same key, until the
// stage's deadline: returning it would lose the deadline.
func (p *jobPass) trouble(err error) jobStep {
	switch {
	case unsupported(err):
		return jobStep{end: jobDone, text: "is not supported: passed"}
	case permanent(err):
		p.job.LastError = err.Error()
		return jobStep{end: jobFailed, text: err.Error()}
	default:
		p.job.LastError = err.Error()
		p.job.NotBefore = p.env.Now().Add(p.cfg.PollInterval)
		return p.waits("the management controller", err.Error())
	}
}
