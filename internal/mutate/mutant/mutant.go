// Package mutant is the switch in sources that internal/mutate has rewritten: all mutants are compiled in, and the environment selects one of them when the test
// binary starts. No source of the module imports it; only the copies of the overlay do.
package mutant

import (
	"os"
	"reflect"
	"slices"
	"strings"
)

const (
	// Variable is the environment variable that names the selected mutant.
	Variable = "RACKSTATE_MUTANT"
	// Trace is the name of no mutant: with it a test binary prints where it comes past one.
	Trace = "trace"
	// TraceLine begins each line of that.
	TraceLine = "mutant at "
)

// The operators that a row of a table knows.
const (
	// Remove takes the row out of the table.
	Remove = "remove"
	// Redirect has it lead to another state.
	Redirect = "redirect"
	// Unguard has it win over its siblings, whichever of them the handler names.
	Unguard = "unguard"
)

// The marks say to the rewritten engine what was done to a row. No state and no guard begins with them.
const (
	// MarkRedirect precedes the To of a row that is to lead elsewhere; the engine knows where it can.
	MarkRedirect = "\x00redirect "
	// MarkUnguard precedes the Guard of a row that wins over its siblings.
	MarkUnguard = "\x00unguard "
	// MarkSite, the site and MarkEnd precede the Guard of every row while Trace is selected.
	MarkSite = "\x00site "
	// MarkEnd ends the site.
	MarkEnd = "\x00"
)

var selected = os.Getenv(Variable)

// Selected reports whether a mutant is the selected one.
func Selected(name string) bool {
	if selected == Trace {
		Passed(name)
	}
	return selected == name
}

// Passed says that the test that runs has come past a mutant, if that is wanted.
func Passed(name string) {
	if selected == Trace {
		_, _ = os.Stderr.WriteString("\n" + TraceLine + name + "\n")
	}
}

// Either returns instead if the mutant is selected, and original otherwise.
func Either[T any](name string, instead, original T) T {
	if Selected(name) {
		return instead
	}
	return original
}

// Drop makes a call, and passes over it if the mutant is selected.
func Drop(name string, call func() error) error {
	if Selected(name) {
		return nil
	}
	return call()
}

// Skip is Drop for a call that returns nothing.
func Skip(name string, call func()) {
	if !Selected(name) {
		call()
	}
}

// Rows applies the selected mutant to a part of a table. sites has the place of each row; a mutant of a row is called "<site>:<operator>".
func Rows[S ~[]R, R any](rows S, sites ...string) S {
	if selected == Trace {
		rows = slices.Clone(rows)
		for i, site := range sites {
			mark(&rows[i], "Guard", MarkSite+site+MarkEnd)
		}
		return rows
	}
	for i, site := range sites {
		operator, found := strings.CutPrefix(selected, site+":")
		if !found || i >= len(rows) {
			continue
		}
		rows = slices.Clone(rows)
		switch operator {
		case Remove:
			return slices.Delete(rows, i, i+1)
		case Redirect:
			mark(&rows[i], "To", MarkRedirect)
		case Unguard:
			mark(&rows[i], "Guard", MarkUnguard)
		}
		return rows
	}
	return rows
}

// mark puts a mark before the text of a field.
func mark(row any, field, text string) {
	f := reflect.ValueOf(row).Elem().FieldByName(field)
	f.SetString(text + f.String())
}
