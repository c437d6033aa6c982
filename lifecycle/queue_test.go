package lifecycle

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rackstate/rackstate/backend"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// testJob is a job of an object that exists.
func testJob(id string) *job {
	ent := &entry{ref: backend.Ref{Kind: "lamp", ID: id}}
	ent.snap.Store(&snapshot{})
	ent.job.entry = ent
	return &ent.job
}

func id(j *job) string {
	if j == nil {
		return ""
	}
	return j.entry.ref.ID
}

func TestJobsComeInTheOrderInWhichTheyAreDue(t *testing.T) {
	t.Parallel()
	q := newQueue()
	for i, s := range []int{3, 1, 2, 1} {
		q.add(testJob(fmt.Sprint(i)), noon.Add(time.Duration(s)*time.Second))
	}
	assert.Equal(t, noon.Add(time.Second), q.due())
	assert.Nil(t, q.next(noon))
	var got []string
	for s := range 4 {
		for j := q.next(noon.Add(time.Duration(s) * time.Second)); j != nil; j = q.next(noon.Add(time.Duration(s) * time.Second)) {
			got = append(got, id(j))
			q.done(j, time.Time{})
		}
	}
	assert.Equal(t, []string{"1", "3", "2", "0"}, got, "those that are due together come in the order in which they were added")
	assert.True(t, q.due().IsZero())
}

func TestWakeUpsOfOneObjectCoalesce(t *testing.T) {
	t.Parallel()
	q, j := newQueue(), testJob("a")
	for range 5 {
		q.add(j, noon)
	}
	assert.Same(t, j, q.next(noon))
	assert.Nil(t, q.next(noon), "it is not handed out twice")
	for range 5 {
		q.add(j, noon)
	}
	assert.Nil(t, q.next(noon), "not even when it was woken meanwhile")
	q.done(j, noon.Add(time.Hour))
	assert.Same(t, j, q.next(noon), "the wake-ups meanwhile count as one")
	q.done(j, noon.Add(time.Hour))
	assert.Nil(t, q.next(noon))
	assert.Equal(t, noon.Add(time.Hour), q.due())
}

func TestAWakeUpMakesAJobDueEarlierAndNeverLater(t *testing.T) {
	t.Parallel()
	q, j := newQueue(), testJob("a")
	q.add(j, noon.Add(time.Minute))
	q.add(j, noon.Add(time.Hour))
	assert.Equal(t, noon.Add(time.Minute), q.dueAt(j))
	q.add(j, noon)
	assert.Equal(t, noon, q.dueAt(j))
	assert.Same(t, j, q.next(noon))
	q.add(j, noon.Add(time.Hour))
	q.add(j, noon.Add(time.Second))
	q.done(j, noon.Add(time.Minute))
	assert.Equal(t, noon.Add(time.Second), q.dueAt(j), "the earliest wake-up while it ran counts")
}

func TestAJobThatIsDoneForGoodComesBackOnlyWhenWoken(t *testing.T) {
	t.Parallel()
	q, j := newQueue(), testJob("a")
	q.add(j, noon)
	require.Same(t, j, q.next(noon))
	q.done(j, time.Time{})
	assert.Nil(t, q.next(noon.Add(time.Hour)))
	q.add(j, noon)
	require.Same(t, j, q.next(noon.Add(time.Hour)))
	q.add(j, noon)
	q.done(j, time.Time{})
	assert.Same(t, j, q.next(noon.Add(time.Hour)))
}

func TestTheJobOfAnObjectThatIsGoneIsForgotten(t *testing.T) {
	t.Parallel()
	q, j := newQueue(), testJob("a")
	q.add(j, noon)
	require.Same(t, j, q.next(noon))
	q.add(j, noon)
	j.entry.snap.Store(nil)
	q.done(j, noon)
	assert.Nil(t, q.next(noon.Add(time.Hour)))
	assert.True(t, q.due().IsZero())
}

func TestAJobCanBeClaimedWheneverItIsDueButOnlyOnce(t *testing.T) {
	t.Parallel()
	q := newQueue()
	later, line, fresh, other := testJob("later"), testJob("line"), testJob("fresh"), testJob("other")
	q.release(noon)
	q.add(line, noon)
	q.add(other, noon)
	q.add(later, noon.Add(time.Hour))
	for _, j := range []*job{later, line, fresh} {
		assert.True(t, q.claim(j), id(j))
		assert.False(t, q.claim(j), "%s is running", id(j))
	}
	assert.Same(t, other, q.next(noon.Add(2*time.Hour)), "the claimed ones are out of the queue")
	assert.Nil(t, q.next(noon.Add(2*time.Hour)))
}

