package lifecycle_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// writeRecord puts a record into a store, as another version of the program or a damaged disk left it.
func writeRecord(t *testing.T, store *tap, rec backend.Record) {
	t.Helper()
	rec.Transitions, rec.Since = 1, begin
	w := backend.Write{Record: rec, Transition: &backend.Transition{Ref: rec.Ref, Rack: rec.Rack, Seq: 1, To: rec.State, At: begin, Trigger: "Built", Initiator: "tester"}}
	results, err := store.Store.Commit(t.Context(), []backend.Commit{{Writes: []backend.Write{w}}})
	require.NoError(t, err)
	require.NoError(t, results[0])
}

func TestARecordThatCannotBeUnderstoodIsReportedAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, state, data string
		sentinel          error
		want              string
	}{
		{"no JSON", "Dark", `{"lumen":`, backend.ErrCorrupt, "record of lamp/sick cannot be read"},
		{"another type", "Dark", `{"lumen":"many"}`, backend.ErrCorrupt, "record of lamp/sick cannot be read"},
		{"a state of another version", "Floating", `{"lumen":7}`, lifecycle.ErrUnknownState, `lamp/sick is in state "Floating", which the table of lamp does not know`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			store := newTap()
			writeRecord(t, store, backend.Record{Ref: lampRef("sick"), Rack: "r", State: c.state, Data: []byte(c.data)})
			writeRecord(t, store, backend.Record{Ref: lampRef("well"), Rack: "r", State: "Dark", Data: []byte(`{}`)})
			s := newSiteWith(t, store, lifecycle.Config{}, lampKind(t, toWhite()))
			s.settle()
			assert.Equal(t, []string{"Dark", "Warming", "Glowing/White"}, s.visited(lampRef("well")), "others carry on")

			rec := store.record(t, lampRef("sick"))
			assert.Equal(t, backend.OutcomeError, rec.Outcome.Kind)
			assert.Contains(t, rec.Outcome.Reason, c.want)
			assert.Equal(t, c.state, rec.State)
			assert.Equal(t, c.data, string(rec.Data), "what nobody understands is not overwritten")
			assert.Equal(t, uint64(2), rec.Version)

			_, err := lifecycle.Get[lamp](s.Controller, lampRef("sick"))
			require.ErrorIs(t, err, c.sentinel)
			_, err = s.Request(t.Context(), lifecycle.NewRequest{Type: "paint"}, lampRef("sick"))
			require.ErrorIs(t, err, c.sentinel)
			x, err := s.Explain(lampRef("sick"))
			require.NoError(t, err)
			require.ErrorIs(t, x.Broken, c.sentinel)
			assert.Contains(t, x.String(), c.want)

			s.after(time.Hour)
			assert.Equal(t, uint64(2), store.record(t, lampRef("sick")).Version, "it is reported once")
		})
	}
}

func TestABrokenMemberIsNamedAndLeftOutOfItsRacksView(t *testing.T) {
	t.Parallel()
	store := newTap()
	writeRecord(t, store, backend.Record{Ref: lampRef("sick"), Rack: "r", State: "Floating", Data: []byte(`{}`)})
	s := newSiteWith(t, store, lifecycle.Config{}, lampKind(t, nil))
	s.create(newLamp("well"))
	var members []string
	var broken []backend.Ref
	require.NoError(t, s.Apply(t.Context(), func(tx *lifecycle.Tx) error {
		for _, l := range lifecycle.Members[lamp](tx, "r") {
			members = append(members, l.ID())
		}
		broken = tx.Broken("r")
		return nil
	}))
	assert.Equal(t, []string{"well"}, members)
	assert.Equal(t, []backend.Ref{lampRef("sick")}, broken)
}

func TestAMendedRecordIsTakenUpAfterARestart(t *testing.T) {
	t.Parallel()
	store := newTap()
	writeRecord(t, store, backend.Record{Ref: lampRef("a"), Rack: "r", State: "Floating", Data: []byte(`{"lumen":7}`)})
	s := newSiteWith(t, store, lifecycle.Config{}, lampKind(t, toWhite()))
	s.settle()
	store.rival(t, lampRef("a"), func(r *backend.Record) { r.State = "Dark" })
	s.restart()
	s.settle()
	assert.Equal(t, "Glowing/White", s.lamp("a").State())
	assert.Equal(t, 7, s.lamp("a").Lumen)
}

func TestAStoreWithAKindThatNobodyKnowsIsRefused(t *testing.T) {
	t.Parallel()
	store := newTap()
	writeRecord(t, store, backend.Record{Ref: lampRef("a"), Rack: "r", State: "Dark"})
	_, err := lifecycle.NewController(t.Context(), store, lifecycle.Config{}, frameKind(t, nil))
	require.ErrorIs(t, err, lifecycle.ErrUnknownKind)
	require.ErrorContains(t, err, "lamp/a")
	_, err = lifecycle.NewController(t.Context(), store, lifecycle.Config{}, lampKind(t, nil), lampKind(t, nil))
	require.ErrorContains(t, err, "kind lamp is given twice")
}
