package lifecycle_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// watcher is an observer that keeps what it is told, and lets a test wait for it.
type watcher struct {
	mu          sync.Mutex
	changed     chan struct{} // closed and replaced whenever something is told
	transitions []backend.Transition
	passes      []passed
	over        []overdue
	conflicts   []backend.Ref
	batches     []int
	failures    []error
}

type passed struct {
	ref     backend.Ref
	outcome backend.Outcome
}

type overdue struct {
	ref     backend.Ref
	state   string
	elapsed time.Duration
	step    bool // the StepSLA was told of
}

func newWatcher() *watcher { return &watcher{changed: make(chan struct{})} }

func (w *watcher) note(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *watcher) Transitioned(t backend.Transition) {
	w.note(func() { w.transitions = append(w.transitions, t) })
}

func (w *watcher) Passed(ref backend.Ref, out backend.Outcome) {
	w.note(func() { w.passes = append(w.passes, passed{ref: ref, outcome: out}) })
}

func (w *watcher) OverSLA(ref backend.Ref, state string, elapsed time.Duration) {
	w.note(func() { w.over = append(w.over, overdue{ref: ref, state: state, elapsed: elapsed}) })
}

func (w *watcher) OverStepSLA(ref backend.Ref, state string, elapsed time.Duration) {
	w.note(func() { w.over = append(w.over, overdue{ref: ref, state: state, elapsed: elapsed, step: true}) })
}

func (w *watcher) Conflict(ref backend.Ref) {
	w.note(func() { w.conflicts = append(w.conflicts, ref) })
}

func (w *watcher) Committed(commits int, _ time.Duration, err error) {
	w.note(func() {
		w.batches = append(w.batches, commits)
		w.failures = append(w.failures, err)
	})
}

// passesOf counts the passes over an object.
func (w *watcher) passesOf(ref backend.Ref) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, p := range w.passes {
		if p.ref == ref {
			n++
		}
	}
	return n
}

// told returns copies of what was told about SLAs, conflicts and batches.
func (w *watcher) told() (over []overdue, conflicts []backend.Ref, batches []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.over), slices.Clone(w.conflicts), slices.Clone(w.batches)
}

// rows returns the transitions that were told, in order.
func (w *watcher) rows() []backend.Transition {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.transitions)
}

// patience bounds every wait of a test for something that must happen at once.
const patience = 20 * time.Second

// await waits until cond holds; it is asked whenever the watcher was told something.
func (w *watcher) await(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	limit := time.After(patience)
	for {
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		if cond() {
			return
		}
		select {
		case <-changed:
		case <-limit:
			tb.Fatalf("did not happen within %s: %s", patience, what)
		}
	}
}
