package backend

import (
	"context"
	"errors"
)

// Store keeps records, requests and history. A store is passive: all rules of state machines live above it.
//
// A Store must be safe for concurrent use. Byte slices and values that it is handed belong to the caller again when the call returns;
// what it returns belongs to the caller. Times are kept exactly to the microsecond. After a cancelled context a read returns the
// context's error; a Commit may go on.
type Store interface {
	// Get returns the record of an object, or its tombstone. It returns an error that wraps ErrNotFound when no object of that name
	// ever existed.
	Get(ctx context.Context, ref Ref) (*Record, error)

	// List returns the records that the query selects, ordered by rack, kind and id. Tombstones are left out.
	List(ctx context.Context, q Query) ([]Record, error)

	// Commit applies a batch. Each Commit of the batch is atomic and succeeds or fails on its own, in the order of the batch: a later
	// one sees what an earlier one wrote. The slice holds one error for each Commit, nil where it was applied; an error that wraps
	// ErrConflict or ErrExists says that this Commit changed nothing; so does any other, which the store explains.
	//
	// When Commit returns without an error, all that it reported as applied must survive the loss of the process and, for a
	// durable store, of power. When it returns an error, the slice is nil and all or none of the batch may have been applied: none if the error
	// wraps ErrNotCommitted, unknown otherwise. The caller then reads before it decides again.
	Commit(ctx context.Context, batch []Commit) ([]error, error)

	// Requests returns the requests that the query selects, in the order in which they were posted.
	Requests(ctx context.Context, q RequestQuery) ([]Request, error)

	// History returns the transitions that the query selects, in the order of Position: for each object the order of Seq, and
	// for two objects the order in which their commits were applied.
	History(ctx context.Context, q HistoryQuery) ([]Transition, error)

	// Close releases what the store holds. Calls that are running end first; calls after it return an error that wraps ErrClosed.
	// Closing twice is allowed and returns nil.
	Close() error
}

// Commit is the unit of atomicity: all of it is applied, or nothing.
type Commit struct {
	// Writes are the objects that change, each named once. A Commit that posts or updates requests of an object has a Write of that object too, so the
	// object's Version guards its requests.
	Writes []Write
	// Post are new requests. A request whose id and object exist already fails the Commit with ErrExists.
	Post []Request
	// Update replaces requests, found by ID and On. One that does not exist fails the Commit with ErrConflict.
	Update []Request
	// Fences are the leases under which the Commit is made. One that is not current fails it with ErrFenced, see LeaseStore. A store without leases ignores them.
	Fences []Fence
}

// Write changes one object.
type Write struct {
	// Record is the object as it shall be. Its Version is ignored: the stored one becomes Expect + 1. Its Data may be nil, which
	// leaves the stored data as they are. An empty State makes the record a tombstone, whose data are dropped.
	Record Record
	// Expect is the version that the store must hold for the Commit to succeed; zero means that no object of this name ever existed.
	// Otherwise the Commit fails with ErrConflict.
	Expect uint64
	// Transition is the history row of this change, nil when the state does not change. The store assigns its Position.
	Transition *Transition
}

// Query selects records. The zero value selects all.
type Query struct {
	// Kind limits the answer to one kind.
	Kind Kind
	// Rack limits the answer to one rack and what is inside it.
	Rack string
	// StatePrefix limits the answer to states that equal it or begin with it and a slash: "Maintenance" selects
	// "Maintenance/Completed" too.
	StatePrefix string
	// After continues behind the last record of an earlier page.
	After *Record
	// Limit bounds the number of records. Zero means no bound.
	Limit int
}

// Decisions that a caller of a Store can take, one sentinel each.
var (
	// ErrNotFound: no object of that name ever existed.
	ErrNotFound = errors.New("not found")
	// ErrConflict: somebody else wrote first. Read again and decide again.
	ErrConflict = errors.New("conflict: the stored version is another one")
	// ErrExists: a request with this id was posted to this object before. Read it: the call was made twice.
	ErrExists = errors.New("exists already")
	// ErrNotCommitted: surely nothing of the batch was applied. Retry freely.
	ErrNotCommitted = errors.New("nothing was committed")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("store is closed")
	// ErrLocked: another process has the store open. Stop it, or open another one.
	ErrLocked = errors.New("store is in use by another process")
	// ErrNewerSchema: the store was written by a newer version of the module. Upgrade the program.
	ErrNewerSchema = errors.New("store has a newer schema than this program understands")
	// ErrCorrupt: what is stored cannot be read. Restore a copy.
	ErrCorrupt = errors.New("store is corrupt")
)
