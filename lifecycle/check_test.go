package lifecycle_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/hashicorp/go-multierror"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/lifecycle"
)

func TestCheckFindsNothingInASoundTable(t *testing.T) {
	t.Parallel()
	require.NoError(t, lifecycle.Check(lampKind(t, nil)))
	require.NoError(t, lifecycle.Check(frameKind(t, nil)))
}

// row appends a row to the definition; without leaves those out that the condition holds for.
func row(from lampState, on lampTrigger, to lampState) func(d *lampDefinition) {
	return func(d *lampDefinition) {
		d.Table = append(slices.Clone(d.Table), lifecycle.Row[lampState, lampTrigger]{From: from, On: on, To: to})
	}
}

func without(cond func(r lifecycle.Row[lampState, lampTrigger]) bool) func(d *lampDefinition) {
	return func(d *lampDefinition) { d.Table = slices.DeleteFunc(slices.Clone(d.Table), cond) }
}

// declare appends a state, or replaces the one of that name.
func declare(info lifecycle.StateInfo[lampState]) func(d *lampDefinition) {
	return func(d *lampDefinition) {
		d.States = slices.Clone(d.States)
		if i := slices.IndexFunc(d.States, func(s lifecycle.StateInfo[lampState]) bool { return s.State == info.State }); i >= 0 {
			d.States[i] = info
			return
		}
		d.States = append(d.States, info)
	}
}

func TestCheckFindsEachMistakeOfDesignAndSaysHowToMendIt(t *testing.T) {
	t.Parallel()
	type change = func(d *lampDefinition)
	lost := lifecycle.StateInfo[lampState]{State: "Lost", Class: lifecycle.Waiting, NoDeadline: "a person looks for it", Doc: "nobody knows where"}
	for _, c := range []struct {
		name    string
		changes []change
		want    []string
	}{
		{
			"a state that nothing leads to",
			[]change{declare(lost), row("Lost", switchOff, dark)},
			[]string{"lamp state Lost: no chain of transitions leads from Dark to it; add a row that leads to it, or remove the state"},
		},
		{
			"a trap without a resting state",
			[]change{declare(lost), row(dark, "Lose", "Lost")},
			[]string{"lamp state Lost: no resting state can be reached from it; add a row that leads back towards a resting state"},
		},
		{
			"no deletion",
			[]change{
				without(func(r lifecycle.Row[lampState, lampTrigger]) bool { return r.From == lifecycle.Any }), row(burnt, discarded, scrap),
				without(func(r lifecycle.Row[lampState, lampTrigger]) bool { return r.On == blow && r.From == glowing }), row(warming, discarded, scrap),
				without(func(r lifecycle.Row[lampState, lampTrigger]) bool { return r.On == switchOff }), row(white, switchOff, "Stuck"),
				declare(lifecycle.StateInfo[lampState]{State: "Stuck", Class: lifecycle.Resting, Doc: "stays on for ever"}),
			},
			[]string{
				`lamp state Dark: it does not permit "Discarded", which a deletion mark fires; add a row {From: lifecycle.Any, On: Deleted, To: Deleting}, or correct Definition.OnDeleted`,
				"lamp state Glowing/White: an object in it can never be deleted; add a row {From: lifecycle.Any, On: Deleted, To: Deleting} and one from there with an empty To",
				"lamp state Glowing/Red: an object in it can never be deleted; add a row {From: lifecycle.Any, On: Deleted, To: Deleting} and one from there with an empty To",
				"lamp state Stuck: an object in it can never be deleted; add a row {From: lifecycle.Any, On: Deleted, To: Deleting} and one from there with an empty To",
			},
		},
		{
			"rows that compete",
			[]change{row(dark, switchOn, burnt)},
			[]string{"lamp state Dark: trigger SwitchOn leads to Warming and to Burnt; give each of these rows a Guard that says when it is taken"},
		},
		{
			"work without an SLA",
			[]change{declare(lifecycle.StateInfo[lampState]{State: warming, Class: lifecycle.Working, Doc: "not bright yet"})},
			[]string{"lamp state Warming: objects may work here for ever without being reported; give the state an SLA"},
		},
		{
			"deletion without an SLA",
			[]change{declare(lifecycle.StateInfo[lampState]{State: scrap, Class: lifecycle.Deleting, Doc: "on its way out"})},
			[]string{"lamp state Scrapping: objects may work here for ever without being reported; give the state an SLA"},
		},
		{
			"a wait without a deadline",
			[]change{declare(lifecycle.StateInfo[lampState]{State: warming, Class: lifecycle.Waiting, Doc: "not bright yet"})},
			[]string{"lamp state Warming: objects may wait here for ever; give the state a Deadline, or say in NoDeadline why it has none"},
		},
		{
			"a failure without a way out",
			[]change{without(func(r lifecycle.Row[lampState, lampTrigger]) bool { return r.From == burnt })},
			[]string{
				"lamp state Burnt: no resting state can be reached from it; add a row that leads back towards a resting state",
				"lamp state Burnt: it has no way out but deletion; add a row by which a person or the engine recovers the object",
			},
		},
		{
			"no words",
			[]change{declare(lifecycle.StateInfo[lampState]{State: dark, Class: lifecycle.Resting, Doc: " "})},
			[]string{"lamp state Dark: it does not say what is true in it; write its Doc"},
		},
		{
			"no class",
			[]change{declare(lifecycle.StateInfo[lampState]{State: warming, Doc: "not bright yet"})},
			[]string{`lamp state Warming: its class is ""; choose resting, working, waiting, failed, deleting`},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := lifecycle.Check(lampKind(t, nil, c.changes...))
			assert.Equal(t, c.want, findings(t, err))
		})
	}
}

// findings returns the texts of what Check found.
func findings(t *testing.T, err error) []string {
	t.Helper()
	var many *multierror.Error
	require.ErrorAs(t, err, &many)
	var out []string
	for _, e := range many.Errors {
		var f *lifecycle.Finding
		require.True(t, errors.As(e, &f))
		assert.Equal(t, "lamp", f.Kind)
		assert.NotEmpty(t, f.Problem)
		assert.NotEmpty(t, f.Fix)
		out = append(out, f.Error())
	}
	return out
}

func TestCheckFindsAllMistakesTogether(t *testing.T) {
	t.Parallel()
	err := lifecycle.Check(lampKind(t, nil, func(d *lampDefinition) {
		d.States = slices.Clone(d.States)
		for i := range d.States {
			d.States[i].Doc, d.States[i].SLA = "", 0
		}
	}))
	assert.Len(t, findings(t, err), len(lampStates)+4, "a Doc is missing everywhere, an SLA in four states")
}

func TestRowsThatShareATriggerAreSoundOnlyWithAGuardEach(t *testing.T) {
	t.Parallel()
	err := lifecycle.Check(lampKind(t, nil, func(d *lampDefinition) {
		d.Table = slices.Clone(d.Table)
		for i := range d.Table {
			if d.Table[i].On == repair && d.Table[i].To == warming {
				d.Table[i].Guard = ""
			}
		}
	}))
	assert.Equal(t, []string{"lamp state Burnt: trigger Repair leads to Dark and to Warming; give each of these rows a Guard that says when it is taken"}, findings(t, err))
}
