package backendtest

import (
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// dataCases are the rules of Record.Data.
func dataCases() []storeCase {
	return []storeCase{
		storeRule("NilDataStay", "Its Data may be nil, which leaves the stored data as they are.", func(c *storeCheck) {
			m := machineRef("m1")
			c.applied(one(withData(write(m, 0, "Ready"), `{"n":1}`)), one(write(m, 1, "Assigned")), one(write(m, 2, "Ready")))
			c.equal("data", string(c.get(m).Data), `{"n":1}`)
			c.applied(one(withData(write(m, 3, "Assigned"), `{"n":2}`)))
			c.equal("data", string(c.get(m).Data), `{"n":2}`)
			c.equal("listed data", string(c.list(backend.Query{})[0].Data), `{"n":2}`)
		}),
		storeRule("NoDataAtAll", "Its Data may be nil, which leaves the stored data as they are.", func(c *storeCheck) {
			c.applied(one(write(machineRef("m1"), 0, "Ready")), one(write(machineRef("m1"), 1, "Assigned")))
			c.equal("data", len(c.get(machineRef("m1")).Data), 0)
			c.applied(one(withData(write(machineRef("m1"), 2, "Ready"), `1`)))
			c.equal("data", string(c.get(machineRef("m1")).Data), `1`)
		}),
		storeRule("EmptyDataReplace", "In a Write, nil means unchanged; empty data are not nil.", func(c *storeCheck) {
			c.applied(one(withData(write(machineRef("m1"), 0, "Ready"), `{"n":1}`)), one(withData(write(machineRef("m1"), 1, "Ready"), ``)))
			c.equal("data", string(c.get(machineRef("m1")).Data), ``)
		}),
		storeRule("TombstonesDropData", "An empty State makes the record a tombstone, whose data are dropped.", func(c *storeCheck) {
			m := machineRef("m1")
			c.applied(one(withData(write(m, 0, "Ready"), `{"n":1}`)), one(withData(write(m, 1, ""), `{"n":2}`)))
			c.equal("data of the tombstone", len(c.get(m).Data), 0)
			c.applied(one(write(m, 2, "Created")))
			c.equal("data of the next object", len(c.get(m).Data), 0)
			c.applied(one(write(m, 3, "")), one(withData(write(m, 4, "Created"), `3`)))
			c.equal("data of the last object", string(c.get(m).Data), `3`)
		}),
		storeRule("LargeData", "Data is the typed rest as JSON.", func(c *storeCheck) {
			data := `"` + strings.Repeat("0123456789abcde\u00e9", 1<<16) + `"`
			c.applied(one(withData(write(machineRef("m1"), 0, "Ready"), data)), one(write(machineRef("m2"), 0, "Ready")))
			if string(c.get(machineRef("m1")).Data) != data {
				c.failf("one MiB of data came back as %d bytes, or other ones", len(c.get(machineRef("m1")).Data))
			}
			c.equal("data of the neighbour", len(c.get(machineRef("m2")).Data), 0)
		}),
	}
}

// oddTexts are texts on which careless stores stumble. All of them can be ids.
var oddTexts = []string{
	`'`, `"`, `');--`, `100%`, `_`, `?`, `$1`, `:a`, `\`, "`", `null`, `NULL`, `0`, `-1`, `1e3`, `0x10`, `true`,
	`Ümläut`, `U\u0308`, "U\u0308", `机架`, `🚀`, "a\u200db", strings.Repeat("x", 256),
}

// shapeCases are the rules of values: every text and every time comes back as it was.
func shapeCases() []storeCase {
	return []storeCase{
		storeRule("OddNames", "Ref names one object. Any id that CheckID accepts works.", func(c *storeCheck) {
			for _, id := range oddTexts {
				w := inRack(write(machineRef(id), 0, "Ready"), id)
				c.applied(backend.Commit{Writes: []backend.Write{w}, Post: []backend.Request{request(id, machineRef(id))}})
			}
			for _, id := range oddTexts {
				c.equal("id", c.get(machineRef(id)).Ref.ID, id)
				c.equal("in its rack", c.names(backend.Query{Rack: id}), []string{id + ":machine/" + id})
				c.equal("requests", c.requestNames(backend.RequestQuery{ID: id}), []string{id + "@machine/" + id})
				c.equal("history", c.steps(backend.HistoryQuery{Ref: machineRef(id)}), []string{"machine/" + id + " 1"})
				c.applied(one(inRack(write(machineRef(id), 1, "Assigned"), id)))
			}
			c.equal("number of objects", len(c.list(backend.Query{})), len(oddTexts))
		}),
		storeRule("OddTexts", "Get returns the record; History returns the transitions. A text may hold any character.", func(c *storeCheck) {
			for i, text := range append(oddTexts[:len(oddTexts):len(oddTexts)], "two\nlines\tand a tab", " spaces ", "a/b", "") {
				w := write(machineRef("m1"), uint64(i), "S"+text)
				w.Record.Outcome.Reason = text
				w.Transition.Trigger, w.Transition.Initiator, w.Transition.Note = text, text, text
				c.applied(one(w))
				c.equal("reason", c.get(machineRef("m1")).Outcome.Reason, text)
				rows := c.history(backend.HistoryQuery{Ref: machineRef("m1")})
				if len(rows) != i+1 {
					c.failf("%d history rows after %d commits", len(rows), i+1)
					return
				}
				row := rows[i]
				c.equal("texts", [4]string{row.To, row.Trigger, row.Initiator, row.Note}, [4]string{"S" + text, text, text, text})
			}
		}),
		storeRule("ExactTimes", "Times are kept exactly to the microsecond.", func(c *storeCheck) {
			for i, at := range []time.Time{
				{},
				time.Unix(0, 0).UTC(), time.UnixMicro(1).UTC(), time.UnixMicro(-1).UTC(), storeTime(0),
				time.Date(1969, 7, 20, 20, 17, 40, 999_999_000, time.UTC), time.Date(2199, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
			} {
				w := write(machineRef("m1"), uint64(i), "Ready")
				w.Record.Since, w.Record.Outcome.At, w.Transition.At = at, at, at
				r := request("r"+at.String(), machineRef("m1"))
				r.At, r.StartedAt, r.EndedAt = at, at, at
				c.applied(backend.Commit{Writes: []backend.Write{w}, Post: []backend.Request{r}})
				got := c.get(machineRef("m1"))
				c.equal("Since and Outcome.At", [2]time.Time{got.Since, got.Outcome.At}, [2]time.Time{at, at})
				if rows := c.history(backend.HistoryQuery{}); len(rows) == i+1 {
					c.equal("At of the transition", rows[i].At, at)
				}
				for _, r := range c.requests(backend.RequestQuery{ID: r.ID}) {
					c.equal("times of the request", [3]time.Time{r.At, r.StartedAt, r.EndedAt}, [3]time.Time{at, at, at})
				}
			}
		}),
		storeRule("LargeNumbers", "Version counts the commits, Transitions the changes of state.", func(c *storeCheck) {
			w := write(machineRef("m1"), 0, "Ready")
			w.Record.Transitions, w.Transition.Seq = 1<<62, 1<<62
			c.applied(one(w))
			c.equal("transitions", c.get(machineRef("m1")).Transitions, uint64(1<<62))
			c.equal("history", c.steps(backend.HistoryQuery{}), []string{"machine/m1 4611686018427387904"})
		}),
	}
}
