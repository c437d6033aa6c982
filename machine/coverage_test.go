package machine

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// taken notes every transition that any test sees.
var taken = &rowsTaken{seen: map[string]bool{}}

type rowsTaken struct {
	lifecycle.NoObserver
	mu   sync.Mutex
	seen map[string]bool
}

func (t *rowsTaken) Transitioned(row backend.Transition) {
	if row.Ref.Kind != backend.KindMachine {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen[row.From+" "+row.Trigger+" "+row.To] = true
}

// missing lists the rows that some handler could take and no test took.
func (t *rowsTaken) missing() []string {
	kind, err := New(Config{Driver: backend.Capabilities{}})
	if err != nil {
		return []string{err.Error()}
	}
	var out []string
	for _, row := range kind.Rows() {
		from := slices.DeleteFunc(statesBelow(kind, row.From), func(s string) bool { return s != "" && !kind.Handled(s) })
		took := slices.ContainsFunc(from, func(s string) bool { return t.seen[s+" "+row.On+" "+row.To] })
		if len(from) > 0 && !took {
			out = append(out, fmt.Sprintf("%q --%s--> %q", row.From, row.On, row.To))
		}
	}
	return out
}

// statesBelow lists the states that a row applies in.
func statesBelow(kind *lifecycle.Kind, from string) []string {
	if from == "" {
		return []string{""}
	}
	var out []string
	for _, s := range kind.States() {
		if from == lifecycle.Any || s.State == from || strings.HasPrefix(s.State, from+"/") {
			out = append(out, s.State)
		}
	}
	return out
}

// TestMain checks after a full run that the tests took every row that has a handler.
func TestMain(m *testing.M) {
	code := m.Run()
	full := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.list").Value.String() == "" && !testing.Short()
	if missing := taken.missing(); code == 0 && full && len(missing) > 0 {
		fmt.Fprintf(os.Stderr, "no test takes these rows of the table:\n%s\n", strings.Join(missing, "\n"))
		code = 1
	}
	os.Exit(code)
}
