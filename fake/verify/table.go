package verify

import (
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// tables is what worlds know of the kinds. It is shared by all clones and, but for the cache of decoded data, never changed.
type tables struct {
	kinds    map[backend.Kind]*kindTable
	settings rack.Settings
	cells    *cells
	// broken says why the kinds of the module could not be made; every look at a table reports it.
	broken error
}

// kindTable is the table of one kind, ready to be looked up.
type kindTable struct {
	states   map[string]lifecycle.StateInfo[string]
	legal    map[step]bool
	requests map[string]string
}

// step is one move of an object.
type step struct{ from, trigger, to string }

// purged is the trigger of the crude removal, which no table has and every state permits.
const purged = "Purged"

func newTables() *tables {
	kinds, err := ownKinds()
	return &tables{kinds: maps.Clone(kinds), settings: rack.Settings{}.WithDefaults(), cells: newCells(), broken: err}
}

// ownKinds are the tables of the kinds of the module as they are when nothing is configured. They are compiled once, and never changed.
var ownKinds = sync.OnceValues(func() (map[backend.Kind]*kindTable, error) {
	out := map[backend.Kind]*kindTable{}
	none := backend.Capabilities{}
	for _, build := range []func() (*lifecycle.Kind, error){
		func() (*lifecycle.Kind, error) {
			return rack.New(rack.KindConfig{Driver: none, Profile: func(string) (rack.Profile, bool) { return rack.Profile{}, false }})
		},
		func() (*lifecycle.Kind, error) { return machine.New(machine.Config{Driver: none}) },
		func() (*lifecycle.Kind, error) { return nvswitch.New(nvswitch.Config{Driver: none}) },
		func() (*lifecycle.Kind, error) { return powershelf.New(powershelf.Config{Driver: none}) },
	} {
		k, err := build()
		if err != nil {
			return out, fmt.Errorf("make the kinds: %w", err)
		}
		out[k.Name()] = tableOf(k)
	}
	return out, nil
})

// add takes in a kind, in the place of one of the same name.
func (t *tables) add(k *lifecycle.Kind) { t.kinds[k.Name()] = tableOf(k) }

func tableOf(k *lifecycle.Kind) *kindTable {
	kt := &kindTable{states: map[string]lifecycle.StateInfo[string]{}, legal: map[step]bool{}, requests: k.RequestTypes()}
	for _, s := range k.States() {
		kt.states[s.State] = s
	}
	rows := k.Rows()
	for _, r := range rows {
		if r.From == "" {
			kt.legal[step{"", r.On, r.To}] = true
		}
	}
	for state := range kt.states {
		for _, r := range nearest(rows, state) {
			kt.legal[step{state, r.On, r.To}] = true
		}
	}
	return kt
}

// nearest lists the rows that hold in a state. Of those with the same trigger the state's own come before those of its path, and these before those of any state.
func nearest(rows []lifecycle.Row[string, string], state string) []lifecycle.Row[string, string] {
	best := map[string]int{}
	for _, r := range rows {
		if n := nearness(r, state); n > best[r.On] {
			best[r.On] = n
		}
	}
	var out []lifecycle.Row[string, string]
	for _, r := range rows {
		if n := nearness(r, state); n > 0 && n == best[r.On] {
			out = append(out, r)
		}
	}
	return out
}

// nearness is 0 when the row does not hold in the state, 1 when it holds in any, and more the longer the path is that it names.
func nearness(r lifecycle.Row[string, string], state string) int {
	switch {
	case r.From == "":
		return 0
	case r.From == lifecycle.Any && r.To != state:
		return 1
	case r.From == state, strings.HasPrefix(state, r.From+"/"):
		return 1 + len(r.From)
	default:
		return 0
	}
}

// info is what the kind says of a state.
func (t *tables) info(kind backend.Kind, state string) (lifecycle.StateInfo[string], bool) {
	k := t.kinds[kind]
	if k == nil {
		return lifecycle.StateInfo[string]{}, false
	}
	s, ok := k.states[state]
	return s, ok
}

// class is what sort of state it is, empty when nobody knows the state.
func (t *tables) class(kind backend.Kind, state string) lifecycle.Class {
	s, _ := t.info(kind, state)
	return s.Class
}

// under reports whether a state is a path or lies below it.
func under(state, path string) bool {
	return strings.HasPrefix(state, path) && (len(state) == len(path) || state[len(path)] == '/')
}
