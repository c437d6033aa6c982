package explore

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// recheck compares what follows states that have one digest. It is how the canonical form is checked: what it leaves out must have no influence on anything.
type recheck struct {
	met     int
	done    int
	follows map[uint32][]string     // of every state
	others  map[uint32][]recheckRun // what followed when it was met again
}

type recheckRun struct {
	edge    *edge
	from    uint32
	follows []string
}

// first notes what follows a state.
func (r *recheck) first(x *explorer, found *expansion) {
	if x.cfg.Recheck == 0 {
		return
	}
	if r.follows == nil {
		r.follows, r.others = map[uint32][]string{}, map[uint32][]recheckRun{}
	}
	r.follows[found.from.id] = following(found)
}

// again expands every so-many-th state that is met again.
func (r *recheck) again(x *explorer, k *worker, from uint32, e *edge, to uint32) {
	if x.cfg.Recheck == 0 || e.next == nil {
		return
	}
	if r.met++; r.met%x.cfg.Recheck != 0 {
		return
	}
	e.next.id = to
	found := k.expand(e.next)
	r.done++
	r.others[to] = append(r.others[to], recheckRun{edge: e, from: from, follows: following(&found)})
}

// absolute are the names of requests and the expiries of holds, which are not the same in states that are one.
var absolute = regexp.MustCompile(`\bq[0-9]+\b|expires: [0-9hms.]+`)

// following lists the moves from a state with where they lead to.
func following(found *expansion) []string {
	var out []string
	for _, e := range found.edges {
		if !e.self {
			out = append(out, fmt.Sprintf("%x by %s", e.to[:4], absolute.ReplaceAllString(stepsText(e.move.steps), "x")))
		}
	}
	slices.Sort(out)
	return out
}

func (r *recheck) judge(x *explorer) {
	for to, list := range r.others {
		want, expanded := r.follows[to]
		for _, o := range list {
			if !expanded || slices.Equal(want, o.follows) {
				continue
			}
			what := "it differs from the state after\n" + stepsText(x.steps(to, nil)) + "\nin what follows:\n" + difference(want, o.follows)
			x.reports.put(x.cfg.Each, &found{rule: alikeRule, what: what, times: 1, from: o.from, steps: o.edge.move.steps, graph: true})
		}
	}
}

func difference(a, b []string) string {
	var out []string
	for _, s := range a {
		if !slices.Contains(b, s) {
			out = append(out, "first: "+s)
		}
	}
	for _, s := range b {
		if !slices.Contains(a, s) {
			out = append(out, "again: "+s)
		}
	}
	return strings.Join(out, "\n")
}
