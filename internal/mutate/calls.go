package main

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// enders are the methods of a Tx or Env by which a request is started or ended.
var enders = []string{"Begin", "Finish", "Fail", "End", "Start"}

// helpers start or end requests themselves, each for several callers: a caller that forgets them is a mutant too.
var helpers = []string{
	"self.endAll", "ed.endAll", "tx.cancelStarted", "h.adopt", "h.endDPUReprovision",
	"endCancelled", "endReprovision", "withdrawEnded", "takeRackResult", "spent",
}

// findCalls finds the calls that start or end a request, and builds the mutants that pass over them in.
func findCalls(kind string, files []*source) []mutation {
	var out []mutation
	for _, s := range files {
		used := map[string]int{}
		for _, decl := range s.file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			statements := map[ast.Expr]bool{} // calls whose result nobody looks at
			ast.Inspect(fn, func(n ast.Node) bool {
				if stmt, ok := n.(*ast.ExprStmt); ok {
					statements[stmt.X] = true
				}
				call, ok := n.(*ast.CallExpr)
				if !ok || !s.consumes(call) {
					return true
				}
				name := s.at(call) + ":" + classDrop
				if used[name]++; used[name] > 1 {
					name += fmt.Sprintf(".%d", used[name])
				}
				if statements[call] {
					s.wrap(call, fmt.Sprintf("mutant.Skip(%q, func() { ", name), " })")
				} else {
					s.wrap(call, fmt.Sprintf("mutant.Drop(%q, func() error { return ", name), " })")
				}
				out = append(out, mutation{name, kind, classDrop, s.funcName(fn) + ": " + s.flat(call)})
				return true
			})
		}
	}
	return out
}

// consumes reports whether a call starts or ends a request.
func (s *source) consumes(call *ast.CallExpr) bool {
	if slices.Contains(helpers, s.flat(call.Fun)) {
		return true
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	on := s.flat(method.X)
	on = on[strings.LastIndex(on, ".")+1:]
	return slices.Contains(enders, method.Sel.Name) && (on == "env" || on == "tx")
}

// funcName is the name of a function as precedence.txt writes it: with the type of its receiver.
func (s *source) funcName(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	return strings.TrimPrefix(s.flat(fn.Recv.List[0].Type), "*") + "." + fn.Name.Name
}
