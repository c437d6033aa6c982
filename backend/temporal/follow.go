package temporal

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/rackstate/rackstate/lifecycle"
)

// Follow keeps the controller of a worker up to date with what other workers write, until ctx ends; then it returns nil. It reads the store every so often, by default every 5 s. A step reads its own
// rack anyhow. So this is needed only where there are several workers and handlers look beyond their rack, as those of racks do where a site limits how many are in maintenance; such a limit
// is then kept up to what two racks do within that time. failed is told of stores that do not answer; nil ignores that.
func Follow(ctx context.Context, ctl *lifecycle.Controller, every time.Duration, failed func(error)) error {
	ticker := clock.New().Ticker(cmp.Or(every, 5*time.Second))
	defer ticker.Stop()
	for {
		if err := ctl.Refresh(ctx); err != nil && ctx.Err() == nil && failed != nil {
			failed(fmt.Errorf("read what other workers wrote: %w", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
