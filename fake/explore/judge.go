package explore

import "slices"

// The rules that are looked at in the graph of states.
const (
	restRule  = "from every state a state of rest can be reached when faults stop"
	crashRule = "when nothing else happens a crash leads to no state of rest that is not reached without it"
	faultRule = "without a fault nothing fails, whatever is asked for and held, and whenever a controller crashes"
	alikeRule = "states that are one to the explorer behave alike"
)

// judge looks at the graph of states.
func (x *explorer) judge() {
	x.restless()
	x.crashed()
	x.faultless()
	x.recheck.judge(x)
}

// restless finds the states from which no state of rest can be reached. Of those that a path comes to first it reports the one in which nothing happens any more, if there is one, and otherwise
// the first of all, from where things go round in circles.
func (x *explorer) restless() {
	g := &x.graph
	for id, f := range g.flags {
		if f&(isExpanded|isCut) != isExpanded {
			g.flags[id] |= unsure
		}
	}
	g.spread(reaches)
	g.spread(unsure)
	var circles, ends []uint32
	for id, f := range g.flags {
		switch {
		case f&(reaches|unsure) != 0:
		case f&stalls != 0 && len(g.calm(uint32(id))) == 0:
			ends = append(ends, uint32(id))
		default:
			circles = append(circles, uint32(id))
		}
	}
	what := "nothing happens any more, and something is still to be done"
	if ends == nil {
		ends, what = circles, "whatever happens then by itself, something is still to be done"
	}
	for _, id := range ends {
		x.reports.put(x.cfg.Each, &found{rule: restRule, promise: 6, what: what, times: 1, from: id, graph: true})
	}
}

// crashed compares where a world ends by itself after a crash with where it would have ended without it.
func (x *explorer) crashed() {
	g := &x.graph
	if len(g.crashes) == 0 {
		return
	}
	e := g.endings()
	for _, c := range g.crashes {
		if g.flags[c.from]&unsure != 0 || g.flags[c.to]&unsure != 0 || e.within(c.to, c.from) {
			continue
		}
		x.reports.put(x.cfg.Each, &found{rule: crashRule, promise: 7, what: "after the crash it ends otherwise, or in one way more", times: 1, from: c.to, graph: true})
	}
}

// faultless looks for failures that nothing has caused. A world in which something has failed from the first says nothing.
func (x *explorer) faultless() {
	g := &x.graph
	if x.sick {
		return
	}
	g.walk()
	for id, f := range g.flags {
		if f&(fails|healthy) == fails|healthy {
			x.reports.put(x.cfg.Each, &found{rule: faultRule, what: "something has failed, and on one of the ways to here no call or job has; the shortest way may be another", times: 1, from: uint32(id), graph: true})
		}
	}
}

// endings are the states of rest that each state leads to by calm moves. States that lead to one another share theirs, and equal lists are kept once.
type endings struct {
	of   []int32 // by state: its list
	sets [][]uint32
}

// within reports whether one state ends in nothing that the other does not end in.
func (e *endings) within(a, b uint32) bool {
	if e.of[a] == e.of[b] {
		return true
	}
	all := e.sets[e.of[b]]
	return !slices.ContainsFunc(e.sets[e.of[a]], func(id uint32) bool {
		_, found := slices.BinarySearch(all, id)
		return !found
	})
}

// endings finds the strongly connected parts of the graph of calm moves, those first to which the others lead, and joins what they end in.
func (g *graph) endings() *endings {
	names := map[digest]uint32{}
	e := &endings{of: make([]int32, len(g.parent))}
	known := map[string]int32{}
	keep := func(set []uint32) int32 {
		slices.Sort(set)
		set = slices.Compact(set)
		key := make([]byte, 0, 4*len(set))
		for _, id := range set {
			key = append(key, byte(id), byte(id>>8), byte(id>>16), byte(id>>24))
		}
		at, ok := known[string(key)]
		if !ok {
			at = int32(len(e.sets))
			known[string(key)] = at
			e.sets = append(e.sets, set)
		}
		return at
	}
	g.parts(func(part []uint32) {
		var set []uint32
		seen := map[int32]bool{}
		inside := map[uint32]bool{}
		for _, id := range part {
			inside[id] = true
		}
		for _, id := range part {
			if plain, ends := g.ended[id]; ends {
				n, met := names[plain]
				if !met {
					n = uint32(len(names))
					names[plain] = n
				}
				set = append(set, n)
			}
			for _, to := range g.calm(id) {
				if !inside[to] && !seen[e.of[to]] {
					seen[e.of[to]] = true
					set = append(set, e.sets[e.of[to]]...)
				}
			}
		}
		at := keep(set)
		for _, id := range part {
			e.of[id] = at
		}
	})
	return e
}

// parts visits the strongly connected parts of the graph of calm moves, each after all that it leads to: Tarjan's algorithm without recursion.
func (g *graph) parts(visit func(part []uint32)) {
	const none = ^uint32(0)
	n := uint32(len(g.parent))
	index, low := make([]uint32, n), make([]uint32, n)
	for i := range index {
		index[i] = none
	}
	open := make([]bool, n)
	var stack []uint32
	type frame struct {
		id   uint32
		next int
	}
	count := uint32(0)
	for root := range n {
		if index[root] != none {
			continue
		}
		calls := []frame{{id: root}}
		for len(calls) > 0 {
			f := &calls[len(calls)-1]
			if f.next == 0 && index[f.id] == none {
				index[f.id], low[f.id], open[f.id] = count, count, true
				count++
				stack = append(stack, f.id)
			}
			if next := g.calm(f.id); f.next < len(next) {
				to := next[f.next]
				f.next++
				if index[to] == none {
					calls = append(calls, frame{id: to})
				} else if open[to] {
					low[f.id] = min(low[f.id], index[to])
				}
				continue
			}
			id := f.id
			if calls = calls[:len(calls)-1]; len(calls) > 0 {
				up := calls[len(calls)-1].id
				low[up] = min(low[up], low[id])
			}
			if low[id] != index[id] {
				continue
			}
			at := len(stack) - 1
			for ; stack[at] != id; at-- {
				open[stack[at]] = false
			}
			open[id] = false
			visit(slices.Clone(stack[at:]))
			stack = stack[:at]
		}
	}
}
