// Package lifecycle is an engine for state machines of things that live long and fail often, such as the racks and machines of a site. It knows which state
// each object is in, what may happen next, what must happen next, and keeps the record of everything that did. It knows no hardware, and of kinds no more than
// that a rack has members.
//
// # A kind
//
// A kind is a struct that embeds Object, a table of legal transitions, a declaration of every state, and one handler for each state:
//
//	type Door struct {
//		lifecycle.Object
//		Visits int `json:"visits,omitempty"`
//	}
//
//	var table = lifecycle.Table[State, Trigger]{
//		{From: "", On: Hung, To: Closed},
//		{From: Closed, On: Opened, To: Open, Note: "somebody knocked"},
//		{From: Open, On: Shut, To: Closed},
//		{From: lifecycle.Any, On: Deleted, To: Deleting},
//		{From: Deleting, On: Removed, To: ""},
//	}
//
//	func closed(_ context.Context, d *Door, env *lifecycle.Env) (lifecycle.Outcome, error) {
//		knock, ok := env.Pending("knock")
//		if !ok {
//			return lifecycle.Nothing(), nil
//		}
//		d.Visits++
//		return lifecycle.Fire(Opened).By(knock.Initiator), env.Finish(knock.ID, "come in")
//	}
//
//	kind, err := lifecycle.Define(lifecycle.Definition[Door, State, Trigger]{
//		Kind: "door", Table: table, States: states, Clone: clone, OnDeleted: Deleted,
//		Handlers: map[State]lifecycle.Handler[Door]{Closed: closed, Open: open, Deleting: deleting},
//		Requests: []lifecycle.RequestType[Door]{{Type: "knock", Doc: "opens the door for ten seconds"}},
//	})
//
// Define refuses a table that contradicts itself. Check, called in a test, finds mistakes of design: traps, states that nothing leads to, work without an
// SLA, waits without a deadline. Mermaid and Markdown draw the table.
//
// # The loop
//
// A controller owns the objects of a store. A service gives it a context and lets it run, with workers and the system's clock:
//
//	ctl, err := lifecycle.NewController(ctx, store, lifecycle.Config{}, kind)
//	if err != nil {
//		return err
//	}
//	return ctl.Run(ctx)
//
// A test or a simulator drives the same code with time of its own, in one goroutine. What is due is reconciled, and time jumps to what is due next:
//
//	for !over(ctl) {
//		_, next, err := ctl.RunUntilIdle(ctx, clk.Now())
//		if err != nil {
//			return err
//		}
//		clk.Set(next)
//	}
//
// An object is due when it was created, a request was posted to it, somebody edited it, it has just moved, a relative moved (a member for its rack, a rack for
// its members), its retry or SLA comes, or the resync. Wake-ups coalesce. Hosts call Apply, Request, Delete and their like at any time; the objects notice.
//
// # Rules for handlers
//
//  1. Decide from what is, never from what happened: a wake-up is a hint to look, it may come twice, late, or for nothing.
//  2. Return exactly one outcome, and never block to wait: Wait says what is expected, what is seen, and when to look again.
//  3. Edit the object that you were given, and what Edit, Object and Entity return. All else that Env shows is for reading.
//  4. Take the time from Env.Now. Measure deadlines with Object.Elapsed, which leaves out the time under holds.
//  5. Hand Env.Key to every hardware action. The pass may be repeated after the call and before its commit; the key is then the same.
//  6. End or begin a request by its id, in the pass that acts on it. One that arrived meanwhile is not touched.
//  7. Return an error for what may go away by itself: it is recorded, everything else of the pass is dropped, and the pass is repeated with backoff. Fire a
//     trigger for what will not.
//  8. Obey the context; it ends after Config.HandlerTimeout.
//  9. Use no other clock, randomness, goroutine or global. Range over no map where the order shows.
//
// # Telling others
//
// The history is the outbox: a Relay tells a backend.Notifier of every transition, at least once and in order, behind a cursor that the store keeps. Its Observe goes into Config.Observer,
// so that nothing is polled.
//
// # The law of determinism
//
// The same store, the same seed, the same answers of the drivers and the same calls with the same times give the same commits, byte for byte. That holds for
// Step and RunUntilIdle and for handlers that keep the rules. Run adds only the choice of who comes first: an object goes the way that its
// handlers decide, in whatever order the objects take turns.
//
// # What is guaranteed
//
//   - Only the table moves an object. Every change of state has one history row, written by the same commit; the rows of an object form an unbroken
//     chain, which outlives the object. Purge is the one exception to the table, and is on record as such.
//   - Everything that a pass decided is one atomic commit: state, fields, requests, and edits of other objects. A lost compare-and-swap repeats the pass.
//   - A request is rejected at once with all reasons, or stays open until a commit ends it with a reason. Deletion ends all of them.
//   - Deletion comes before holds, and holds before handlers. A handler that fails, panics or hangs costs its own object only.
//   - A record that cannot be understood is reported and left as it is. It is never stepped over and never written over.
//   - A process that dies at any instruction, or a store whose answer is lost, changes nothing of this: the next controller reads and goes on.
package lifecycle
