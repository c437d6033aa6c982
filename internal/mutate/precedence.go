package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// order is one line of precedence.txt: a place at which one thing comes before another by design.
type order struct {
	line int
	file string
	in   string // the function, with the type of its receiver, or the variable
	// parts come one after the other: each pair of neighbours is a mutant that has them the other way round.
	parts []string
	// Or text is what is done instead (an expression), or before (statements) the only part.
	instead, before string
}

// parseOrders reads precedence.txt; its head says how.
func parseOrders(r io.Reader) ([]order, error) {
	var out []order
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		file, rest, _ := strings.Cut(text, " ")
		in, rest, _ := strings.Cut(strings.TrimSpace(rest), " ")
		o := order{line: n, file: file, in: in}
		rest = strings.Join(strings.Fields(rest), " ")
		if first, instead, ok := strings.Cut(rest, " => "); ok {
			o.parts, o.instead = []string{first}, instead
		} else if first, before, ok := strings.Cut(rest, " <-- "); ok {
			o.parts, o.before = []string{first}, before
		} else if o.parts = strings.Split(rest, " | "); len(o.parts) < 2 {
			return nil, fmt.Errorf("line %d: wants a file, a function, and two things in their order", n)
		}
		out = append(out, o)
	}
	return out, lines.Err()
}
