package virtual

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// AllReady reports whether every device was found and every object is Ready.
func (s *Site) AllReady() bool {
	ready := len(s.arrivals) == 0 && s.manager.Controller().Len() > 0
	s.manager.Controller().Visit(func(o *lifecycle.Object) { ready = ready && o.State() == string(rack.Ready) })
	return ready
}

// Gone reports whether every device was found and nothing is left.
func (s *Site) Gone() bool { return len(s.arrivals) == 0 && s.manager.Controller().Len() == 0 }

// Account is all that a store holds, as lines of JSON: every transition with its position and time, every record, every request.
func Account(ctx context.Context, store backend.Store) (string, error) {
	var text bytes.Buffer
	lines := json.NewEncoder(&text)
	history, err := store.History(ctx, backend.HistoryQuery{})
	if err != nil {
		return "", err
	}
	for i := range history {
		if err := lines.Encode(history[i]); err != nil {
			return "", err
		}
	}
	records, err := store.List(ctx, backend.Query{})
	if err != nil {
		return "", err
	}
	for i := range records {
		if err := lines.Encode(records[i]); err != nil {
			return "", err
		}
		fmt.Fprintf(&text, "%s\n", records[i].Data)
	}
	requests, err := store.Requests(ctx, backend.RequestQuery{})
	if err != nil {
		return "", err
	}
	for i := range requests {
		if err := lines.Encode(requests[i]); err != nil {
			return "", err
		}
	}
	return text.String(), nil
}

// Consistent checks what must hold of a store at any time: every history is an unbroken chain that ends where its object stands.
func Consistent(ctx context.Context, store backend.Store) error {
	history, err := store.History(ctx, backend.HistoryQuery{})
	if err != nil {
		return err
	}
	last := map[backend.Ref]backend.Transition{}
	for _, t := range history {
		before := last[t.Ref]
		if t.Seq != before.Seq+1 || t.From != before.To || t.At.Before(before.At) {
			return fmt.Errorf("the history of %s is broken: %+v after %+v", t.Ref, t, before)
		}
		last[t.Ref] = t
	}
	records, err := store.List(ctx, backend.Query{})
	if err != nil {
		return err
	}
	for i := range records {
		r := &records[i]
		if end := last[r.Ref]; end.To != r.State || end.Seq != r.Transitions || !end.At.Equal(r.Since) {
			return fmt.Errorf("%s is in %s since %s after %d transitions, its history ends with %+v", r.Ref, r.State, r.Since, r.Transitions, end)
		}
	}
	return nil
}

// OnceOnly checks that the hardware was asked to start nothing twice.
func (s *Site) OnceOnly() error {
	if doubles := s.hardware.DoubleStarts(); len(doubles) > 0 {
		return fmt.Errorf("%d double starts, the first is %s", len(doubles), doubles[0])
	}
	for what, n := range s.hardware.StartedByKey() {
		if n != 1 {
			return fmt.Errorf("%s was begun %d times", what, n)
		}
	}
	return nil
}
