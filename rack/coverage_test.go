package rack

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// taken notes every transition of a rack that any test sees.
var taken = &rowsTaken{seen: map[string]bool{}}

type rowsTaken struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (t *rowsTaken) note(row backend.Transition) {
	if row.Ref.Kind != backend.KindRack {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen[row.From+" "+row.Trigger+" "+row.To] = true
}

// missing lists the rows that no test took.
func (t *rowsTaken) missing() []string {
	var out []string
	for _, row := range table {
		took := slices.ContainsFunc(statesBelow(row.From), func(s State) bool { return t.seen[string(s)+" "+string(row.On)+" "+string(row.To)] })
		if !took {
			out = append(out, fmt.Sprintf("%q --%s--> %q", row.From, row.On, row.To))
		}
	}
	return out
}

// statesBelow lists the states that a row applies in.
func statesBelow(from State) []State {
	out := []State{}
	if from == "" {
		return append(out, "")
	}
	for _, s := range states {
		if from == lifecycle.Any || s.State == from || strings.HasPrefix(string(s.State), string(from)+"/") {
			out = append(out, s.State)
		}
	}
	return out
}

// TestMain checks after a full run that the tests took every row of the table.
func TestMain(m *testing.M) {
	code := m.Run()
	full := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == "" && flag.Lookup("test.list").Value.String() == ""
	if missing := taken.missing(); code == 0 && full && len(missing) > 0 {
		fmt.Fprintf(os.Stderr, "no test takes these rows of the table:\n%s\n", strings.Join(missing, "\n"))
		code = 1
	}
	os.Exit(code)
}

func TestTheTableHasNoMistakeOfDesign(t *testing.T) {
	t.Parallel()
	kind, err := New(KindConfig{Driver: backend.Capabilities{}, Profile: func(string) (Profile, bool) { return Profile{}, false }})
	require.NoError(t, err)
	require.NoError(t, lifecycle.Check(kind))
	for _, s := range states {
		require.True(t, kind.Handled(string(s.State)), "state %s has a handler", s.State)
	}
}
