package scenario

import (
	"context"

	"github.com/rackstate/rackstate/backend"
)

// platform configures hosts. What is wanted is there already, unless the scenario scripts the jobs of a host: then each piece of its configuration needs one, and is there
// when a poll has found it completed.
type platform struct{ h *hardware }

type platformKey struct {
	ref  backend.Ref
	kind backend.PlatformKind
}

const platformPoll = "PlatformJob"

func (p platform) InspectPlatform(_ context.Context, d backend.Device, kind backend.PlatformKind) (backend.PlatformStatus, error) {
	needsJob, err := p.scripted(d)
	if err != nil {
		return backend.PlatformStatus{}, err
	}
	found, err := read(p.h, "InspectPlatform", []backend.Device{d}, func(d backend.Device, _ *Datum) (backend.PlatformStatus, bool) {
		return backend.PlatformStatus{Applied: !needsJob || p.h.platform[platformKey{d.Ref, kind}], Detail: "no job for it has completed"}, true
	})
	return found[d.Ref], oneDevice(err)
}

func (p platform) SubmitPlatform(_ context.Context, key string, d backend.Device, kind backend.PlatformKind) (string, error) {
	if _, err := p.scripted(d); err != nil {
		return "", err
	}
	got, err := p.h.act("SubmitPlatform", key, d.Rack, []backend.Device{d}, func(r reply, accepted []backend.Device) any {
		p.h.started[platformPoll]++
		p.h.platform[platformKey{d.Ref, kind}] = false
		return p.h.begin(platformPoll, r, accepted)[d.Ref]
	})
	id, _ := got.(string)
	return id, oneDevice(err)
}

func (p platform) PlatformJob(_ context.Context, job backend.Job) (backend.JobStatus, error) {
	found, err := p.h.poll(platformPoll, []backend.Job{job})
	p.h.mu.Lock()
	defer p.h.mu.Unlock()
	for key := range p.h.platform {
		if key.ref == job.Device && found[job.Device].State == backend.JobCompleted {
			p.h.platform[key] = true
		}
	}
	return found[job.Device], oneDevice(err)
}

// scripted reports whether the scenario scripts the platform jobs of a host. One that calls them unsupported means all of platform configuration: the jobs are only the
// last of it.
func (p platform) scripted(d backend.Device) (bool, error) {
	p.h.mu.Lock()
	defer p.h.mu.Unlock()
	for _, name := range []string{platformPoll, "SubmitPlatform"} {
		r := p.h.rule(name, d.Ref.ID)
		if r == nil {
			r = p.h.general(name, d.Rack)
		}
		if r != nil && r.peek().Word == answerUnsupported {
			return true, r.peek().failure()
		}
		if r != nil {
			return true, nil
		}
	}
	return false, nil
}
