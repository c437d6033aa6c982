package postgres

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
// and groups grow by themselves when the server is slow.
type queue struct {
	mu      sync.Mutex
	waiting []*call
	led     bool
}

// call is one call of Commit.
type call struct {
	batch []backend.Commit
	// refused holds what is wrong with a commit whatever is stored, nil for most.
	refused []error
	rows    int
	results []error
	err     error
	// turn receives true when the results are there, false when the caller must lead.
	turn chan bool
}

// Commit applies a batch in one transaction, see [backend.Store]. Calls of many goroutines are written together. A call that finds its context
// ended before it starts changes nothing; later it goes on to the end. While the server cannot be reached it tries again, for Config.RetryFor.
func (s *Store) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", backend.ErrNotCommitted, err)
	}
	defer s.gate.RUnlock()
	c := &call{batch: batch, turn: make(chan bool, 1), refused: make([]error, len(batch))}
	for i := range batch {
		c.rows += 2*len(batch[i].Writes) + len(batch[i].Post) + len(batch[i].Update)
		c.refused[i] = checkCommit(&batch[i])
	}
	if s.queue.join(c) || !<-c.turn {
		s.lead(ctx)
	}
	return c.results, c.err
}

// lead writes the first group of the queue, which begins with the caller's own call.
func (s *Store) lead(ctx context.Context) {
	group := s.queue.take()
	// The others have nothing to do with the end of this caller's context.
	s.write(context.WithoutCancel(ctx), group)
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

// write runs one transaction for a group of calls, again while nothing was committed and it can help, and fills in their results.
func (s *Store) write(ctx context.Context, group []*call) {
	err := s.persist(ctx, "commit to", func() error {
		limited, cancel := s.limit(ctx)
		defer cancel()
		return s.writer.attempt(limited, group)
	})
	if err == nil {
		return
	}
	if err = s.advise("commit to", err); !isLost(err) {
		err = fmt.Errorf("%w: %w", backend.ErrNotCommitted, err)
	}
	for _, c := range group {
		c.results, c.err = nil, err
	}
}
