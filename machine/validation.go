package machine

import (
	"context"
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

const noValidator = "no validation capability: passed"

// sourceValidation is the source of the alert about a machine whose tests failed.
const sourceValidation = "machine-validation"

// validating wraps the handlers of Validation: without a validator there is nothing to run.
func (h *handler) validating(own handle) handle {
	return func(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
		if err := endCancelled(env, TypeValidate); err != nil {
			return lifecycle.Outcome{}, err
		}
		if h.caps.Validation == nil {
			return h.validated(m, env, ValidationSkipped, noValidator)
		}
		return own(ctx, m, env)
	}
}

// validated leaves Validation for the better.
func (h *handler) validated(m *Machine, env *lifecycle.Env, trigger Trigger, note string) (lifecycle.Outcome, error) {
	m.Report(sourceValidation)
	m.ValidationJob = ""
	out := lifecycle.Fire(trigger).Because(note)
	if req, ok := env.Started(TypeValidate); ok {
		return out, env.Finish(req.ID, note)
	}
	return out, nil
}

// rebootingHost restarts the host into its tests.
func (h *handler) rebootingHost(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	note, err := h.restartInto(ctx, m, env)
	if err != nil {
		return h.restartFailed(m, env, err)
	}
	return lifecycle.Fire(HostRestarted).Because(note), nil
}

// machineValidating waits for the host, starts the tests, and waits for their end, but not for ever.
func (h *handler) machineValidating(ctx context.Context, m *Machine, env *lifecycle.Env) (lifecycle.Outcome, error) {
	out, open, err := h.testing(ctx, m, env)
	if !open || ctx.Err() != nil || m.Elapsed(env.Now()) < h.cfg.ValidationDeadline {
		return out, err
	}
	why := fmt.Sprintf("the tests did not end within %s", h.cfg.ValidationDeadline)
	if err != nil {
		why += ": " + err.Error()
	}
	return h.invalid(m, env, why)
}

// testing makes one look at the tests. open says that they have not ended.
func (h *handler) testing(ctx context.Context, m *Machine, env *lifecycle.Env) (out lifecycle.Outcome, open bool, err error) {
	if m.ValidationJob == "" {
		if out, open, err = h.beginTests(ctx, m, env); m.ValidationJob == "" {
			return out, open, err
		}
	}
	status, err := h.caps.Validation.ValidationJob(ctx, backend.Job{Device: m.Ref(), Endpoint: m.Endpoint, ID: m.ValidationJob})
	switch {
	case permanent(err):
		out, err = h.invalid(m, env, err.Error())
	case err != nil:
		return out, true, fmt.Errorf("poll the tests of machine %s: %w", m.ID(), err)
	case status.State == backend.JobFailed:
		out, err = h.invalid(m, env, status.Cause)
	case status.State == backend.JobCompleted:
		m.RestartDue = true
		out, err = h.validated(m, env, ValidationPassed, "run "+m.ValidationJob+" passed")
	default:
		return lifecycle.Wait("test run "+m.ValidationJob, "it is "+string(status.State), h.cfg.PollInterval), true, nil
	}
	return out, false, err
}

// beginTests starts the tests once the host is up. They have begun when there is a job.
func (h *handler) beginTests(ctx context.Context, m *Machine, env *lifecycle.Env) (out lifecycle.Outcome, open bool, err error) {
	if !m.RestartedAt.IsZero() {
		if came, out, err := h.awaitHost(ctx, m, env, seenRebooted); err != nil || came == "" {
			return out, false, err // the wait for the host has an end of its own
		}
	}
	id, err := h.caps.Validation.ValidateMachine(ctx, env.Key("ValidateMachine", 0), m.Device())
	switch {
	case err == nil:
		m.ValidationJob = id
	case unsupported(err):
		out, err = h.validated(m, env, ValidationSkipped, noValidator)
	case permanent(err):
		out, err = h.invalid(m, env, err.Error())
	default:
		return out, true, fmt.Errorf("start the tests of machine %s: %w", m.ID(), err)
	}
	return out, false, err
}

// invalid fails the machine over its tests.
func (h *handler) invalid(m *Machine, env *lifecycle.Env, why string) (lifecycle.Outcome, error) {
	m.Report(sourceValidation, lifecycle.Alert{ID: "MachineValidation", Message: why, Classifications: []lifecycle.Classification{lifecycle.PreventAllocations}})
	return h.fail(m, env, ValidationFailed, CauseMachineValidation, why)
}
