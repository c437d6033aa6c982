package backendtest

import (
	"context"
	"errors"

	"github.com/rackstate/rackstate/backend"
)

// casCases are the rules of versions.
func casCases() []storeCase {
	const expectRule = "Expect is the version that the store must hold for the Commit to succeed; zero means that no object of this name ever " +
		"existed. Otherwise the Commit fails with ErrConflict."
	return []storeCase{
		storeRule("VersionIsExpectPlusOne", "Its Version is ignored: the stored one becomes Expect + 1.", func(c *storeCheck) {
			for expect := range uint64(3) {
				w := write(machineRef("m1"), expect, "Ready")
				w.Record.Version = 99
				c.applied(one(w))
				c.equal("version", c.get(machineRef("m1")).Version, expect+1)
			}
		}),
		storeRule("StaleVersion", expectRule, func(c *storeCheck) {
			c.applied(one(write(machineRef("m1"), 0, "Ready")), one(withData(write(machineRef("m1"), 1, "Assigned"), `"kept"`)))
			for _, expect := range []uint64{1, 3, 1 << 40} {
				c.refused(backend.ErrConflict, one(withData(write(machineRef("m1"), expect, "Wrong"), `"wrong"`)))
			}
			c.applied(one(write(machineRef("m1"), 2, "Ready")))
		}),
		storeRule("CreateTwice", expectRule, func(c *storeCheck) {
			c.applied(one(write(machineRef("m1"), 0, "Ready")))
			c.refused(backend.ErrConflict, one(withData(write(machineRef("m1"), 0, "Wrong"), `"wrong"`)))
		}),
		storeRule("CreateOverATombstone", expectRule, func(c *storeCheck) {
			c.applied(one(write(machineRef("m1"), 0, "Ready")), one(write(machineRef("m1"), 1, "")))
			c.refused(backend.ErrConflict, one(write(machineRef("m1"), 0, "Wrong")))
		}),
		storeRule("UpdateUnknown", expectRule, func(c *storeCheck) {
			c.refused(backend.ErrConflict, one(withData(write(machineRef("m1"), 1, "Wrong"), `"wrong"`)))
			c.applied(one(write(machineRef("m1"), 0, "Ready")))
		}),
		storeRule("OneIDInTwoKinds", "Ref names one object: its kind, and an id that is unique within the kind.", func(c *storeCheck) {
			c.applied(one(write(machineRef("x"), 0, "Ready")), one(write(rackRef("x"), 0, "Created")))
			c.applied(one(write(rackRef("x"), 1, "Ready")))
			c.equal("versions", [2]uint64{c.get(machineRef("x")).Version, c.get(rackRef("x")).Version}, [2]uint64{1, 2})
		}),
		storeRule("CreatedAgain", "A tombstone keeps the counters, so that a later object of the same name continues the history.", func(c *storeCheck) {
			c.applied(one(write(machineRef("m1"), 0, "Ready")), one(write(machineRef("m1"), 1, "")), one(write(machineRef("m1"), 2, "Created")))
			got := c.get(machineRef("m1"))
			c.equal("version and transitions", [2]uint64{got.Version, got.Transitions}, [2]uint64{3, 3})
			c.equal("history", c.steps(backend.HistoryQuery{Ref: machineRef("m1")}), []string{"machine/m1 1", "machine/m1 2", "machine/m1 3"})
			c.equal("listed", c.names(backend.Query{}), []string{"A1:machine/m1"})
		}),
	}
}

