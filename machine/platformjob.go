package machine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Stage is how far a platform job has come. The strings are stored and must not change.
type Stage string

// The stages. A job begins with StageInspect, or with StageSubmit when it is forced, and ends well in StageInspect or in StageVerify. The recovery stages lie between two attempts.
const (
	// StageInspect looks whether the wanted state is there already.
	StageInspect Stage = "Inspect"
	// StageSubmit asks for it.
	StageSubmit Stage = "Submit"
	// StageAwaitScheduled waits until the management controller has taken its job.
	StageAwaitScheduled Stage = "AwaitScheduled"
	// StageApplyReset restarts the host, so that the job runs.
	StageApplyReset Stage = "ApplyReset"
	// StageAwaitDone waits until the job has ended.
	StageAwaitDone Stage = "AwaitDone"
	// StageVerify waits until the wanted state is seen.
	StageVerify Stage = "Verify"
	// StageRecoverPowerOff switches the host off.
	StageRecoverPowerOff Stage = "RecoverPowerOff"
	// StageRecoverResetBMC restarts the management controller.
	StageRecoverResetBMC Stage = "RecoverResetBMC"
	// StageRecoverPowerOn switches the host on again, for the next attempt.
	StageRecoverPowerOn Stage = "RecoverPowerOn"
)

// PlatformJob is one piece of platform configuration on its way. It advances inside a state of the machine and is kept with it, so that a new process goes on where
// the old one was.
type PlatformJob struct {
	// Kind is what shall be configured.
	Kind backend.PlatformKind `json:"kind"`
	// Stage is how far it has come.
	Stage Stage `json:"stage"`
	// ID is the driver's job, empty where none is needed.
	ID string `json:"id,omitempty"`
	// Attempt counts from 1.
	Attempt int `json:"attempt"`
	// Force asks for it also where the wanted state is there already, to have it made anew.
	Force bool `json:"force,omitempty"`
	// Since is when the attempt began. A report of the host counts from then on.
	Since time.Time `json:"since"`
	// Restarted says that the attempt has restarted the host.
	Restarted bool `json:"restarted,omitempty"`
	// PoweredOff says that the recovery has switched the host off.
	PoweredOff bool `json:"powered_off,omitempty"`
	// NotBefore is when the hardware is asked again. Zero: whenever the machine is looked at.
	NotBefore time.Time `json:"not_before,omitzero"`
	// Until ends the stage: how long the machine has been in its state by then, without the time under holds.
	Until time.Duration `json:"until"`
	// LastError is what last went wrong.
	LastError string `json:"last_error,omitempty"`
	// Before says what became of the jobs before it in the same state.
	Before string `json:"before,omitempty"`
	// Visit is the machine's transition count when it began: a job of an earlier visit is left over.
	Visit uint64 `json:"visit"`
}

// jobStep is what one look at a platform job leads to.
type jobStep struct {
	end jobEnd
	// expects is what it waits for.
	expects string
	// text is what it observed, what became of it, or why it failed.
	text string
}

type jobEnd int

const (
	jobAdvanced jobEnd = iota // into another stage
	jobWaits
	jobDone
	jobFailed
)

// maxStages bounds the stages of one pass; a job has fewer, whatever goes wrong.
const maxStages = 64

// jobPass is one pass over a platform job.
type jobPass struct {
	*handler
	m   *Machine
	env *lifecycle.Env
	job *PlatformJob
}

// runJobs brings pieces of configuration about, one after the other. When all are there it says so with a note of what became of each.
func (h *handler) runJobs(ctx context.Context, m *Machine, env *lifecycle.Env, kinds ...backend.PlatformKind) (jobStep, error) {
	return h.runPlan(ctx, m, env, false, kinds...)
}

// runForced has pieces of configuration made anew, whether they are there or not.
func (h *handler) runForced(ctx context.Context, m *Machine, env *lifecycle.Env, kinds ...backend.PlatformKind) (jobStep, error) {
	return h.runPlan(ctx, m, env, true, kinds...)
}

func (h *handler) runPlan(ctx context.Context, m *Machine, env *lifecycle.Env, force bool, kinds ...backend.PlatformKind) (jobStep, error) {
	begin := resumed(m, kinds)
	before := ""
	for _, kind := range kinds[begin:] {
		if m.Job == nil {
			m.Job = &PlatformJob{Kind: kind, Attempt: 1, Force: force, Since: m.Since(), Visit: m.Transitions(), Before: before}
			h.enter(m, env, m.Job.first())
		}
		step, err := h.runJob(ctx, m, env)
		if err != nil || step.end == jobWaits || step.end == jobFailed {
			return step, err
		}
		before = joined(m.Job.Before, string(kind)+" "+step.text)
		m.Job = nil
	}
	return jobStep{end: jobDone, text: before}, nil
}

