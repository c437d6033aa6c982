package journey

import "context"

// Check is one run of a check on a node.
type Check struct {
	// Node is the node as it was when the check was decided upon.
	Node Node `json:"node"`
	// Key is the idempotency key: the same for every call about this run, and never used for another one. A call may follow one whose worker has died; look first whether
	// the run with that key goes on already.
	Key string `json:"key"`
}

// Finding is what a check found. That the check could not be made is an error instead.
type Finding struct {
	// OK says that the node passed.
	OK bool `json:"ok"`
	// Note says what was found, for the history.
	Note string `json:"note,omitempty"`
}

// Checks examine nodes. A call may take hours: its worker sends heartbeats meanwhile, and its context ends when the journey is cancelled. A call that returns an error is made again,
// until the time for checks is over; one that makes no sense to repeat returns a non-retryable temporal.ApplicationError.
type Checks interface {
	// Diagnose runs diagnostics on a node in maintenance.
	Diagnose(ctx context.Context, c Check) (Finding, error)
	// Firmware brings the firmware of a node up to date, or waits until that is done, and validates it.
	Firmware(ctx context.Context, c Check) (Finding, error)
}
