package backendtest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/rackstate/rackstate/backend"
)

// TestStore proves that a store keeps every rule that is written on [backend.Store], and on [backend.CursorStore] if it is one. The function open returns a new, empty store each
// time; TestStore closes it. A failure names the rule that was broken and where the rule is tested.
func TestStore(t *testing.T, open func(t *testing.T) backend.Store) {
	for _, c := range storeCases() {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// TestReopen proves that a store is durable: it runs every case of TestStore, and closes and opens the store again before the first read
// after a Commit. The function open opens the store that belongs to a folder; the folder is empty at first, and the same one at every call
// within a case. A store that is kept elsewhere makes a name of it. TestReopen closes what it has opened.
func TestReopen(t *testing.T, open func(t *testing.T, folder string) backend.Store) {
	for _, c := range storeCases() {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			c.test(t, newReopening(func() backend.Store { return open(t, folder) }))
		})
	}
}

// storeCase is one rule of the contract with the code that tries to break it.
type storeCase struct {
	name string
	// rule is the sentence of the contract.
	rule string
	// at is the source position of the case.
	at  string
	run func(c *storeCheck)
	// cursors says that it is a rule of [backend.CursorStore].
	cursors bool
}

// storeRule makes a case and notes where it stands.
func storeRule(name, rule string, run func(c *storeCheck)) storeCase {
	_, file, line, _ := runtime.Caller(1)
	return storeCase{name: name, rule: rule, at: fmt.Sprintf("backend/backendtest/%s:%d", filepath.Base(file), line), run: run}
}

// storeCases returns all cases.
func storeCases() []storeCase {
	var all []storeCase
	for _, group := range [][]storeCase{
		getCases(), listCases(), casCases(), batchCases(), dataCases(), shapeCases(),
		postCases(), updateCases(), requestQueryCases(), historyCases(), ownershipCases(), concurrencyCases(), closeCases(), cursorCases(),
	} {
		all = append(all, group...)
	}
	return all
}

// test runs the case on a store, closes the store, and reports what is wrong.
func (sc storeCase) test(t *testing.T, s backend.Store) {
	t.Helper()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	if _, ok := s.(backend.CursorStore); sc.cursors && !ok {
		t.Skip("the store keeps no cursors")
	}
	if err := sc.try(t.Context(), s); err != nil {
		t.Error(err)
	}
}

// try runs the case on a store and returns what is wrong, with the rule and its place.
func (sc storeCase) try(ctx context.Context, s backend.Store) error {
	c := &storeCheck{ctx: ctx, store: s}
	sc.run(c)
	if len(c.failures) == 0 {
		return nil
	}
	return fmt.Errorf("%w\nrule: %s\nat:   %s", errors.Join(c.failures...), sc.rule, sc.at)
}
