package lifecycle_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestADefinitionWithAMistakeIsRefusedByName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(d *lampDefinition)
		want   string
	}{
		{"table", func(d *lampDefinition) { d.Table = nil }, "table of lamp: "},
		{"clone", func(d *lampDefinition) { d.Clone = nil }, "definition of lamp: Clone is missing"},
		{"handler", func(d *lampDefinition) {
			d.Handlers = lampHandlers{"Floating": always[lamp](lifecycle.Nothing())}
		}, `"Floating"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := lampDefinition{Kind: kindLamp, Table: lampTable, States: lampStates, Clone: cloneLamp}
			c.change(&d)
			_, err := lifecycle.Define(d)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestAHandlerOfAStateThatNobodyDeclaresIsAnUnknownState(t *testing.T) {
	t.Parallel()
	_, err := lifecycle.Define(lampDefinition{
		Kind: kindLamp, Table: lampTable, States: lampStates, Clone: cloneLamp,
		Handlers: lampHandlers{"Floating": always[lamp](lifecycle.Nothing())},
	})
	require.ErrorIs(t, err, lifecycle.ErrUnknownState)
}

func TestAKindTellsWhatItIsMadeOf(t *testing.T) {
	t.Parallel()
	k := lampKind(t, nil, func(d *lampDefinition) {
		delete(d.Handlers, red)
		d.Requests = []lifecycle.RequestType[lamp]{{Type: "paint", Doc: "another colour"}, {Type: "dim", Doc: "less light"}}
	})
	assert.Equal(t, kindLamp, k.Name())
	assert.Equal(t, "Dark", k.Initial())
	assert.True(t, k.Handled("Dark"))
	assert.False(t, k.Handled("Glowing/Red"))
	assert.False(t, k.Handled("Floating"))
	assert.Equal(t, map[string]string{"paint": "another colour", "dim": "less light"}, k.RequestTypes())
	assert.Equal(t, []string{"Turn", "SwitchOff", "Blow", "Discarded"}, k.Permitted("Glowing/Red"), "in table order, each once")
	assert.Equal(t, []string{"Repair", "Discarded"}, k.Permitted("Burnt"))
	assert.Empty(t, k.Permitted("Floating"))
	require.Len(t, k.States(), len(lampStates))
	assert.Equal(t, "Glowing/White", k.States()[2].State)
	assert.Equal(t, "Glowing", k.States()[2].Clock)
	require.Len(t, k.Rows(), len(lampTable))
	k.Rows()[0].To = "Burnt"
	assert.Equal(t, "Dark", k.Rows()[0].To, "what it hands out is a copy")
}

func TestParametersOfARequestAreDecodedOrRefusedByItsName(t *testing.T) {
	t.Parallel()
	type paint struct {
		Colour string `json:"colour"`
	}
	p, err := lifecycle.Params[paint](&backend.Request{})
	require.NoError(t, err)
	assert.Zero(t, p)
	p, err = lifecycle.Params[paint](&backend.Request{Params: []byte(`{"colour":"red"}`)})
	require.NoError(t, err)
	assert.Equal(t, paint{Colour: "red"}, p)
	_, err = lifecycle.Params[paint](&backend.Request{ID: "q1", Type: "paint", Params: []byte(`[1]`)})
	require.ErrorContains(t, err, "parameters of request q1 (paint)")
}
