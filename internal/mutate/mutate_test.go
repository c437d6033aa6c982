package main

import (
	"bytes"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryLineOfThePrecedenceListFitsItsSource(t *testing.T) {
	t.Parallel()
	p, err := readPlan()
	require.NoError(t, err)
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	all, sources, err := p.find(root)
	require.NoError(t, err)
	perClass := map[string]int{}
	for _, m := range all {
		perClass[m.Class]++
	}
	for _, class := range classes {
		assert.GreaterOrEqual(t, perClass[class], 50, class)
	}
	assert.Equal(t, perClass[classRemove], perClass[classRedirect])
	for _, s := range sources {
		_, err := parser.ParseFile(token.NewFileSet(), s.path, s.render(), 0)
		assert.NoError(t, err, "what is built is Go")
	}
}

func TestEveryExplanationIsOfAMutant(t *testing.T) {
	t.Parallel()
	p, err := readPlan()
	require.NoError(t, err)
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	all, _, err := p.find(root)
	require.NoError(t, err)
	for _, m := range all {
		explain(m, p.explained)
	}
	assert.Empty(t, unused(p.explained))
}

func TestASampleIsTheSameForASeedAndSpreadsOverKindsAndClasses(t *testing.T) {
	t.Parallel()
	var all []mutation
	for _, kind := range []string{"rack", "machine"} {
		for _, class := range classes {
			for i := range 20 {
				all = append(all, mutation{Name: kind + class + strings.Repeat("x", i), Kind: kind, Class: class})
			}
		}
	}
	drawn := sample(all, 10, 7)
	assert.Equal(t, drawn, sample(all, 10, 7))
	assert.NotEqual(t, drawn, sample(all, 10, 8))
	seen := map[string]bool{}
	for _, m := range drawn {
		seen[m.Kind+m.Class] = true
	}
	assert.Len(t, seen, 10)
	assert.Equal(t, all, sample(all, 0, 1), "0 is all")
	assert.Equal(t, all, sample(all, 500, 1))
	assert.Len(t, choose(all, []string{"rack"}, regexp.MustCompile("^rack drop")), 20)
}

func TestEditsNest(t *testing.T) {
	t.Parallel()
	text := "a(b)c"
	edits := []edit{{0, 4, "[", "]"}, {2, 3, "<", ">"}, {0, 4, "{", "}"}, {4, 5, "-", "-"}, {from: 0, to: 0, before: "!"}}
	assert.Equal(t, "[{!a(<b>)}]-c-", string(apply([]byte(text), 0, 5, edits)))
	assert.Equal(t, "(<b>)", string(apply([]byte(text), 1, 4, []edit{{2, 3, "<", ">"}, {0, 1, "!", ""}})), "what lies outside has no part in it")
}

func TestAListThatMakesNoSenseIsRefusedWithItsLine(t *testing.T) {
	t.Parallel()
	_, err := parseOrders(strings.NewReader("# head\nrack/ready.go handler.ready alone"))
	require.ErrorContains(t, err, "line 2")
	_, err = parseExplained(strings.NewReader("no pattern"))
	require.ErrorContains(t, err, "line 1")
	_, err = parseExplained(strings.NewReader("\n= (\nwhy"))
	require.ErrorContains(t, err, "line 2")
	_, err = parseExplained(strings.NewReader("= a\nwhy\n= b\n"))
	require.ErrorContains(t, err, "line 3: it does not say why")
	list, err := parseExplained(strings.NewReader("= rack drop .*\nnobody\nlooks"))
	require.NoError(t, err)
	assert.Len(t, unused(list), 1)
	assert.Equal(t, "nobody looks", explain(mutation{Kind: "rack", Class: "drop", Text: "x"}, list))
	assert.Empty(t, explain(mutation{Kind: "rack", Class: "remove", Text: "x"}, list))
	assert.Empty(t, unused(list))
}

func TestAnOrderThatNoLongerFitsItsSourceIsAnError(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		tiny + "/tiny.go off a | b":         "nothing in it begins with \"a\"",
		tiny + "/tiny.go gone a | b":        "there is no such function or variable",
		"rack/ready.go handler.ready a | b": "is no source of a package that is mutated",
		tiny + `/tiny.go off req, ok := env.Pending("press") | req, ok := env.Pend`: "does not stand after the first",
	} {
		orders, err := parseOrders(strings.NewReader(text))
		require.NoError(t, err)
		p := tinyPlan(t, "")
		p.orders = orders
		_, _, err = p.find(tinyOptions(t).root)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "precedence.txt:1")
	}
}

func TestTheFirstFailureStopsATestBinary(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ out, by, note string }{
		"nothing":      {"=== RUN   TestA\n--- PASS: TestA (0.00s)\nPASS\n", "", ""},
		"a test":       {"mutant: leads to B\n=== RUN   TestA\n--- FAIL: TestA (0.00s)\n", "TestA", "leads to B"},
		"an assertion": {"=== RUN   TestA\n=== CONT  TestA/b\n    a_test.go:1: \n        \tError Trace:\ta_test.go:1\n", "TestA/b", ""},
		"a scenario":   {"=== NAME  TestScenarios/x\n    run.go:61: rows.yaml:7: x: it is not so\n", "TestScenarios/x", ""},
		"a panic":      {"panic: boom\n\ngoroutine 1\n", "(panic: boom)", ""},
	} {
		stopped := false
		by, note := firstFailure(bytes.NewBufferString(c.out), func() { stopped = true })
		assert.Equal(t, c.by, by, name)
		assert.Equal(t, c.note, note, name)
		assert.Equal(t, c.by != "" && !strings.HasPrefix(c.by, "("), stopped, name)
	}
}

func TestTheListNamesEachMutantOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-root", "../..", "-list", "-sample", "0", "-kinds", "powershelf", "-only", "Removed"}, &out))
	assert.Equal(t, 2, strings.Count(out.String(), "Deleting --Removed--> (gone)"), out.String())
	require.Error(t, run(t.Context(), []string{"-root", "../..", "-list", "-only", "no such mutant"}, &out))
	require.Error(t, run(t.Context(), []string{"-only", "("}, &out))
	require.NoError(t, run(t.Context(), []string{"-h"}, &out))
}
