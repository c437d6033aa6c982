package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// crashStore is the store as one controller has it: once the controller has crashed, it commits nothing and leases nothing.
type crashStore struct {
	backend.Store
	world   *World
	crashed bool
}

var (
	errCrashed = errors.New("the controller has crashed")
	// errUnknown does not wrap backend.ErrNotCommitted: nobody knows.
	errUnknown = errors.New("the connection to the store broke while the commit was under way")
	errNoLease = errors.New("the store has no leases, so controllers cannot share it")
)

// Commit commits what the controller commits, unless the scenario has it crash, or the connection break.
func (s *crashStore) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	s.world.standStill(ctx, "", beforeCommit)
	if s.crashed {
		return nil, errors.Join(errCrashed, backend.ErrNotCommitted)
	}
	if s.world.passes.halt { // the loop around this pass ends with it, and the pass itself goes on
		ctx = context.WithoutCancel(ctx)
		defer s.world.passes.end()
	}
	switch s.world.atCommit() {
	case beforeCommit:
		s.die()
		return nil, errors.Join(errCrashed, backend.ErrNotCommitted)
	case afterCommit:
		_, err := s.apply(ctx, batch)
		s.die()
		return nil, errors.Join(errCrashed, err)
	case lostCommit:
		s.world.unsure = s.world.Now()
		_, err := s.apply(ctx, batch)
		return nil, errors.Join(errUnknown, err)
	case droppedCommit:
		s.world.unsure = s.world.Now()
		return nil, errUnknown
	default:
		return s.apply(ctx, batch)
	}
}

// Get reads for a pass that goes on while the loop around it ends, too.
func (s *crashStore) Get(ctx context.Context, ref backend.Ref) (*backend.Record, error) {
	return s.Store.Get(s.world.passes.outlive(ctx), ref)
}

// Requests is like Get.
func (s *crashStore) Requests(ctx context.Context, q backend.RequestQuery) ([]backend.Request, error) {
	return s.Store.Requests(s.world.passes.outlive(ctx), q)
}

// apply commits, and notes that there is something to read for the other controllers.
func (s *crashStore) apply(ctx context.Context, batch []backend.Commit) ([]error, error) {
	for _, p := range s.world.processes {
		p.behind = p.behind || p.store != s
	}
	return s.Store.Commit(ctx, batch)
}

// die is a crash in a commit.
func (s *crashStore) die() {
	h := s.world.hardware
	s.crashed = true
	h.mu.Lock()
	defer h.mu.Unlock()
	h.crashed = true
	h.crash()
}

// atCommit says what happens to this commit, empty for nothing.
func (w *World) atCommit() string {
	w.hardware.mu.Lock()
	defer w.hardware.mu.Unlock()
	p := &w.hardware.crashAfter
	if !p.comes("", commitWords...) {
		return ""
	}
	what := p.what
	*p = crashPoint{}
	return what
}

// leasing is the store below, if it has leases.
func (s *crashStore) leasing() (backend.LeaseStore, error) {
	if s.crashed {
		return nil, errCrashed
	}
	if shared, ok := s.Store.(backend.LeaseStore); ok {
		return shared, nil
	}
	return nil, errNoLease
}

// Renew is that of backend.LeaseStore.
func (s *crashStore) Renew(ctx context.Context, owner string, ttl time.Duration) (backend.Tenure, error) {
	shared, err := s.leasing()
	if err != nil {
		return backend.Tenure{}, err
	}
	return shared.Renew(ctx, owner, ttl)
}

// Claim is that of backend.LeaseStore.
func (s *crashStore) Claim(ctx context.Context, owner string, ttl time.Duration, racks []string) ([]backend.Lease, error) {
	shared, err := s.leasing()
	if err != nil {
		return nil, err
	}
	return shared.Claim(ctx, owner, ttl, racks)
}

// Release is that of backend.LeaseStore.
func (s *crashStore) Release(ctx context.Context, owner string, racks ...string) error {
	shared, err := s.leasing()
	if err != nil {
		return err
	}
	return shared.Release(ctx, owner, racks...)
}

// Stall has a controller stand still in the middle of a pass, while the others and the hardware go on.
type Stall struct {
	Controller string   `yaml:"controller"` // absent: whichever it is
	At         string   `yaml:"at"`         // before-commit N, or after-call CALL N
	For        Duration `yaml:"for"`
}

// parseStall reads when it stands still.
func parseStall(text string) (crashPoint, error) {
	p, err := parseCrash(text)
	if err != nil || p.what != beforeCommit && p.what != afterCall {
		return p, fmt.Errorf("%q is not known; use before-commit or after-call CALL, each with the number N for the N-th time", text)
	}
	return p, nil
}

// pending is a stall that has not come.
type pending struct {
	Stall
	at crashPoint
}

// standStill lets time pass in the middle of a call or commit, if that is its moment.
func (w *World) standStill(ctx context.Context, name, what string) {
	s := w.stall
	if s == nil || s.Controller != "" && (w.acting == nil || w.acting.name != s.Controller) || !s.at.comes(name, what) {
		return
	}
	w.stall = nil
	back := w.interrupt()
	defer back()
	if err := w.run(context.WithoutCancel(ctx), w.Now().Add(time.Duration(s.For))); err != nil {
		w.trouble = errors.Join(w.trouble, fmt.Errorf("while a controller stood still: %w", err))
	}
}

// interrupt has the controller that acts stand still, and returns what has it go on. Without named controllers its other workers go on: then it may crash meanwhile, and what stood still is
// of a process that is no more.
func (w *World) interrupt() (back func()) {
	p, store, manager, lives := w.acting, w.store, w.manager, w.lives
	crash, left, stop := w.hardware.crash, w.passes.left, w.passes.stop
	if p != nil {
		p.standing = stalled
	}
	return func() {
		w.hardware.crash, w.passes.left, w.passes.stop = crash, left, stop
		w.passes.halt = stop != nil // what drives the controller does not know that time has passed
		switch {
		case p != nil:
			p.standing = working
			w.acting, w.store, w.manager = p, store, manager
		case w.lives != lives:
			crash()
		}
	}
}
