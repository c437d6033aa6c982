package nvswitch_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// scenario says how switch s1 and its world look, and what is true after some looks at it.
type scenario struct {
	name string

	rack     string // state of the rack, default Ready
	cycle    string
	state    nvswitch.State
	age      time.Duration // time in state
	with     func(*nvswitch.Switch)
	world    func(*bench) // whatever else is different
	requests []backend.Request
	steps    int // default 1

	path     []nvswitch.State // the states after the given one
	trigger  nvswitch.Trigger // of the last transition
	cause    []string         // mentioned in the cause; nil: there is none
	note     []string         // mentioned in the note of the last transition
	outcome  []string         // mentioned in the last outcome
	requestz map[string]backend.RequestState
	calls    []string // exactly these hardware calls; nil: not compared
}

var done = map[string]backend.RequestState{"q1": backend.RequestFinished}

// run returns the rows of history that the scenario made.
func (sc scenario) run(t *testing.T) []backend.Transition {
	t.Helper()
	b := newBench(t)
	if sc.rack == "" {
		sc.rack = "Ready"
	}
	b.rack(sc.rack, sc.cycle)
	b.add("s1", sc.state, sc.age, sc.with)
	if sc.world != nil {
		sc.world(b)
	}
	b.ask(sc.requests...)
	b.start()
	for range max(sc.steps, 1) {
		b.step()
	}
	if diff := cmp.Diff(sc.path, b.path()); diff != "" {
		t.Errorf("path (-want +got):\n%s", diff)
	}
	rows := b.history()
	if len(rows) > 0 {
		last := rows[len(rows)-1]
		if sc.trigger != "" {
			assert.Equal(t, string(sc.trigger), last.Trigger)
		}
		mentions(t, last.Note, sc.note...)
	}
	s := b.get()
	if sc.cause == nil {
		assert.Empty(t, s.Cause)
	}
	mentions(t, s.Cause, sc.cause...)
	out, err := b.ctl.Outcome(s.Ref())
	require.NoError(t, err)
	mentions(t, string(out.Kind)+" "+out.Reason, sc.outcome...)
	for id, want := range sc.requestz {
		got := b.request(id)
		assert.Equal(t, want, got.State, "request %s: %s", id, got.Reason)
		if !want.Open() {
			assert.Equal(t, b.now, got.EndedAt)
		}
	}
	if sc.calls != nil {
		assert.Equal(t, sc.calls, append([]string{}, b.hw.calls...))
	}
	return rows
}

func TestTheSwitchDoesWhatItsPageSaysAndTakesEveryRow(t *testing.T) {
	t.Parallel()
	kind, err := nvswitch.New(nvswitch.Config{Driver: backend.Capabilities{}})
	require.NoError(t, err)
	var mu sync.Mutex
	var taken []backend.Transition
	t.Cleanup(func() { // when all scenarios are done
		for _, row := range kind.Rows() {
			if row.From != "" && row.To != "" && row.From != lifecycle.Any { // see TestASwitchIsCreatedAndDeletedFromEveryState
				assert.True(t, slices.ContainsFunc(taken, isOf(row)), "no scenario takes the row %s --%s--> %s", row.From, row.On, row.To)
			}
		}
	})
	for _, sc := range slices.Concat(bringUpScenarios, restingScenarios, maintenanceScenarios, reprovisionScenarios) {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			rows := sc.run(t)
			mu.Lock()
			defer mu.Unlock()
			taken = append(taken, rows...)
		})
	}
}

// isOf reports of a transition whether it took the row.
func isOf(row lifecycle.Row[string, string]) func(backend.Transition) bool {
	return func(tr backend.Transition) bool {
		from := tr.From == row.From || strings.HasPrefix(tr.From, row.From+"/")
		return from && tr.Trigger == row.On && tr.To == row.To
	}
}
