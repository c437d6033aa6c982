package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/fake/verify"
)

// Snapshot is what a world is like at one moment, apart from its store: the time, the hardware, the credentials, the names of its requests and, of a world that is verified, what
// its checker knows. It is never changed, so it may be restored any number of times, in any world that was opened with the same scenario.
type Snapshot struct {
	now         time.Time
	hardware    hardwareState
	credentials map[string]backend.Credential
	known       map[string]bool
	rejections  []rejection
	checker     *verify.Checker
}

// Snapshot takes a snapshot. The store is not in it: a caller who wants to come back forks the store too, see memory.Store.Fork.
func (w *World) Snapshot() *Snapshot {
	s := &Snapshot{now: w.Now(), hardware: w.hardware.state(), credentials: w.credentials.held(), known: maps.Clone(w.known), rejections: slices.Clip(w.rejections)}
	if w.checker != nil {
		s.checker = w.checker.Clone()
	}
	return s
}

// Restore brings the world back to a snapshot, with a new controller on a store that holds what the world's store held then: as after a crash in that moment. Of several controllers all
// are at work, and none has a lease.
func (w *World) Restore(ctx context.Context, s *Snapshot, store backend.Store) error {
	w.clock = sitesim.NewClock(s.now)
	if err := w.hardware.restore(s.hardware); err != nil {
		return err
	}
	w.credentials.restore(s.credentials)
	w.known, w.rejections, w.stall, w.trouble = maps.Clone(s.known), s.rejections, nil, nil
	w.unsure, w.looked = time.Time{}, time.Time{}
	if s.checker != nil {
		w.checker = s.checker.Clone()
	}
	w.put(store)
	if w.processes == nil {
		return w.again(ctx)
	}
	for _, p := range w.processes {
		w.be(p)
		p.standing = working
		if err := w.again(ctx); err != nil {
			return err
		}
	}
	w.chosen = w.processes[0]
	return nil
}

// again makes a new controller on the store, as after the start of a process: from nothing when the last one may have been sending images to machines.
func (w *World) again(ctx context.Context) error {
	if len(w.given.Settings.MachineFirmware) > 0 {
		return w.start(ctx)
	}
	w.revive()
	m, err := w.manager.Reload(ctx, w.store, w.engine())
	if err != nil {
		return fmt.Errorf("start the controller again: %w", err)
	}
	w.manager = m
	w.reborn()
	return nil
}

// hardwareState is what scripted hardware is like.
type hardwareState struct {
	rules    []rule
	log      []call
	started  map[string]int
	answered map[string]kept
	jobs     map[jobKey]backend.JobStatus
	power    map[backend.Ref]backend.PowerState
	versions map[backend.Ref]map[string]string
	platform map[platformKey]bool
	images   map[backend.Ref]backend.Artifact
	cleanups map[backend.Ref][]backend.CleanupStep
	events   map[backend.Ref][]backend.Event
	networks map[backend.Ref]string
	bootedAt map[backend.Ref]time.Time
	units    map[backend.Ref]int // never changed
	crash    crashPoint
	// site is the state of simulated hardware, and labels are what it has not brought to its machines; wrong is why the state could not be written down.
	site   []byte
	labels []fake.LabelWrite
	wrong  error
}

// state copies what changes. Slices are appended to or replaced and never written into, so they are shared.
func (h *hardware) state() hardwareState {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := hardwareState{
		log: slices.Clip(h.log), started: maps.Clone(h.started), answered: maps.Clone(h.answered), jobs: maps.Clone(h.jobs), power: maps.Clone(h.power),
		versions: cloneVersions(h.versions), platform: maps.Clone(h.platform), images: maps.Clone(h.images), cleanups: maps.Clone(h.cleanups), events: maps.Clone(h.events),
		networks: maps.Clone(h.networks), bootedAt: maps.Clone(h.bootedAt), units: h.units, crash: h.crashAfter,
	}
	for _, r := range h.rules {
		s.rules = append(s.rules, *r)
	}
	if h.simulated != nil {
		s.site, s.wrong = h.simulated.Snapshot()
		s.labels = slices.Clip(h.simulated.labels)
	}
	return s
}

// restore is the opposite of state.
func (h *hardware) restore(s hardwareState) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log, h.started, h.answered, h.jobs, h.power = s.log, maps.Clone(s.started), maps.Clone(s.answered), maps.Clone(s.jobs), maps.Clone(s.power)
	h.versions, h.platform, h.images, h.cleanups = cloneVersions(s.versions), maps.Clone(s.platform), maps.Clone(s.images), maps.Clone(s.cleanups)
	h.events, h.networks, h.bootedAt, h.crashAfter = maps.Clone(s.events), maps.Clone(s.networks), maps.Clone(s.bootedAt), s.crash
	for ref, list := range h.events {
		h.events[ref] = slices.Clip(list)
	}
	h.rules = h.rules[:0:0]
	for _, r := range s.rules {
		h.rules = append(h.rules, &r)
	}
	if h.simulated == nil || s.wrong != nil {
		return s.wrong
	}
	h.simulated.labels = s.labels
	return h.simulated.Restore(s.site)
}

func cloneVersions(versions map[backend.Ref]map[string]string) map[backend.Ref]map[string]string {
	out := make(map[backend.Ref]map[string]string, len(versions))
	for ref, v := range versions {
		out[ref] = maps.Clone(v)
	}
	return out
}

// At returns the snapshot as it would be at another time.
func (s *Snapshot) At(now time.Time) *Snapshot {
	c := *s
	c.now = now
	return &c
}

// Now is the time of the snapshot.
func (s *Snapshot) Now() time.Time { return s.now }
