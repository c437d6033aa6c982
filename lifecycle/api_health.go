package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"github.com/rackstate/rackstate/backend"
)

// ReportHealth replaces what a source says about the health of an object.
func (c *Controller) ReportHealth(ctx context.Context, ref backend.Ref, source string, alerts ...Alert) error {
	return c.Apply(ctx, func(tx *Tx) error {
		o, err := tx.Object(ref)
		if err != nil {
			return fmt.Errorf("health: %w", err)
		}
		o.Report(source, alerts...)
		return nil
	})
}

// ReplaceHealth lets a source override all that others report about the health of an object, see Object.ReplaceHealth. The error wraps backend.ErrNotFound, or
// ErrRejected when no source is named.
func (c *Controller) ReplaceHealth(ctx context.Context, ref backend.Ref, source string, alerts ...Alert) error {
	return c.Apply(ctx, func(tx *Tx) error {
		o, err := tx.Object(ref)
		if err != nil {
			return fmt.Errorf("health: %w", err)
		}
		if source == "" {
			return &RejectedError{Ref: ref, Type: "health", Err: errors.New("a report that overrides all others names its source")}
		}
		o.ReplaceHealth(source, tx.now, alerts...)
		return nil
	})
}

// ClearReplacedHealth ends the override of a source: what all sources report counts again. The error wraps backend.ErrNotFound when there is no such object, or no
// such override.
func (c *Controller) ClearReplacedHealth(ctx context.Context, ref backend.Ref, source string) error {
	return c.Apply(ctx, func(tx *Tx) error {
		o, err := tx.Object(ref)
		if err != nil {
			return fmt.Errorf("health: %w", err)
		}
		if o.ClearReplacedHealth(source) {
			return nil
		}
		if o.Replacing != nil {
			return fmt.Errorf("health of %s: %s overrides the others, not one of %s: %w", ref, o.Replacing, source, backend.ErrNotFound)
		}
		return fmt.Errorf("health of %s: no report overrides the others: %w", ref, backend.ErrNotFound)
	})
}
