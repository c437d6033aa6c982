package lifecycle

import (
	"context"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// StepResult says what one step did.
type StepResult struct {
	// Outcome is what was recorded.
	Outcome backend.Outcome
	// Transition is the history row, nil when the state did not change.
	Transition *backend.Transition
	// Next is when the object is due again, zero when it is gone.
	Next time.Time
	// Conflict says that somebody else wrote first: nothing was done, and the object is due again at once.
	Conflict bool
}

// Step reconciles one object once, at the given time, and returns when its commit is durable. It uses no goroutine, and no clock but for the time that a handler may take; tests, simulators and
// workflow engines drive objects through it. An error of the handler is an outcome, not an error of Step; the error wraps
// backend.ErrNotFound when there is no such object, or is what the store said.
func (c *Controller) Step(ctx context.Context, ref backend.Ref, now time.Time) (StepResult, error) {
	ent := c.entry(ref)
	if ent == nil {
		return StepResult{}, fmt.Errorf("step %s: %w", ref, backend.ErrNotFound)
	}
	if !c.queue.claim(&ent.job) {
		return StepResult{}, fmt.Errorf("step %s: it is being reconciled: %w", ref, backend.ErrConflict)
	}
	return c.step(ctx, ent, backend.Timestamp(now))
}

// step reconciles an object that was taken from the queue.
func (c *Controller) step(ctx context.Context, ent *entry, now time.Time) (StepResult, error) {
	p := c.look(ctx, ent, now)
	if p == nil {
		c.queue.done(&ent.job, time.Time{})
		return StepResult{}, nil
	}
	refused, err := c.write(ctx, p)
	c.finish(ctx, p, refused)
	res := StepResult{Outcome: p.outcome, Next: c.queue.dueAt(&ent.job)}
	switch {
	case err != nil:
		return res, fmt.Errorf("step %s: %w", ent.ref, err)
	case refused != nil:
		return StepResult{Conflict: true, Next: now}, nil
	case p.self != nil && p.fired:
		res.Transition = p.self.row
		if p.self.gone {
			res.Next = time.Time{}
		}
	}
	return res, nil
}

// write commits a pass by itself. refused is what finish must know; err is a failure of the store.
func (c *Controller) write(ctx context.Context, p *pass) (refused, err error) {
	if p.empty() {
		return nil, nil
	}
	began := c.clock.Now()
	p.commit.Fences = c.fences(p)
	results, err := c.store.Commit(ctx, []backend.Commit{p.commit})
	c.obs.Committed(1, c.clock.Now().Sub(began), err)
	if err != nil {
		return err, err
	}
	return results[0], nil
}

// maxIdleSteps bounds RunUntilIdle: an object that moves for ever without time passing is a mistake in its table or handler.
const maxIdleSteps = 10_000_000

// RunUntilIdle reconciles everything that is due at the given time, one object after the other in the order of the queue, until nothing is. It returns how
// many steps that took and when the next object is due, zero if none is.
func (c *Controller) RunUntilIdle(ctx context.Context, now time.Time) (steps int, next time.Time, err error) {
	now = backend.Timestamp(now)
	for steps < maxIdleSteps {
		if err := ctx.Err(); err != nil {
			return steps, now, err
		}
		j := c.queue.next(now)
		if j == nil {
			return steps, c.queue.due(), nil
		}
		steps++
		if _, err := c.step(ctx, j.entry, now); err != nil {
			return steps, now, err
		}
	}
	return steps, now, fmt.Errorf("objects still move after %d steps without time passing", steps)
}

// NextDue is when the next object is due, zero if none is.
func (c *Controller) NextDue() time.Time { return c.queue.due() }
