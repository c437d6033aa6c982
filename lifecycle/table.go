package lifecycle

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"
	"github.com/qmuntal/stateless"
)

// Row is one legal transition.
type Row[S, T ~string] struct {
	// From is a state, a path whose sub-states all have the row, or Any. Empty: the object is created.
	From S
	// On is the trigger.
	On T
	// To is the state after. Empty: the object is gone.
	To S
	// Guard says when the row is taken. Rows that share From and On need one each; the handler then names the target with FireTo.
	Guard string
	// Note says what else happens, for people.
	Note string
}

// Table lists the legal transitions of a kind. It is the only thing that can move an object: enforcement, diagrams, the list of permitted
// triggers and Check are all derived from it.
type Table[S, T ~string] []Row[S, T]

// graph is a compiled table.
type graph struct {
	kind    string
	states  map[string]*stateInfo
	order   []string // states as declared
	rows    []Row[string, string]
	initial string
	// permitted holds the rows that apply in each state, in table order.
	permitted map[string][]Row[string, string]
	machine   *stateless.StateMachine
}

type cellKey struct{}

// cell is where the shared machine keeps the state of the object that it is fired for.
type cell struct{ state any }

// compile checks the shape of a table and builds the one machine that all objects of the kind share.
func compile(kind string, rows []Row[string, string], states []StateInfo[string]) (*graph, error) {
	g := &graph{kind: kind, states: make(map[string]*stateInfo, len(states)), rows: rows, permitted: map[string][]Row[string, string]{}}
	var problems *multierror.Error
	for i, s := range states {
		if g.states[s.State] != nil {
			problems = multierror.Append(problems, fmt.Errorf("state %q is declared twice", s.State))
			continue
		}
		g.states[s.State] = &stateInfo{StateInfo: s, index: i, boxed: s.State}
		g.order = append(g.order, s.State)
	}
	for _, s := range g.order {
		if err := g.checkName(s); err != nil {
			problems = multierror.Append(problems, err)
		}
	}
	for i, row := range rows {
		err := g.checkRow(row)
		if j := slices.IndexFunc(rows[:i], func(r Row[string, string]) bool { return r.From == row.From && r.On == row.On && r.To == row.To }); err == nil && j >= 0 {
			err = fmt.Errorf("row %d is the same", j+1) // stateless panics when it is fired
		}
		if err != nil {
			problems = multierror.Append(problems, fmt.Errorf("row %d (%s): %w", i+1, rowText(row), err))
		}
	}
	if g.initial == "" {
		problems = multierror.Append(problems, fmt.Errorf("no row creates the object: one row needs an empty From"))
	}
	if err := problems.ErrorOrNil(); err != nil {
		return nil, fmt.Errorf("table of %s: %w", kind, err)
	}
	for _, s := range g.order {
		g.permitted[s] = g.effective(s)
	}
	g.machine = g.build()
	return g, nil
}

// checkName refuses names that mean something else, and a state that is also the path of others: a row of it would hold for them too.
func (g *graph) checkName(s string) error {
	switch {
	case s == "", s == Any, s == goneState:
		return fmt.Errorf("a state cannot be called %q", s)
	case strings.HasPrefix(s, "/"), strings.HasSuffix(s, "/"), strings.Contains(s, "//"):
		return fmt.Errorf("state %q has an empty part", s)
	case g.isPath(s):
		return fmt.Errorf("state %q is declared, and so are states below it", s)
	}
	return nil
}

func (g *graph) checkRow(row Row[string, string]) error {
	switch {
	case row.On == "":
		return fmt.Errorf("it has no trigger")
	case row.To != "" && g.states[row.To] == nil:
		return fmt.Errorf("state %q is not declared", row.To)
	case row.From == "" && row.To == "":
		return fmt.Errorf("it neither begins nor ends in a state")
	case row.From == "" && g.initial != "":
		return fmt.Errorf("%q is the initial state already", g.initial)
	case row.From == "":
		g.initial = row.To
	case row.From == Any || g.states[row.From] != nil:
	case !g.isPath(row.From):
		return fmt.Errorf("state %q is not declared, and no declared state lies below it", row.From)
	case row.To == row.From || strings.HasPrefix(row.To, row.From+"/"):
		return fmt.Errorf("a row of all states below %q cannot lead to %q among them", row.From, row.To)
	}
	return nil
}

// isPath reports whether a declared state lies below the path.
func (g *graph) isPath(path string) bool {
	return slices.ContainsFunc(g.order, func(s string) bool { return strings.HasPrefix(s, path+"/") })
}

// effective lists the rows that apply in a state. The nearest one for a trigger wins: the state's own, then that of its path, then Any.
func (g *graph) effective(state string) []Row[string, string] {
	nearest := map[string]int{}
	for _, row := range g.rows {
		if d := distance(row, state); d >= 0 {
			if old, seen := nearest[row.On]; !seen || d < old {
				nearest[row.On] = d
			}
		}
	}
	var out []Row[string, string]
	for _, row := range g.rows {
		if d := distance(row, state); d >= 0 && nearest[row.On] == d {
			out = append(out, row)
		}
	}
	return out
}

// distance says how near a row's From is to a state: 0 for the state itself, more for a path above it, most for Any, -1 if it does not apply.
func distance(row Row[string, string], state string) int {
	switch {
	case row.From == "":
		return -1
	case row.From == state:
		return 0
	case row.From == Any:
		if row.To == state {
			return -1
		}
		return len(state) + 1
	case strings.HasPrefix(state, row.From+"/"):
		return len(state) - len(row.From)
	}
	return -1
}