func TestTheListenerHearsOfAnEarlierDueTimeOnly(t *testing.T) {
	t.Parallel()
	q, heard := newQueue(), 0
	q.listen(func() { heard++ }, false)
	a, b := testJob("a"), testJob("b")
	q.add(a, noon.Add(time.Minute))
	assert.Equal(t, 1, heard)
	q.add(b, noon.Add(time.Hour))
	assert.Equal(t, 1, heard, "a later one changes nothing")
	q.add(b, noon.Add(time.Second))
	assert.Equal(t, 2, heard)
	assert.Equal(t, noon.Add(time.Second), q.release(noon))
}

func TestAClosedQueueHandsOutNothing(t *testing.T) {
	t.Parallel()
	q := newQueue()
	q.release(noon)
	q.add(testJob("a"), noon)
	got := make(chan *job)
	go func() { got <- q.take() }()
	assert.Equal(t, "a", id(<-got))
	go func() { got <- q.take() }()
	q.listen(nil, true)
	assert.Nil(t, <-got)
	q.add(testJob("b"), noon)
	assert.Nil(t, q.take())
	q.listen(nil, false)
	assert.Equal(t, "b", id(q.take()), "opened again, it goes on with what was added")
}

// The line of due jobs is cut from the front while it grows at the end; it must keep its order through every cut.
func TestALongLineKeepsItsOrder(t *testing.T) {
	t.Parallel()
	var f fifo
	var want []*job
	for i := range 6000 {
		j := testJob(fmt.Sprint(i))
		f.push(j)
		want = append(want, j)
		if i%3 == 0 {
			require.Same(t, want[0], f.pop())
			want = want[1:]
		}
	}
	f.remove(want[7])
	want = append(want[:7:7], want[8:]...)
	require.Equal(t, len(want), f.len())
	for _, j := range want {
		require.Same(t, j, f.pop())
	}
	assert.Nil(t, f.pop())
	assert.Nil(t, f.peek())
}

// The queue is compared with the plainest one there is: a map of due times.
func TestTheQueueBehavesLikeAMapOfDueTimes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		q, now := newQueue(), noon
		jobs := make([]*job, 6)
		for i := range jobs {
			jobs[i] = testJob(fmt.Sprint(i))
		}
		due, busy, again := map[*job]time.Time{}, map[*job]bool{}, map[*job]time.Time{}
		at := func() time.Time { return now.Add(time.Duration(rapid.IntRange(-3, 10).Draw(rt, "due")) * time.Second) }
		one := func() *job { return jobs[rapid.IntRange(0, len(jobs)-1).Draw(rt, "job")] }
		rt.Repeat(map[string]func(*rapid.T){
			"add": func(*rapid.T) {
				j, d := one(), at()
				q.add(j, d)
				into := due
				if busy[j] {
					into = again
				}
				if old, ok := into[j]; !ok || d.Before(old) {
					into[j] = d
				}
			},
			"next": func(rt *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 3).Draw(rt, "passes")) * time.Second)
				j := q.next(now)
				for _, d := range due {
					if j == nil && !d.After(now) {
						rt.Fatalf("a job was due at %s and not handed out at %s", d, now)
					}
				}
				if j == nil {
					return
				}
				if d, ok := due[j]; !ok || d.After(now) || busy[j] {
					rt.Fatalf("%s was handed out at %s: due %s (%t), busy %t", id(j), now, d, ok, busy[j])
				}
				delete(due, j)
				busy[j] = true
			},
			"claim": func(rt *rapid.T) {
				j := one()
				if got := q.claim(j); got == busy[j] {
					rt.Fatalf("claim of %s: %t, and it was running: %t", id(j), got, busy[j])
				}
				delete(due, j)
				busy[j] = true
			},
			"done": func(rt *rapid.T) {
				j := one()
				if !busy[j] {
					rt.Skip("not running")
				}
				d := at()
				q.done(j, d)
				if a, ok := again[j]; ok && a.Before(d) {
					d = a
				}
				delete(again, j)
				busy[j] = false
				due[j] = d
			},
		})
	})
}
