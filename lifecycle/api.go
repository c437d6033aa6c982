package lifecycle

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/rackstate/rackstate/backend"
)

// Request posts a request to one object or to many. All are asked, or none is: the error is a *RejectedError, or several of them in a *multierror.Error.
// The requests share one id.
func (c *Controller) Request(ctx context.Context, n NewRequest, on ...backend.Ref) ([]backend.Request, error) {
	var posted []backend.Request
	err := c.Apply(ctx, func(tx *Tx) error {
		posted = posted[:0]
		n := n // an id that was made for an attempt which lost may be somebody else's now
		if len(on) == 0 {
			return &RejectedError{Type: n.Type, Err: fmt.Errorf("no object is named")}
		}
		if err := taken(ctx, c.store, n.ID, on); err != nil {
			return err
		}
		var problems *multierror.Error
		for i, ref := range on {
			if slices.Contains(on[:i], ref) {
				problems = multierror.Append(problems, &RejectedError{Ref: ref, Type: n.Type, Err: fmt.Errorf("%s is named twice", ref)})
				continue
			}
			req, err := tx.Post(ref, n)
			if err != nil {
				problems = multierror.Append(problems, err)
				continue
			}
			n.ID = req.ID
			posted = append(posted, req)
		}
		if problems != nil && len(problems.Errors) == 1 {
			return problems.Errors[0]
		}
		return problems.ErrorOrNil()
	})
	if err != nil {
		return nil, err
	}
	return posted, nil
}

// taken refuses an id that was used before: the caller repeats a call that was made already.
func taken(ctx context.Context, store backend.Store, id string, on []backend.Ref) error {
	if id == "" {
		return nil
	}
	old, err := store.Requests(ctx, backend.RequestQuery{ID: id})
	if err != nil {
		return fmt.Errorf("look for request %s: %w", id, err)
	}
	for _, r := range old {
		if slices.Contains(on, r.On) {
			return fmt.Errorf("request %s of %s: %w", id, r.On, backend.ErrExists)
		}
	}
	return nil
}

// CancelRequest stops a request. A pending one ends at once and never starts; a started one is ended by the object's next pass, which reports what may
// still be running. The error wraps backend.ErrNotFound when no open request of that id is on the object.
func (c *Controller) CancelRequest(ctx context.Context, on backend.Ref, id, initiator string) error {
	if initiator == "" {
		initiator = InitiatorText("", "")
	}
	return c.Apply(ctx, func(tx *Tx) error {
		for _, r := range tx.Requests(on) {
			switch {
			case r.ID != id:
			case r.State == backend.RequestPending:
				return tx.End(on, id, backend.RequestCancelled, "cancelled by "+initiator)
			default:
				return tx.cancelStarted(on, id, initiator)
			}
		}
		return fmt.Errorf("cancel request %s of %s: it is not open: %w", id, on, backend.ErrNotFound)
	})
}

// Delete marks an object for deletion. The object goes when its table lets it. The error is a *RejectedError when the kind refuses, or wraps
// backend.ErrNotFound. Marking it again is allowed.
func (c *Controller) Delete(ctx context.Context, ref backend.Ref, initiator string, force bool) error {
	return c.Apply(ctx, func(tx *Tx) error { return tx.Delete(ref, initiator, force) })
}

// Delete marks an object for deletion, like Controller.Delete.
func (tx *Tx) Delete(ref backend.Ref, initiator string, force bool) error {
	ed, err := tx.edit(ref)
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	if old := ed.base.Deletion; old != nil && (old.Force || !force) {
		return nil
	}
	mark := Deletion{At: tx.now, Initiator: InitiatorText(initiator, ""), Force: force}
	if ed.kind.acceptDelete != nil {
		if err := ed.kind.acceptDelete(tx, ed.e, mark); err != nil {
			return &RejectedError{Ref: ref, Type: "delete", Err: err}
		}
	}
	ed.base.dropExpired(tx.now)
	ed.base.Resume(tx.now) // deletion passes through holds
	ed.base.Deletion = &mark
	return nil
}

// Purge removes an object from the store whatever its state, without any hardware action. It is the crude tool for when a state machine has failed; the history
// keeps who did it and why. The error wraps backend.ErrNotFound.
func (c *Controller) Purge(ctx context.Context, ref backend.Ref, initiator, reason string) error {
	return c.Apply(ctx, func(tx *Tx) error {
		ed, err := tx.edit(ref)
		if ent := tx.c.entry(ref); err != nil && ent != nil {
			if s := ent.snap.Load(); s != nil && s.broken != nil {
				ed, err = tx.beginBroken(ent, s), nil
			}
		}
		if err != nil {
			return fmt.Errorf("purge: %w", err)
		}
		ed.endAll(tx, "purge of "+ref.String())
		ed.move("", "Purged", InitiatorText(initiator, ""), reason, tx.now)
		return tx.memberChanged(ed.base)
	})
}

