package sitesim

import (
	"context"
)

// live plays one process on the store and journal of those before it. died says that the wire ended it; otherwise check was called with everything Ready.
func live(ctx context.Context, cfg Config, w *wire, hw bool, check func(*Simulation) error) (died bool, err error) {
	died = true
	if !hw {
	cfg.Store = mortalStore{cfg.Store, w}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = run(ctx, cfg, w, hw, check)
		died = false
	}()
	<-done
	return died, err
}

func run(ctx context.Context, cfg Config, w *wire, hw bool, check func(*Simulation) error) error {
	sim, err := New(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = sim.Close() }()
	if hw {
		if err := drive(ctx, sim, w.withWire); err != nil {
			return err
		}
	}
	if err := sim.RunUntil(ctx, sim.AllReady, longest); err != nil {
		return err
	}
	return check(sim)
}
