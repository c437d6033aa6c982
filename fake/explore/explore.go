package explore

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/scenario"
	"github.com/rackstate/rackstate/fake/verify"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// Config says what is explored, and how far.
type Config struct {
	// Start is the world that is explored. Required.
	Start Start
	// Budget bounds what may happen on one path.
	Budget Budget
	// Depth bounds the moves of a path. Zero: no bound.
	Depth int
	// States bounds the states that are visited. Zero: no bound but that of memory, about a kilobyte for each and ten times that for those of the widest level.
	States int
	// For is how long the search may take; then it reports what it has. Zero: no bound.
	For time.Duration
	// Workers is how many goroutines make moves. Default: one for each processor.
	Workers int
	// Each is how many findings of each rule are reported, the shortest first. Default: 1.
	Each int
	// Clock is where the seconds of the report come from. Required.
	Clock func() time.Time
	// Progress is told after each level, nil if nobody wants to know.
	Progress func(Progress)
	// Recheck has every so-many-th state that is met again expanded again, to see that what follows is the same. Zero: none.
	Recheck int

	// breaks and hears plant mistakes, for tests.
	breaks func(backend.Store) backend.Store
	hears  func(scenario.Call) scenario.Call
}

// Progress is how far a search has come.
type Progress struct {
	// Depth is how many moves the paths have that are being made, States how many states were found, Frontier how many of them are to be expanded next.
	Depth, States, Frontier int
	// Transitions are the moves that were made and changed something.
	Transitions uint64
}

// explorer is a search.
type explorer struct {
	cfg    Config
	ctx    context.Context
	start  *Start
	states map[backend.Kind]map[string]lifecycle.StateInfo[string]
	// limit is beyond every SLA and every deadline of a kind.
	limit map[backend.Kind]time.Duration

	// found has the id of every state by its digest. It is written between the parallel parts only.
	found map[digest]uint32
	moves *moves
	graph graph
	began time.Time
	sick  bool     // something has failed in the first state
	waits sync.Map // by plain digest: when time changes something in a state in which nothing else does

	reports reports
	recheck recheck
}

// Run explores a world. What it finds is in the report; the error says that the search could not be made: a start that makes no sense, or ctx ended.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if cfg.Clock == nil {
		return nil, errors.New("explore: Clock is missing")
	}
	x := newExplorer(ctx, cfg)
	x.began = cfg.Clock()
	root, workers, err := x.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("explore: %w", err)
	}
	if err := x.search(root, workers); err != nil {
		return nil, err
	}
	x.judge()
	return x.report(cfg.Clock().Sub(x.began)), nil
}

func newExplorer(ctx context.Context, cfg Config) *explorer {
	if cfg.Workers == 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	cfg.Each = max(cfg.Each, 1)
	return &explorer{cfg: cfg, ctx: ctx, start: &cfg.Start, found: map[digest]uint32{}, moves: newMoves()}
}

// open makes the first state, and the workers.
func (x *explorer) open(ctx context.Context) (*node, []*worker, error) {
	scout, err := x.newWorker(ctx) // knows the kinds as this start configures them
	if err != nil {
		return nil, nil, err
	}
	kinds := scout.w.Manager().Controller().Kinds()
	x.states, x.limit = map[backend.Kind]map[string]lifecycle.StateInfo[string]{}, map[backend.Kind]time.Duration{}
	for _, kind := range kinds {
		byState := map[string]lifecycle.StateInfo[string]{}
		for _, s := range kind.States() {
			byState[s.State] = s
			x.limit[kind.Name()] = max(x.limit[kind.Name()], s.SLA+beyond, s.StepSLA+beyond, s.Deadline+beyond)
		}
		x.states[kind.Name()] = byState
	}
	given := x.start.Given.Settings
	x.limit[backend.KindRack] += time.Duration(given.ValidationFailedGrace)
	for _, d := range []scenario.Duration{given.Deadlines.FirmwareUpgrade, given.Deadlines.NVOSUpdate, given.Deadlines.ConfigureNmxCluster, given.Deadlines.PowerSequence, given.Deadlines.Completed, given.Deadlines.Validating} {
		x.limit[backend.KindRack] += time.Duration(d)
	}
	settings := rack.Settings{Validation: given.Validation == "enabled", FailedGrace: time.Duration(given.ValidationFailedGrace), MaxInMaintenance: given.MaxRacksInMaintenance}
	workers := make([]*worker, x.cfg.Workers)
	var base *scenario.Snapshot
	for i := range workers {
		if workers[i], err = x.newWorker(ctx, verify.Kinds(kinds...), verify.Settings(settings)); err != nil {
			return nil, nil, err
		}
		if base == nil {
			base = workers[0].w.Snapshot()
			base.Forget(func(string) bool { return true })
		}
		workers[i].canon = newCanon(x, base)
	}
	first := workers[0]
	root := &node{page: first.book.page, snap: base, checker: first.checker, left: x.cfg.Budget}
	root.name, root.plain = first.canon.digest(world{root.page, root.snap}, root.left)
	return root, workers, nil
}