// batchCases are the rules of batches and of atomicity.
func batchCases() []storeCase {
	const own = "Each Commit of the batch is atomic and succeeds or fails on its own, in the order of the batch."
	const atomic = "Commit is the unit of atomicity: all of it is applied, or nothing."
	return []storeCase{
		storeRule("EmptyBatch", "The slice holds one error for each Commit.", func(c *storeCheck) {
			for _, batch := range [][]backend.Commit{nil, {}} {
				results, err := c.store.Commit(c.ctx, batch)
				if err != nil || len(results) != 0 {
					c.failf("Commit of an empty batch returns %v, %v", results, err)
				}
			}
		}),
		storeRule("NeighboursSurvive", own, func(c *storeCheck) {
			c.applied(one(write(machineRef("m2"), 0, "Ready")))
			results := c.commit(
				one(write(machineRef("m1"), 0, "Ready")),
				one(write(machineRef("m2"), 7, "Wrong")),
				one(write(machineRef("m3"), 0, "Ready"), write(machineRef("m2"), 0, "Wrong")),
				one(write(machineRef("m4"), 0, "Ready")),
			)
			c.equal("results", []bool{
				results[0] == nil, errors.Is(results[1], backend.ErrConflict), errors.Is(results[2], backend.ErrConflict),
				results[3] == nil,
			}, []bool{true, true, true, true})
			c.equal("objects", c.names(backend.Query{}), []string{"A1:machine/m1", "A1:machine/m2", "A1:machine/m4"})
			c.equal("history", c.steps(backend.HistoryQuery{}), []string{"machine/m2 1", "machine/m1 1", "machine/m4 1"})
		}),
		storeRule("LaterSeesEarlier", "A later one sees what an earlier one wrote.", func(c *storeCheck) {
			m := machineRef("m1")
			results := c.commit(one(write(m, 0, "Created")), one(write(m, 0, "Wrong")), one(write(m, 1, "Ready")), one(write(m, 1, "Wrong")),
				one(write(m, 2, "")), one(write(m, 3, "Created")))
			c.equal("applied", []bool{
				results[0] == nil, results[1] == nil, results[2] == nil, results[3] == nil, results[4] == nil,
				results[5] == nil,
			}, []bool{true, false, true, false, true, true})
			c.equal("state", c.get(m).State, "Created")
			c.equal("version", c.get(m).Version, uint64(4))
			c.equal("history", len(c.history(backend.HistoryQuery{Ref: m})), 4)
		}),
		storeRule("ManyWritesApply", atomic, func(c *storeCheck) {
			c.applied(one(write(machineRef("m1"), 0, "Ready")))
			c.applied(one(write(machineRef("m1"), 1, "Assigned"), withData(write(machineRef("m2"), 0, "Ready"), `2`), write(rackRef("A1"), 0, "Created")))
			c.equal("objects", c.names(backend.Query{}), []string{"A1:machine/m1", "A1:machine/m2", "A1:rack/A1"})
			c.equal("state", c.get(machineRef("m1")).State, "Assigned")
			c.equal("data", string(c.get(machineRef("m2")).Data), "2")
		}),
		storeRule("OneOfManyWritesFails", atomic, func(c *storeCheck) {
			c.applied(one(withData(write(machineRef("m1"), 0, "Ready"), `1`)))
			bad := write(machineRef("m1"), 9, "Wrong")
			good := func() []backend.Write {
				return []backend.Write{inRack(withData(write(machineRef("n1"), 0, "Ready"), `1`), "B7"), write(machineRef("n2"), 0, "Ready")}
			}
			c.refused(backend.ErrConflict, one(append([]backend.Write{bad}, good()...)...))
			c.refused(backend.ErrConflict, one(append(good(), bad)...))
			c.refused(backend.ErrConflict, one(good()[0], bad, good()[1]))
			// What was refused leaves nothing behind that hinders a later try.
			c.applied(one(good()...), one(write(machineRef("m1"), 1, "Assigned")))
			c.equal("objects", c.names(backend.Query{}), []string{"A1:machine/m1", "A1:machine/n2", "B7:machine/n1"})
		}),
		storeRule("UpdateThenFail", atomic, func(c *storeCheck) {
			c.applied(one(withData(write(machineRef("m1"), 0, "Ready"), `1`), write(machineRef("m2"), 0, "Ready")))
			c.refused(backend.ErrConflict, one(withData(write(machineRef("m1"), 1, "Wrong"), `"wrong"`), write(machineRef("m2"), 0, "Wrong")))
			c.refused(backend.ErrConflict, one(write(machineRef("m1"), 1, ""), write(machineRef("m2"), 0, "Wrong")))
		}),
		storeRule("FailInTheMiddleOfABatch", own, func(c *storeCheck) {
			c.applied(one(write(machineRef("m1"), 0, "Ready")))
			results := c.commit(
				one(write(machineRef("m1"), 1, "Assigned"), write(machineRef("n1"), 0, "Ready")),
				one(write(machineRef("m1"), 2, "Wrong"), write(machineRef("n1"), 0, "Wrong")),
				one(write(machineRef("m1"), 2, "Ready"), write(machineRef("n1"), 1, "Assigned")),
			)
			c.equal("applied", []bool{results[0] == nil, results[1] == nil, results[2] == nil}, []bool{true, false, true})
			c.equal("states", [2]string{c.get(machineRef("m1")).State, c.get(machineRef("n1")).State}, [2]string{"Ready", "Assigned"})
		}),
		storeRule("CommitAfterCancel", "A Commit may go on after a cancelled context: all or none of the batch is applied, none if the error wraps "+
			"ErrNotCommitted.", func(c *storeCheck) {
			ctx, cancel := context.WithCancel(c.ctx)
			cancel()
			results, err := c.store.Commit(ctx, []backend.Commit{one(write(machineRef("m1"), 0, "Ready")), one(write(machineRef("m2"), 0, "Ready"))})
			stored := len(c.list(backend.Query{}))
			switch {
			case err == nil && (len(results) != 2 || stored != 2):
				c.failf("Commit returns no error, %d results, and %d of 2 objects are stored", len(results), stored)
			case err != nil && results != nil:
				c.failf("Commit returns an error and results")
			case errors.Is(err, backend.ErrNotCommitted) && stored != 0:
				c.failf("Commit returns %v, but %d objects are stored", err, stored)
			case stored == 1:
				c.failf("half of the batch is stored")
			}
		}),
	}
}
