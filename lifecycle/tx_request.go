package lifecycle

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/rackstate/rackstate/backend"
)

// Requests returns the open requests of an object, oldest first, for reading only. With types given, only those.
func (tx *Tx) Requests(ref backend.Ref, types ...string) []backend.Request {
	var open []backend.Request
	if ed := tx.find(ref); ed != nil {
		open = ed.open
	} else if ent := tx.c.entry(ref); ent != nil {
		if s := ent.snap.Load(); s != nil {
			open = s.requests
		}
	}
	if len(types) == 0 || len(open) == 0 {
		return open
	}
	var out []backend.Request
	for _, r := range open {
		if slices.Contains(types, r.Type) {
			out = append(out, r)
		}
	}
	return out
}

// NewRequest is a request that is to be posted.
type NewRequest struct {
	// ID is the request's id. Empty: one is made of the object, its version and the type.
	ID string
	// Type says what is asked for.
	Type string
	// Initiator says who asks. Empty: see InitiatorText.
	Initiator string
	// Reference is the initiator's own name for it, for example a ticket.
	Reference string
	// Cycle is the rack's maintenance cycle, if a rack asks.
	Cycle string
	// Params are the parameters of the type; they are encoded as JSON. nil: none.
	Params any
}

// InitiatorText is how an initiator is recorded: "user (reference)", the user, the reference alone, or "cli" when nothing is known.
func InitiatorText(user, reference string) string {
	switch {
	case user != "" && reference != "":
		return user + " (" + reference + ")"
	case user != "":
		return user
	case reference != "":
		return reference
	default:
		return "cli"
	}
}

// Post puts a request on an object. It asks the kind whether it is acceptable and returns a *RejectedError if it is not. The error wraps
// backend.ErrNotFound when there is no such object.
func (tx *Tx) Post(on backend.Ref, n NewRequest) (backend.Request, error) {
	ed, err := tx.edit(on)
	if err != nil {
		return backend.Request{}, &RejectedError{Ref: on, Type: n.Type, Err: err}
	}
	typ, ok := ed.kind.request(n.Type)
	if !ok {
		return backend.Request{}, &RejectedError{Ref: on, Type: n.Type, Err: fmt.Errorf("a %s %w; it has %v", ed.kind.name, errNoType, ed.kind.typeNames())}
	}
	req := backend.Request{
		ID: n.ID, On: on, Rack: ed.base.rack, Type: n.Type, State: backend.RequestPending, Initiator: n.Initiator,
		Reference: n.Reference, Cycle: n.Cycle, At: tx.now,
	}
	if req.Initiator == "" {
		req.Initiator = InitiatorText("", n.Reference)
	}
	if req.ID == "" {
		req.ID = fmt.Sprintf("%s-%s-%d", n.Type, on.ID, ed.base.version+1)
		if more := len(ed.post); more > 0 { // the next version is the next commit's
			req.ID += fmt.Sprintf(".%d", more)
		}
	}
	if raw, ok := n.Params.(json.RawMessage); ok {
		req.Params = raw
	} else if n.Params != nil {
		if req.Params, err = json.Marshal(n.Params); err != nil {
			return backend.Request{}, &RejectedError{Ref: on, Type: n.Type, Err: fmt.Errorf("parameters: %w", err)}
		}
	}
	if ed.base.Deleted() && n.Type != ForceDelete {
		return backend.Request{}, &RejectedError{Ref: on, Type: n.Type, Err: fmt.Errorf("%s is marked deleted", on)}
	}
	if typ.accept != nil {
		if err := typ.accept(tx, ed.e, &req); err != nil {
			return backend.Request{}, &RejectedError{Ref: on, Type: n.Type, Err: err}
		}
	}
	ed.open = append(slices.Clone(ed.open), req)
	ed.post = append(ed.post, req)
	return req, nil
}

// ForceDelete is the type of the request that deletes an object whatever it is doing. It is accepted on an object that is marked deleted already.
const ForceDelete = "force_delete"

func (k *Kind) typeNames() []string {
	out := make([]string, len(k.requests))
	for i, r := range k.requests {
		out[i] = r.name
	}
	return out
}

// Start marks a pending request of an object as started. One that was started already stays as it is.
func (tx *Tx) Start(on backend.Ref, id string) error {
	for _, r := range tx.Requests(on) {
		if r.ID == id && r.State == backend.RequestStarted {
			return nil
		}
	}
	return tx.change(on, id, func(r *backend.Request) { r.State, r.StartedAt = backend.RequestStarted, tx.now })
}

// End ends an open request of an object, with the reason and what became of each target.
func (tx *Tx) End(on backend.Ref, id string, state backend.RequestState, reason string, results ...backend.Result) error {
	if state.Open() {
		return fmt.Errorf("end request %s of %s: %s is no way to end", id, on, state)
	}
	return tx.change(on, id, func(r *backend.Request) {
		r.State, r.EndedAt, r.Reason = state, tx.now, reason
		if len(results) > 0 {
			r.Results = results
		}
	})
}

// SetResults records how far an open request has come.
func (tx *Tx) SetResults(on backend.Ref, id string, results []backend.Result) error {
	return tx.change(on, id, func(r *backend.Request) { r.Results = results })
}

// CancelStarted notes on a started request who asked to stop it.
func (tx *Tx) cancelStarted(on backend.Ref, id, initiator string) error {
	return tx.change(on, id, func(r *backend.Request) { r.CancelledBy = initiator })
}

func (tx *Tx) change(on backend.Ref, id string, f func(*backend.Request)) error {
	ed, err := tx.edit(on)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(ed.open, func(r backend.Request) bool { return r.ID == id })
	if i < 0 {
		return fmt.Errorf("request %s of %s is not open: %w", id, on, backend.ErrNotFound)
	}
	ed.open = slices.Clone(ed.open)
	f(&ed.open[i])
	changed := ed.open[i]
	if !changed.State.Open() {
		ed.open = slices.Delete(ed.open, i, i+1)
		if len(ed.open) == 0 {
			ed.open = nil
		}
	}
	ed.record(changed)
	return nil
}

// record keeps one row for each request that the edit posts or changes.
func (ed *edit) record(r backend.Request) {
	for _, list := range [][]backend.Request{ed.post, ed.update} {
		if i := slices.IndexFunc(list, func(o backend.Request) bool { return o.ID == r.ID }); i >= 0 {
			list[i] = r
			return
		}
	}
	ed.update = append(ed.update, r)
}

// endAll ends every open request of the edited object, which is going away.
func (ed *edit) endAll(tx *Tx, reason string) {
	for _, r := range ed.open {
		r.State, r.EndedAt, r.Reason = backend.RequestSuperseded, tx.now, reason
		if r.Type == ForceDelete { // this is what it asked for
			r.State = backend.RequestFinished
		}
		ed.record(r)
	}
	ed.open = nil
}