// knows reports whether a state was met on an earlier level, or earlier on this one.
func (x *explorer) knows(name digest) bool {
	_, known := x.found[name]
	return known
}

// block is how many states of a level are expanded before what was found is put together: all that they lead to is in memory until then.
const block = 128

// search goes through the states level by level. What is found does not depend on the number of workers.
func (x *explorer) search(root *node, workers []*worker) error {
	x.found[root.name], x.sick = 0, x.failed(root) || x.start.Given.Settings.Validation == "enabled"
	x.graph.add(noParent, 0)
	frontier := []*node{root}
	for depth := 0; len(frontier) > 0; depth++ {
		if x.cfg.Progress != nil {
			x.cfg.Progress(Progress{Depth: depth, States: len(x.found), Frontier: len(frontier), Transitions: x.graph.transitions})
		}
		x.graph.depth = depth
		if x.cfg.Depth > 0 && depth == x.cfg.Depth {
			break
		}
		var next []*node
		for at := 0; at < len(frontier); at += block {
			if x.cfg.For > 0 && x.cfg.Clock().Sub(x.began) > x.cfg.For {
				return nil
			}
			part := frontier[at:min(at+block, len(frontier))]
			results := x.expandAll(part, workers)
			if err := x.ctx.Err(); err != nil {
				return fmt.Errorf("explore: %w", err)
			}
			for i := range results {
				next = x.take(&results[i], next, workers[0])
			}
			clear(part) // let go of what was expanded
		}
		frontier = next
	}
	return nil
}

// expandAll expands states in parallel.
func (x *explorer) expandAll(part []*node, workers []*worker) []expansion {
	out := make([]expansion, len(part))
	var at atomic.Int64
	var wg sync.WaitGroup
	for _, k := range workers {
		wg.Go(func() {
			for x.ctx.Err() == nil {
				i := int(at.Add(1)) - 1
				if i >= len(part) {
					return
				}
				out[i] = k.expand(part[i])
			}
		})
	}
	wg.Wait()
	return out
}

// take takes over what was found from one state.
func (x *explorer) take(found *expansion, next []*node, k *worker) []*node {
	from := found.from
	for _, b := range found.broken {
		x.reports.add(x.cfg.Each, b.err, from.id, b.steps)
	}
	s := summed(from, found)
	for i := range found.edges {
		e := &found.edges[i]
		for _, err := range e.broken {
			x.reports.add(x.cfg.Each, err, from.id, e.move.steps)
		}
		if e.self {
			continue
		}
		x.graph.transitions++
		to, known := x.found[e.to]
		switch {
		case known:
			x.recheck.again(x, k, from.id, e, to)
		case x.cfg.States > 0 && len(x.found) >= x.cfg.States:
			s.cut = true
			continue
		default:
			to = x.graph.add(from.id, x.moves.number(e.move))
			x.found[e.to] = to
			e.next.id = to
			next = append(next, e.next)
		}
		s.follow(e, to)
		if e.move.cost == aCrash {
			x.graph.crashes = append(x.graph.crashes, hop{from.id, to})
		}
		if c := e.move.cost; c == aCrash || c == aRequest || c == aHold {
			x.graph.quiet = append(x.graph.quiet, hop{from.id, to})
		}
	}
	x.graph.expanded(s)
	x.recheck.first(x, found)
	return next
}
