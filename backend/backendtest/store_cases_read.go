package backendtest

import (
	"context"
	"strings"

	"github.com/rackstate/rackstate/backend"
)

// getCases are the rules of Get.
func getCases() []storeCase {
	return []storeCase{
		storeRule("GetReturnsTheRecord", "Get returns the record of an object, or its tombstone.", func(c *storeCheck) {
			w := withData(write(machineRef("m1"), 0, "Ready"), `{"bmc": "10.0.0.1"}`)
			w.Record.Transitions = 7
			w.Record.Outcome = backend.Outcome{Kind: backend.OutcomeWait, Reason: "waits for power; observes \"off\"", At: storeTime(3), OverSLA: true}
			c.applied(one(w))
			want := w.Record
			want.Version = 1
			c.equal("record", c.get(machineRef("m1")), want)
		}),
		storeRule("GetReturnsTheTombstone", "Get returns the record of an object, or its tombstone.", func(c *storeCheck) {
			c.applied(one(write(machineRef("m1"), 0, "Ready")), one(write(machineRef("m1"), 1, "")))
			got := c.get(machineRef("m1"))
			c.equal("tombstone is Gone", got.Gone(), true)
			c.equal("version and transitions of the tombstone", [2]uint64{got.Version, got.Transitions}, [2]uint64{2, 2})
			c.equal("since of the tombstone", got.Since, storeTime(1))
		}),
		storeRule("GetUnknown", "It returns an error that wraps ErrNotFound when no object of that name ever existed.", func(c *storeCheck) {
			c.applied(one(write(machineRef("m1"), 0, "Ready")))
			for _, ref := range []backend.Ref{machineRef("m2"), machineRef("M1"), {Kind: backend.KindSwitch, ID: "m1"}, {}} {
				r, err := c.store.Get(c.ctx, ref)
				c.wraps("Get "+ref.String(), err, backend.ErrNotFound)
				if r != nil {
					c.failf("Get %s returns a record and an error", ref)
				}
			}
		}),
		storeRule("ReadAfterCancel", "After a cancelled context a read returns the context's error.", func(c *storeCheck) {
			c.applied(one(write(machineRef("m1"), 0, "Ready")))
			ctx, cancel := context.WithCancel(c.ctx)
			cancel()
			_, err := c.store.Get(ctx, machineRef("m1"))
			c.wraps("Get", err, context.Canceled)
			_, err = c.store.List(ctx, backend.Query{})
			c.wraps("List", err, context.Canceled)
			_, err = c.store.Requests(ctx, backend.RequestQuery{})
			c.wraps("Requests", err, context.Canceled)
			_, err = c.store.History(ctx, backend.HistoryQuery{})
			c.wraps("History", err, context.Canceled)
			c.equal("state, read with a good context afterwards", c.get(machineRef("m1")).State, "Ready")
		}),
	}
}

// fleet is a set of objects whose names sort differently as bytes, as numbers and in other alphabets.
func fleet(c *storeCheck) {
	object := func(rack string, kind backend.Kind, id, state string) backend.Commit {
		return one(inRack(write(backend.Ref{Kind: kind, ID: id}, 0, state), rack))
	}
	c.applied(
		object("a1", backend.KindRack, "a1", "Ready"),
		object("A2", backend.KindSwitch, "A2-s1", "Ready"),
		object("A2", backend.KindMachine, "A2-m9", "Maintenance/Completed"),
		object("A2", backend.KindMachine, "A2-m10", "Maintenance"),
		object("A2", backend.KindRack, "A2", "Maintenance"),
		object("A10", backend.KindRack, "A10", "MaintenanceX"),
		object("A10", backend.KindMachine, "A10-m1", "Maintenance/FirmwareUpgrade/Start"),
		object("A10", backend.KindPowerShelf, "A10-p1", "maintenance"),
		object("Ä1", backend.KindRack, "Ä1", "Maintenance-Old"),
	)
}

// fleetNames are the names of the fleet in the order of a List.
var fleetNames = []string{
	"A10:machine/A10-m1", "A10:power_shelf/A10-p1", "A10:rack/A10",
	"A2:machine/A2-m10", "A2:machine/A2-m9", "A2:rack/A2", "A2:switch/A2-s1",
	"a1:rack/a1", "Ä1:rack/Ä1",
}