// build configures the machine. Nothing is configured after this, which is what makes sharing it safe; FiringImmediate, because in the queued mode
// one caller would return while another one still runs its trigger.
func (g *graph) build() *stateless.StateMachine {
	m := stateless.NewStateMachineWithExternalStorage(
		func(ctx context.Context) (stateless.State, error) { return ctx.Value(cellKey{}).(*cell).state, nil },
		func(ctx context.Context, s stateless.State) error { ctx.Value(cellKey{}).(*cell).state = s; return nil },
		stateless.FiringImmediate)
	for _, s := range g.order {
		cfg := m.Configure(s)
		for path := parentPath(s); path != ""; path = parentPath(path) {
			m.Configure(path)
			cfg.SubstateOf(path)
			cfg = m.Configure(path)
		}
	}
	gone := m.Configure(goneState)
	_ = gone
	for _, s := range g.order {
		for _, row := range g.permitted[s] {
			if row.From != s && row.From != Any {
				continue
			}
			permit(m.Configure(s), row)
		}
	}
	for _, row := range g.rows {
		if row.From != "" && row.From != Any && g.states[row.From] == nil {
			permit(m.Configure(row.From), row)
		}
	}
	return m
}

// goneState stands for "the object is gone" inside the machine.
const goneState = "(gone)"

// permit adds a row to the machine; its guard compares the target that the handler chose, so rows that share a trigger cannot both hold.
func permit(cfg *stateless.StateConfiguration, row Row[string, string]) {
	to := row.To
	if to == "" {
		to = goneState
	}
	chosen := func(_ context.Context, args ...any) bool { return len(args) == 1 && args[0] == to }
	if to == row.From {
		cfg.PermitReentry(row.On, chosen)
		return
	}
	cfg.Permit(row.On, to, chosen)
}

func parentPath(s string) string {
	if i := strings.LastIndexByte(s, '/'); i > 0 {
		return s[:i]
	}
	return ""
}

// resolve finds the target of a trigger. With several rows for it, to says which one.
func (g *graph) resolve(state, trigger, to string, named bool) (string, error) {
	var found []Row[string, string]
	for _, row := range g.permitted[state] {
		if row.On == trigger && (!named || row.To == to) {
			found = append(found, row)
		}
	}
	if len(found) == 0 {
		return "", &TriggerError{Kind: g.kind, State: state, Trigger: trigger, To: to, Permitted: g.triggers(state)}
	}
	for _, row := range found[1:] {
		if row.To != found[0].To {
			return "", &TriggerError{Kind: g.kind, State: state, Trigger: trigger, Ambiguous: true, Permitted: g.triggers(state)}
		}
	}
	return found[0].To, nil
}

// fire runs a trigger on the shared machine and returns the state after.
func (g *graph) fire(ctx context.Context, state, trigger, to string) (string, error) {
	info := g.states[state]
	if info == nil { // stateless would add an unknown state to its map
		return "", &UnknownStateError{Kind: g.kind, State: state, Known: g.order}
	}
	c := &cell{state: info.boxed}
	target := to
	if target == "" {
		target = goneState
	}
	if err := g.machine.FireCtx(context.WithValue(ctx, cellKey{}, c), trigger, target); err != nil {
		return "", &TriggerError{Kind: g.kind, State: state, Trigger: trigger, To: to, Permitted: g.triggers(state), Err: err}
	}
	after, _ := c.state.(string)
	if after == goneState {
		after = ""
	}
	return after, nil
}

// triggers lists what a state permits, in table order, each once.
func (g *graph) triggers(state string) []string {
	var out []string
	for _, row := range g.permitted[state] {
		if !slices.Contains(out, row.On) {
			out = append(out, row.On)
		}
	}
	return out
}

// goneTrigger returns the trigger of the row that ends the object in this state.
func (g *graph) goneTrigger(state string) (string, bool) {
	for _, row := range g.permitted[state] {
		if row.To == "" {
			return row.On, true
		}
	}
	return "", false
}

// createTrigger returns the trigger of the row that creates the object.
func (g *graph) createTrigger() string {
	for _, row := range g.rows {
		if row.From == "" {
			return row.On
		}
	}
	return ""
}

func rowText[S, T ~string](r Row[S, T]) string {
	from, to := string(r.From), string(r.To)
	if from == "" {
		from = "(new)"
	}
	if to == "" {
		to = "(gone)"
	}
	return from + " --" + string(r.On) + "--> " + to
}

func eraseRows[S, T ~string](t Table[S, T]) []Row[string, string] {
	out := make([]Row[string, string], len(t))
	for i, r := range t {
		out[i] = Row[string, string]{From: string(r.From), On: string(r.On), To: string(r.To), Guard: r.Guard, Note: r.Note}
	}
	return out
}

func eraseStates[S ~string](states []StateInfo[S]) []StateInfo[string] {
	out := make([]StateInfo[string], len(states))
	for i, s := range states {
		out[i] = StateInfo[string]{
			State: string(s.State), Class: s.Class, SLA: s.SLA, StepSLA: s.StepSLA, ReportAtOnce: s.ReportAtOnce,
			Clock: string(s.Clock), Deadline: s.Deadline, NoDeadline: s.NoDeadline, Doc: s.Doc,
		}
	}
	return out
}
