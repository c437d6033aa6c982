package nvswitch

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

var errNoCertificates = fmt.Errorf("the driver has no certificate capability: %w", backend.ErrNotSupported)

// certificateStart submits the job of the bring-up. A driver without certificates is passed.
func (h *handler) certificateStart(ctx context.Context, s *Switch, env *lifecycle.Env) (lifecycle.Outcome, error) {
	skipped := lifecycle.Fire(CertificateSkipped)
	if s.Rack() == "" {
		return skipped.Because("no rack id: passed"), nil
	}
	if h.caps.Certificates == nil {
		return skipped.Because("no certificate capability: passed"), nil
	}
	gaps, err := s.NVOSGaps(ctx, h.cfg.Credentials)
	if err != nil {
		return lifecycle.Outcome{}, err
	}
	if len(gaps) > 0 {
		return lifecycle.Wait("a complete NVOS endpoint", missing(gaps), h.cfg.PollInterval), nil
	}
	switch err := h.submitCertificate(ctx, s, env); {
	case err == nil:
		return lifecycle.Fire(CertificateJobStarted).Because("job " + s.Certificate.ID), nil
	case errors.Is(err, backend.ErrNotSupported):
		return skipped.Because("no certificate capability: passed"), nil
	case !retryable(err):
		return fail(s, CertificateFailed, "the certificate job was refused: "+err.Error())
	default:
		return lifecycle.Outcome{}, fmt.Errorf("submit the certificate job: %w", err)
	}
}

// submitCertificate asks for the installation and keeps the job.
func (h *handler) submitCertificate(ctx context.Context, s *Switch, env *lifecycle.Env) error {
	if h.caps.Certificates == nil {
		return errNoCertificates
	}
	id, err := h.caps.Certificates.ConfigureCertificate(ctx, env.Key("ConfigureCertificate", 0), s.Device(), s.Rack())
	if err != nil {
		return err
	}
	if id == "" {
		return backend.Permanent(errors.New("the driver returned no job"), "")
	}
	s.Certificate = &CertificateJob{ID: id, StartedAt: env.Now(), Clock: s.Elapsed(env.Now())}
	return nil
}

// certificateWait polls the job of the bring-up.
func (h *handler) certificateWait(ctx context.Context, s *Switch, env *lifecycle.Env) (lifecycle.Outcome, error) {
	status, err := h.pollCertificate(ctx, s, env)
	if err != nil {
		return lifecycle.Outcome{}, err
	}
	switch status.State {
	case backend.JobCompleted:
		note := jobText(s) + " completed"
		s.Certificate = nil
		return lifecycle.Fire(CertificateConfigured).Because(note), nil
	case backend.JobFailed:
		cause := jobText(s) + " failed: " + status.Cause
		s.Certificate = nil
		return fail(s, CertificateFailed, cause)
	default:
		return h.waitForJob(s, status), nil
	}
}

// pollCertificate looks at the job. What can never complete, and what has not completed before its deadline, counts as failed, also when the poll itself
// does not work; a poll that may work later is an error. A job that has ended is not late.
func (h *handler) pollCertificate(ctx context.Context, s *Switch, env *lifecycle.Env) (backend.JobStatus, error) {
	if s.Certificate == nil {
		return backend.JobStatus{State: backend.JobFailed, Cause: "no job is on record"}, nil
	}
	if h.caps.Certificates == nil {
		return backend.JobStatus{State: backend.JobFailed, Cause: errNoCertificates.Error()}, nil
	}
	status, err := h.caps.Certificates.CertificateJob(ctx, backend.Job{Device: s.Ref(), Endpoint: s.Endpoint, ID: s.Certificate.ID})
	switch {
	case err != nil && !retryable(err):
		return backend.JobStatus{State: backend.JobFailed, Cause: err.Error()}, nil
	case err == nil && status.State == backend.JobFailed && status.Cause == "":
		status.Cause = "the driver gives no cause"
		return status, nil
	case err == nil && status.State.Terminal():
		return status, nil
	}
	if s.Elapsed(env.Now())-s.Certificate.Clock >= h.cfg.CertificateDeadline {
		observed := "the job is " + string(status.State)
		if err != nil {
			observed = "the job cannot be polled: " + err.Error()
		}
		return backend.JobStatus{State: backend.JobFailed, Cause: fmt.Sprintf("timed out after %s; %s", h.cfg.CertificateDeadline, observed)}, nil
	}
	if err != nil {
		return backend.JobStatus{}, fmt.Errorf("poll %s: %w", jobText(s), err)
	}
	return status, nil
}

func (h *handler) waitForJob(s *Switch, status backend.JobStatus) lifecycle.Outcome {
	observed := status.State
	if observed == "" {
		observed = backend.JobUnknown
	}
	return lifecycle.Wait(jobText(s)+" to complete", "it is "+string(observed), h.cfg.PollInterval)
}

func jobText(s *Switch) string {
	if s.Certificate == nil {
		return "certificate job"
	}
	return "certificate job " + s.Certificate.ID
}

// retryable reports whether asking again can help without a person.
func retryable(err error) bool {
	class := backend.Classify(err)
	return !errors.Is(class, backend.ErrPermanent) && !errors.Is(class, backend.ErrNotSupported)
}

func missing(gaps []string) string { return "missing: " + strings.Join(gaps, ", ") }
