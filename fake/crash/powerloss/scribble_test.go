//go:build linux

package powerloss

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/fake/crash/internal/hall"
)

// scribbler commits what nobody would: objects that come and go, data from nothing to many pages, several objects and requests at once.
type scribbler struct {
	random   *rand.Rand
	versions map[backend.Ref]uint64
	states   map[backend.Ref]string
	asked    []backend.Request
	n        int
}

func newScribbler(random *rand.Rand) *scribbler {
	return &scribbler{random: random, versions: map[backend.Ref]uint64{}, states: map[backend.Ref]string{}}
}

// write is the next change of an object.
func (s *scribbler) write(ref backend.Ref) backend.Write {
	at := time.Date(2026, 1, 1, 0, 0, s.n, 0, time.UTC)
	version, state := s.versions[ref], fmt.Sprint("State/", s.random.IntN(9))
	if s.states[ref] != "" && s.random.IntN(8) == 0 {
		state = "" // it is deleted
	}
	w := backend.Write{
		Record:     backend.Record{Ref: ref, Rack: "A1", State: state, Since: at, Transitions: version + 1},
		Expect:     version,
		Transition: &backend.Transition{Ref: ref, Rack: "A1", Seq: version + 1, From: s.states[ref], To: state, At: at, Trigger: "Scribbled", Note: fmt.Sprint(s.n)},
	}
	if state != "" {
		w.Record.Data = make([]byte, []int{2, 300, 5_000, 40_000}[s.random.IntN(4)])
		for i := range w.Record.Data {
			w.Record.Data[i] = 'a' + byte(s.random.UintN(26))
		}
	}
	s.versions[ref], s.states[ref] = version+1, state
	return w
}

// commit is the next commit.
func (s *scribbler) commit() backend.Commit {
	s.n++
	var c backend.Commit
	first := s.random.IntN(12)
	for i := range 1 + s.random.IntN(3) {
		ref := backend.Ref{Kind: backend.KindMachine, ID: fmt.Sprint("m", (first+i)%12)}
		c.Writes = append(c.Writes, s.write(ref))
		switch s.random.IntN(4) {
		case 0:
			r := backend.Request{ID: fmt.Sprint("r", s.n), On: ref, Rack: "A1", Type: "scribble", State: backend.RequestPending, Initiator: "test"}
			c.Post, s.asked = append(c.Post, r), append(s.asked, r)
		case 1:
			for k := range s.asked {
				if r := &s.asked[k]; r.On == ref && r.State.Open() {
					r.State = backend.RequestFinished
					c.Update = append(c.Update, *r)
					break
				}
			}
		}
	}
	return c
}

// scribble commits some batches to a store.
func (s *scribbler) scribble(ctx context.Context, store backend.Store, batches int) error {
	for range batches {
		batch := []backend.Commit{s.commit()}
		for s.random.IntN(4) == 0 {
			batch = append(batch, s.commit())
		}
		results, err := store.Commit(ctx, batch)
		if err := errors.Join(append(results, err)...); err != nil {
			return err
		}
	}
	return nil
}

// scribbled is a tape of a store that was opened some times and written to.
func scribbled(t *testing.T, config sqlite.Config, pragmas map[string]string, openings, batches int) *tape {
	t.Helper()
	tp, s := newTape(t, pragmas, nil), newScribbler(rand.New(rand.NewPCG(5, 5)))
	for range openings {
		store, err := sqlite.Open(t.Context(), filepath.Join(tp.folder, hall.StoreFile), config)
		require.NoError(t, err)
		require.NoError(t, s.scribble(t.Context(), tp.witness(store), batches))
		require.NoError(t, store.Close())
	}
	return tp
}

func TestWhatWasCommittedSurvivesTheLossOfPower(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pragmas           map[string]string
		openings, batches int
	}{
		"short logs":     {small, 3, 60},
		"the usual logs": {nil, 2, 60},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := drawing(t)
			tp := scribbled(t, sqlite.Config{}, c.pragmas, c.openings, c.batches)
			folder, tally := scratch(t), newTally()
			require.NoError(t, each(t.Context(), tp, random, places(random, tp, share(t, 60, 4)), func(c *cut) error {
				err := c.settle(t.Context(), folder)
				tally.count(c)
				return err
			}))
			tally.log(t, tp)
		})
	}
}

func TestAPowerLossInWhatFollowsAPowerLossLosesNothingEither(t *testing.T) {
	t.Parallel()
	notUnderRace(t)
	random := drawing(t)
	tp := scribbled(t, sqlite.Config{}, small, 2, 40)
	folder, tally := scratch(t), newTally()
	second := share(t, 40, 8)
	require.NoError(t, each(t.Context(), tp, random, places(random, tp, second/8), func(c *cut) error {
		again := newTape(t, small, c.files)
		store, err := sqlite.Open(t.Context(), filepath.Join(again.folder, hall.StoreFile), sqlite.Config{})
		if err != nil {
			return err
		}
		if c.landed, err = c.account.Settle(t.Context(), store); err != nil {
			return errors.Join(err, store.Close())
		}
		if err := errors.Join(another(t.Context(), again.witness(store), c), store.Close()); err != nil {
			return err
		}
		return eachFrom(t.Context(), again, c.account, random, places(random, again, 8), func(c *cut) error {
			err := c.settle(t.Context(), folder)
			tally.count(c)
			return err
		})
	}))
	tally.log(t, tp)
}

// another commits to a store that was found after a cut: objects that are new, so nobody must know what was there.
func another(ctx context.Context, store backend.Store, c *cut) error {
	s := newScribbler(rand.New(rand.NewPCG(6, uint64(c.at))))
	for n := range 6 {
		w := s.write(backend.Ref{Kind: backend.KindSwitch, ID: fmt.Sprint("after-", n)})
		results, err := store.Commit(ctx, []backend.Commit{{Writes: []backend.Write{w}}})
		if err := errors.Join(append(results, err)...); err != nil {
			return err
		}
	}
	return nil
}
