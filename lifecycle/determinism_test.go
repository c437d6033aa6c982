package lifecycle_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestTheSameSeedAndTheSameStepsGiveTheSameHistoryByteForByte(t *testing.T) {
	t.Parallel()
	drive := func(seed uint64) (string, []string) {
		s := newSiteWith(t, newTap(), lifecycle.Config{Seed: seed}, paradeKinds(t)...)
		s.parade()
		var times []string
		for _, at := range s.toTheEnd() {
			times = append(times, at.String())
		}
		return s.everything(), times
	}
	text, times := drive(7)
	again, timesAgain := drive(7)
	assert.Empty(t, cmp.Diff(text, again))
	assert.Equal(t, times, timesAgain)
	_, other := drive(8)
	assert.NotEqual(t, times, other, "another seed has another jitter")
}

func TestARestartBetweenAnyTwoStepsLeadsToTheSameEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, paradeKinds(t)...)
	s.parade()
	refs := []backend.Ref{frameRef()}
	for i := range paradeLamps {
		refs = append(refs, lampRef(string(rune('a'+i))))
	}
	for i := 0; !s.paradeOver(); i++ {
		require.Less(t, i, 10_000)
		s.restart() // everything is due again, and nothing is remembered
		_, err := s.Step(t.Context(), refs[i%len(refs)], begin.Add(time.Duration(i)*time.Second))
		require.NoError(t, err)
	}
	assert.Empty(t, cmp.Diff(undisturbed(t), s.ending()))
}

// undisturbed is how the parade ends when nothing goes wrong.
func undisturbed(t *testing.T) map[string]any {
	t.Helper()
	s := newSite(t, paradeKinds(t)...)
	s.parade()
	s.toTheEnd()
	return s.ending()
}

func TestAKillAtAnyCommitLeadsToTheSameEnd(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	for _, applied := range []bool{false, true} {
		for kill, killed := 1, true; killed; kill++ {
			killed = false
			s := newSite(t, paradeKinds(t)...)
			s.parade()
			n := 0
			at := func([]backend.Commit) error {
				if n++; n != kill {
					return nil
				}
				killed = true
				return errDisk
			}
			if applied {
				s.store.onCommit(nil, at)
			} else {
				s.store.onCommit(at, nil)
			}
			s.toTheEnd()
			require.Empty(t, cmp.Diff(want, s.ending()), "killed at commit %d, which was applied: %t", kill, applied)
			require.Less(t, kill, 1000)
		}
	}
}
