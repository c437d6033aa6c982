package witness

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
)

// Account is what a store must hold. It is kept in memory by the same rules, from what a witness was told.
type Account struct {
	kept *memory.Store
	// open is the call that has begun and not ended, nil when there is none.
	open *Event
	// cursors are the names of those that were ever moved.
	cursors []string
	// calls counts those that have ended.
	calls int
}

// NewAccount is that of an empty store.
func NewAccount() *Account { return &Account{kept: memory.New()} }

// Calls is how many calls have ended.
func (a *Account) Calls() int { return a.calls }

// Open is the call that has begun and not ended, nil when there is none.
func (a *Account) Open() *Event { return a.open }

// Told takes an event into the account. The error says that the store has answered as it must not.
func (a *Account) Told(ctx context.Context, e Event) error {
	switch {
	case e.Begins() && a.open != nil:
		return errors.New("a call has begun before the one before it ended")
	case e.Begins():
		if a.open = &e; e.Move != nil && !slices.Contains(a.cursors, e.Move.Name) {
			a.cursors = append(a.cursors, e.Move.Name)
		}
		return nil
	case a.open == nil:
		return errors.New("a call has ended that never began")
	case e.Failed != "":
		return fmt.Errorf("a call has failed: %s", e.Failed)
	}
	call := a.open
	a.open, a.calls = nil, a.calls+1
	applied, err := a.apply(ctx, a.kept, call)
	if err == nil && !slices.Equal(applied, e.Applied) {
		err = fmt.Errorf("the store has answered %v, by the contract it is %v", e.Applied, applied)
	}
	return err
}

// apply does what a call does, to a store in memory.
func (a *Account) apply(ctx context.Context, to *memory.Store, call *Event) ([]bool, error) {
	if call.Move != nil {
		err := to.SetCursor(ctx, call.Move.Name, call.Move.From, call.Move.To)
		return []bool{err == nil}, nil
	}
	results, err := to.Commit(ctx, call.Batch)
	return ended(results, nil).Applied, err
}

// Settle compares the account with what was found in a store after a crash. What has ended must be there, all of it; of the call that had begun all or nothing. Settle returns
// whether it is there, and takes it into the account then. The error says what is missing and what is too much.
func (a *Account) Settle(ctx context.Context, found backend.CursorStore) (landed bool, err error) {
	there, err := a.read(ctx, found)
	if err != nil {
		return false, err
	}
	without, err := a.read(ctx, a.kept)
	if err != nil {
		return false, err
	}
	call := a.open
	a.open = nil
	if slices.Equal(there, without) {
		return false, nil
	}
	if call == nil {
		return false, differ(without, there)
	}
	with := a.kept.Fork()
	if _, err := a.apply(ctx, with, call); err != nil {
		return false, err
	}
	all, err := a.read(ctx, with)
	if err != nil {
		return false, err
	}
	if !slices.Equal(there, all) {
		return false, fmt.Errorf("neither as before the call that was going on: %w\nnor as after it: %w", differ(without, there), differ(all, there))
	}
	a.kept = with
	return true, nil
}

// Fork is an account of the same, which goes a way of its own.
func (a *Account) Fork() *Account {
	return &Account{kept: a.kept.Fork(), open: a.open, cursors: slices.Clone(a.cursors), calls: a.calls}
}

// Print is what identifies the contents that the account stands for.
func (a *Account) Print(ctx context.Context) (string, error) {
	lines, err := a.read(ctx, a.kept)
	return fingerprint(lines), err
}

// PrintOf is what Print returns for an account of what the store holds.
func (a *Account) PrintOf(ctx context.Context, store backend.CursorStore) (string, error) {
	lines, err := a.read(ctx, store)
	return fingerprint(lines), err
}

// read returns the contents of a store as lines.
func (a *Account) read(ctx context.Context, store backend.CursorStore) ([]string, error) {
	return contents(ctx, store, a.cursors)
}
