package explore

import (
	"bytes"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/verify"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// beyond is by how much a jump of time goes past what it is about: the longest time between two polls.
const beyond = 15 * time.Second

// ladder are the jumps that are tried when nothing else can happen, beside those to the limits of states: what waits for something else than a limit goes on after one of them.
var ladder = []time.Duration{
	time.Minute, 3 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, 70 * time.Minute, 130 * time.Minute, 250 * time.Minute, 13 * time.Hour, 25 * time.Hour, 73 * time.Hour,
}

// baseOf is the part of an object that every kind has, nil when there is no such object.
func baseOf(w *verify.World, ref backend.Ref) *lifecycle.Object {
	switch ref.Kind {
	case backend.KindRack:
		if r, ok := w.Rack(ref.ID); ok {
			return based[*rack.Rack](r)
		}
	case backend.KindMachine:
		if m, ok := w.Machine(ref.ID); ok {
			return based[*machine.Machine](m)
		}
	case backend.KindSwitch:
		if s, ok := w.Switch(ref.ID); ok {
			return based[*nvswitch.Switch](s)
		}
	default:
		if p, ok := w.PowerShelf(ref.ID); ok {
			return based[*powershelf.PowerShelf](p)
		}
	}
	return nil
}

func based[E lifecycle.Entity](e E) *lifecycle.Object { return e.Base() }

// marked reports whether an object is marked for deletion.
func marked(r *backend.Record) bool { return bytes.Contains(r.Data, []byte(`"deletion":`)) }

// limits are the times until an object of the node has been in its state for longer than it may, as two lists: until something is done about it, and until it is reported.
func (x *explorer) limits(n *node) (acts, reports []time.Duration) {
	now := n.snap.Now()
	for _, r := range n.page.objects {
		info, known := x.info(r)
		o := baseOf(n.checker.World(), r.Ref)
		if !known || o == nil {
			continue
		}
		standing := false
		for _, h := range o.Holds {
			standing = standing || h.Expires.IsZero() || h.Expires.After(now)
			if h.Expires.After(now) {
				acts = append(acts, h.Expires.Sub(now)+beyond)
			}
		}
		if standing && !o.Deleted() || !o.PausedSince.IsZero() {
			continue
		}
		start := r.Since
		if !o.ClockStart.IsZero() {
			start = o.ClockStart
		}
		left := func(limit, elapsed time.Duration, list *[]time.Duration) {
			if limit > 0 && elapsed <= limit {
				*list = append(*list, limit-elapsed+beyond)
			}
		}
		left(info.Deadline, now.Sub(start)-o.Paused, &acts)
		left(info.SLA, now.Sub(start)-o.Paused, &reports)
		left(info.StepSLA, now.Sub(r.Since)-(o.Paused-o.PausedBefore), &reports)
	}
	return acts, reports
}

// info is what is declared of the state of an object.
func (x *explorer) info(r *backend.Record) (lifecycle.StateInfo[string], bool) {
	info, known := x.states[r.Ref.Kind][r.State]
	return info, known && !r.Gone()
}

// early are the jumps of time that may come while other things could happen.
func (x *explorer) early(n *node) []move {
	var out []move
	if n.left.Ticks > 0 {
		out = append(out, passing(time.Second, aTick, false))
	}
	if n.left.Jumps == 0 {
		return out
	}
	if acts, _ := x.limits(n); len(acts) > 0 {
		out = append(out, passing(slices.Min(acts), aJump, false))
	}
	return out
}

// stalled looks at a node in which no pass changes anything, and says when time would change something: zero when it never would. On the way it has every object looked at past each SLA
// that stands: it must be reported.
func (k *worker) stalled(n *node) (after time.Duration, broken []broken) {
	if k.x.asleep(n) {
		return 0, nil
	}
	if known, ok := k.x.waits.Load(n.plain); ok {
		return known.(time.Duration), nil
	}
	acts, reports := k.x.limits(n)
	for _, d := range sorted(reports) {
		_, bad := k.wakes(n, d)
		broken = append(broken, bad...)
	}
	for _, d := range sorted(slices.Concat(acts, ladder)) {
		woke, bad := k.wakes(n, d)
		broken = append(broken, bad...)
		if woke {
			after = d
			break
		}
	}
	k.x.waits.Store(n.plain, after)
	return after, broken
}

func sorted(list []time.Duration) []time.Duration {
	slices.Sort(list)
	return slices.Compact(list)
}

// asleep reports whether every object is where it may stay for ever, with nothing that time could end.
func (x *explorer) asleep(n *node) bool {
	for _, r := range n.page.objects {
		info, known := x.info(r)
		if known && (info.Class != lifecycle.Resting || marked(r) || bytes.Contains(r.Data, []byte(`"expires":`))) {
			return false
		}
	}
	return !slices.ContainsFunc(n.page.requests, func(r *backend.Request) bool { return r.State.Open() })
}

// wakes reports whether a pass changes something after that time.
func (k *worker) wakes(n *node, d time.Duration) (woke bool, found []broken) {
	k.restore(n)
	steps := passing(d, free, true).steps
	k.do(steps)
	before, _ := k.canon.digest(world{n.page, n.snap.At(k.w.Now())}, n.left)
	for _, r := range n.page.objects {
		if r.Gone() {
			continue
		}
		steps = append(slices.Clip(steps), passOf(r.Ref)...)
		k.do(steps[len(steps)-1:])
		for _, err := range k.problems {
			found = append(found, broken{err: err, steps: steps})
		}
		if woke || k.commits == 0 && len(k.calls) == 0 {
			continue
		}
		snap := k.w.Snapshot()
		snap.Forget(relevance{k.book.page}.key)
		after, _ := k.canon.digest(world{k.book.page, snap}, n.left)
		woke = after != before
	}
	if !woke {
		for _, err := range k.checker.Idle() {
			found = append(found, broken{err: err, steps: steps})
		}
	}
	return woke, found
}
