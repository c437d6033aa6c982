package backend

import "context"

// Notifier is told of transitions, so that others hear of them: a webhook, a message queue, an inventory.
//
// The history is the outbox: what was committed is told, whatever happens to the process in between. A Notifier is told of every row at least once. The rows of
// one object come in the order of Seq, and nothing later of an object comes before what is earlier has been taken over. It must tolerate repetitions: a row
// may come again after a restart, after an error, or because somebody asked for a replay. Ref and Seq name a row for ever, so a receiver can tell.
type Notifier interface {
	// Notify hands over rows, in the order of Position; they belong to the caller again when it returns. nil means that all of them are taken over: they are not
	// told again unless somebody asks. After an error the same rows, and maybe more, are told again later. It returns soon after ctx has ended. It is not
	// called by two goroutines at once.
	Notify(ctx context.Context, rows []Transition) error
}

// CursorStore is a Store that keeps how far each reader of its history has come. Those who deliver transitions look for it. A cursor is the Position of the last row that
// its reader has done with, under a name that the reader chooses.
//
// Rows become visible to History in the order of Position: when a row has been seen, no row with a smaller Position appears any more. A reader
// that goes on behind its cursor misses nothing.
type CursorStore interface {
	Store

	// Cursor returns the position of a cursor. The error wraps ErrNotFound when it was never set.
	Cursor(ctx context.Context, name string) (uint64, error)

	// SetCursor moves a cursor from one position to another, forwards or backwards. It returns an error that wraps ErrConflict, and changes nothing, when the cursor is
	// not at from; one that was never set is at 0. When it returns nil the move must survive the loss of the process.
	SetCursor(ctx context.Context, name string, from, to uint64) error

	// LastPosition returns the Position of the newest row of the history, 0 when there is none.
	LastPosition(ctx context.Context) (uint64, error)
}
