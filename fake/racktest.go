package fake

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// LabelWrite is what the rack validation service writes on one machine. The host brings it there.
type LabelWrite struct {
	// At is when the service writes it.
	At time.Time
	// Machine carries the labels.
	Machine backend.Ref
	// Set are the labels rv.run-id, rv.part-id, rv.st and, for a failed partition, rv.fail-desc.
	Set map[string]string
}

// service is the rack validation service. A run labels its machines idle, and each partition then goes on to inp and to pass or fail.
type service struct {
	mu   sync.Mutex
	runs map[string]*run
	// due orders the runs by their next event.
	due runQueue
	// handed are the runs whose latest events the host may not have seen yet.
	handed []*run
}

// run is one validation of a rack. A newer one of the same rack takes its place.
type run struct {
	ID     string  `json:"id"`
	Rack   string  `json:"rack"`
	Key    string  `json:"key"`
	Events []event `json:"events"`
	// Next is the first event that was not handed out, Acked the first of those that the host may not have seen.
	Next  int `json:"-"`
	Acked int `json:"acked"`
	index int
}

// event is one change of a partition.
type event struct {
	At        time.Time     `json:"at"`
	Partition string        `json:"partition"`
	Status    string        `json:"status"`
	Cause     string        `json:"cause,omitempty"`
	Machines  []backend.Ref `json:"machines"`
}

// clear forgets all runs.
func (s *service) clear() { s.runs, s.due, s.handed = make(map[string]*run), nil, nil }

// startRun begins a run over the machines of a rack.
func (h *Hardware) startRun(o *order, rack *device, id string) {
	r := &run{ID: id, Rack: o.Targets[0].Ref.ID, Key: o.Key}
	begin := rack.later(o.At, h.config.Delays.RackTestStart, o.Call, o.Key)
	for i, machines := range h.partitions(o, rack) {
		events := h.partitionEvents(o, rack, begin, fmt.Sprintf("p%d", i), machines)
		if h.config.Instant {
			events = events[len(events)-1:]
		}
		r.Events = append(r.Events, events...)
	}
	slices.SortStableFunc(r.Events, func(a, b event) int { return a.At.Compare(b.At) })
	h.service.mu.Lock()
	defer h.service.mu.Unlock()
	if old := h.service.runs[r.Rack]; old != nil {
		if n := len(old.Events); n > 0 && old.Events[n-1].At.After(o.At) {
			h.counts.double(DoubleStart{Call: o.Call.String(), Device: o.Targets[0].Ref, First: old.Key, Second: r.Key, At: o.At})
		}
	}
	h.service.put(r)
}

// put makes the run the one of its rack. The caller holds the lock.
func (s *service) put(r *run) {
	if old := s.runs[r.Rack]; old != nil && old.index >= 0 {
		heap.Remove(&s.due, old.index)
	}
	s.runs[r.Rack] = r
	r.index, r.Next = -1, r.Acked
	if r.Next < len(r.Events) {
		heap.Push(&s.due, r)
	}
}

// partitions deals the machines out, in an order that the seed and the key decide.
func (h *Hardware) partitions(o *order, rack *device) [][]backend.Ref {
	refs := make([]backend.Ref, len(o.Others))
	for i, m := range o.Others {
		refs[i] = m.Ref
	}
	slices.SortFunc(refs, backend.Ref.Compare)
	refs = slices.Compact(refs)
	place := func(ref backend.Ref) uint64 { return scatter(mix(mix(rack.random, o.Key), ref.ID)) }
	slices.SortStableFunc(refs, func(a, b backend.Ref) int { return cmp.Compare(place(a), place(b)) })
	return slices.Collect(slices.Chunk(refs, h.config.PartitionSize))
}

// partitionEvents is the course of one partition.
func (h *Hardware) partitionEvents(o *order, rack *device, at time.Time, name string, machines []backend.Ref) []event {
	events := []event{{At: at, Partition: name, Status: "idle", Machines: machines}}
	for try := range h.config.ValidationTries {
		key := fmt.Sprintf("%s %s %d", o.Key, name, try)
		at = rack.later(at, h.config.Delays.RackTestStart, opNone, key)
		events = append(events, event{At: at, Partition: name, Status: "inp", Machines: machines})
		fails, endless, stuck := h.partitionFault(o, machines)
		if stuck {
			return events[:len(events)-1]
		}
		if endless {
			return events
		}
		at = rack.later(at, h.config.Delays.RackTestRun, o.Call, key)
		if fails == "" {
			return append(events, event{At: at, Partition: name, Status: "pass", Machines: machines})
		}
		events = append(events, event{At: at, Partition: name, Status: "fail", Cause: fails, Machines: machines})
	}
	return events
}

