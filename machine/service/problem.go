package service

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// Problem is one thing that is wrong with a definition, or looks wrong.
type Problem struct {
	// File is the name under which the definition was loaded.
	File string
	// Line and Column count from 1; zero when it is about the whole file.
	Line, Column int
	// Message says what is wrong and what to write instead.
	Message string
	// Warning says that the definition works all the same.
	Warning bool
}

// Error is "file:line:column: message".
func (p *Problem) Error() string {
	where := p.File
	if p.Line > 0 {
		where += fmt.Sprintf(":%d:%d", p.Line, p.Column)
	}
	if p.Warning {
		return where + ": warning: " + p.Message
	}
	return where + ": " + p.Message
}

// Problems returns the problems that an error of Load holds, in the order of their lines.
func Problems(err error) []*Problem {
	var several *multierror.Error
	if errors.As(err, &several) {
		var out []*Problem
		for _, e := range several.Errors {
			out = append(out, Problems(e)...)
		}
		return out
	}
	var one *Problem
	if errors.As(err, &one) {
		return []*Problem{one}
	}
	return nil
}

// position is a place in a file. Line and column count from 1.
type position struct{ line, column int }

// problems collects what is wrong with one file.
type problems struct {
	file     string
	errors   []*Problem
	warnings []*Problem
	more     int // errors that are not kept
}

// maxProblems is how many problems of one file are reported: behind a hundred, nobody reads on.
const maxProblems = 100

func (ps *problems) report(at position, format string, args ...any) {
	if len(ps.errors) == maxProblems {
		ps.more++
		return
	}
	ps.errors = append(ps.errors, &Problem{File: ps.file, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...)})
}

func (ps *problems) warn(at position, format string, args ...any) {
	ps.warnings = append(ps.warnings, &Problem{File: ps.file, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...), Warning: true})
}

// err returns all problems as one error, nil if there are none.
func (ps *problems) err() error {
	if len(ps.errors) == 0 {
		return nil
	}
	sortProblems(ps.errors)
	all := &multierror.Error{ErrorFormat: func(list []error) string {
		lines := make([]string, len(list))
		for i, e := range list {
			lines[i] = e.Error()
		}
		return strings.Join(lines, "\n")
	}}
	for _, p := range ps.errors {
		all = multierror.Append(all, p)
	}
	if ps.more > 0 {
		all = multierror.Append(all, &Problem{File: ps.file, Message: fmt.Sprintf("and %d more problems", ps.more)})
	}
	return all
}

func sortProblems(list []*Problem) {
	slices.SortStableFunc(list, func(a, b *Problem) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
}
