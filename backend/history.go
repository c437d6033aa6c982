package backend

import "time"

// Transition is one row of an object's history. Rows are only ever appended. The rows of one object form an unbroken chain: Seq counts
// from 1 without gaps, and From of a row equals To of the row before it (empty for the creation, and after a deletion).
type Transition struct {
	// Position orders the rows of a whole store. The store assigns it; it grows, and may have gaps.
	Position uint64 `json:"position"`
	// Ref names the object.
	Ref Ref `json:"ref"`
	// Rack is the id of the object's rack.
	Rack string `json:"rack"`
	// Seq counts the object's transitions from 1.
	Seq uint64 `json:"seq"`
	// From is the state before, empty when the object was created.
	From string `json:"from"`
	// To is the state after, empty when the object was deleted for good.
	To string `json:"to"`
	// At is when it happened: UTC, in whole microseconds.
	At time.Time `json:"timestamp"`
	// Trigger names the row of the transition table that was taken.
	Trigger string `json:"trigger"`
	// Initiator says who caused it: a person, a rack ("rack-<id>"), or "controller".
	Initiator string `json:"initiator"`
	// Note says why, for people.
	Note string `json:"note,omitempty"`
}

// HistoryQuery selects rows of history. The zero value selects all rows of all objects, oldest first.
type HistoryQuery struct {
	// Ref limits the answer to one object. Zero means all.
	Ref Ref
	// After limits the answer to rows with a greater Position.
	After uint64
	// Limit bounds the number of rows. Zero means no bound.
	Limit int
}
