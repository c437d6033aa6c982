package backendtest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/rackstate/rackstate/backend"
)

// ownershipCases are the rules of who owns a value.
func ownershipCases() []storeCase {
	const handed = "Byte slices and values that it is handed belong to the caller again when the call returns."
	const returned = "What it returns belongs to the caller."
	m := machineRef("m1")
	return []storeCase{
		storeRule("CallerReusesWhatItHanded", handed, func(c *storeCheck) {
			w := withData(write(m, 0, "Ready"), `"good"`)
			r := fullRequest("r1", m)
			batch := []backend.Commit{{Writes: []backend.Write{w}, Post: []backend.Request{r}}}
			c.applied(batch...)
			copy(w.Record.Data, `"evil"`)
			copy(r.Params, `{"evil":`)
			r.Results[0].Error = "evil"
			w.Transition.Note, w.Transition.To = "evil", "Evil"
			batch[0] = backend.Commit{}
			c.equal("data", string(c.get(m).Data), `"good"`)
			c.equal("request", c.requests(backend.RequestQuery{}), []backend.Request{fullRequest("r1", m)})
			c.equal("row", c.history(backend.HistoryQuery{})[0].To, "Ready")
			u := fullRequest("r1", m)
			c.applied(guarded(m, 1, nil, requestOf(u)))
			copy(u.Params, `{"evil":`)
			u.Results[0].Error = "evil"
			c.equal("updated request", c.requests(backend.RequestQuery{}), []backend.Request{fullRequest("r1", m)})
		}),
		storeRule("CallerChangesWhatItGot", returned, func(c *storeCheck) {
			c.applied(backend.Commit{Writes: []backend.Write{withData(write(m, 0, "Ready"), `"good"`)}, Post: requestOf(fullRequest("r1", m))})
			if r, err := c.store.Get(c.ctx, m); err == nil {
				copy(r.Data, `"evil"`)
				r.State = "Evil"
			}
			for _, r := range c.list(backend.Query{}) {
				copy(r.Data, `"evil"`)
			}
			for _, r := range c.requests(backend.RequestQuery{}) {
				copy(r.Params, `{"evil":`)
				r.Results[0].Error = "evil"
			}
			for rows, i := c.history(backend.HistoryQuery{}), 0; i < len(rows); i++ {
				rows[i].To = "Evil"
			}
			c.equal("data and state", [2]string{string(c.get(m).Data), c.get(m).State}, [2]string{`"good"`, "Ready"})
			c.equal("listed data", string(c.list(backend.Query{})[0].Data), `"good"`)
			c.equal("requests", c.requests(backend.RequestQuery{}), []backend.Request{fullRequest("r1", m)})
			c.equal("row", c.history(backend.HistoryQuery{})[0].To, "Ready")
		}),
	}
}

// sideBySide runs a function in many goroutines and notes the errors that they return.
func (c *storeCheck) sideBySide(n int, run func(i int) error) {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = run(i) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		c.failf("%w", err)
	}
}

// try commits one Commit and returns its own error, or that of the call.
func (c *storeCheck) try(commit backend.Commit) error {
	results, err := c.store.Commit(c.ctx, []backend.Commit{commit})
	if err != nil {
		return err
	}
	return results[0]
}