// listCases are the rules of List and Query.
func listCases() []storeCase {
	return []storeCase{
		storeRule("ListOrder", "List returns the records that the query selects, ordered by rack, kind and id.", func(c *storeCheck) {
			c.equal("an empty store", c.names(backend.Query{}), []string{})
			fleet(c)
			c.equal("all", c.names(backend.Query{}), fleetNames)
		}),
		storeRule("ListWholeRecords", "List returns the records that the query selects.", func(c *storeCheck) {
			c.applied(one(withData(write(machineRef("m1"), 0, "Ready"), `{"a":1}`), write(rackRef("A1"), 0, "Ready")))
			c.equal("records", c.list(backend.Query{}), []backend.Record{c.get(machineRef("m1")), c.get(rackRef("A1"))})
		}),
		storeRule("ListWithoutTombstones", "Tombstones are left out.", func(c *storeCheck) {
			c.applied(one(write(machineRef("m1"), 0, "Ready")), one(write(machineRef("m2"), 0, "Ready")), one(write(machineRef("m1"), 1, "")))
			want := []string{"A1:machine/m2"}
			c.equal("all", c.names(backend.Query{}), want)
			c.equal("of a rack", c.names(backend.Query{Rack: "A1"}), want)
			c.equal("of a kind", c.names(backend.Query{Kind: backend.KindMachine}), want)
		}),
		storeRule("ListKind", "Kind limits the answer to one kind.", func(c *storeCheck) {
			fleet(c)
			c.equal("machines", c.names(backend.Query{Kind: backend.KindMachine}),
				[]string{"A10:machine/A10-m1", "A2:machine/A2-m10", "A2:machine/A2-m9"})
			c.equal("nodes", c.names(backend.Query{Kind: backend.KindNode}), []string{})
		}),
		storeRule("ListRack", "Rack limits the answer to one rack and what is inside it.", func(c *storeCheck) {
			fleet(c)
			c.equal("A2", c.names(backend.Query{Rack: "A2"}), fleetNames[3:7])
			c.equal("A1", c.names(backend.Query{Rack: "A1"}), []string{})
			c.equal("a2", c.names(backend.Query{Rack: "a2"}), []string{})
		}),
		storeRule("ListStatePrefix", "StatePrefix limits the answer to states that equal it or begin with it and a slash.", func(c *storeCheck) {
			fleet(c)
			c.equal("Maintenance", c.names(backend.Query{StatePrefix: "Maintenance"}),
				[]string{"A10:machine/A10-m1", "A2:machine/A2-m10", "A2:machine/A2-m9", "A2:rack/A2"})
			c.equal("Maintenance/FirmwareUpgrade", c.names(backend.Query{StatePrefix: "Maintenance/FirmwareUpgrade"}), []string{"A10:machine/A10-m1"})
			c.equal("Maint", c.names(backend.Query{StatePrefix: "Maint"}), []string{})
			c.equal("M%", c.names(backend.Query{StatePrefix: "M%"}), []string{})
		}),
		storeRule("ListAllConditions", "Query selects records; each field limits the answer.", func(c *storeCheck) {
			fleet(c)
			q := backend.Query{Kind: backend.KindMachine, Rack: "A2", StatePrefix: "Maintenance", Limit: 1}
			c.equal("first page", c.names(q), []string{"A2:machine/A2-m10"})
			q.After = &backend.Record{Rack: "A2", Ref: machineRef("A2-m10")}
			c.equal("second page", c.names(q), []string{"A2:machine/A2-m9"})
			q.After = &backend.Record{Rack: "A2", Ref: machineRef("A2-m9")}
			c.equal("third page", c.names(q), []string{})
		}),
		storeRule("ListPages", "After continues behind the last record of an earlier page. Limit bounds the number of records.", func(c *storeCheck) {
			fleet(c)
			for limit := 1; limit <= len(fleetNames)+1; limit++ {
				got := []string{}
				q := backend.Query{Limit: limit}
				for range fleetNames {
					page := c.list(q)
					if len(page) > limit {
						c.failf("a page of %d records, the limit is %d", len(page), limit)
					}
					if len(page) == 0 {
						break
					}
					for _, r := range page {
						got = append(got, r.Rack+":"+r.Ref.String())
					}
					q.After = &page[len(page)-1]
				}
				c.equal("all pages", got, fleetNames)
			}
		}),
		storeRule("ListAfterAGoneRecord", "After continues behind the last record of an earlier page.", func(c *storeCheck) {
			c.applied(one(write(machineRef("m1"), 0, "Ready"), write(machineRef("m2"), 0, "Ready"), write(machineRef("m3"), 0, "Ready")))
			last := c.get(machineRef("m2"))
			c.applied(one(write(machineRef("m2"), 1, "")))
			c.equal("behind m2", strings.Join(c.names(backend.Query{After: &last}), " "), "A1:machine/m3")
		}),
	}
}
