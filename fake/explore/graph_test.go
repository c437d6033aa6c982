package explore

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// drawn is a graph of states, each with where it leads to by calm moves. Those that end are states of rest, named by what they look like.
func drawn(calm [][]uint32, ends map[uint32]byte) *explorer {
	x := &explorer{moves: newMoves(), cfg: Config{Each: 5}}
	for id := range calm {
		parent := uint32(0)
		if id == 0 {
			parent = noParent
		}
		x.graph.add(parent, 0)
	}
	for id, to := range calm {
		look, rests := ends[uint32(id)]
		x.graph.expanded(summary{node: &node{id: uint32(id), plain: digest{look}}, calm: to, rests: rests, stalled: len(to) == 0})
	}
	return x
}

// rules lists what was found, with where.
func (x *explorer) rules() map[uint32]string {
	out := map[uint32]string{}
	for _, f := range x.reports.list {
		out[f.from] = f.rule
	}
	return out
}

func TestACrashThatEndsElsewhereIsFound(t *testing.T) {
	t.Parallel()
	// 0 goes in a circle with 1 and ends in 2 or 3; crashes lead to 4, which ends in what looks like 2, and to 5, which ends in something else.
	x := drawn([][]uint32{{1}, {0, 2, 3}, nil, nil, {6}, {7, 6}, nil, nil}, map[uint32]byte{2: 'a', 3: 'b', 6: 'a', 7: 'c'})
	x.graph.crashes = []hop{{0, 4}, {1, 5}}
	x.crashed()
	assert.Equal(t, map[uint32]string{5: crashRule}, x.rules())
}

func TestAStateWithoutAWayToRestIsFound(t *testing.T) {
	t.Parallel()
	// From 0 it goes to rest in 1, or to 2, from where it goes round in circles until nothing happens in 4.
	x := drawn([][]uint32{{1, 2}, nil, {3}, {2, 4}, nil}, map[uint32]byte{1: 'a'})
	x.restless()
	assert.Equal(t, map[uint32]string{4: restRule}, x.rules(), "where nothing happens any more")
	x = drawn([][]uint32{{1, 2}, nil, {3}, {2}}, map[uint32]byte{1: 'a'})
	x.restless()
	assert.Equal(t, map[uint32]string{2: restRule}, x.rules(), "a circle, from where it begins")
	x = drawn([][]uint32{{1, 2}, nil, {3}, {2}}, map[uint32]byte{1: 'a'})
	x.graph.flags[3] &^= isExpanded
	x.restless()
	assert.Empty(t, x.rules(), "what was not looked at may lead anywhere")
}

func TestAFailureIsTheWorldsOwnWhenNoFaultLeadsThere(t *testing.T) {
	t.Parallel()
	x := drawn([][]uint32{{1}, nil, {3}, nil, nil}, map[uint32]byte{1: 'a', 3: 'b', 4: 'c'})
	x.graph.flags[3] |= fails
	x.graph.flags[4] |= fails // nothing but a fault leads here
	x.faultless()
	assert.Empty(t, x.rules())
	x.graph.quiet = []hop{{0, 2}}
	x.faultless()
	assert.Equal(t, map[uint32]string{3: faultRule}, x.rules())
}
