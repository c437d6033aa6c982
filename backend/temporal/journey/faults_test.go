package journey_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/rackstate/rackstate/machine/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend/temporal/journey"
)

var errLost = errors.New("the connection was lost")

// lossy is an inventory behind a bad network, with other people around: calls are lost before or after they were made, and nodes change in between.
type lossy struct {
	journey.Inventory
	rig    *rig
	mu     sync.Mutex
	random *rand.Rand
	keys   map[string]service.Move
	// left is how much goes wrong still, row how much has without a break: the test environment makes no eleventh attempt. before, after and races count what did.
	left, row, before, after, races int
}

// draw says what goes wrong with a call: nothing, "before", "after" or "race".
func (l *lossy) draw(moving bool) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left == 0 || l.row == 8 {
		l.row = 0
		return ""
	}
	what := l.random.IntN(6)
	switch {
	case what == 0:
		l.before++
	case what == 1 || what == 2:
		l.after++
	case what == 3 && moving:
		l.races++
	default:
		l.row = 0
		return ""
	}
	l.left--
	l.row++
	return []string{"before", "after", "after", "race"}[what]
}

func (l *lossy) Node(ctx context.Context, id string) (journey.Node, error) {
	what := l.draw(false)
	if what == "before" {
		return journey.Node{}, errLost
	}
	n, err := l.Inventory.Node(ctx, id)
	if what == "after" {
		return journey.Node{}, errLost
	}
	return n, err
}

func (l *lossy) Move(ctx context.Context, id, to string, m service.Move) (service.Result, error) {
	first, again := l.keys[m.IdempotencyKey]
	assert.NotEmpty(l.rig.t, m.IdempotencyKey)
	assert.True(l.rig.t, !again || first == m, "a key stands for one move")
	l.keys[m.IdempotencyKey] = m
	what := l.draw(true)
	switch what {
	case "before":
		return service.Result{}, errLost
	case "race":
		if _, err := l.rig.svc.SetMetadata(ctx, id, 0, map[string]string{"touched": fmt.Sprint(l.races)}); err != nil {
			return service.Result{}, err
		}
	}
	res, err := l.Inventory.Move(ctx, id, to, m)
	if what == "after" {
		return service.Result{}, errLost
	}
	return res, err
}

func TestInventoryAndJourneyAgreeAtTheEndWhateverWasLost(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var before, after, races int
	t.Run("seeds", func(t *testing.T) {
		t.Parallel()
		for seed := range uint64(60) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(6, seed))
				l := &lossy{random: random, left: 30, keys: map[string]service.Move{}}
				r := newRig(t, withWayBack(t), func(r *rig, inv journey.Inventory) journey.Inventory {
					l.rig, l.Inventory = r, inv
					return l
				})
				for range random.IntN(3) {
					r.checks.diagnostics = append(r.checks.diagnostics, faulty("dead"))
				}
				for range random.IntN(3) {
					r.checks.firmware = append(r.checks.firmware, errLost, faulty("old"))
				}
				r.in.RMAWait, r.in.Returns = 30*day, 10
				byHand := time.Duration(random.Int64N(int64(40 * day)))
				r.at(byHand, func() { // somebody moves the node by hand, wherever it is
					moves, err := r.svc.Permitted(t.Context(), node, "ann")
					if assert.NoError(t, err) && len(moves) > 0 && moves[0].To != "in_service" {
						r.person(moves[0].To)
					}
				})
				agree(t, r)
				mu.Lock()
				defer mu.Unlock()
				before, after, races = before+l.before, after+l.after, races+l.races
			})
		}
	})
	t.Cleanup(func() {
		assert.Greater(t, before, 100)
		assert.Greater(t, after, 100)
		assert.Greater(t, races, 30)
	})
}

// agree runs a journey and compares what it says with what is on record.
func agree(t *testing.T, r *rig) {
	t.Helper()
	res := r.arrive()
	d, err := r.svc.Get(t.Context(), node)
	require.NoError(t, err)
	assert.Equal(t, d.CurrentState, res.Node.State)
	assert.Equal(t, d.Version, res.Node.Version)
	assert.Equal(t, d.Since, res.Node.Since)
	var mine []string
	at := ""
	for _, e := range d.StateHistory {
		require.Equal(t, at, e.From, "the history is unbroken")
		at = e.To
		if e.Initiator == journey.Initiator {
			mine = append(mine, e.To)
		}
	}
	assert.Equal(t, mine, res.Moves, "every move is on record once")
	assert.Equal(t, d.CurrentState, at)
}
