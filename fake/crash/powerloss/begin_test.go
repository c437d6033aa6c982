//go:build linux

package powerloss

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/fake/crash/internal/hall"
	"github.com/rackstate/rackstate/fake/crash/internal/witness"
)

// openAndClose opens the store of a tape some times and does nothing with it.
func openAndClose(t *testing.T, tp *tape, often int) {
	t.Helper()
	for range often {
		store, err := sqlite.Open(t.Context(), filepath.Join(tp.folder, hall.StoreFile), sqlite.Config{})
		require.NoError(t, err)
		require.NoError(t, store.Close())
	}
}

func TestAPowerLossWhileAStoreIsMadeLeavesOneThatOpens(t *testing.T) {
	t.Parallel()
	notUnderRace(t)
	random := drawing(t)
	tp := newTape(t, nil, nil)
	openAndClose(t, tp, 2)
	folder, tally := scratch(t), newTally()
	require.NoError(t, each(t.Context(), tp, random, everywhere(tp, share(t, 60, 1)), func(c *cut) error {
		err := c.settle(t.Context(), folder)
		tally.count(c)
		return err
	}))
	tally.log(t, tp)
}

func TestAPowerLossWhileAnOldStoreIsUpgradedLosesNothing(t *testing.T) {
	t.Parallel()
	notUnderRace(t)
	random := drawing(t)
	old, err := os.ReadFile(filepath.Join("..", "..", "..", "backend", "sqlite", "testdata", "v1.db"))
	require.NoError(t, err)
	tp := newTape(t, nil, map[string][]byte{hall.StoreFile: old})
	openAndClose(t, tp, 2)
	folder, tally := scratch(t), newTally()
	account := witness.NewAccount()
	want := ""
	contents := func(c *cut, into *string) error {
		return c.found(t.Context(), folder, func(store *sqlite.Store) (err error) {
			*into, err = account.PrintOf(t.Context(), store)
			return err
		})
	}
	whole := &cut{platter: newPlatter(tp), files: map[string][]byte{hall.StoreFile: old}}
	require.NoError(t, contents(whole, &want))
	require.NoError(t, each(t.Context(), tp, random, everywhere(tp, share(t, 60, 1)), func(c *cut) error {
		tally.count(c)
		got := ""
		if err := contents(c, &got); err != nil {
			return err
		}
		if got != want {
			return errors.New("the upgraded store holds something else")
		}
		return nil
	}))
	tally.log(t, tp)
}
