package metamorphic

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/scenario"
	"github.com/rackstate/rackstate/lifecycle"
)

// reader is a subscriber to the history that crashes now and then: before it has noted anything, or when it has noted rows and its cursor has not moved.
type reader struct {
	dice
	world *scenario.World
	relay *lifecycle.Relay
	seen  map[backend.Ref]uint64 // the newest row of each object that it has noted
	wrong error
	calm  bool
}

var errReader = errors.New("the subscriber crashed")

func newReader(w *scenario.World, seed uint64) *reader {
	return &reader{dice: dice{rand.New(rand.NewPCG(seed, 0x726561646572))}, world: w, seen: map[backend.Ref]uint64{}}
}

// Notify takes rows. A row comes again or is the next one of its object.
func (r *reader) Notify(_ context.Context, rows []backend.Transition) error {
	crash := !r.calm && r.chance(4)
	if crash && r.chance(2) {
		return errReader
	}
	told := map[backend.Ref]uint64{}
	for _, t := range rows {
		if before, again := told[t.Ref]; again && t.Seq != before+1 || !again && t.Seq > r.seen[t.Ref]+1 {
			r.wrong = fmt.Errorf("row %d of %s was told before row %d", t.Seq, t.Ref, max(before, r.seen[t.Ref])+1)
		}
		told[t.Ref] = t.Seq
		r.seen[t.Ref] = max(r.seen[t.Ref], t.Seq)
		if crash && r.chance(2) {
			return errReader
		}
	}
	if crash {
		return errReader
	}
	return nil
}

// read reads some of what there is, as a new process now and then; all of it when nothing crashes any more.
func (r *reader) read(ctx context.Context, crashes bool) error {
	r.calm = !crashes
	if crashes && r.chance(2) {
		return r.wrong
	}
	if r.relay == nil || r.chance(4) {
		var err error
		r.relay, err = lifecycle.NewRelay(r.world.Store(), r, lifecycle.RelayConfig{Name: "reader", Batch: r.between(1, 20), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			return err
		}
	}
	for {
		n, err := r.relay.Deliver(ctx)
		if errors.Is(err, errReader) {
			r.relay = nil
			return r.wrong
		}
		if err != nil || n == 0 {
			return errors.Join(r.wrong, err)
		}
	}
}

// missing says which rows it has never noted.
func (r *reader) missing(rows []backend.Transition) error {
	newest := map[backend.Ref]uint64{}
	for _, t := range rows {
		newest[t.Ref] = max(newest[t.Ref], t.Seq)
	}
	for _, t := range rows {
		if r.seen[t.Ref] < newest[t.Ref] {
			return fmt.Errorf("of %s it has seen %d rows of %d", t.Ref, r.seen[t.Ref], newest[t.Ref])
		}
	}
	return nil
}
