// Package service is the service lifecycle of a node: what a node is for right now - in service, in maintenance, being updated, returned to the vendor. Every site
// has its own states and rules. It writes them into a file, and this package enforces them where the record is, with the whole history.
//
//	name: node
//	initial: in_service
//	states:
//	  - in_service
//	  - {name: maintenance, hold: true}         # the node's machine is left alone while the node is here
//	  - {name: firmware_update, sla: 4h}        # longer than that is reported
//	  - {name: rma, hold: true, doc: "the vendor has it"}
//	transitions:
//	  - {from: in_service, to: maintenance, require: [note]}
//	  - {from: maintenance, to: in_service, guard: health.ok}
//	  - {from: maintenance, to: rma, initiators: [ops, "temporal:*"]}
//	  - {from: rma, to: maintenance, after: 6w} # by itself; by hand at any time
//	  - from: maintenance
//	    to: firmware_update
//	    action: {name: host_reprovision, on_success: in_service, on_failure: maintenance}
//	  - {from: firmware_update, to: [in_service, maintenance]}
//
// # Definitions
//
// Load reads such a file and reports every problem with its line. The fields of a transition:
//
//   - from and to: a state or a list of states. from: "*", in quotes, is every state but the target and those that are terminal; where a transition of its own
//     leads from a state to the same target, that one counts.
//   - require: [note]: whoever moves the node says why.
//   - initiators: who may, as patterns in which * stands for any text and ? for one character. Left out: anyone.
//   - guard: an expression that must be true, see Facts for what it may ask.
//   - after: the engine takes the transition by itself when the node has been in its state for so long and the guard is true. 90s, 45m, 12h, 14d and 6w are such
//     times, 1d12h too. Time under holds of the node does not count.
//   - action: something that begins when the node arrives this way, by the name under which the host has registered it, and where the node goes at its end. It
//     belongs to the transition: another one to the same state has an action of its own, or none.
//   - doc: what it is for.
//
// A state is its name, or a mapping of name, doc, terminal (the end of the way: nothing leads out), hold and sla. Moves that the engine makes by itself, after
// a time or at the end of an action, obey the guard, and no other rule: the definition itself asks for them.
//
// # Guards
//
// Guards are written in the language of github.com/expr-lang/expr, and not in CEL. Both cannot do anything but answer, and end: neither has loops without a bound.
// expr has no dependencies where cel-go brings a protocol-buffer runtime and a parser generator's; it checks a guard against the Go struct Facts when the file
// is loaded, so a misspelt field is a problem with a line and not a surprise at night; and its words (and, or, in, matches) read like the rules of a site.
//
// # Nodes
//
//	svc, err := service.Open(ctx, store, service.Default(), service.Config{}, lifecycle.Config{}, machines)
//	_, err = svc.Create(ctx, service.NewNode{ID: "n1", Machine: "m1", Initiator: "ann"})
//	_, err = svc.Transition(ctx, "n1", "maintenance", service.Move{Initiator: "ann", Note: "fan 3 is loud"})
//
// A move is one atomic commit of the state, its history row, and the hold on the node's machine. A move that is not allowed changes nothing: the *RefusedError says
// from, to, all reasons, and what is possible now. A move that was made already is recognised, so a caller that has lost the answer repeats the call.
//
// # Versions
//
// The version of a node counts what others did with it: its creation, moves, metadata, binding. Passes of the engine that find nothing new do not count, so what a
// caller has read stays current until somebody acts.
package service
