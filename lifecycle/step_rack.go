package lifecycle

import (
	"context"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// maxRackSteps bounds StepRack: objects that move for ever without time passing are a mistake in a table or handler.
const maxRackSteps = 100_000

// StepRack reconciles what is due at the given time of one rack and what is inside it, one object after the other, until nothing is. Before, it reads what others have written
// there. It returns how many steps that took and when the next object of the rack is due, zero if none is: for those that drive racks one by one, such as a workflow engine. It must not be
// mixed with Run.
func (c *Controller) StepRack(ctx context.Context, rack string, now time.Time) (steps int, next time.Time, err error) {
	now = backend.Timestamp(now)
	if err := c.readRack(ctx, rack); err != nil {
		return 0, now, err
	}
	for steps < maxRackSteps {
		if err := ctx.Err(); err != nil {
			return steps, now, err
		}
		c.mu.RLock()
		g := c.groups[rack]
		c.mu.RUnlock()
		if g == nil {
			return steps, time.Time{}, nil
		}
		all := g.all()
		jobs := make([]*job, len(all))
		for i, ent := range all {
			jobs[i] = &ent.job
		}
		j, due := c.queue.claimDue(jobs, now)
		if j == nil {
			return steps, due, nil
		}
		steps++
		if _, err := c.step(ctx, j.entry, now); err != nil {
			return steps, now, err
		}
	}
	return steps, now, fmt.Errorf("objects of rack %s still move after %d steps without time passing", rack, steps)
}

// readRack brings the objects of a rack up to date.
func (c *Controller) readRack(ctx context.Context, rack string) error {
	records, err := c.store.List(ctx, backend.Query{Rack: rack})
	if err != nil {
		return fmt.Errorf("read rack %s: %w", rack, err)
	}
	stored := make(map[backend.Ref]bool, len(records))
	for i := range records {
		stored[records[i].Ref] = true
		if err := c.catchUp(ctx, records[i].Ref, records[i].Version); err != nil {
			return fmt.Errorf("read %s: %w", records[i].Ref, err)
		}
	}
	c.mu.RLock()
	g := c.groups[rack]
	c.mu.RUnlock()
	if g == nil {
		return nil
	}
	for _, ent := range g.all() {
		if !stored[ent.ref] {
			if err := c.reload(ctx, ent.ref); err != nil {
				return fmt.Errorf("read %s: %w", ent.ref, err)
			}
		}
	}
	return nil
}
