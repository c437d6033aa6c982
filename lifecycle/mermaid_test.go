package lifecycle_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/lifecycle"
)

// diagram is a state diagram that was read back from Mermaid text.
type diagram struct {
	edges   []string          // "from --trigger--> to", in order
	classes map[string]string // by state
	styles  map[string]string // by class
}

// The subset of Mermaid that the engine writes.
var (
	stateLine = regexp.MustCompile(`^    state "([^"]+)" as ([A-Za-z0-9_]+)$`)
	edgeLine  = regexp.MustCompile(`^    (\[\*\]|[A-Za-z0-9_]+) --> (\[\*\]|[A-Za-z0-9_]+): ([A-Za-z0-9_]+)$`)
	styleLine = regexp.MustCompile(`^    classDef ([a-z]+) ([a-z]+:#[0-9a-f]+(?:,[a-z]+:#[0-9a-f]+)*)$`)
	classLine = regexp.MustCompile(`^    class ([A-Za-z0-9_,]+) ([a-z]+)$`)
)

// parseMermaid reads a diagram and fails at the first line that is not of the subset, or names what was not declared.
func parseMermaid(t *testing.T, text string) diagram {
	t.Helper()
	d := diagram{classes: map[string]string{}, styles: map[string]string{}}
	names := map[string]string{"[*]": "[*]"}
	name := func(id string) string {
		require.Contains(t, names, id, "an identifier that no state line declares")
		return names[id]
	}
	require.True(t, strings.HasSuffix(text, "\n"))
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	require.Equal(t, "stateDiagram-v2", lines[0])
	for _, line := range lines[1:] {
		switch m := []string(nil); {
		case match(stateLine, line, &m):
			require.NotContains(t, names, m[2], "two states share an identifier")
			names[m[2]] = m[1]
		case match(edgeLine, line, &m):
			d.edges = append(d.edges, name(m[1])+" --"+m[3]+"--> "+name(m[2]))
		case match(styleLine, line, &m):
			d.styles[m[1]] = m[2]
		case match(classLine, line, &m):
			require.Contains(t, d.styles, m[2])
			for _, id := range strings.Split(m[1], ",") {
				d.classes[name(id)] = m[2]
			}
		default:
			require.Failf(t, "a line that is no Mermaid", "%q", line)
		}
	}
	return d
}

func match(re *regexp.Regexp, line string, m *[]string) bool {
	*m = re.FindStringSubmatch(line)
	return *m != nil
}

func TestTheDiagramReadsBackToTheTable(t *testing.T) {
	t.Parallel()
	d := parseMermaid(t, lampKind(t, nil).Mermaid())
	assert.Equal(t, []string{
		"[*] --Built--> Dark",
		"Dark --SwitchOn--> Warming",
		"Warming --Warm--> Glowing/White",
		"Warming --Blow--> Burnt",
		"Glowing/White --Turn--> Glowing/Red",
		"Glowing/Red --Turn--> Glowing/White",
		"Glowing/White --SwitchOff--> Dark",
		"Glowing/Red --SwitchOff--> Dark",
		"Glowing/White --Blow--> Burnt",
		"Glowing/Red --Blow--> Burnt",
		"Burnt --Repair--> Dark",
		"Burnt --Repair--> Warming",
		"Scrapping --Removed--> [*]",
	}, d.edges, "in table order, the row from everywhere left out")
	assert.Equal(t, map[string]string{
		"Dark": "resting", "Warming": "working", "Glowing/White": "working", "Glowing/Red": "working", "Burnt": "failed", "Scrapping": "deleting",
	}, d.classes)
}

func TestARowOfAPathIsNotDrawnWhereANearerOneHolds(t *testing.T) {
	t.Parallel()
	k := lampKind(t, nil, row(white, blow, dark))
	d := parseMermaid(t, k.Mermaid())
	assert.Contains(t, d.edges, "Glowing/White --Blow--> Dark")
	assert.Contains(t, d.edges, "Glowing/Red --Blow--> Burnt")
	assert.NotContains(t, d.edges, "Glowing/White --Blow--> Burnt")
}

func TestTheDiagramIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	k := lampKind(t, nil)
	for range 20 {
		require.Equal(t, k.Mermaid(), lampKind(t, nil).Mermaid())
		require.Equal(t, k.Markdown(), lampKind(t, nil).Markdown())
	}
}

// cells splits a line of a Markdown table, in which a bar inside a cell is escaped.
func cells(line string) []string {
	line = strings.ReplaceAll(strings.Trim(line, "|"), `\|`, "\x00")
	out := strings.Split(line, "|")
	for i := range out {
		out[i] = strings.ReplaceAll(strings.TrimSpace(out[i]), "\x00", "|")
	}
	return out
}

func TestTheMarkdownTableHasEveryRowAndEveryState(t *testing.T) {
	t.Parallel()
	k := lampKind(t, nil, declare(lifecycle.StateInfo[lampState]{
		State: dark, Class: lifecycle.Waiting, NoDeadline: "nobody\nhurries", Doc: "off",
	}))
	rows, states, found := strings.Cut(k.Markdown(), "\n\n")
	require.True(t, found)
	lines := strings.Split(rows, "\n")
	require.Len(t, lines, 2+len(lampTable))
	assert.Equal(t, []string{"from", "trigger", "to", "guard", "note"}, cells(lines[0]))
	assert.Equal(t, []string{"(new)", "Built", "Dark", "", "fresh from the factory"}, cells(lines[2]))
	assert.Equal(t, []string{"Warming", "Warm", "Glowing/White", "", "a lamp is white | first"}, cells(lines[4]))
	assert.Equal(t, []string{"Glowing/*", "SwitchOff", "Dark", "", ""}, cells(lines[8]))
	assert.Equal(t, []string{"Burnt", "Repair", "Warming", "the contact was loose", ""}, cells(lines[11]))
	assert.Equal(t, []string{"any", "Discarded", "Scrapping", "", ""}, cells(lines[12]))
	assert.Equal(t, []string{"Scrapping", "Removed", "(gone)", "", ""}, cells(lines[13]))
	lines = strings.Split(strings.TrimSpace(states), "\n")
	require.Len(t, lines, 2+len(lampStates))
	assert.Equal(t, []string{"state", "class", "SLA", "deadline", "meaning"}, cells(lines[0]))
	assert.Equal(t, []string{"Dark", "waiting", "", "none: nobody hurries", "off"}, cells(lines[2]))
	assert.Equal(t, []string{"Warming", "working", "10m", "1h30m", "not bright yet"}, cells(lines[3]))
	assert.Equal(t, []string{"Glowing/White", "working", "1h", "", "shines white"}, cells(lines[4]))
	assert.Equal(t, []string{"Burnt", "failed", "reported at once", "", "a person must repair it"}, cells(lines[6]))
}
