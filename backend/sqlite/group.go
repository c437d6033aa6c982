package sqlite

import (
	"context"
	"fmt"
	"sync"

	"github.com/rackstate/rackstate/backend"
)

// groupRows bounds how many rows one transaction takes from callers that wait. More brings no throughput, only latency.
const groupRows = 4000

// queue collects calls of Commit while a transaction runs. There is no goroutine and no timer: a caller that finds nobody at work leads,
// writes all that waits, hands the others their results, and passes the lead to the first that came meanwhile. A lone caller never waits,
// and groups grow by themselves when the disk is slow.
type queue struct {
	mu      sync.Mutex
	waiting []*call
	led     bool
}

// call is one call of Commit, or of SetCursor.
type call struct {
	batch   []backend.Commit
	cursor  *cursorMove
	rows    int
	results []error
	err     error
	// turn receives true when the results are there, false when the caller must lead.
	turn chan bool
}

// Commit applies a batch, see [backend.Store]. Calls of many goroutines are written together. A call that finds its context ended
// before it starts changes nothing; later it goes on to the end.
func (s *Store) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", backend.ErrNotCommitted, err)
	}
	defer s.gate.RUnlock()
	c := &call{batch: batch, rows: countRows(batch), turn: make(chan bool, 1)}
	s.wait(c)
	return c.results, c.err
}

// wait has a call written, by this caller or by another one.
func (s *Store) wait(c *call) {
	if s.queue.join(c) || !<-c.turn {
		s.lead()
	}
}

// lead writes the first group of the queue, which begins with the caller's own call.
func (s *Store) lead() {
	group := s.queue.take()
	s.write(group)
	for _, c := range group[1:] {
		c.turn <- true
	}
	s.queue.pass()
}

// join adds a call and reports whether it leads.
func (q *queue) join(c *call) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, c)
	leads := !q.led
	q.led = true
	return leads
}

// take removes the calls that fit in one transaction, at least one.
func (q *queue) take() []*call {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, rows := 1, q.waiting[0].rows
	for n < len(q.waiting) && rows+q.waiting[n].rows <= groupRows {
		rows += q.waiting[n].rows
		n++
	}
	group := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	return group
}

// pass gives the lead to the first call that waits, or up.
func (q *queue) pass() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.led = false
		return
	}
	q.waiting[0].turn <- false
}

// countRows returns how many rows a batch writes, about.
func countRows(batch []backend.Commit) int {
	rows := 0
	for i := range batch {
		rows += 2*len(batch[i].Writes) + len(batch[i].Post) + len(batch[i].Update)
	}
	return rows
}

// write runs one transaction for a group of calls and fills in their results.
func (s *Store) write(group []*call) {
	err := s.writer.transaction(group)
	if err == nil {
		return
	}
	err = advise(s.path, "commit to", err)
	for _, c := range group {
		c.results, c.err = nil, err
	}
}
