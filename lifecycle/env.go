package lifecycle

import (
	"fmt"

	"github.com/rackstate/rackstate/backend"
)

// Env is what a handler sees of the world besides its object.
type Env struct {
	Tx
	self *edit
}

// Self names the object of the pass.
func (env *Env) Self() backend.Ref { return env.self.base.ref }

// LastOutcome is how the pass before ended: an error says that what it asked of the hardware may or may not have been done.
func (env *Env) LastOutcome() backend.Outcome { return env.self.based.outcome }

// Open returns the open requests of the object, oldest first, for reading only. With types given, only those.
func (env *Env) Open(types ...string) []backend.Request { return env.Requests(env.Self(), types...) }

// First returns the oldest open request of a type.
func (env *Env) First(typ string) (backend.Request, bool) {
	for _, r := range env.self.open {
		if r.Type == typ {
			return r, true
		}
	}
	return backend.Request{}, false
}

// Pending returns the oldest request of a type that was not started yet.
func (env *Env) Pending(typ string) (backend.Request, bool) {
	for _, r := range env.self.open {
		if r.Type == typ && r.State == backend.RequestPending {
			return r, true
		}
	}
	return backend.Request{}, false
}

// Started returns the request of a type that the object is working on.
func (env *Env) Started(typ string) (backend.Request, bool) {
	for _, r := range env.self.open {
		if r.Type == typ && r.State == backend.RequestStarted {
			return r, true
		}
	}
	return backend.Request{}, false
}

// Begin marks a pending request of the object as started.
func (env *Env) Begin(id string) error { return env.Start(env.Self(), id) }

// Finish ends a request of the object as done.
func (env *Env) Finish(id, reason string, results ...backend.Result) error {
	return env.End(env.Self(), id, backend.RequestFinished, reason, results...)
}

// Fail ends a request of the object as failed.
func (env *Env) Fail(id, reason string, results ...backend.Result) error {
	return env.End(env.Self(), id, backend.RequestFailed, reason, results...)
}

// Rack returns what is known of the object's rack.
func (env *Env) Rack() Parent { return env.Parent(env.self.base.rack) }

// Key is the idempotency key of a hardware action: the object, its transition count, the action and the attempt. It stays the same
// until the object moves, however often the pass is repeated; a handler that wants the same action done anew in the same state counts
// attempt up in a field of the object.
func (env *Env) Key(action string, attempt int) string {
	return fmt.Sprintf("%s#%d/%s/%d", env.self.base.ref, env.self.base.transitions, action, attempt)
}
