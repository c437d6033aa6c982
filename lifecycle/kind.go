package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/rackstate/rackstate/backend"
)

// Entity is an object of some kind: a struct that embeds Object.
type Entity interface{ Base() *Object }

// entity is the constraint that ties a struct to its pointer, which is the Entity.
type entity[E any] interface {
	*E
	Entity
}

// Handler makes one pass over an object that is in one state. It looks at the object, its requests and its relatives through env, may call the
// driver, edits the fields of the object, and says what shall happen. It never writes the state: everything that it decided is committed
// by the engine as one. An error changes nothing, is recorded as the object's outcome, and the pass is repeated with backoff.
//
// A handler may run again after its hardware call was made and before that was recorded: keys come from env.Key, so the driver
// recognises the repetition. What it reads of relatives may be a moment old; it decides from states, never from events.
type Handler[E any] func(ctx context.Context, e *E, env *Env) (Outcome, error)

// RequestType declares something that objects of a kind can be asked to do.
type RequestType[E any] struct {
	// Type is the name, for example "maintenance".
	Type string
	// Doc says what it does, for people.
	Doc string
	// In lists the states, or paths, in which it is accepted at all, for Explain. Empty: all. Accept has the last word.
	In []string
	// Accept decides whether the request is taken, before anything is written. It reports all problems together, may edit the object and
	// supersede older requests through tx. nil accepts.
	Accept func(tx *Tx, e *E, req *backend.Request) error
}

// Definition is everything that the engine must know of a kind. S and T are the kind's typed states and triggers.
type Definition[E any, S, T ~string] struct {
	// Kind is the name.
	Kind backend.Kind
	// Table lists the legal transitions.
	Table Table[S, T]
	// States declares every state of the table.
	States []StateInfo[S]
	// Handlers has one handler for each state. An object in a state without one is reported with ErrUnhandledState and stays there.
	Handlers map[S]Handler[E]
	// Clone returns a copy that shares nothing which a handler edits.
	Clone func(e *E) *E
	// OnDeleted is the trigger that the engine fires for an object with a deletion mark, before everything else.
	OnDeleted T
	// Requests are the types of request that the kind understands.
	Requests []RequestType[E]
	// AcceptDelete refuses a deletion mark. nil accepts.
	AcceptDelete func(tx *Tx, e *E, mark Deletion) error
	// OnMember is called on a rack when a member arrives or is gone for good, in the same commit. nil: nothing.
	OnMember func(e *E, member backend.Ref)
	// Names are further names under which the object is found by Tx.Named, for example its MACs. nil: none.
	Names func(e *E) []string
	// Cycle returns the id of the maintenance cycle that a rack is in, empty if it is in none. Only racks have it.
	Cycle func(e *E) string
	// IgnoreRack says that a transition of the rack is no reason to look at the object.
	IgnoreRack bool
}

// Kind is a compiled definition, ready to be given to NewController. It is immutable and may be shared.
type Kind struct {
	name         backend.Kind
	graph        *graph
	handlers     map[string]func(context.Context, Entity, *Env) (Outcome, error)
	clone        func(Entity) Entity
	decode       func([]byte) (Entity, error)
	onDeleted    string
	requests     []erasedRequest
	acceptDelete func(*Tx, Entity, Deletion) error
	onMember     func(Entity, backend.Ref)
	names        func(Entity) []string
	cycle        func(Entity) string
	ignoreRack   bool
}

type erasedRequest struct {
	name   string
	doc    string
	in     []string
	accept func(*Tx, Entity, *backend.Request) error
}