// partitionFault asks the faults of every machine of a partition how it ends.
func (h *Hardware) partitionFault(o *order, machines []backend.Ref) (fails string, endless, stuck bool) {
	var found *armed
	for _, ref := range machines {
		d := h.known(ref)
		if d == nil {
			continue
		}
		d.mu.Lock()
		if f := h.spoil(d, o.Call, o.What, o.At); f != nil && found == nil {
			found = f
		}
		d.mu.Unlock()
	}
	if found == nil {
		return "", false, false
	}
	return found.ends()
}

// runID is the id of the latest validation run of a rack, for the call that begins one.
func (d *device) runID(call op) string {
	if call != opStartValidation {
		return ""
	}
	return fmt.Sprintf("rv-%s-%d", d.Device.Ref.ID, d.Runs)
}

// NextEvent returns when Advance has something to hand out next, and false when nothing is to come.
func (h *Hardware) NextEvent() (time.Time, bool) {
	h.service.mu.Lock()
	defer h.service.mu.Unlock()
	if len(h.service.due) == 0 {
		return time.Time{}, false
	}
	return h.service.due[0].next(), true
}

// Advance returns the labels that the rack validation service has written until now and that were not returned before, in
// the order of time. A call says that the labels of the calls before it have reached their machines: after a restart from the journal those
// of the last call come again. An error says that the journal could not be written.
func (h *Hardware) Advance(now time.Time) ([]LabelWrite, error) {
	now = backend.Timestamp(now)
	var writes []LabelWrite
	h.service.mu.Lock()
	idle := len(h.service.handed) == 0 && (len(h.service.due) == 0 || h.service.due[0].next().After(now))
	h.service.mu.Unlock()
	if idle {
		return nil, nil
	}
	err := h.enter(&entry{At: now, Labels: true}, func(at time.Time) { writes = h.service.advance(at) })
	return writes, err
}

// advance hands out what is due until now.
func (s *service) advance(now time.Time) []LabelWrite {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.handed {
		r.Acked = r.Next
	}
	s.handed = s.handed[:0]
	var writes []LabelWrite
	for len(s.due) > 0 && !s.due[0].next().After(now) {
		r := s.due[0]
		writes = r.Events[r.Next].writes(r.ID, writes)
		s.handed = append(s.handed, r)
		if r.Next++; r.Next == len(r.Events) {
			heap.Pop(&s.due)
		} else {
			heap.Fix(&s.due, 0)
		}
	}
	return writes
}

// writes adds the labels of an event.
func (e *event) writes(run string, writes []LabelWrite) []LabelWrite {
	for _, machine := range e.Machines {
		set := map[string]string{"rv.run-id": run, "rv.part-id": e.Partition, "rv.st": e.Status}
		if e.Cause != "" {
			set["rv.fail-desc"] = e.Cause
		}
		writes = append(writes, LabelWrite{At: e.At, Machine: machine, Set: set})
	}
	return writes
}

// next is the time of the run's next event.
func (r *run) next() time.Time { return r.Events[r.Next].At }

// runQueue is a heap of runs by their next event, then by rack.
type runQueue []*run

func (q runQueue) Len() int { return len(q) }
func (q runQueue) Less(i, j int) bool {
	if c := q[i].next().Compare(q[j].next()); c != 0 {
		return c < 0
	}
	return q[i].Rack < q[j].Rack
}

func (q runQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push adds a run.
func (q *runQueue) Push(x any) {
	r := x.(*run)
	r.index = len(*q)
	*q = append(*q, r)
}

// Pop takes the last run off.
func (q *runQueue) Pop() any {
	last := len(*q) - 1
	r := (*q)[last]
	r.index = -1
	*q = (*q)[:last]
	return r
}