// PlaceHold places a hold on an object, or replaces the one of the same type and owner. Owner, type and reason are required. The error wraps backend.ErrNotFound or
// ErrRejected.
func (c *Controller) PlaceHold(ctx context.Context, ref backend.Ref, h Hold) error {
	return c.Apply(ctx, func(tx *Tx) error {
		ed, err := tx.edit(ref)
		if err != nil {
			return fmt.Errorf("hold: %w", err)
		}
		var problems *multierror.Error
		for _, field := range [...]struct{ name, value string }{{"type", h.Type}, {"owner", h.Owner}, {"reason", h.Reason}} {
			if field.value == "" {
				problems = multierror.Append(problems, fmt.Errorf("it has no %s", field.name))
			}
		}
		if !h.Expires.IsZero() && !h.Expires.After(tx.now) {
			problems = multierror.Append(problems, fmt.Errorf("it expires at %s, which is not after now (%s)", h.Expires.Format(time.RFC3339), tx.now.Format(time.RFC3339)))
		}
		if problems.ErrorOrNil() != nil {
			return &RejectedError{Ref: ref, Type: "hold", Err: problems}
		}
		h.At, h.Expires = tx.now, backend.Timestamp(h.Expires)
		o := ed.base
		o.dropExpired(tx.now)
		o.Holds = append(slices.DeleteFunc(o.Holds, func(x Hold) bool { return x.Type == h.Type && x.Owner == h.Owner }), h)
		if !o.Deleted() { // deletion passes through holds
			o.Pause(tx.now)
		}
		return nil
	})
}

// ReleaseHold removes the hold with that type and owner. The error wraps backend.ErrNotFound when there is none.
func (c *Controller) ReleaseHold(ctx context.Context, ref backend.Ref, typ, owner string) error {
	return c.Apply(ctx, func(tx *Tx) error {
		ed, err := tx.edit(ref)
		if err != nil {
			return fmt.Errorf("release hold: %w", err)
		}
		o := ed.base
		o.dropExpired(tx.now)
		before := len(o.Holds)
		o.Holds = slices.DeleteFunc(o.Holds, func(x Hold) bool { return x.Type == typ && x.Owner == owner })
		if len(o.Holds) == before {
			return fmt.Errorf("hold %s of %s on %s: %w", typ, owner, ref, backend.ErrNotFound)
		}
		if len(o.Holds) == 0 {
			o.Holds = nil
			o.Resume(tx.now)
		}
		return nil
	})
}

// SetLabels sets and removes labels of an object in one commit. With a version that is not zero the object must have that version: the error wraps
// backend.ErrConflict otherwise.
func (c *Controller) SetLabels(ctx context.Context, ref backend.Ref, version uint64, set map[string]string, remove ...string) error {
	return c.Apply(ctx, func(tx *Tx) error {
		ed, err := tx.edit(ref)
		if err != nil {
			return fmt.Errorf("labels: %w", err)
		}
		if version != 0 && version != ed.base.version {
			return fmt.Errorf("labels of %s: it has version %d, not %d: %w", ref, ed.base.version, version, backend.ErrConflict)
		}
		for _, k := range remove {
			delete(ed.base.Labels, k)
		}
		if ed.base.Labels == nil && len(set) > 0 {
			ed.base.Labels = make(map[string]string, len(set))
		}
		maps.Copy(ed.base.Labels, set)
		if len(ed.base.Labels) == 0 {
			ed.base.Labels = nil
		}
		return nil
	})
}

// Get returns a copy of an object. The error wraps backend.ErrNotFound, or says why the object's record cannot be understood.
func Get[E any, P entity[E]](c *Controller, ref backend.Ref) (*E, error) {
	ent := c.entry(ref)
	if ent == nil {
		return nil, fmt.Errorf("%s: %w", ref, backend.ErrNotFound)
	}
	s := ent.snap.Load()
	switch {
	case s == nil:
		return nil, fmt.Errorf("%s: %w", ref, backend.ErrNotFound)
	case s.broken != nil:
		return nil, s.broken
	}
	p, ok := ent.kind.clone(s.e).(P)
	if !ok {
		return nil, fmt.Errorf("%s is a %T", ref, s.e)
	}
	return (*E)(p), nil
}

// OpenRequests returns the pending and started requests of an object, oldest first.
func (c *Controller) OpenRequests(ref backend.Ref) []backend.Request {
	if ent := c.entry(ref); ent != nil {
		if s := ent.snap.Load(); s != nil {
			return slices.Clone(s.requests)
		}
	}
	return nil
}

// Outcome returns the outcome of an object's last pass.
func (c *Controller) Outcome(ref backend.Ref) (backend.Outcome, error) {
	if ent := c.entry(ref); ent != nil {
		if s := ent.snap.Load(); s != nil {
			return s.outcome, nil
		}
	}
	return backend.Outcome{}, fmt.Errorf("%s: %w", ref, backend.ErrNotFound)
}

// History returns the whole history of an object, oldest first, also of one that is gone.
func (c *Controller) History(ctx context.Context, ref backend.Ref) ([]backend.Transition, error) {
	return c.store.History(ctx, backend.HistoryQuery{Ref: ref})
}

// Visit calls visit with every live object, in the order of rack, kind and id. What it is given is for reading only and stays as it is. Objects whose record cannot be
// understood are visited too, with what is known of them.
func (c *Controller) Visit(visit func(o *Object)) {
	c.mu.RLock()
	list := slices.Collect(maps.Values(c.entries))
	c.mu.RUnlock()
	slices.SortFunc(list, func(a, b *entry) int {
		if a.group.id != b.group.id {
			return strings.Compare(a.group.id, b.group.id)
		}
		return a.ref.Compare(b.ref)
	})
	for _, ent := range list {
		if s := ent.snap.Load(); s != nil {
			visit(s.base)
		}
	}
}
