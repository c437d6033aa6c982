//go:build linux

package powerloss

import (
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/fake/crash/internal/hall"
)

// small makes SQLite move its log into the file all the time, and keep the log short.
var small = map[string]string{"wal_autocheckpoint": "40", "journal_size_limit": "65536"}

// siteTape records a run of the site, in several processes one after the other that end in good order.
func siteTape(t *testing.T, processes int, pragmas map[string]string) (*tape, hall.End) {
	t.Helper()
	tp := newTape(t, pragmas, nil)
	over := false
	for n := 1; !over; n++ {
		pauses := 0
		require.NoError(t, hall.Run(t.Context(), tp.folder, hall.Options{
			Watch:   tp.witness,
			Reached: func(step string) error { over = step == hall.Over; return nil },
			Pause: func() bool {
				pauses++
				return n < processes && pauses > 200/processes
			},
		}))
	}
	end, err := hall.Look(t.Context(), tp.folder)
	require.NoError(t, err)
	return tp, end
}

func TestASiteGoesOnAfterThePowerWasLost(t *testing.T) {
	t.Parallel()
	random := drawing(t)
	tp, want := siteTape(t, 5, small)
	folder, went := scratch(t), 0
	tally := newTally()
	err := each(t.Context(), tp, random, places(random, tp, share(t, 140, 4)), func(c *cut) error {
		if err := c.settle(t.Context(), folder); err != nil {
			return err
		}
		tally.count(c)
		if random.IntN(4) > 0 {
			return nil
		}
		went++
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
		if err := os.Mkdir(folder, 0o700); err != nil {
			return err
		}
		if err := c.put(c.files, folder); err != nil {
			return err
		}
		if err := hall.Run(t.Context(), folder, hall.Options{}); err != nil {
			return err
		}
		got, err := hall.Look(t.Context(), folder)
		if diff := cmp.Diff(want, got); err == nil && diff != "" {
			err = fmt.Errorf("another end than without the loss of power:\n%s", diff)
		}
		return err
	})
	require.NoError(t, err)
	tally.log(t, tp)
	t.Logf("%d times the controller went on to the end", went)
}

func TestASiteWithALongLogGoesOnAfterThePowerWasLost(t *testing.T) {
	t.Parallel()
	notUnderRace(t)
	random := drawing(t)
	tp, _ := siteTape(t, 1, nil)
	folder, tally := scratch(t), newTally()
	require.NoError(t, each(t.Context(), tp, random, places(random, tp, share(t, 40, 4)), func(c *cut) error {
		if err := c.settle(t.Context(), folder); err != nil {
			return err
		}
		tally.count(c)
		return nil
	}))
	tally.log(t, tp)
}
