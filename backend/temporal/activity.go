package temporal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"

	"github.com/rackstate/rackstate/backend/temporal/internal/heartbeat"
)

// ErrNotLeased says that the controller of this worker shares its store by leases and does not hold that of the rack. The step is tried again, and reaches the right worker in time.
var ErrNotLeased = errors.New("another controller holds the lease of the rack")

// Activities step racks by a controller. Make them with NewActivities; they are safe for concurrent use.
type Activities struct {
	ctl   *lifecycle.Controller
	clock clock.Clock

	mu   sync.Mutex
	busy map[string]chan struct{} // the racks that are being stepped; closed when that has ended
}

// NewActivities makes the activities of a worker. Nobody else may drive the controller: neither Run nor RunUntilIdle. What a host does through it, such as Apply and Request, is
// welcome at any time.
func NewActivities(ctl *lifecycle.Controller) *Activities {
	return &Activities{ctl: ctl, clock: clock.New(), busy: map[string]chan struct{}{}}
}

// StepInput says what is to be stepped.
type StepInput struct {
	// Rack is the id of the rack.
	Rack string `json:"rack"`
	// At is the time of the workflow.
	At time.Time `json:"at"`
}

// StepOutput says what a step did.
type StepOutput struct {
	// At is the time at which the objects were stepped.
	At time.Time `json:"at"`
	// Steps is how many passes it took.
	Steps int `json:"steps"`
	// Next is when something is due again, by the clock of the controller, zero when nothing is. Wait is how long that was when the step ended.
	Next time.Time     `json:"next,omitzero"`
	Wait time.Duration `json:"wait"`
	// Objects is how many objects the rack has, itself included; State is its own state.
	Objects int    `json:"objects"`
	State   string `json:"state"`
}

// StepRack reads a rack from the store and reconciles what is due of it. The time is that of the workflow or of the controller, whichever is later: an attempt that is made again long
// after the first does not step into the past. Repeating it does no harm: what has been committed is not due any more, and a hardware call that is made again carries the same key. The error
// wraps ErrNotLeased, or is that of lifecycle.Controller.StepRack.
func (a *Activities) StepRack(ctx context.Context, in StepInput) (StepOutput, error) {
	defer heartbeat.Start(ctx, a.clock)()
	leave, err := a.enter(ctx, in.Rack)
	if err != nil {
		return StepOutput{}, err
	}
	defer leave()
	out := StepOutput{At: later(backend.Timestamp(in.At), a.ctl.Now())}
	if out.Steps, out.Next, err = a.ctl.StepRack(within(ctx, in.Rack), in.Rack, out.At); err != nil {
		return out, fmt.Errorf("step rack %s: %w", in.Rack, err)
	}
	records, err := a.ctl.Store().List(ctx, backend.Query{Rack: in.Rack})
	if err != nil {
		return out, fmt.Errorf("read rack %s: %w", in.Rack, err)
	}
	out.Objects = len(records)
	for i := range records {
		if records[i].Ref == (backend.Ref{Kind: backend.KindRack, ID: in.Rack}) {
			out.State = records[i].State
		}
	}
	if out.Objects > 0 && out.Next.IsZero() && !slices.Contains(a.ctl.Racks(), in.Rack) {
		return out, fmt.Errorf("step rack %s: %w", in.Rack, ErrNotLeased)
	}
	if !out.Next.IsZero() {
		out.Wait = max(0, out.Next.Sub(later(out.At, a.ctl.Now())))
	}
	return out, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// enter waits until nobody in this process steps the rack: an attempt that was given up may still be at work.
func (a *Activities) enter(ctx context.Context, rack string) (leave func(), err error) {
	for {
		a.mu.Lock()
		ended, busy := a.busy[rack]
		if !busy {
			ended = make(chan struct{})
			a.busy[rack] = ended
			a.mu.Unlock()
			return func() {
				a.mu.Lock()
				defer a.mu.Unlock()
				delete(a.busy, rack)
				close(ended)
			}, nil
		}
		a.mu.Unlock()
		select {
		case <-ended:
		case <-ctx.Done():
			return nil, fmt.Errorf("an earlier attempt to step rack %s has not ended: %w", rack, ctx.Err())
		}
	}
}
