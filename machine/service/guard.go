package service

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// Facts is what a guard may ask. The names in a guard are those of the tags:
//
//	labels.gpu == "gb200" and health.ok and machine.state == "Ready"
//	"FanFailure" not in health.alerts
//	machine.power in ["off", ""] or elapsed > duration("2h")
//
// A label or a firmware component that is not there is an empty text. What is known of the machine may be a moment old.
type Facts struct {
	// Node is the id of the node, State the state in which it is.
	Node  string `expr:"node"`
	State string `expr:"state"`
	// Elapsed is how long it has been there, without the time under holds of the node.
	Elapsed time.Duration `expr:"elapsed"`
	// Labels are the metadata of the node.
	Labels map[string]string `expr:"labels"`
	// Health is that of the node and its machine together.
	Health HealthFacts `expr:"health"`
	// Machine is the machine that the node is bound to.
	Machine MachineFacts `expr:"machine"`
}

// HealthFacts is what a guard may ask about health.
type HealthFacts struct {
	// OK says that no alert forbids to give the machine to somebody.
	OK bool `expr:"ok"`
	// Alerts are the ids of all alerts.
	Alerts []string `expr:"alerts"`
}

// MachineFacts is what a guard may ask about the machine of a node.
type MachineFacts struct {
	// ID is its id, empty when the node is bound to none. Known says that there is a record of it; all else is empty without one.
	ID    string `expr:"id"`
	Known bool   `expr:"known"`
	// State is its lifecycle state, such as HostInit/WaitingForDiscovery.
	State string `expr:"state"`
	// Power is the power state that was last observed, SKU the id of its SKU, Tenant who has it.
	Power  string `expr:"power"`
	SKU    string `expr:"sku"`
	Tenant string `expr:"tenant"`
	// Available says that it is ready, or with a tenant and nothing else going on.
	Available bool `expr:"available"`
	// Held says that a hold stands on it.
	Held bool `expr:"held"`
	// Firmware is the version of each component that was last read.
	Firmware map[string]string `expr:"firmware"`
}

// maxGuardNodes bounds the size of a guard, in nodes of its syntax tree.
const maxGuardNodes = 300

// guard is a compiled expression. It is safe for concurrent use.
type guard struct{ program *vm.Program }

// compileGuard checks an expression. The error's column counts from 0 within the text, -1 when it has none.
func compileGuard(text string) (*guard, *guardError) {
	if err := bounded(text); err != nil {
		return nil, err
	}
	program, err := expr.Compile(text, expr.Env(Facts{}), expr.AsBool(), expr.WarnOnAny(), expr.MaxNodes(maxGuardNodes),
		// What asks for the time, or makes text out of nothing, has no place in a rule.
		expr.DisableBuiltin("now"), expr.DisableBuiltin("repeat"))
	if err != nil {
		return nil, newGuardError(err)
	}
	return &guard{program: program}, nil
}

type guardError struct {
	message      string
	line, column int
}

// factNames turns the names of Go types in messages into those that a guard uses.
var factNames = strings.NewReplacer("type service.HealthFacts", "health", "type service.MachineFacts", "machine", "service.HealthFacts", "health",
	"service.MachineFacts", "machine", "interface {}", "a value of unknown type", "time.Duration", "a duration")

func newGuardError(err error) *guardError {
	var located *file.Error
	if !errors.As(err, &located) {
		return &guardError{message: factNames.Replace(err.Error()), line: 1, column: -1}
	}
	message := factNames.Replace(strings.Join(strings.Fields(located.Message), " "))
	if strings.HasPrefix(message, "unknown name") {
		message += "; known are node, state, elapsed, labels, health, machine"
	}
	return &guardError{message: message, line: max(located.Line, 1), column: located.Column}
}

// bounded refuses what could take a guard long: walks through lists deep inside of each other, and lists made of two numbers.
func bounded(text string) *guardError {
	tree, err := parser.Parse(text)
	if err != nil {
		return nil // Compile says it better
	}
	l := &limits{}
	ast.Walk(&tree.Node, l)
	return l.found
}

type limits struct {
	found *guardError
	walks int // that were seen
	inner bool
}

// Visit looks at one node.
func (l *limits) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.PredicateNode:
		l.walks++
		if l.inner {
			return
		}
		below := &limits{inner: true}
		ast.Walk(&n.Node, below)
		if below.walks > 1 {
			l.found = &guardError{message: "a walk through a list (all, any, filter and their like) holds more than one other", line: 1, column: n.Location().From}
		}
	case *ast.BinaryNode:
		if n.Operator == ".." {
			l.found = &guardError{message: "ranges of numbers are not read here", line: 1, column: n.Location().From}
		}
	}
}

// holds asks the guard. A nil guard holds. The error says why nobody can tell, for example because a label is no number.
func (g *guard) holds(f *Facts) (bool, error) {
	if g == nil {
		return true, nil
	}
	out, err := expr.Run(g.program, *f)
	if err != nil {
		return false, errors.New(newGuardError(err).message)
	}
	yes, ok := out.(bool)
	if !ok {
		return false, fmt.Errorf("the answer is %v, not true or false", out)
	}
	return yes, nil
}
