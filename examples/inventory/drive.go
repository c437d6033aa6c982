package main

import (
	"context"
	"time"
)

// tick is how often virtual time moves, in real time. What somebody asks for over HTTP waits no longer than that.
const tick = 50 * time.Millisecond

// drive lets virtual time pass until ctx ends. A host with real hardware has rack.Manager.Run and service.Service.Watch here.
func (inv *inventory) drive(ctx context.Context) error {
	if inv.speed == 0 {
		<-ctx.Done()
		return nil
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var behind time.Duration
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			// A computer that slept has not missed the time: the simulation goes on where it was.
			behind += time.Duration(float64(min(now.Sub(last), time.Second)) * inv.speed)
			last = now
			whole := behind.Truncate(time.Second) // a history with whole seconds is easier to read
			behind -= whole
			if err := inv.advance(ctx, whole); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
		}
	}
}

// advance lets some virtual time pass, and has nodes look at what their machines have done meanwhile.
func (inv *inventory) advance(ctx context.Context, d time.Duration) error {
	if err := inv.sim.Run(ctx, d); err != nil {
		return err
	}
	_, _, err := inv.nodes.RunUntilIdle(ctx, inv.sim.Now())
	return err
}
