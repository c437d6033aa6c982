//go:build linux

package powerloss

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/fake/crash/internal/witness"
)

func TestARelaxedStoreLosesTheLastCommitsWithThePowerAndNothingElse(t *testing.T) {
	t.Parallel()
	notUnderRace(t)
	random := drawing(t)
	tp := scribbled(t, sqlite.Config{Synchronous: sqlite.Normal}, small, 2, 60)
	prints, account := map[string]int{}, witness.NewAccount()
	number := func() {
		now, err := account.Print(t.Context())
		require.NoError(t, err)
		prints[now] = account.Calls()
	}
	number()
	for i := range tp.entries {
		if e := tp.entries[i].event; e != nil {
			require.NoError(t, account.Told(t.Context(), *e))
			if e.Ended {
				number()
			}
		}
	}
	folder, tally, lost, most := scratch(t), newTally(), 0, 0
	require.NoError(t, each(t.Context(), tp, random, places(random, tp, share(t, 60, 40)), func(c *cut) error {
		tally.count(c)
		return c.found(t.Context(), folder, func(store *sqlite.Store) error {
			there, err := account.PrintOf(t.Context(), store)
			if err != nil {
				return err
			}
			n, known := prints[there]
			assert.True(t, known, "%s: what is found never was", c)
			promised := c.account.Calls()
			assert.LessOrEqual(t, n, promised+1, "%s: what is found was not yet", c)
			if n < promised {
				lost++
				most = max(most, promised-n)
			}
			return nil
		})
	}))
	tally.log(t, tp)
	t.Logf("%d cuts lost commits, up to %d of them", lost, most)
	assert.Positive(t, lost, "a store that waits for no disk loses nothing: this test sees nothing")
}

// TestAStoreThatDoesNotWaitForTheDiskIsCaught proves that the other tests can fail.
func TestAStoreThatDoesNotWaitForTheDiskIsCaught(t *testing.T) {
	t.Parallel()
	notUnderRace(t)
	off := map[string]string{"synchronous": "OFF"}
	for name, value := range small {
		off[name] = value
	}
	honest := scribbled(t, sqlite.Config{}, small, 1, 60)
	for name, tp := range map[string]*tape{
		"synchronous=OFF":                 scribbled(t, sqlite.Config{}, off, 1, 60),
		"a disk that does not sync":       honest.without(func(e *entry) bool { return e.deed == synced }),
		"a disk that does not sync a log": honest.without(func(e *entry) bool { return e.deed == synced && strings.HasSuffix(e.file, "-wal") }),
		"a folder that is never synced":   honest.without(func(e *entry) bool { return e.deed == folderSynced }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := drawing(t)
			folder, cuts, caught, missing := scratch(t), 0, 0, 0
			require.NoError(t, each(t.Context(), tp, random, places(random, tp, share(t, 25, 25)), func(c *cut) error {
				cuts++
				if err := c.settle(t.Context(), folder); err != nil {
					caught++
					if strings.Contains(err.Error(), "missing: ") {
						missing++
					}
				}
				return nil
			}))
			t.Logf("%d of %d cuts were caught, %d of them missing what was promised", caught, cuts, missing)
			assert.Positive(t, missing)
		})
	}
}
