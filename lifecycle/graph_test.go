package lifecycle

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// streets has a state of its own, a path, a path in a path, and rows at every distance for the same trigger.
func streets(t *testing.T) *graph {
	t.Helper()
	states := []StateInfo[string]{{State: "Gate"}, {State: "Park/Bench"}, {State: "Park/Lake/Boat"}, {State: "Park/Lake/Shore"}, {State: "Home"}, {State: "Gone"}}
	g, err := compile("walker", []Row[string, string]{
		{From: "", On: "Born", To: "Gate"},
		{From: "Gate", On: "Go", To: "Park/Bench"},
		{From: "Park", On: "Go", To: "Home"},
		{From: "Park/Lake", On: "Go", To: "Gate"},
		{From: "Park/Lake/Boat", On: "Go", To: "Park/Lake/Shore"},
		{From: Any, On: "Go", To: "Gone"},
		{From: "Park", On: "Rest", To: "Gate", Guard: "tired"},
		{From: "Park", On: "Rest", To: "Home", Guard: "very tired"},
		{From: "Home", On: "Turn", To: "Home", Note: "stays at home"},
		{From: Any, On: "Leave", To: "Gone"},
		{From: "Gone", On: "Fade", To: ""},
	}, states)
	require.NoError(t, err)
	return g
}

func TestTheNearestRowIsTaken(t *testing.T) {
	t.Parallel()
	g := streets(t)
	for _, c := range []struct{ name, state, on, to string }{
		{"the only row of a state", "Gate", "Go", "Park/Bench"},
		{"a path before Any", "Park/Bench", "Go", "Home"},
		{"a nearer path before a farther one", "Park/Lake/Shore", "Go", "Gate"},
		{"the state itself before its paths", "Park/Lake/Boat", "Go", "Park/Lake/Shore"},
		{"Any where there is nothing nearer", "Home", "Go", "Gone"},
		{"a row that leads to where it begins", "Home", "Turn", "Home"},
		{"the end", "Gone", "Fade", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			to, err := g.resolve(c.state, c.on, "", false)
			require.NoError(t, err)
			assert.Equal(t, c.to, to)
			after, err := g.fire(t.Context(), c.state, c.on, to)
			require.NoError(t, err)
			assert.Equal(t, c.to, after)
		})
	}
}

func TestAnyDoesNotHoldInItsOwnTarget(t *testing.T) {
	t.Parallel()
	g := streets(t)
	assert.Equal(t, []string{"Fade"}, g.triggers("Gone"))
	_, err := g.resolve("Gone", "Leave", "", false)
	require.ErrorIs(t, err, ErrNotPermitted)
}

func TestRowsThatShareATriggerNeedTheTarget(t *testing.T) {
	t.Parallel()
	g := streets(t)
	_, err := g.resolve("Park/Bench", "Rest", "", false)
	var te *TriggerError
	require.ErrorAs(t, err, &te)
	assert.True(t, te.Ambiguous)
	require.ErrorIs(t, err, ErrNotPermitted)
	assert.ErrorContains(t, err, "walker in state Park/Bench: trigger Rest leads to several states, name one")
	for _, to := range []string{"Gate", "Home"} {
		found, err := g.resolve("Park/Bench", "Rest", to, true)
		require.NoError(t, err)
		assert.Equal(t, to, found)
	}
}

func TestARefusedTriggerListsWhatIsPermitted(t *testing.T) {
	t.Parallel()
	g := streets(t)
	_, err := g.resolve("Park/Bench", "Swim", "Home", true)
	var te *TriggerError
	require.ErrorAs(t, err, &te)
	assert.Equal(t, []string{"Go", "Rest", "Leave"}, te.Permitted)
	assert.Equal(t, "walker in state Park/Bench: trigger Swim to Home is not permitted; permitted are Go, Rest, Leave", err.Error())
}

// The list of permitted rows answers questions, the machine of the stateless library moves objects: they must be of one mind.
func TestTheMachineMovesWhereThePermittedRowsSay(t *testing.T) {
	t.Parallel()
	g := streets(t)
	targets := append([]string{""}, g.order...)
	for _, state := range g.order {
		for _, on := range []string{"Born", "Go", "Rest", "Turn", "Leave", "Fade", "Swim"} {
			for _, to := range targets {
				after, fired := g.fire(t.Context(), state, on, to)
				if _, err := g.resolve(state, on, to, true); err == nil {
					require.NoError(t, fired, "%s %s %s", state, on, to)
					assert.Equal(t, to, after, "%s %s %s", state, on, to)
				} else if !slices.Contains(g.triggers(state), on) {
					require.ErrorIs(t, fired, ErrNotPermitted, "%s %s %s", state, on, to)
					assert.Empty(t, after, "%s %s %s", state, on, to)
				}
			}
		}
	}
}

