// Package heartbeat tells a Temporal server that an activity lives.
package heartbeat

import (
	"context"

	"github.com/benbjohnson/clock"
	"go.temporal.io/sdk/activity"
)

// Start records a heartbeat three times within the activity's heartbeat timeout, until stop is called. That is also how the activity learns that it was cancelled: its context ends.
// Without a heartbeat timeout it does nothing.
func Start(ctx context.Context, clk clock.Clock) (stop func()) {
	every := activity.GetInfo(ctx).HeartbeatTimeout / 3
	if every <= 0 {
		return func() {}
	}
	ticker := clk.Ticker(every)
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ticker.C:
				activity.RecordHeartbeat(ctx)
			case <-over:
				return
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(over)
		<-ended
	}
}
