package lifecycle

import (
	"fmt"
	"strings"
	"time"
)

// Mermaid draws the table as a Mermaid state diagram, in table order. Rows that hold in every state, such as deletion, are left out of the
// picture, since they say the same of each. Colours follow the class of a state.
func (k *Kind) Mermaid() string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n")
	g := k.graph
	ids := g.mermaidIDs()
	for _, s := range g.order {
		fmt.Fprintf(&b, "    state %q as %s\n", s, ids[s])
	}
	for _, row := range g.rows {
		to := "[*]"
		if row.To != "" {
			to = ids[row.To]
		}
		switch {
		case row.From == "":
			fmt.Fprintf(&b, "    [*] --> %s: %s\n", to, row.On)
		case row.From == Any:
		case g.states[row.From] != nil:
			fmt.Fprintf(&b, "    %s --> %s: %s\n", ids[row.From], to, row.On)
		default:
			for _, s := range g.order {
				if strings.HasPrefix(s, row.From+"/") && !g.overridden(s, row) {
					fmt.Fprintf(&b, "    %s --> %s: %s\n", ids[s], to, row.On)
				}
			}
		}
	}
	for _, class := range []struct {
		class Class
		style string
	}{
		{Resting, "fill:#d5f0d5,stroke:#2e7d32,color:#000"},
		{Working, "fill:#dbe9fb,stroke:#1565c0,color:#000"},
		{Waiting, "fill:#fff3cd,stroke:#b8860b,color:#000"},
		{Failed, "fill:#f8d7da,stroke:#b71c1c,color:#000"},
		{Deleting, "fill:#e2e3e5,stroke:#555,color:#000"},
	} {
		var members []string
		for _, s := range g.order {
			if g.states[s].Class == class.class {
				members = append(members, ids[s])
			}
		}
		if len(members) > 0 {
			fmt.Fprintf(&b, "    classDef %s %s\n    class %s %s\n", class.class, class.style, strings.Join(members, ","), class.class)
		}
	}
	return b.String()
}

// overridden reports whether a state has a nearer row for the trigger of a path's row.
func (g *graph) overridden(state string, row Row[string, string]) bool {
	for _, p := range g.permitted[state] {
		if p == row {
			return false
		}
	}
	return true
}

// mermaidIDs gives each state an identifier that Mermaid takes: letters, digits and underscores, each one once.
func (g *graph) mermaidIDs() map[string]string {
	ids, taken := make(map[string]string, len(g.order)), map[string]bool{}
	for _, s := range g.order {
		id := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
				return r
			}
			return '_'
		}, s)
		for taken[id] {
			id += "_"
		}
		ids[s], taken[id] = id, true
	}
	return ids
}

// Markdown prints the table and the states as Markdown tables.
func (k *Kind) Markdown() string {
	var b strings.Builder
	b.WriteString("| from | trigger | to | guard | note |\n|---|---|---|---|---|\n")
	for _, r := range k.graph.rows {
		from, to := r.From, r.To
		switch from {
		case "":
			from = "(new)"
		case Any:
			from = "any"
		}
		if from == r.From && k.graph.states[from] == nil {
			from += "/*"
		}
		if to == "" {
			to = "(gone)"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", from, r.On, to, cellText(r.Guard), cellText(r.Note))
	}
	b.WriteString("\n| state | class | SLA | deadline | meaning |\n|---|---|---|---|---|\n")
	for _, s := range k.States() {
		sla := durationText(s.SLA)
		if s.StepSLA > 0 {
			sla = strings.TrimPrefix(sla+", "+durationText(s.StepSLA)+" in this state", ", ")
		}
		if s.ReportAtOnce {
			sla = "reported at once"
		}
		deadline := durationText(s.Deadline)
		if s.Deadline == 0 && s.NoDeadline != "" {
			deadline = "none: " + s.NoDeadline
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", s.State, s.Class, sla, cellText(deadline), cellText(s.Doc))
	}
	return b.String()
}

func durationText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func cellText(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "|", "\\|"), "\n", " ")
}