// resumed finds the piece that is under way since the machine entered its state. A job of an earlier visit is left over and dropped.
func resumed(m *Machine, kinds []backend.PlatformKind) int {
	if m.Job != nil && m.Job.Visit == m.Transitions() {
		if i := slices.Index(kinds, m.Job.Kind); i >= 0 {
			return i
		}
	}
	m.Job = nil
	return 0
}

// runJob advances the machine's job as far as the hardware answers at once. The error says that the process stops: then nothing is kept. A driver that did not answer
// in time is trouble like any other, or else its deadline would never be on record.
func (h *handler) runJob(ctx context.Context, m *Machine, env *lifecycle.Env) (jobStep, error) {
	p := &jobPass{handler: h, m: m, env: env, job: m.Job}
	for range maxStages {
		if env.Now().Before(p.job.NotBefore) {
			return p.waits("the management controller", p.job.LastError), nil
		}
		step := p.stage(ctx)
		if err := stopped(ctx); err != nil {
			return step, fmt.Errorf("platform job %s, stage %s: %w", p.job.Kind, p.job.Stage, err)
		}
		if step.end == jobWaits && m.ElapsedInState(env.Now()) >= p.job.Until {
			step = p.expired(step)
		}
		if step.end != jobAdvanced {
			return step, nil
		}
	}
	return p.waits("its next stage", p.job.LastError), nil
}

// first is the stage in which an attempt begins. What is to be made anew is not looked for: what is there may be the old one.
func (j *PlatformJob) first() Stage {
	if j.Force {
		return StageSubmit
	}
	return StageInspect
}

// enter begins a stage.
func (h *handler) enter(m *Machine, env *lifecycle.Env, s Stage) {
	m.Job.Stage, m.Job.Until, m.Job.NotBefore = s, m.ElapsedInState(env.Now())+h.cfg.JobStageTimeout, time.Time{}
}

func (p *jobPass) to(s Stage) jobStep {
	p.enter(p.m, p.env, s)
	return jobStep{end: jobAdvanced}
}

func (p *jobPass) waits(expects, observes string) jobStep {
	return jobStep{end: jobWaits, expects: expects, text: observes}
}

// key is the idempotency key of an action of this attempt.
func (p *jobPass) key(action string) string {
	return p.env.Key(action+":"+string(p.job.Kind), p.job.Attempt)
}

// expired says what follows when a stage has taken too long: a recovery goes on regardless, anything else is a lost attempt.
func (p *jobPass) expired(last jobStep) jobStep {
	switch p.job.Stage {
	case StageRecoverPowerOff:
		return p.to(StageRecoverResetBMC)
	case StageRecoverResetBMC:
		return p.to(StageRecoverPowerOn)
	case StageRecoverPowerOn:
		return p.nextAttempt()
	default:
		return p.lost(fmt.Sprintf("stage %s took longer than %s, waiting for %s: %s", p.job.Stage, p.cfg.JobStageTimeout, last.expects, last.text))
	}
}

// lost ends an attempt. What failed is tried again after a recovery, as long as attempts are left.
func (p *jobPass) lost(cause string) jobStep {
	p.job.LastError = cause
	if p.job.Attempt >= p.cfg.JobAttempts {
		return jobStep{end: jobFailed, text: fmt.Sprintf("%d of %d attempts: %s", p.job.Attempt, p.cfg.JobAttempts, cause)}
	}
	return p.to(StageRecoverPowerOff)
}

// nextAttempt begins in a new pass: when it began is on record before anything is asked of the hardware, so a process that dies does not move that time.
func (p *jobPass) nextAttempt() jobStep {
	p.job.Attempt++
	p.job.Since = p.env.Now()
	if p.job.PoweredOff {
		p.m.RestartedAt = p.job.Since
	}
	p.job.ID, p.job.Restarted, p.job.PoweredOff = "", false, false
	p.enter(p.m, p.env, p.job.first())
	return p.waits("the next attempt", p.job.LastError)
}

// jobOutcome turns a step that waits into an outcome.
func (h *handler) jobOutcome(m *Machine, step jobStep) lifecycle.Outcome {
	expects := fmt.Sprintf("%s (platform job %s, stage %s, attempt %d of %d)", step.expects, m.Job.Kind, m.Job.Stage, m.Job.Attempt, h.cfg.JobAttempts)
	return lifecycle.Wait(expects, step.text, h.cfg.PollInterval)
}

// joined puts two notes into one.
func joined(a, b string) string {
	if a == "" {
		return b
	}
	if b == "" {
		return a
	}
	return a + "; " + b
}
