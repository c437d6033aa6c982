// Package webhook tells subscribers of transitions over HTTP: a [backend.Notifier] for those who write a receiver in any language.
//
// # What a receiver gets
//
// Every transition is one POST with a CloudEvents envelope in its JSON format (application/cloudevents+json), whose data is the [backend.Transition]. The request is signed as the Standard
// Webhooks specification says: webhook-id names the event and is the same at every attempt, so a receiver that keeps the ids it has seen drops repetitions; webhook-timestamp is when the
// attempt was made; webhook-signature has one signature for each secret of the subscriber. Any library of that specification verifies it. A receiver takes a transition over by answering with a
// status of 2xx; everything else is a failure.
//
// # What is promised
//
// The history of the store is the outbox, and each subscriber has a cursor of its own that the store keeps. So every transition is delivered at least once, whatever happens to either
// process; one is repeated when the process dies, or a failure comes, between the receiver's answer and the move of the cursor, which happens after at most Config.Batch deliveries, or a second. Deliveries of a
// subscriber are made one after the other in the order of the history, which keeps the order of each object.
//
// A transition that is not taken over holds back all later ones of that subscriber, also those of other objects: one cursor in one order is what a person can understand, look at and
// move. Nothing else waits: neither the transitions themselves nor other subscribers, and what waits stays in the store, not in memory. A subscriber is tried again for ever, with growing
// pauses; [Sender.Status] shows which ones fail, since when, why, how far behind they are, and when the next attempt is. When a receiver will never take one transition, [Sender.Replay] with the
// position of that transition goes on behind it.
//
// # Where it will not go
//
// Whoever may subscribe could otherwise have the service call what only the service can reach. So an address must be public, which is checked at every connection after its
// name was resolved; Config.Networks allows others. Only https is spoken, unless plain http is allowed. Redirects are not followed, answers are not read beyond a few kilobytes, and no proxy is taken from the
// environment.
package webhook
