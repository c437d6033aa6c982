package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// findOrders builds the mutants of the orders of one package in. A line that no longer fits its source is an error, so that the list stays true.
func findOrders(kind string, files []*source, orders []order) ([]mutation, error) {
	var out []mutation
	for _, o := range orders {
		i := slices.IndexFunc(files, func(s *source) bool { return s.path == o.file })
		if i < 0 {
			continue
		}
		list, err := files[i].mutateOrder(kind, o)
		if err != nil {
			return nil, fmt.Errorf("precedence.txt:%d: %s %s: %w", o.line, o.file, o.in, err)
		}
		out = append(out, list...)
	}
	return out, nil
}

func (s *source) mutateOrder(kind string, o order) ([]mutation, error) {
	decl := s.declared(o.in)
	if decl == nil {
		return nil, fmt.Errorf("there is no such function or variable")
	}
	var paths [][]ast.Node
	for _, part := range o.parts {
		found := s.find(decl, part, o.instead != "")
		if found == nil {
			return nil, fmt.Errorf("nothing in it begins with %q", part)
		}
		paths = append(paths, found)
	}
	pair := 0
	add := func(n ast.Node, text string) mutation {
		pair++
		return mutation{fmt.Sprintf("%s:%s.%d.%d", s.at(n), classOrder, o.line, pair), kind, classOrder, o.in + ": " + text}
	}
	if len(paths) == 1 {
		n := leaf(paths[0])
		if o.instead != "" {
			m := add(n, o.parts[0]+" => "+o.instead)
			s.wrap(n, fmt.Sprintf("(mutant.Selected(%q) && (%s) || !mutant.Selected(%[1]q) && (", m.Name, o.instead), "))")
			return []mutation{m}, nil
		}
		m := add(n, "after "+o.before)
		s.insert(n.Pos(), fmt.Sprintf("if mutant.Selected(%q) { %s }; ", m.Name, o.before))
		return []mutation{m}, nil
	}
	var out []mutation
	for i := range len(paths) - 1 {
		m := add(leaf(paths[i]), o.parts[i+1]+" before "+o.parts[i])
		if err := s.swap(m.Name, paths[i], paths[i+1]); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Text, err)
		}
		out = append(out, m)
	}
	return out, nil
}

// declared finds a function, a method as "type.method", or a variable.
func (s *source) declared(name string) ast.Node {
	for _, decl := range s.file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if s.funcName(d) == name {
				return d
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && v.Names[0].Name == name {
					return v
				}
			}
		}
	}
	return nil
}

func leaf(path []ast.Node) ast.Node { return path[len(path)-1] }

// find returns the way from the declaration to the first node whose text begins so: a statement, a case, an element of a literal. An if statement is found by what comes
// after its if, a case by what comes after its case; with whole an expression, by all of its text.
func (s *source) find(decl ast.Node, text string, whole bool) []ast.Node {
	if fn, ok := decl.(*ast.FuncDecl); ok {
		decl = fn.Body
	}
	var found, path []ast.Node
	elements := map[ast.Node]bool{}
	ast.Inspect(decl, func(n ast.Node) bool {
		if found != nil {
			return false
		}
		if n == nil {
			path = path[:len(path)-1]
			return true
		}
		path = append(path, n)
		if lit, ok := n.(*ast.CompositeLit); ok {
			for _, e := range lit.Elts {
				elements[e] = true
			}
		}
		is := false
		if expr, ok := n.(ast.Expr); ok && whole {
			is = s.flat(expr) == text
		} else if !whole {
			is = strings.HasPrefix(s.anchor(n, elements[n]), text)
		}
		if is {
			found = slices.Clone(path)
		}
		return true
	})
	return found
}

// anchor is the text by which a node is found.
func (s *source) anchor(n ast.Node, element bool) string {
	switch n := n.(type) {
	case *ast.IfStmt:
		return strings.TrimPrefix(s.flat(n), "if ")
	case *ast.CaseClause:
		return strings.TrimPrefix(s.flat(n), "case ")
	case *ast.ExprStmt, *ast.AssignStmt, *ast.RangeStmt, *ast.ReturnStmt:
		return s.flat(n)
	case ast.Expr:
		if element {
			return s.flat(n)
		}
	}
	return ""
}

// swap has b come before a if the mutant is selected.
func (s *source) swap(name string, a, b []ast.Node) error {
	i := 0
	for i < len(a)-1 && i < len(b)-1 && a[i] == b[i] {
		i++
	}
	parent, x, y := a[i-1], a[i], b[i]
	if x == y { // the second is in an else branch of the first
		return s.swapElse(name, leaf(a), leaf(b))
	}
	switch p := parent.(type) {
	case *ast.CompositeLit:
		s.swapElements(name, p, x, y)
		return nil
	case *ast.BlockStmt:
		_, inSwitch := x.(*ast.CaseClause)
		_, isCall := x.(*ast.ExprStmt)
		switch {
		case inSwitch:
			s.swapRange(name, a[i-2].Pos(), a[i-2].End(), x, y)
		case isCall:
			s.swapRange(name, x.Pos(), y.End(), x, y)
		default:
			return s.advance(name, p.List, x, y)
		}
		return nil
	}
	return fmt.Errorf("they stand in a %T, where nothing can be swapped", parent)
}