// known lists the states that a machine of the stateless library has; it adds every state that it is asked about.
func known(g *graph) []string {
	var out []string
	for _, key := range reflect.ValueOf(g.machine).Elem().FieldByName("stateConfig").MapKeys() {
		out = append(out, key.Elem().String())
	}
	slices.Sort(out)
	return out
}

func TestAnUnknownStateIsNeverAddedToTheMachine(t *testing.T) {
	t.Parallel()
	g := streets(t)
	before := known(g)
	require.Contains(t, before, "Park/Lake")
	_, err := g.fire(t.Context(), "Nowhere", "Go", "Home")
	require.ErrorIs(t, err, ErrUnknownState)
	var ue *UnknownStateError
	require.ErrorAs(t, err, &ue)
	assert.Equal(t, "Nowhere", ue.State)
	assert.Equal(t, g.order, ue.Known)
	_, err = g.resolve("Nowhere", "Go", "", false)
	require.Error(t, err)
	for _, state := range g.order {
		_, _ = g.fire(t.Context(), state, "Go", "Nowhere")
	}
	assert.Equal(t, before, known(g))
}

func TestManyObjectsFireOnTheOneMachineAtOnce(t *testing.T) {
	t.Parallel()
	g := streets(t)
	walk := []struct{ on, to string }{{"Go", "Park/Bench"}, {"Rest", "Home"}, {"Turn", "Home"}, {"Go", "Gone"}}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				state := g.initial
				for _, w := range walk {
					next, err := g.fire(t.Context(), state, w.on, w.to)
					if !assert.NoError(t, err) || !assert.Equal(t, w.to, next) {
						return
					}
					if _, err := g.fire(t.Context(), next, "Swim", ""); !assert.ErrorIs(t, err, ErrNotPermitted) {
						return
					}
					state = next
				}
			}
		})
	}
	wg.Wait()
}

func TestEachMistakeOfShapeInATableIsNamed(t *testing.T) {
	t.Parallel()
	home := []StateInfo[string]{{State: "Home"}, {State: "Park/Bench"}, {State: "Park/Lake"}}
	born := Row[string, string]{From: "", On: "Born", To: "Home"}
	for _, c := range []struct {
		name   string
		states []StateInfo[string]
		rows   []Row[string, string]
		want   string
	}{
		{"a state twice", append(home, home[0]), []Row[string, string]{born}, `state "Home" is declared twice`},
		{"no creation", home, []Row[string, string]{{From: "Home", On: "Go", To: "Park/Bench"}}, "no row creates the object"},
		{"two creations", home, []Row[string, string]{born, {On: "Found", To: "Park/Bench"}}, `row 2 ((new) --Found--> Park/Bench): "Home" is the initial state already`},
		{"no trigger", home, []Row[string, string]{born, {From: "Home", To: "Park/Bench"}}, "row 2 (Home ----> Park/Bench): it has no trigger"},
		{"a target nobody declares", home, []Row[string, string]{born, {From: "Home", On: "Go", To: "Park"}}, `row 2 (Home --Go--> Park): state "Park" is not declared`},
		{"an origin nobody declares", home, []Row[string, string]{born, {From: "Street", On: "Go", To: "Home"}}, `state "Street" is not declared, and no declared state lies below it`},
		{"half a path", home, []Row[string, string]{born, {From: "Par", On: "Go", To: "Home"}}, `state "Par" is not declared`},
		{"neither end", home, []Row[string, string]{born, {On: "Go"}}, "row 2 ((new) --Go--> (gone)): it neither begins nor ends in a state"},
		{"a row twice", home, []Row[string, string]{born, {From: "Park", On: "Go", To: "Home"}, {From: "Park", On: "Go", To: "Home", Guard: "late"}}, "row 3 (Park --Go--> Home): row 2 is the same"},
		{"a path into itself", home, []Row[string, string]{born, {From: "Park", On: "Go", To: "Park/Lake"}}, `a row of all states below "Park" cannot lead to "Park/Lake" among them`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := compile("walker", c.rows, c.states)
			require.ErrorContains(t, err, c.want)
			assert.True(t, strings.HasPrefix(err.Error(), "table of walker: "), err)
		})
	}
}

func TestAllMistakesOfATableAreNamedTogether(t *testing.T) {
	t.Parallel()
	_, err := compile("walker", []Row[string, string]{{From: "Home", To: "Home"}, {From: "X", On: "Go", To: "Home"}}, []StateInfo[string]{{State: "Home"}, {State: "Home"}})
	for _, want := range []string{"declared twice", "row 1", "row 2", "no row creates the object"} {
		require.ErrorContains(t, err, want)
	}
}

// BenchmarkFire is one trigger on the machine that all objects of a kind share.
func BenchmarkFire(b *testing.B) {
	g, err := compile("walker", []Row[string, string]{{On: "Born", To: "Home"}, {From: "Home", On: "Go", To: "Park"}}, []StateInfo[string]{{State: "Home"}, {State: "Park"}})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.fire(b.Context(), "Home", "Go", "Park"); err != nil {
			b.Fatal(err)
		}
	}
}
