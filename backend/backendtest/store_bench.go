package backendtest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/rackstate/rackstate/backend"
)

// benchRacks and benchDevices make the fleet of BenchStore: 36,000 objects.
const (
	benchRacks   = 1000
	benchDevices = 36
)

// BenchStore measures how many commits a second a store takes from one caller: a commit changes the state of one of 36,000 objects and
// adds a history row, and every other one brings 300 bytes of data. The sub-benchmarks vary the size of the batch, and whether neighbours
// change together or objects change in random order. The function open returns a new, empty store each time; BenchStore closes it.
func BenchStore(b *testing.B, open func(b *testing.B) backend.Store) {
	for _, order := range []string{"rack", "random"} {
		for _, size := range []int{1, 32, 1000} {
			b.Run(fmt.Sprintf("order=%s/batch=%d", order, size), func(b *testing.B) {
				bench := newStoreBench(b, open(b), order == "random")
				b.ReportAllocs()
				b.ResetTimer()
				commits := 0
				for b.Loop() {
					commits += bench.commit(b, size)
				}
				b.ReportMetric(float64(commits)/b.Elapsed().Seconds(), "commits/s")
			})
		}
	}
}

// storeBench is a store full of objects, and the order in which they change.
type storeBench struct {
	store backend.Store
	// writes holds the next write of each object.
	writes []backend.Write
	rows   []backend.Transition
	order  []int
	next   int
	batch  []backend.Commit
}

// newStoreBench fills a store.
func newStoreBench(b *testing.B, s backend.Store, random bool) *storeBench {
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	const n = benchRacks * benchDevices
	bench := &storeBench{store: s, writes: make([]backend.Write, n), rows: make([]backend.Transition, n), order: make([]int, n)}
	data := []byte(fmt.Sprintf(`{"data":"%0290d"}`, 0))
	for i := range bench.writes {
		rack := fmt.Sprintf("rack-%04d", i/benchDevices)
		ref := machineRef(fmt.Sprintf("%s-tray-%02d", rack, i%benchDevices))
		bench.rows[i] = backend.Transition{Ref: ref, Rack: rack, From: "Initializing", To: "Ready", Trigger: "Verified", Initiator: "controller"}
		bench.writes[i] = backend.Write{Record: backend.Record{
			Ref: ref, Rack: rack, State: "Ready", Data: data,
			Outcome: backend.Outcome{Kind: backend.OutcomeTransition},
		}, Transition: &bench.rows[i]}
		bench.order[i] = i
	}
	bench.commit(b, n)
	if random {
		rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { bench.order[i], bench.order[j] = bench.order[j], bench.order[i] })
	}
	return bench
}

// commit changes the next objects and returns how many.
func (s *storeBench) commit(b *testing.B, size int) int {
	s.batch = s.batch[:0]
	for range size {
		i := s.order[s.next%len(s.order)]
		w := &s.writes[i]
		s.next++
		s.rows[i].Seq++
		s.rows[i].At = storeTime(s.next / 1000)
		w.Record.Since, w.Record.Transitions = s.rows[i].At, s.rows[i].Seq
		s.batch = append(s.batch, backend.Commit{Writes: []backend.Write{*w}})
		if s.next%2 == 0 {
			s.batch[len(s.batch)-1].Writes[0].Record.Data = nil
		}
		w.Expect++
	}
	results, err := s.store.Commit(b.Context(), s.batch)
	if err != nil {
		b.Fatal(err)
	}
	for _, err := range results {
		if err != nil {
			b.Fatal(err)
		}
	}
	return size
}
