package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"strconv"
	"strings"

	"github.com/rackstate/rackstate/internal/mutate/mutant"
)

// row is one row of a table as the source has it.
type row struct {
	lit   *ast.CompositeLit
	from  string
	on    string
	to    string
	guard string
}

// findRows finds the tables of a package, builds the mutants of their rows in, and returns these. A table that a function returns has every mutant once for each call of
// that function: each call gets a copy of the function.
func findRows(kind string, files []*source) []mutation {
	var out []mutation
	for _, s := range files {
		for _, decl := range s.file.Decls {
			fn, _ := decl.(*ast.FuncDecl)
			ast.Inspect(decl, func(n ast.Node) bool {
				lit, ok := n.(*ast.CompositeLit)
				if !ok {
					return true
				}
				rows := s.rowsOf(lit)
				if rows == nil {
					return true
				}
				for i, u := range uses(files, fn) {
					out = append(out, s.mutateRows(kind, lit, rows, fn, u, i)...)
				}
				return false
			})
		}
	}
	return out
}

// rowsOf returns the rows of a literal, nil if it is no table.
func (s *source) rowsOf(lit *ast.CompositeLit) []row {
	var out []row
	for _, e := range lit.Elts {
		elt, ok := e.(*ast.CompositeLit)
		if !ok || elt.Type != nil {
			return nil
		}
		r := row{lit: elt}
		for _, f := range elt.Elts {
			field, ok := f.(*ast.KeyValueExpr)
			if !ok {
				return nil
			}
			text := s.flat(field.Value)
			switch s.flat(field.Key) {
			case "From":
				r.from = text
			case "On":
				r.on = text
			case "To":
				r.to = text
			case "Guard":
				r.guard = text
			}
		}
		if r.on == "" || r.to == "" {
			return nil
		}
		out = append(out, r)
	}
	return out
}

func (r row) String() string {
	text := fmt.Sprintf("%s --%s--> %s", named(r.from, "(new)"), r.on, named(r.to, "(gone)"))
	if r.guard != "" {
		guard := r.guard
		if words, err := strconv.Unquote(guard); err == nil {
			guard = words
		}
		text += " if " + guard
	}
	return text
}

func named(state, empty string) string {
	if state == `""` || state == "" {
		return empty
	}
	return strings.Trim(state, `"`)
}

// use is one call of the function that has a table.
type use struct {
	in   *source
	call *ast.CallExpr
}

// uses are the calls of the function that has the table; without one the table is used once.
func uses(files []*source, fn *ast.FuncDecl) []use {
	if fn == nil || fn.Recv != nil {
		return []use{{}}
	}
	var out []use
	for _, s := range files {
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if name, ok := call.Fun.(*ast.Ident); ok && name.Name == fn.Name.Name {
				out = append(out, use{s, call})
			}
			return true
		})
	}
	return out
}

// mutateRows builds the mutants of the rows of one table in. The first use keeps the function as it is called, each further one gets its copy.
func (s *source) mutateRows(kind string, lit *ast.CompositeLit, rows []row, fn *ast.FuncDecl, p use, n int) []mutation {
	var out []mutation
	suffix, prefix := "", ""
	if p.call != nil {
		prefix = p.in.flat(p.call) + ": "
	}
	if n > 0 {
		suffix = "@" + strconv.Itoa(n+1)
	}
	var sites strings.Builder
	for _, r := range rows {
		site := s.at(r.lit) + suffix
		fmt.Fprintf(&sites, ", %q", site)
		add := func(class, operator string) {
			out = append(out, mutation{site + ":" + operator, kind, class, prefix + r.String()})
		}
		add(classRemove, mutant.Remove)
		add(classRedirect, mutant.Redirect)
		if r.guard != "" {
			add(classUnguard, mutant.Unguard)
		}
	}
	e := edit{s.offset(lit.Pos()), s.offset(lit.End()), "mutant.Rows(", sites.String() + ")"}
	if n == 0 {
		s.edits = append(s.edits, e)
		return out
	}
	rename := "_" + strconv.Itoa(n+1)
	p.in.insert(p.call.Fun.End(), rename)
	s.copies = append(s.copies, copied{s.offset(fn.Pos()), s.offset(fn.Name.End()), s.offset(fn.End()), rename, []edit{e}})
	return out
}

// hookEngine has the compiled table of every kind pass through engine.go.txt.
func hookEngine(s *source) error {
	for name, text := range map[string]string{
		"compile":     " rows = mutatedRows(kind, rows, states);",
		"resolve":     " to, named = g.mutatedTarget(state, trigger, to, named);",
		"goneTrigger": " g.passedGone(state);",
	} {
		var body *ast.BlockStmt
		for _, decl := range s.file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Name.Name == name {
				body = fn.Body
			}
		}
		if body == nil {
			return fmt.Errorf("%s has no function %s, which the mutants of rows pass through", s.path, name)
		}
		s.insert(body.Lbrace+token.Pos(1), text)
	}
	return nil
}
