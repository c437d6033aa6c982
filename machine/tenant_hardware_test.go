package machine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// answer is what a look at a proof finds at a time.
type answer func(now time.Time) backend.AttestationStatus

// The answers of an attestor. Those that speak of a proof say that it was measured at the look.
func proofWaits(time.Time) backend.AttestationStatus {
	return backend.AttestationStatus{State: backend.AttestationWaiting}
}

func proofPends(now time.Time) backend.AttestationStatus {
	return backend.AttestationStatus{State: backend.AttestationPending, Cause: "no bundle matches", MeasuredAt: now, Measured: 12}
}

func proofPasses(now time.Time) backend.AttestationStatus {
	return backend.AttestationStatus{State: backend.AttestationPassed, MeasuredAt: now, Measured: 12}
}

func proofFails(now time.Time) backend.AttestationStatus {
	return backend.AttestationStatus{State: backend.AttestationFailed, Cause: "the bundle is revoked", MeasuredAt: now, Measured: 12}
}

func proofCancelled(time.Time) backend.AttestationStatus {
	return backend.AttestationStatus{State: backend.AttestationCancelled}
}

// prover is an attestor. Its answers are used in their order; the last one repeats.
type prover struct {
	hw      *hardware
	name    string
	answers []answer
	asked   []time.Time
}

func (p *prover) Name() string { return p.name }

func (p *prover) Attest(_ context.Context, key string, _ backend.Device) (string, error) {
	if err := p.hw.called("Attest", p.name); err != nil {
		return "", err
	}
	if _, known := p.hw.seen(key); !known {
		p.asked = append(p.asked, p.hw.now())
		p.hw.remember(key, fmt.Sprintf("%s-%d", p.name, len(p.asked)))
	}
	id, _ := p.hw.seen(key)
	return id, nil
}

func (p *prover) Attestation(context.Context, backend.Job) (backend.AttestationStatus, error) {
	if err := p.hw.called("Attestation", p.name); err != nil {
		return backend.AttestationStatus{}, err
	}
	found := p.answers[0]
	if len(p.answers) > 1 {
		p.answers = p.answers[1:]
	}
	return found(p.hw.now()), nil
}

// withAttestors gives the driver attestors that pass.
func (r *rig) withAttestors(names ...string) map[string]*prover {
	r.Helper()
	caps, provers := r.cfg.Driver.Capabilities(), map[string]*prover{}
	for _, name := range names {
		provers[name] = &prover{hw: r.hw, name: name, answers: []answer{proofPasses}}
		caps.Attestors = append(caps.Attestors, provers[name])
	}
	r.cfg.Driver = caps
	return provers
}

// proving gives the driver the attestor of the boot, with these answers.
func (r *rig) proving(answers ...answer) *prover {
	r.Helper()
	p := r.withAttestors(MeasuredBoot)[MeasuredBoot]
	p.answers = answers
	return p
}

// cleaner erases by the agent. Its states are used in their order; the last one repeats, and without any the job is complete.
type cleaner struct {
	hw      *hardware
	states  []backend.JobState
	without map[backend.CleanupStep]bool   // steps that have no result
	undone  map[backend.CleanupStep]string // steps that were not done, and why
	jobs    [][]backend.CleanupStep        // the steps of each clean-up
}

func (c *cleaner) StartCleanup(_ context.Context, key string, _ backend.Device, steps []backend.CleanupStep) (string, error) {
	if err := c.hw.called("StartCleanup", ""); err != nil {
		return "", err
	}
	if _, known := c.hw.seen(key); !known {
		c.jobs = append(c.jobs, steps)
		c.hw.remember(key, fmt.Sprintf("clean-%d", len(c.jobs)))
	}
	id, _ := c.hw.seen(key)
	return id, nil
}

func (c *cleaner) CleanupJob(context.Context, backend.Job) (backend.CleanupStatus, error) {
	if err := c.hw.called("CleanupJob", ""); err != nil {
		return backend.CleanupStatus{}, err
	}
	state := backend.JobCompleted
	if len(c.states) > 0 {
		state = c.states[0]
	}
	if len(c.states) > 1 {
		c.states = c.states[1:]
	}
	status := backend.CleanupStatus{JobStatus: backend.JobStatus{State: state}, Results: map[backend.CleanupStep]backend.CleanupResult{}}
	if state == backend.JobFailed {
		status.Cause = "the agent gave up"
	}
	for _, step := range DefaultCleanupSteps() {
		if why, failed := c.undone[step]; failed {
			status.Results[step] = backend.CleanupResult{Detail: why}
		} else if !c.without[step] && state != backend.JobRunning {
			status.Results[step] = backend.CleanupResult{Done: true}
		}
	}
	return status, nil
}

// withCleanup gives the driver a clean-up that erases everything.
func (r *rig) withCleanup() *cleaner {
	r.Helper()
	c := &cleaner{hw: r.hw, without: map[backend.CleanupStep]bool{}, undone: map[backend.CleanupStep]string{}}
	caps := r.cfg.Driver.Capabilities()
	caps.Cleanup = c
	r.cfg.Driver = caps
	return c
}

// tenantNetwork is a tenant network hook for which each action has its own answers; the last one repeats, and without any it is done.
type tenantNetwork struct {
	hw      *hardware
	answers map[string][]error
	tenants []string // whose network was released
}

func (n *tenantNetwork) answer(action, key string) (bool, error) {
	if err := n.hw.called(action, ""); err != nil {
		return false, err
	}
	if _, known := n.hw.seen(key); !known {
		n.hw.remember(key, "")
	}
	queue := n.answers[action]
	if len(queue) == 0 {
		return true, nil
	}
	if len(queue) > 1 {
		n.answers[action] = queue[1:]
	}
	if errors.Is(queue[0], errUnderWay) {
		return false, nil
	}
	return queue[0] == nil, queue[0]
}

func (n *tenantNetwork) Provision(_ context.Context, key string, _ backend.Device, _ string) (bool, error) {
	return n.answer("Provision", key)
}

func (n *tenantNetwork) Release(_ context.Context, key string, _ backend.Device, tenant string) (bool, error) {
	n.tenants = append(n.tenants, tenant)
	return n.answer("Release", key)
}

// withTenantNetwork gives the site a tenant network hook.
func (r *rig) withTenantNetwork(answers map[string][]error) *tenantNetwork {
	r.Helper()
	n := &tenantNetwork{hw: r.hw, answers: maps.Clone(answers)}
	r.cfg.Tenant = n
	return n
}

// machineOf returns the machine with that id.
func (r *rig) machineOf(id string) *Machine {
	r.Helper()
	m, err := lifecycle.Get[Machine](r.ctl, Ref(id))
	require.NoError(r, err)
	return m
}
