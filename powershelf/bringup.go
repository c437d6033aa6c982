package powershelf

import (
	"context"
	"errors"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func (h *handler) initializing(context.Context, *PowerShelf, *lifecycle.Env) (lifecycle.Outcome, error) {
	return lifecycle.Fire(ControllerStarted), nil
}

func (h *handler) fetchingData(ctx context.Context, p *PowerShelf, _ *lifecycle.Env) (lifecycle.Outcome, error) {
	const passed = "no capability to read a shelf's controller: passed"
	if h.caps.Shelf == nil {
		return lifecycle.Fire(DataFetched).Because(passed), nil
	}
	data, err := h.caps.Shelf.FetchShelf(ctx, p.Device())
	if errors.Is(err, backend.ErrNotSupported) {
		return lifecycle.Fire(DataFetched).Because(passed), nil
	}
	if err != nil {
		return lifecycle.Outcome{}, err
	}
	p.Vendor, p.Model, p.Serial, p.Firmware = data.Vendor, data.Model, data.Serial, data.Firmware
	if data.Power != backend.PowerUnknown {
		p.Power = data.Power
	}
	return lifecycle.Fire(DataFetched), nil
}

func (h *handler) configuring(ctx context.Context, p *PowerShelf, env *lifecycle.Env) (lifecycle.Outcome, error) {
	const passed = "no capability to set up a shelf's controller: passed"
	if h.caps.Shelf == nil {
		return lifecycle.Fire(Configured).Because(passed), nil
	}
	err := h.caps.Shelf.ConfigureShelf(ctx, env.Key("ConfigureShelf", 0), p.Device())
	if errors.Is(err, backend.ErrNotSupported) {
		return lifecycle.Fire(Configured).Because(passed), nil
	}
	if err != nil {
		return lifecycle.Outcome{}, err
	}
	return lifecycle.Fire(Configured), nil
}

func (h *handler) deleting(context.Context, *PowerShelf, *lifecycle.Env) (lifecycle.Outcome, error) {
	return lifecycle.Deleted(), nil
}
