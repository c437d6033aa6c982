package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/sitesim"
)

// Snapshot is what a world is like at one moment, apart from its store: the time, the scripted hardware and the names of its requests. It is never changed, so it
// may be restored any number of times, in any world that was opened with the same scenario.
type Snapshot struct {
	now        time.Time
	hardware   hardwareState
	known      map[string]bool
	rejections []rejection
}

// Snapshot takes a snapshot. The store is not in it: a caller who wants to come back forks the store too, see memory.Store.Fork.
func (w *World) Snapshot() *Snapshot {
	return &Snapshot{now: w.Now(), hardware: w.hardware.state(), known: maps.Clone(w.known), rejections: slices.Clip(w.rejections)}
}

// Restore brings the world back to a snapshot, with a new controller on a store that holds what the world's store held then: as after a crash in that moment.
// Credentials are as they are, not as they were.
func (w *World) Restore(ctx context.Context, s *Snapshot, store backend.Store) error {
	w.clock = sitesim.NewClock(s.now)
	w.hardware.restore(s.hardware)
	w.known, w.rejections = maps.Clone(s.known), s.rejections
	w.store.Store = store
	return w.again(ctx)
}

// again makes a new controller on the store, as after the start of a process: from nothing when the last one may have been sending images to machines.
func (w *World) again(ctx context.Context) error {
	if len(w.given.Settings.MachineFirmware) > 0 {
		return w.start(ctx)
	}
	w.store.crashed = false
	w.hardware.revive()
	m, err := w.manager.Reload(ctx, w.store, w.engine())
	if err != nil {
		return fmt.Errorf("start the controller again: %w", err)
	}
	w.manager = m
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
	crash    crashPoint
}

// state copies what changes. Slices are appended to or replaced and never written into, so they are shared.
func (h *hardware) state() hardwareState {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := hardwareState{
		log: slices.Clip(h.log), started: maps.Clone(h.started), answered: maps.Clone(h.answered), jobs: maps.Clone(h.jobs), power: maps.Clone(h.power),
		versions: cloneVersions(h.versions), platform: maps.Clone(h.platform), images: maps.Clone(h.images), cleanups: maps.Clone(h.cleanups), events: maps.Clone(h.events),
		networks: maps.Clone(h.networks), bootedAt: maps.Clone(h.bootedAt), crash: h.crashAfter,
	}
	for _, r := range h.rules {
		s.rules = append(s.rules, *r)
	}
	return s
}

// restore is the opposite of state.
func (h *hardware) restore(s hardwareState) {
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
}

func cloneVersions(versions map[backend.Ref]map[string]string) map[backend.Ref]map[string]string {
	out := make(map[backend.Ref]map[string]string, len(versions))
	for ref, v := range versions {
		out[ref] = maps.Clone(v)
	}
	return out
}
