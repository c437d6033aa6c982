package verify_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/verify"
)

// forger is a store that tells something else than it holds.
type forger struct {
	backend.Store
	records  func([]backend.Record) []backend.Record
	requests func([]backend.Request) []backend.Request
	history  func([]backend.Transition) []backend.Transition
}

func (f forger) List(ctx context.Context, q backend.Query) ([]backend.Record, error) {
	list, err := f.Store.List(ctx, q)
	if f.records != nil {
		list = f.records(list)
	}
	return list, err
}

func (f forger) Requests(ctx context.Context, q backend.RequestQuery) ([]backend.Request, error) {
	list, err := f.Store.Requests(ctx, q)
	if f.requests != nil {
		list = f.requests(list)
	}
	return list, err
}

func (f forger) History(ctx context.Context, q backend.HistoryQuery) ([]backend.Transition, error) {
	list, err := f.Store.History(ctx, q)
	if f.history != nil {
		list = f.history(list)
	}
	return list, err
}

func TestAnAuditFindsEveryDifference(t *testing.T) {
	t.Parallel()
	inner := memory.New()
	checker := verify.NewChecker()
	store := verify.Wrap(inner, checker)
	asked := newborn("m1")
	q := request("q", "assign")
	q.On, q.Rack, q.At, q.Params = asked.Writes[0].Record.Ref, "r1", noon, []byte(`{"tenant":"bob"}`)
	p := q
	p.ID = "p"
	asked.Post = append(asked.Post, q, p)
	_, err := store.Commit(t.Context(), []backend.Commit{asked, newborn("m2"), onward("m2")})
	require.NoError(t, err)
	require.Empty(t, checker.Problems())
	require.NoError(t, checker.Audit(t.Context(), store))

	record := func(f func(r *backend.Record)) forger {
		return forger{records: func(l []backend.Record) []backend.Record { f(&l[0]); return l }}
	}
	asking := func(f func(r *backend.Request)) forger {
		return forger{requests: func(l []backend.Request) []backend.Request { f(&l[0]); return l }}
	}
	rows := func(f func(l []backend.Transition) []backend.Transition) forger { return forger{history: f} }
	for name, c := range map[string]struct {
		forger
		want string
	}{
		"a record is lost":     {forger{records: func(l []backend.Record) []backend.Record { return l[1:] }, history: func(l []backend.Transition) []backend.Transition { return l[1:] }}, "machine/m1 was committed, and is not stored"},
		"a record too many":    {forger{records: func(l []backend.Record) []backend.Record { l[0].Ref.ID = "m9"; return append(l, l[0]) }}, "machine/m9 is stored, and no commit wrote it"},
		"another state":        {record(func(r *backend.Record) { r.State = "Ready" }), "is stored as version 1"},
		"another rack":         {record(func(r *backend.Record) { r.Rack = "r2" }), "in rack r2"},
		"another version":      {record(func(r *backend.Record) { r.Version++ }), "is stored as version 2"},
		"another count":        {record(func(r *backend.Record) { r.Transitions++ }), "2 transitions"},
		"another time":         {record(func(r *backend.Record) { r.Since = r.Since.Add(time.Microsecond) }), "is stored as"},
		"another outcome":      {record(func(r *backend.Record) { r.Outcome.OverSLA = true }), "OverSLA:true"},
		"other data":           {record(func(r *backend.Record) { r.Data = []byte(`{"x":1}`) }), `{"x":1}`},
		"a request is lost":    {forger{requests: func(l []backend.Request) []backend.Request { return l[:1] }}, "1 requests are stored, and 2 were posted"},
		"requests in disorder": {forger{requests: func(l []backend.Request) []backend.Request { return []backend.Request{l[1], l[0]} }}, `request 1 is "p"`},
		"a request has moved":  {asking(func(r *backend.Request) { r.State = backend.RequestStarted }), "State:started"},
		"other parameters":     {asking(func(r *backend.Request) { r.Params = nil }), `request "q" of machine/m1 is stored as`},
		"other results":        {asking(func(r *backend.Request) { r.Results = []backend.Result{{}} }), `request "q" of machine/m1 is stored as`},
		"a row is lost":        {rows(func(l []backend.Transition) []backend.Transition { return l[:2] }), "1 rows of machine/m2 were committed, and are not stored"},
		"a row too many":       {rows(func(l []backend.Transition) []backend.Transition { l = append(l, l[2]); l[3].Position++; return l }), "row 2 of machine/m2 is stored, and no commit wrote it"},
		"another note":         {rows(func(l []backend.Transition) []backend.Transition { l[0].Note = "x"; return l }), "row 1 of machine/m1 is stored as"},
		"positions that stand": {rows(func(l []backend.Transition) []backend.Transition { l[1].Position = 1; return l }), "row 1 of machine/m2 has position 1, the one before has 1"},
		"rows out of their turn": {rows(func(l []backend.Transition) []backend.Transition {
			l[0].Position, l[1].Position = 2, 1
			l[0], l[1] = l[1], l[0]
			return l
		}), "row 1 of machine/m1 stands behind a row that was committed later"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.Store = inner
			assert.ErrorContains(t, checker.Audit(t.Context(), c.forger), c.want)
		})
	}
}

func TestAnAuditFindsRecordsThatMeanNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(k *backend.Commit)
		want  string
	}{
		"data that cannot be read":      {func(k *backend.Commit) { k.Writes[0].Record.Data = []byte(`{"tenant":7}`) }, "the data of machine/m1 cannot be read"},
		"a state that its kind has not": {func(k *backend.Commit) { k.Writes[0].Record.State, k.Writes[0].Transition.To = "Melted", "Melted" }, `machine/m1 is in "Melted", which its kind does not have`},
		"a chain that is broken":        {func(k *backend.Commit) { k.Writes[0].Transition.Seq = 2 }, "row 2 of machine/m1 ends in"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inner, checker := memory.New(), verify.NewChecker()
			k := newborn("m1")
			c.spoil(&k)
			_, err := verify.Wrap(inner, checker).Commit(t.Context(), []backend.Commit{k})
			require.NoError(t, err)
			assert.ErrorContains(t, checker.Audit(t.Context(), inner), c.want)
		})
	}
}