// Define compiles a definition. The error lists everything that is wrong with the table. It does not run Check, which looks for mistakes of design.
func Define[E any, S, T ~string, P entity[E]](d Definition[E, S, T]) (*Kind, error) {
	g, err := compile(string(d.Kind), eraseRows(d.Table), eraseStates(d.States))
	if err != nil {
		return nil, err
	}
	if d.Clone == nil {
		return nil, fmt.Errorf("definition of %s: Clone is missing", d.Kind)
	}
	k := &Kind{
		name: d.Kind, graph: g, onDeleted: string(d.OnDeleted), ignoreRack: d.IgnoreRack,
		handlers: make(map[string]func(context.Context, Entity, *Env) (Outcome, error), len(d.Handlers)),
	}
	for state, h := range d.Handlers {
		if h == nil {
			continue
		}
		if g.states[string(state)] == nil {
			return nil, fmt.Errorf("definition of %s: handler of %w", d.Kind, &UnknownStateError{Kind: string(d.Kind), State: string(state), Known: g.order})
		}
		k.handlers[string(state)] = func(ctx context.Context, e Entity, env *Env) (Outcome, error) {
			return h(ctx, (*E)(e.(P)), env)
		}
	}
	k.clone = func(e Entity) Entity { return P(d.Clone((*E)(e.(P)))) }
	k.decode = func(data []byte) (Entity, error) {
		e := new(E)
		if len(data) > 0 {
			if err := json.Unmarshal(data, e); err != nil {
				return nil, err
			}
		}
		return P(e), nil
	}
	eraseHooks[E, S, T, P](k, d)
	return k, nil
}

func eraseHooks[E any, S, T ~string, P entity[E]](k *Kind, d Definition[E, S, T]) {
	for _, r := range d.Requests {
		er := erasedRequest{name: r.Type, doc: r.Doc, in: r.In}
		if r.Accept != nil {
			er.accept = func(tx *Tx, e Entity, req *backend.Request) error { return r.Accept(tx, (*E)(e.(P)), req) }
		}
		k.requests = append(k.requests, er)
	}
	if d.AcceptDelete != nil {
		k.acceptDelete = func(tx *Tx, e Entity, mark Deletion) error { return d.AcceptDelete(tx, (*E)(e.(P)), mark) }
	}
	if d.OnMember != nil {
		k.onMember = func(e Entity, member backend.Ref) { d.OnMember((*E)(e.(P)), member) }
	}
	if d.Names != nil {
		k.names = func(e Entity) []string { return d.Names((*E)(e.(P))) }
	}
	if d.Cycle != nil {
		k.cycle = func(e Entity) string { return d.Cycle((*E)(e.(P))) }
	}
}

// Name is the name of the kind.
func (k *Kind) Name() backend.Kind { return k.name }

// Initial is the state in which objects are created.
func (k *Kind) Initial() string { return k.graph.initial }

// States returns the declared states, in order.
func (k *Kind) States() []StateInfo[string] {
	out := make([]StateInfo[string], len(k.graph.order))
	for i, s := range k.graph.order {
		out[i] = k.graph.states[s].StateInfo
	}
	return out
}

// Rows returns the transition table, in order.
func (k *Kind) Rows() []Row[string, string] {
	return append([]Row[string, string](nil), k.graph.rows...)
}

// Permitted returns the triggers that the table permits in a state, in table order.
func (k *Kind) Permitted(state string) []string { return k.graph.triggers(state) }

// Handled reports whether this version has a handler for the state.
func (k *Kind) Handled(state string) bool { return k.handlers[state] != nil }

// RequestTypes returns the types of request that the kind understands, with what each does.
func (k *Kind) RequestTypes() map[string]string {
	out := make(map[string]string, len(k.requests))
	for _, r := range k.requests {
		out[r.name] = r.doc
	}
	return out
}

func (k *Kind) request(name string) (erasedRequest, bool) {
	for _, r := range k.requests {
		if r.name == name {
			return r, true
		}
	}
	return erasedRequest{}, false
}

// accepts lists the types of request that an object may be asked now.
func (k *Kind) accepts(o *Object) []string {
	var out []string
	for _, r := range k.requests {
		if (len(r.in) == 0 || slices.ContainsFunc(r.in, o.In)) && (!o.Deleted() || r.name == ForceDelete) {
			out = append(out, r.name)
		}
	}
	return out
}

var errNoType = errors.New("has no such request")

// Params decodes the parameters of a request. A request without parameters yields the zero value.
func Params[P any](req *backend.Request) (P, error) {
	var p P
	if len(req.Params) == 0 {
		return p, nil
	}
	if err := json.Unmarshal(req.Params, &p); err != nil {
		return p, fmt.Errorf("parameters of request %s (%s): %w", req.ID, req.Type, err)
	}
	return p, nil
}
