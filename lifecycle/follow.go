package lifecycle

import (
	"context"
	"log/slog"

	"github.com/rackstate/rackstate/backend"
)

// follow keeps the controller up to date with what other processes write to the store, until ctx ends.
func (c *Controller) follow(ctx context.Context, w backend.Watcher) {
	err := w.Watch(ctx, func(changes []backend.Change) {
		if len(changes) == 0 {
			if err := c.Refresh(ctx); err != nil && ctx.Err() == nil {
				c.log.LogAttrs(ctx, slog.LevelError, "objects cannot be read again", slog.Any("error", err))
			}
			return
		}
		for _, ch := range changes {
			if err := c.catchUp(ctx, ch.Ref, ch.Version); err != nil && ctx.Err() == nil {
				c.log.LogAttrs(ctx, slog.LevelError, "object cannot be read again", slog.String("object", ch.Ref.String()), slog.Any("error", err))
			}
		}
	})
	if err != nil && ctx.Err() == nil {
		c.log.LogAttrs(ctx, slog.LevelError, "what other processes write is not seen any more", slog.Any("error", err))
	}
}

// Refresh reads everything that others have written since the controller last looked, and makes it due. It is needed only where the store does not tell, see backend.Watcher.
func (c *Controller) Refresh(ctx context.Context) error {
	records, err := c.store.List(ctx, backend.Query{})
	if err != nil {
		return err
	}
	stored := make(map[backend.Ref]bool, len(records))
	var problems error
	for i := range records {
		stored[records[i].Ref] = true
		problems = errorsJoin(problems, c.catchUp(ctx, records[i].Ref, records[i].Version))
	}
	c.mu.RLock()
	var gone []backend.Ref
	for ref := range c.entries {
		if !stored[ref] {
			gone = append(gone, ref)
		}
	}
	c.mu.RUnlock()
	for _, ref := range gone {
		problems = errorsJoin(problems, c.catchUp(ctx, ref, ^uint64(0)))
	}
	return problems
}

// catchUp reads an object again unless its version is known, and makes it and those that look at it due.
func (c *Controller) catchUp(ctx context.Context, ref backend.Ref, version uint64) error {
	before := c.entry(ref)
	var was *snapshot
	if before != nil {
		if was = before.snap.Load(); was != nil && was.base.version >= version {
			return nil
		}
	}
	if err := c.reload(ctx, ref); err != nil {
		return err
	}
	now := c.Now()
	ent := c.entry(ref)
	if ent == nil {
		if was != nil {
			c.wakeGroup(before.group, ref.Kind, now)
		}
		return nil
	}
	c.queue.add(&ent.job, now)
	if s := ent.snap.Load(); was == nil || s != nil && s != was {
		c.wakeGroup(ent.group, ref.Kind, now)
	}
	return nil
}
