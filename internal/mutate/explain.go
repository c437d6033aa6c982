package main

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"regexp"
	"strings"
)

//go:embed explained.txt
var explainedText string

// explanation says of mutants why nobody can notice them.
type explanation struct {
	line    int
	pattern *regexp.Regexp // of kind, class and text
	why     string
	used    bool
}

// parseExplained reads explained.txt; its head says how.
func parseExplained(r io.Reader) ([]*explanation, error) {
	var out []*explanation
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		switch {
		case text == "" || strings.HasPrefix(text, "#"):
		case strings.HasPrefix(text, "= "):
			pattern, err := regexp.Compile("^(?:" + text[2:] + ")$")
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			out = append(out, &explanation{line: n, pattern: pattern})
		case len(out) == 0:
			return nil, fmt.Errorf("line %d: wants a line that begins with = first", n)
		default:
			last := out[len(out)-1]
			last.why = strings.TrimSpace(last.why + " " + text)
		}
	}
	for _, e := range out {
		if e.why == "" {
			return nil, fmt.Errorf("line %d: it does not say why", e.line)
		}
	}
	return out, lines.Err()
}

// explain says why a mutant that nobody noticed cannot be noticed, "" if nothing does.
func explain(m mutation, list []*explanation) string {
	for _, e := range list {
		if e.pattern.MatchString(m.key()) {
			e.used = true
			return e.why
		}
	}
	return ""
}

// unused lists the explanations of mutants that somebody notices, or that do not exist: they are wrong.
func unused(list []*explanation) []string {
	var out []string
	for _, e := range list {
		if !e.used {
			out = append(out, fmt.Sprintf("explained.txt:%d: no mutant that lives is %s: it is noticed now, or gone; take the entry out", e.line, e.pattern))
		}
	}
	return out
}