// swapElements swaps elements of a literal.
func (s *source) swapElements(name string, lit *ast.CompositeLit, x, y ast.Node) {
	elem := ""
	if array, ok := lit.Type.(*ast.ArrayType); ok {
		elem = s.of(array.Elt)
	}
	text := func(n ast.Node) string {
		if c, ok := n.(*ast.CompositeLit); ok && c.Type == nil {
			return elem + s.of(n)
		}
		return s.of(n)
	}
	for _, pair := range [][2]ast.Node{{x, y}, {y, x}} {
		s.wrap(pair[0], fmt.Sprintf("mutant.Either(%q, %s, ", name, text(pair[1])), ")")
		if typed := (edit{from: s.offset(pair[0].Pos()), to: s.offset(pair[0].Pos()), before: elem}); text(pair[0]) != s.of(pair[0]) && !slices.Contains(s.edits, typed) {
			s.edits = append(s.edits, typed)
		}
	}
}

// swapRange repeats a part of the source with two of its parts swapped.
func (s *source) swapRange(name string, begin, end token.Pos, x, y ast.Node) {
	from, to := s.offset(begin), s.offset(end)
	part := func(from, to int) string { return string(s.text[from:to]) }
	swapped := part(from, s.offset(x.Pos())) + s.of(y) + part(s.offset(x.End()), s.offset(y.Pos())) + s.of(x) + part(s.offset(y.End()), to)
	s.edits = append(s.edits, edit{from, to, fmt.Sprintf("if mutant.Selected(%q) { %s\n} else { ", name, swapped), " }"})
}

// swapElse swaps two neighbours in a chain of if and else if.
func (s *source) swapElse(name string, a, b ast.Node) error {
	x, okX := a.(*ast.IfStmt)
	y, okY := b.(*ast.IfStmt)
	if !okX || !okY || x.Else != y {
		return fmt.Errorf("they are not neighbours in a chain of else if")
	}
	end := ""
	if y.Else != nil {
		end = " else " + s.of(y.Else)
	}
	head := func(n *ast.IfStmt) string { return string(s.text[s.offset(n.Pos()):s.offset(n.Body.End())]) }
	s.wrap(x, fmt.Sprintf("if mutant.Selected(%q) { %s else %s%s\n} else { ", name, head(y), head(x), end), " }")
	return nil
}

// advance puts a copy of statement y, with what sets the variables that it needs, before x. Both still come in their order after it: what decides has returned by then.
func (s *source) advance(name string, block []ast.Stmt, x, y ast.Node) error {
	from := slices.IndexFunc(block, func(n ast.Stmt) bool { return n == x })
	to := slices.IndexFunc(block, func(n ast.Stmt) bool { return n == y })
	if from < 0 || to <= from {
		return fmt.Errorf("the second does not stand after the first")
	}
	text := s.of(y)
	needs := names(y)
	for i := to - 1; i > from; i-- {
		if !slices.ContainsFunc(sets(block[i]), func(n string) bool { return needs[n] }) {
			continue
		}
		text = s.of(block[i]) + "\n" + text
		for n := range names(block[i]) {
			needs[n] = true
		}
	}
	s.insert(x.Pos(), fmt.Sprintf("if mutant.Selected(%q) { %s\n}; ", name, text))
	return nil
}

// names are the identifiers of a statement.
func names(n ast.Node) map[string]bool {
	out := map[string]bool{}
	ast.Inspect(n, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			out[id.Name] = true
		}
		return true
	})
	return out
}

// sets are the variables that a statement declares, or assigns at any depth.
func sets(stmt ast.Stmt) []string {
	var out []string
	add := func(list []ast.Expr) {
		for _, e := range list {
			if id, ok := e.(*ast.Ident); ok && id.Name != "_" && id.Name != "err" {
				out = append(out, id.Name)
			}
		}
	}
	switch d := stmt.(type) {
	case *ast.AssignStmt:
		add(d.Lhs)
	case *ast.DeclStmt:
		for _, spec := range d.Decl.(*ast.GenDecl).Specs {
			if v, ok := spec.(*ast.ValueSpec); ok {
				for _, id := range v.Names {
					out = append(out, id.Name)
				}
			}
		}
	default:
		ast.Inspect(stmt, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok && a.Tok == token.ASSIGN {
				add(a.Lhs)
			}
			return true
		})
	}
	return out
}