// concurrencyCases are the rules for many goroutines.
func concurrencyCases() []storeCase {
	const safe = "A Store must be safe for concurrent use."
	m := machineRef("m1")
	return []storeCase{
		storeRule("OneWinsEachVersion", safe+" Every commit is a compare-and-swap on the Version.", func(c *storeCheck) {
			const rounds, rivals = 20, 8
			var mu sync.Mutex
			wins := make([]int, rounds)
			c.sideBySide(rivals, func(i int) error {
				for round := range rounds {
					w := write(m, uint64(round), "S")
					w.Record.Outcome.Reason = fmt.Sprint(i)
					err := c.try(one(w))
					switch {
					case err == nil:
						mu.Lock()
						wins[round]++
						mu.Unlock()
					case !errors.Is(err, backend.ErrConflict):
						return err
					}
				}
				return nil
			})
			for round, n := range wins {
				if n != 1 {
					c.failf("%d goroutines won version %d", n, round+1)
				}
			}
			c.equal("version", c.get(m).Version, uint64(rounds))
			c.equal("rows", len(c.history(backend.HistoryQuery{Ref: m})), rounds)
		}),
		storeRule("AllWinOnTheirOwn", safe, func(c *storeCheck) {
			const workers, rounds = 16, 20
			c.sideBySide(workers, func(i int) error {
				ref := machineRef(fmt.Sprintf("m%d", i))
				for round := range rounds {
					post := requestOf(request(fmt.Sprint(round), ref))
					w := withData(inRack(write(ref, uint64(round), "S"), fmt.Sprintf("rack%d", i%3)), fmt.Sprintf(`{"round":%d}`, round))
					if err := c.try(backend.Commit{Writes: []backend.Write{w}, Post: post}); err != nil {
						return fmt.Errorf("%s round %d: %w", ref, round, err)
					}
				}
				return nil
			})
			next, position := map[backend.Ref]uint64{}, uint64(0)
			for _, row := range c.history(backend.HistoryQuery{}) {
				next[row.Ref]++
				if row.Seq != next[row.Ref] || row.Position <= position {
					c.failf("row %s seq %d at %d stands behind seq %d and position %d", row.Ref, row.Seq, row.Position, next[row.Ref]-1, position)
				}
				position = row.Position
			}
			for i := range workers {
				ref := machineRef(fmt.Sprintf("m%d", i))
				c.equal("version", c.get(ref).Version, uint64(rounds))
				c.equal("rows", next[ref], uint64(rounds))
				c.equal("requests", len(c.requests(backend.RequestQuery{On: ref})), rounds)
			}
		}),
		storeRule("ReadersSeeWholeCommits", "Each Commit of the batch is atomic.", func(c *storeCheck) {
			const rounds = 50
			c.applied(one(write(machineRef("a"), 0, "S"), write(machineRef("b"), 0, "S")))
			written := make(chan struct{})
			c.sideBySide(3, func(i int) error {
				if i == 0 {
					defer close(written)
					for round := uint64(1); round <= rounds; round++ {
						if err := c.try(one(write(machineRef("a"), round, "S"), write(machineRef("b"), round, "S"))); err != nil {
							return err
						}
					}
					return nil
				}
				for done := false; !done; {
					select {
					case <-written:
						done = true
					default:
					}
					records, err := c.store.List(c.ctx, backend.Query{Rack: "A1"})
					if err != nil {
						return err
					}
					if len(records) != 2 || records[0].Version != records[1].Version {
						return fmt.Errorf("a reader saw half a commit: %+v", records)
					}
				}
				return nil
			})
		}),
	}
}

// closeCases are the rules of Close.
func closeCases() []storeCase {
	return []storeCase{
		storeRule("CallsAfterClose", "Calls after it return an error that wraps ErrClosed.", func(c *storeCheck) {
			c.applied(one(write(machineRef("m1"), 0, "Ready")))
			if err := c.store.Close(); err != nil {
				c.failf("Close: %w", err)
			}
			_, err := c.store.Get(c.ctx, machineRef("m1"))
			c.wraps("Get", err, backend.ErrClosed)
			_, err = c.store.List(c.ctx, backend.Query{})
			c.wraps("List", err, backend.ErrClosed)
			_, err = c.store.Requests(c.ctx, backend.RequestQuery{})
			c.wraps("Requests", err, backend.ErrClosed)
			_, err = c.store.History(c.ctx, backend.HistoryQuery{})
			c.wraps("History", err, backend.ErrClosed)
			_, err = c.store.Commit(c.ctx, []backend.Commit{one(write(machineRef("m1"), 1, "Assigned"))})
			c.wraps("Commit", err, backend.ErrClosed)
		}),
		storeRule("CloseTwice", "Closing twice is allowed and returns nil.", func(c *storeCheck) {
			for range 3 {
				if err := c.store.Close(); err != nil {
					c.failf("Close: %w", err)
				}
			}
		}),
		storeRule("CloseWhileInUse", "Calls that are running end first.", func(c *storeCheck) {
			begun := make(chan struct{}, 4)
			c.sideBySide(5, func(i int) error {
				if i == 4 {
					for range 4 {
						<-begun
					}
					return c.store.Close()
				}
				for version := uint64(0); ; version++ {
					err := c.try(one(write(machineRef(fmt.Sprint(i)), version, "S")))
					if version == 0 {
						begun <- struct{}{}
					}
					if errors.Is(err, backend.ErrClosed) {
						return nil
					}
					if err != nil {
						return err
					}
				}
			})
		}),
	}
}
