package nvswitch

import (
	"context"
	"errors"
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// power makes one attempt. Whatever goes wrong is an Error with its cause: whether to ask again is the operator's decision.
func (h *handler) power(action backend.PowerAction) lifecycle.Handler[Switch] {
	return func(ctx context.Context, s *Switch, env *lifecycle.Env) (lifecycle.Outcome, error) {
		req, ok := env.Started(lifecycle.TypeMaintenance)
		if !ok || req.CancelledBy != "" {
			return stopPower(s, env, req)
		}
		if err := h.setPower(ctx, s, env, action); err != nil {
			return failOperation(s, env, req, backend.Result{Activity: string(action), Error: err.Error(), Retryable: retryable(err)})
		}
		before := s.Power
		s.Power = backend.PowerUnknown // what was observed before tells nothing any more
		return completeOperation(s, env, req, backend.Result{Activity: string(action), From: string(before)})
	}
}

func (h *handler) setPower(ctx context.Context, s *Switch, env *lifecycle.Env, action backend.PowerAction) error {
	if h.caps.Power == nil {
		return fmt.Errorf("the driver has no power capability: %w", backend.ErrNotSupported)
	}
	gaps, err := s.bmcGaps(ctx, h.cfg.Credentials)
	if err != nil {
		return err
	}
	if len(gaps) > 0 {
		return errors.New(missing(gaps))
	}
	return h.caps.Power.SetPower(ctx, env.Key("SetPower", 0), action, []backend.Device{s.Device()})
}

// newCertificateStart submits the job of an operator's request. Unlike bring-up it skips nothing and waits for nobody: the operator is there to be told.
func (h *handler) newCertificateStart(ctx context.Context, s *Switch, env *lifecycle.Env) (lifecycle.Outcome, error) {
	req, ok := env.Started(lifecycle.TypeMaintenance)
	if !ok || req.CancelledBy != "" {
		return stopCertificate(s, env, req)
	}
	failed := func(cause string, again bool) (lifecycle.Outcome, error) {
		return failOperation(s, env, req, backend.Result{Activity: string(OpReconfigureCertificate), Error: cause, Retryable: again})
	}
	gaps, err := s.NVOSGaps(ctx, h.cfg.Credentials)
	if err == nil && len(gaps) > 0 {
		return failed(missing(gaps), true)
	}
	if err == nil {
		err = h.submitCertificate(ctx, s, env)
	}
	switch {
	case err == nil:
		return lifecycle.Fire(CertificateJobStarted).Because("job " + s.Certificate.ID), nil
	case !retryable(err):
		return failed(err.Error(), false)
	case s.Elapsed(env.Now()) >= h.cfg.CertificateDeadline:
		return failed(fmt.Sprintf("timed out after %s: %s", h.cfg.CertificateDeadline, err), true)
	default:
		return lifecycle.Outcome{}, fmt.Errorf("submit the certificate job: %w", err)
	}
}

// newCertificateWait polls the job of an operator's request. A job that has ended counts, also when the request was cancelled meanwhile.
func (h *handler) newCertificateWait(ctx context.Context, s *Switch, env *lifecycle.Env) (lifecycle.Outcome, error) {
	req, ok := env.Started(lifecycle.TypeMaintenance)
	if !ok {
		return stopCertificate(s, env, req)
	}
	result := backend.Result{Activity: string(OpReconfigureCertificate)}
	if s.Certificate != nil {
		result.JobID = s.Certificate.ID
	}
	status, err := h.pollCertificate(ctx, s, env)
	switch {
	case err == nil && status.State == backend.JobCompleted:
		return completeOperation(s, env, req, result)
	case err == nil && status.State == backend.JobFailed:
		result.Error, result.Retryable = jobText(s)+" failed: "+status.Cause, true
		return failOperation(s, env, req, result)
	case req.CancelledBy != "":
		return stopCertificate(s, env, req)
	case err != nil:
		return lifecycle.Outcome{}, err
	default:
		return h.waitForJob(s, status), nil
	}
}

func completeOperation(s *Switch, env *lifecycle.Env, req backend.Request, result backend.Result) (lifecycle.Outcome, error) {
	s.Cause, s.Certificate = "", nil
	result.Target, result.Status = s.Ref(), backend.ResultOK
	return lifecycle.Fire(OperationCompleted).Because(result.Activity + " done").By(req.Initiator), env.Finish(req.ID, "", result)
}

func failOperation(s *Switch, env *lifecycle.Env, req backend.Request, result backend.Result) (lifecycle.Outcome, error) {
	s.Certificate = nil
	s.Cause = fmt.Sprintf("%s of switch %s failed: %s", result.Activity, s.ID(), result.Error)
	result.Target, result.Status = s.Ref(), backend.ResultFailed
	return lifecycle.Fire(OperationFailed).Because(s.Cause).By(req.Initiator), env.Fail(req.ID, s.Cause, result)
}

// stopPower ends a power operation that nobody asks for any more and that was not done yet: the switch goes back to where it came from. Cause is set exactly
// when that was Error.
func stopPower(s *Switch, env *lifecycle.Env, req backend.Request) (lifecycle.Outcome, error) {
	back := Ready
	if s.Cause != "" {
		back = Error
	}
	return stop(env, req, back, "nothing was asked of the hardware")
}

// stopCertificate ends the work on a certificate that nobody asks for any more. Its job may run on, so the switch does not count as Ready.
func stopCertificate(s *Switch, env *lifecycle.Env, req backend.Request) (lifecycle.Outcome, error) {
	result := backend.Result{Target: s.Ref(), Activity: string(OpReconfigureCertificate), Status: backend.ResultRunning}
	if s.Certificate != nil {
		result.JobID = s.Certificate.ID
	}
	note := jobText(s) + " may still run"
	s.Cause = stopText(req) + ": " + note
	s.Certificate = nil
	return stop(env, req, Error, note, result)
}

// stop ends the request, if it is still on record, and takes the switch to a resting state.
func stop(env *lifecycle.Env, req backend.Request, to State, note string, results ...backend.Result) (lifecycle.Outcome, error) {
	note = stopText(req) + ": " + note
	out := lifecycle.FireTo(OperationCancelled, to).Because(note)
	if req.ID == "" {
		return out, nil
	}
	return out.By(req.CancelledBy), env.End(env.Self(), req.ID, backend.RequestCancelled, note, results...)
}

func stopText(req backend.Request) string {
	if req.ID == "" {
		return "the maintenance request is not on record any more"
	}
	return "maintenance cancelled by " + req.CancelledBy
}
