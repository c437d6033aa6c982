//go:build unix

package chaos

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
	"github.com/rackstate/rackstate/fake/remote"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// host is the application around the controllers: it reports devices and asks for maintenances, and works on no rack.
type host struct {
	*rack.Manager
	store    backend.Store
	hardware *fake.Hardware
	pace     remote.Pace
}

func newHost(t *testing.T, racks int, store backend.Store, hw *fake.Hardware, pace remote.Pace) *host {
	t.Helper()
	engine := lifecycle.Config{Clock: pace.Clock(t.Context()), Logger: quiet}
	m, err := rack.NewManager(t.Context(), store, managed(racks, hw.Driver(), engine))
	require.NoError(t, err)
	return &host{m, store, hw, pace}
}

// patience is how long the host tries again, in real time, while the database is away.
const patience = time.Minute

// insist repeats what may be repeated until it is done.
func insist(ctx context.Context, do func() error) error {
	end := time.Now().Add(patience)
	for {
		err := do()
		if err == nil || ctx.Err() != nil || time.Now().After(end) {
			return err
		}
		wait(ctx, 20*time.Millisecond)
	}
}

// wait waits.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// rackUp puts the devices of all racks into place and reports them, spread over a time.
func (h *host) rackUp(ctx context.Context, within time.Duration) error {
	racks := h.Site().Racks()
	for _, id := range racks {
		for _, d := range h.Site().Devices(id) {
			found := rack.Discovery{Kind: d.Kind, ID: d.ID, Rack: id, Initiator: hostName, Endpoint: backend.Endpoint{BMCMAC: d.BMCMAC, BMCAddress: d.ID + ".bmc", Slot: d.Slot}}
			if d.Kind == backend.KindSwitch {
				found.Endpoint.NVOSAddress, found.SeenMACs = d.ID+".nvos", d.NVOSMACs
			}
			dev := backend.Device{Ref: backend.Ref{Kind: d.Kind, ID: d.ID}, Rack: id, Endpoint: found.Endpoint}
			if err := h.hardware.Add(dev, fake.Traits{}); err != nil {
				return err
			}
			if err := insist(ctx, func() error { return h.Discover(ctx, found) }); err != nil {
				return fmt.Errorf("report %s: %w", dev.Ref, err)
			}
		}
		wait(ctx, h.pace.Real(within)/time.Duration(len(racks)))
	}
	return ctx.Err()
}

// operate asks for the overhaul of racks that are up, until all is over: every object Ready, and no request open.
func (h *host) operate(ctx context.Context) error {
	asked := map[string]bool{}
	for {
		records, err := h.store.List(ctx, backend.Query{})
		if err == nil {
			err = h.overhaul(ctx, records, asked)
		}
		open, unread := h.store.Requests(ctx, backend.RequestQuery{OpenOnly: true})
		over := errors.Join(err, unread) == nil && len(open) == 0
		busy := ""
		for _, r := range records {
			if r.State != string(rack.Ready) || r.Ref.Kind == backend.KindRack && overhauled(r.Ref.ID) && !asked[r.Ref.ID] {
				busy += fmt.Sprintf("%s in %s (%s)\n", r.Ref, r.State, r.Outcome.Reason)
			}
		}
		switch {
		case over && busy == "":
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%w: not over yet (%w): %d requests are open:\n%s", ctx.Err(), err, len(open), busy)
		}
		wait(ctx, 100*time.Millisecond)
	}
}

// overhaul asks for maintenances. What is not done this time is done the next.
func (h *host) overhaul(ctx context.Context, records []backend.Record, asked map[string]bool) error {
	for _, r := range records {
		id := r.Ref.ID
		if r.Ref.Kind != backend.KindRack || asked[id] || !overhauled(id) || r.State != string(rack.Ready) {
			continue
		}
		if err := h.Controller().Refresh(ctx); err != nil {
			return err
		}
		_, err := h.RequestMaintenance(ctx, overhaul(id))
		if err != nil && !errors.Is(err, backend.ErrExists) {
			return err
		}
		asked[id] = true
	}
	return nil
}
