package lifecycle

import (
	"container/heap"
	"sync"
	"sync/atomic"
	"time"
)

// job is an object's place in the queue.
type job struct {
	entry    *entry
	due      time.Time
	seq      uint64 // orders jobs that are due at the same time: first come, first served
	index    int32  // in the heap, 1-based; 0: not there
	phase    phase
	again    bool      // woken while running
	againAt  time.Time // when it was woken while running
	failures atomic.Int32
}

type phase uint8

const (
	idle    phase = iota // neither due nor running; only before the first add
	waiting              // in the heap, due later
	ready                // in the line of those that are due
	running              // taken, and not done
)

// queue holds all jobs in the order of the time at which they are due. Wake-ups of one object coalesce; an object that is being worked on is never handed
// out a second time. It knows no clock: the caller says what time it is.
type queue struct {
	mu   sync.Mutex
	cond *sync.Cond
	heap jobHeap
	line fifo
	seq  uint64
	now  time.Time // the latest time that the queue was told
	// earlier is told when the earliest due time has changed, if somebody listens.
	earlier func()
	closed  bool
}

func newQueue() *queue {
	q := &queue{}
	q.cond = sync.NewCond(&q.mu)
	return q
}

// add makes a job due at a time, or earlier if it already is due earlier.
func (q *queue) add(j *job, due time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch j.phase {
	case running:
		if !j.again || due.Before(j.againAt) {
			j.again, j.againAt = true, due
		}
	case ready:
	case waiting:
		if due.Before(j.due) {
			heap.Remove(&q.heap, int(j.index)-1)
			q.push(j, due)
		}
	case idle:
		q.push(j, due)
	}
}

// done puts a job back that next was handed out. A zero time forgets it unless it was woken meanwhile.
func (q *queue) done(j *job, due time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if j.again && (due.IsZero() || j.againAt.Before(due)) {
		due = j.againAt
	}
	j.again, j.phase = false, idle
	if j.entry.snap.Load() == nil || due.IsZero() {
		return
	}
	q.push(j, due)
}

func (q *queue) push(j *job, due time.Time) {
	j.due = due
	if !due.After(q.now) {
		j.phase = ready
		q.line.push(j)
		q.cond.Signal()
		return
	}
	q.seq++
	j.seq = q.seq
	j.phase = waiting
	heap.Push(&q.heap, j)
	q.notify(j)
}

// notify tells the listener when the job became the first one.
func (q *queue) notify(j *job) {
	if j.index == 1 && q.earlier != nil {
		q.earlier()
	}
}

// release moves everything that is due into the line and returns when the next one will be, zero if there is none.
func (q *queue) release(now time.Time) time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.releaseLocked(now)
	if len(q.heap) == 0 {
		return time.Time{}
	}
	return q.heap[0].due
}

func (q *queue) releaseLocked(now time.Time) {
	if now.After(q.now) {
		q.now = now
	}
	woken := 0
	for len(q.heap) > 0 && !q.heap[0].due.After(now) {
		j := heap.Pop(&q.heap).(*job)
		j.phase = ready
		q.line.push(j)
		woken++
	}
	switch {
	case woken == 1:
		q.cond.Signal()
	case woken > 1:
		q.cond.Broadcast()
	}
}

// next hands out the first job that is due at the given time, nil if none is.
func (q *queue) next(now time.Time) *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.releaseLocked(now)
	return q.takeLocked()
}

func (q *queue) takeLocked() *job {
	j := q.line.pop()
	if j != nil {
		j.phase = running
	}
	return j
}

// take waits for a job that is due. It returns nil when the queue was closed.
func (q *queue) take() *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.line.len() == 0 && !q.closed {
		q.cond.Wait()
	}
	if q.closed {
		return nil
	}
	return q.takeLocked()
}

// claim takes a given job whatever its due time is, for Step. It returns false when the job is running.
func (q *queue) claim(j *job) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch j.phase {
	case running:
		return false
	case waiting:
		heap.Remove(&q.heap, int(j.index)-1)
	case ready:
		q.line.remove(j)
	case idle:
	}
	j.phase = running
	return true
}

// due is when the next job is due, zero if there is none.
func (q *queue) due() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	if j := q.line.peek(); j != nil {
		return j.due
	}
	if len(q.heap) == 0 {
		return time.Time{}
	}
	return q.heap[0].due
}

// dueAt is when a job is due.
func (q *queue) dueAt(j *job) time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	return j.due
}

// listen sets who is told about an earlier due time, and opens or closes the queue for take.
func (q *queue) listen(earlier func(), closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.earlier, q.closed = earlier, closed
	if closed {
		q.cond.Broadcast()
	}
}

// jobHeap orders by due time, then by arrival.
type jobHeap []*job

func (h jobHeap) Len() int { return len(h) }
func (h jobHeap) Less(a, b int) bool {
	if !h[a].due.Equal(h[b].due) {
		return h[a].due.Before(h[b].due)
	}
	return h[a].seq < h[b].seq
}

func (h jobHeap) Swap(a, b int) {
	h[a], h[b] = h[b], h[a]
	h[a].index, h[b].index = int32(a+1), int32(b+1)
}

// Push adds a job at the end.
func (h *jobHeap) Push(x any) {
	j := x.(*job)
	*h = append(*h, j)
	j.index = int32(len(*h))
}

// Pop removes the last job.
func (h *jobHeap) Pop() any {
	old := *h
	j := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	j.index = 0
	return j
}

// fifo is a line of jobs.
type fifo struct {
	jobs []*job
	head int
}

func (f *fifo) len() int { return len(f.jobs) - f.head }

func (f *fifo) push(j *job) { f.jobs = append(f.jobs, j) }

func (f *fifo) peek() *job {
	if f.len() == 0 {
		return nil
	}
	return f.jobs[f.head]
}

func (f *fifo) pop() *job {
	if f.len() == 0 {
		return nil
	}
	j := f.jobs[f.head]
	f.jobs[f.head] = nil
	f.head++
	if f.head == len(f.jobs) {
		f.jobs, f.head = f.jobs[:0], 0
	} else if f.head > 1024 && f.head > len(f.jobs)/2 {
		n := copy(f.jobs, f.jobs[f.head:])
		clear(f.jobs[n:])
		f.jobs, f.head = f.jobs[:n], 0
	}
	return j
}

func (f *fifo) remove(j *job) {
	for i := f.head; i < len(f.jobs); i++ {
		if f.jobs[i] == j {
			copy(f.jobs[i:], f.jobs[i+1:])
			f.jobs[len(f.jobs)-1] = nil
			f.jobs = f.jobs[:len(f.jobs)-1]
			return
		}
	}
}

// claimDue takes the first of some jobs that is due at the given time, nil if none is. next is when the first of them will be due, zero if none will.
func (q *queue) claimDue(jobs []*job, now time.Time) (taken *job, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var first *job
	for _, j := range jobs {
		if j.phase != waiting && j.phase != ready {
			continue
		}
		if first == nil || j.due.Before(first.due) || j.due.Equal(first.due) && j.seq < first.seq {
			first = j
		}
	}
	if first == nil {
		return nil, time.Time{}
	}
	if first.due.After(now) {
		return nil, first.due
	}
	if first.phase == ready {
		q.line.remove(first)
	} else {
		heap.Remove(&q.heap, int(first.index)-1)
	}
	first.phase = running
	return first, time.Time{}
}
