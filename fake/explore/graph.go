package explore

import (
	"slices"

	"github.com/rackstate/rackstate/fake/scenario"
)

// noParent is the parent of the first state.
const noParent = ^uint32(0)

// graph is what is kept of all states that were met: how they were come by, and where they lead to when nothing goes wrong.
type graph struct {
	parent []uint32
	move   []uint32 // the move from the parent
	flags  []uint8
	// calm lists where each state leads to by calm moves: those of state i are to[from[i]:from[i+1]]. States are expanded in the order of their ids.
	from []uint32
	to   []uint32

	ended       map[uint32]digest // the states of rest, without what is left of the budget
	crashes     []hop
	quiet       []hop // moves that are no fault and not calm either: requests, holds, crashes
	transitions uint64
	depth       int
}

// hop is a move from one state to another.
type hop struct{ from, to uint32 }

// The flags of a state.
const (
	isExpanded uint8 = 1 << iota
	isCut            // some of what follows was left out
	rests
	stalls
	reaches // a state of rest can be reached from here by calm moves
	unsure  // one that was not expanded can
	fails   // it is a state of rest in which something has failed
	healthy // it can be reached from the first state without a fault
)

// summary is what the graph takes over of an expansion.
type summary struct {
	node    *node
	calm    []uint32
	rests   bool
	stalled bool
	cut     bool
	failed  bool
}

func summed(n *node, found *expansion) summary {
	return summary{node: n, rests: found.rests, stalled: found.stalled, failed: found.failed}
}

// follow notes where a move leads to.
func (s *summary) follow(e *edge, to uint32) {
	if e.move.calm && !slices.Contains(s.calm, to) {
		s.calm = append(s.calm, to)
	}
}

// add adds a state.
func (g *graph) add(parent, move uint32) uint32 {
	g.parent, g.move, g.flags = append(g.parent, parent), append(g.move, move), append(g.flags, 0)
	return uint32(len(g.parent) - 1)
}

// expanded takes over where a state leads to.
func (g *graph) expanded(s summary) {
	for len(g.from) <= int(s.node.id) {
		g.from = append(g.from, uint32(len(g.to)))
	}
	g.to = append(g.to, s.calm...)
	g.flags[s.node.id] |= isExpanded
	if s.cut {
		g.flags[s.node.id] |= isCut
	}
	if s.stalled {
		g.flags[s.node.id] |= stalls
	}
	if s.rests {
		g.flags[s.node.id] |= rests | reaches
		if g.ended == nil {
			g.ended = map[uint32]digest{}
		}
		g.ended[s.node.id] = s.node.plain
		if s.failed {
			g.flags[s.node.id] |= fails
		}
	}
}

// calm lists where a state leads to by calm moves.
func (g *graph) calm(id uint32) []uint32 {
	if int(id) >= len(g.from) {
		return nil
	}
	end := uint32(len(g.to))
	if int(id)+1 < len(g.from) {
		end = g.from[id+1]
	}
	return g.to[g.from[id]:end]
}

// spread marks every state from which one that carries a flag can be reached by calm moves.
func (g *graph) spread(flag uint8) {
	heads := make([]uint32, len(g.parent)+1) // predecessors, as lists: those of i are back[heads[i]:heads[i+1]]
	for _, to := range g.to {
		heads[to+1]++
	}
	for i := 1; i < len(heads); i++ {
		heads[i] += heads[i-1]
	}
	back, next := make([]uint32, len(g.to)), slices.Clone(heads)
	for id := range g.from {
		for _, to := range g.calm(uint32(id)) {
			back[next[to]] = uint32(id)
			next[to]++
		}
	}
	var todo []uint32
	for id, f := range g.flags {
		if f&flag != 0 {
			todo = append(todo, uint32(id))
		}
	}
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, before := range back[heads[id]:heads[id+1]] {
			if g.flags[before]&flag == 0 {
				g.flags[before] |= flag
				todo = append(todo, before)
			}
		}
	}
}

// walk marks every state that can be reached from the first one by calm moves and quiet ones.
func (g *graph) walk() {
	next := map[uint32][]uint32{}
	for _, h := range g.quiet {
		next[h.from] = append(next[h.from], h.to)
	}
	g.flags[0] |= healthy
	for todo := []uint32{0}; len(todo) > 0; {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, list := range [][]uint32{g.calm(id), next[id]} {
			for _, to := range list {
				if g.flags[to]&healthy == 0 {
					g.flags[to] |= healthy
					todo = append(todo, to)
				}
			}
		}
	}
}

// path lists the moves to a state.
func (g *graph) path(id uint32) []uint32 {
	var out []uint32
	for ; g.parent[id] != noParent; id = g.parent[id] {
		out = append(out, g.move[id])
	}
	slices.Reverse(out)
	return out
}

// moves numbers moves, of which there are few different ones.
type moves struct {
	list  [][]scenario.Step
	known map[string]uint32
}

func newMoves() *moves { return &moves{known: map[string]uint32{}} }

// number is the number of a move.
func (m *moves) number(mv move) uint32 {
	text := stepsText(mv.steps)
	n, known := m.known[text]
	if !known {
		n = uint32(len(m.list))
		m.known[text] = n
		m.list = append(m.list, mv.steps)
	}
	return n
}

// steps lists the steps of a path.
func (x *explorer) steps(id uint32, more []scenario.Step) []scenario.Step {
	var out []scenario.Step
	for _, n := range x.graph.path(id) {
		out = append(out, x.moves.list[n]...)
	}
	return append(out, more...)
}
