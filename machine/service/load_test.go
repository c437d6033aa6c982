package service_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/internal/golden"
	"github.com/rackstate/rackstate/machine/service"
)

// files lists the definitions below testdata that match a pattern.
func files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("testdata", pattern))
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return found
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// messages prints problems as they stand beside the files, without the name of the file.
func messages(list []*service.Problem) string {
	var b strings.Builder
	for _, p := range list {
		b.WriteString(strings.TrimLeft(strings.TrimPrefix(p.Error(), p.File), ": ") + "\n")
	}
	return b.String()
}

func TestEveryBrokenDefinitionIsReportedWithItsLinesAndMessages(t *testing.T) {
	t.Parallel()
	broken := 0
	for _, path := range files(t, "broken/*.yaml") {
		name := filepath.Base(path)
		if !strings.HasPrefix(name, "warning-") {
			broken++
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := service.Parse(read(t, path), name)
			if strings.HasPrefix(name, "warning-") {
				require.NoError(t, err, "a warning is no error")
				require.NotEmpty(t, d.Warnings())
				golden.File(t, strings.TrimSuffix(path, ".yaml")+".txt", messages(d.Warnings()))
				return
			}
			require.Error(t, err)
			assert.Nil(t, d)
			list := service.Problems(err)
			require.NotEmpty(t, list)
			for _, p := range list {
				assert.Equal(t, name, p.File)
				assert.False(t, p.Warning)
				assert.Contains(t, err.Error(), p.Error(), "the error shows every problem")
			}
			golden.File(t, strings.TrimSuffix(path, ".yaml")+".txt", messages(list))
		})
	}
	assert.GreaterOrEqual(t, broken, 25)
}

func TestADefinitionIsReadFromAFileAReaderAndMemoryInYAMLAndJSON(t *testing.T) {
	t.Parallel()
	want := service.Default()
	path := filepath.Join(t.TempDir(), "d.yaml")
	require.NoError(t, os.WriteFile(path, service.DefaultYAML(), 0o600))
	fromFile, err := service.LoadFile(path)
	require.NoError(t, err)
	assert.Equal(t, want.Mermaid(), fromFile.Mermaid())
	fromReader, err := service.Load(strings.NewReader(string(service.DefaultYAML())), "x")
	require.NoError(t, err)
	assert.Equal(t, want.Markdown(), fromReader.Markdown())
	d, err := service.Parse([]byte(`{"name": "j", "initial": "a", "states": ["a", {"name": "b", "hold": true, "sla": "2w"}],
		"transitions": [{"from": "*", "to": ["a", "b"], "require": ["note"], "after": null}]}`), "j.json")
	require.NoError(t, err)
	assert.Equal(t, []service.State{{Name: "a"}, {Name: "b", Hold: true, SLA: 14 * day}}, d.States)
	require.Len(t, d.Transitions, 2)
	assert.True(t, d.Find("b", "a").RequireNote)

	_, err = service.LoadFile(filepath.Join(t.TempDir(), "missing.yaml"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = service.Load(iotest.ErrReader(assert.AnError), "x")
	require.ErrorIs(t, err, assert.AnError)
	assert.Empty(t, service.Problems(err))
	_, err = service.Parse([]byte(strings.Repeat("#", service.MaxSize+1)), "x")
	require.EqualError(t, err, "x: the file is larger than 64 KiB, the most that is read")
}

func TestAStateIsWhateverTheSiteCallsItAndStarIsEveryOtherOne(t *testing.T) {
	t.Parallel()
	d := parse(t, `
name: n
initial: Off
states: [Off, On, {name: scrap, terminal: true}]
transitions:
  - {from: "*", to: scrap, require: [note]}
  - {from: "*", to: [Off, On]}
  - {from: On, to: scrap}
`)
	assert.Equal(t, []string{"Off", "On", "scrap"}, d.StateNames(), "on and off are words, not true and false")
	pairs := [][2]string{}
	for _, tr := range d.Transitions {
		pairs = append(pairs, [2]string{tr.From, tr.To})
	}
	assert.Equal(t, [][2]string{{"Off", "scrap"}, {"On", "Off"}, {"Off", "On"}, {"On", "scrap"}}, pairs, "nothing leads out of scrap")
	assert.False(t, d.Find("On", "scrap").RequireNote, "a transition of its own comes before that of every state")
	assert.True(t, d.Find("Off", "scrap").RequireNote)
}

func TestTimesAreWholeNumbersWithUnits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "45m": 45 * time.Minute, "12h": 12 * time.Hour, "14d": 14 * day, "6w": 42 * day, "1w3d4h5m6s": 10*day + 4*time.Hour + 5*time.Minute + 6*time.Second,
		"3650d": 3650 * day,
	} {
		got, ok := service.ParseDuration(text)
		assert.True(t, ok, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "0s", "1", "1.5h", "-1h", "3h1d", "1 h", "h", "1y", "3651d", "999999w", "99999999999999999999s", "1ms"} {
		_, ok := service.ParseDuration(text)
		assert.False(t, ok, text)
	}
}

func TestAHugeFileIsAnsweredSoonAndShortly(t *testing.T) {
	t.Parallel()
	const full = service.MaxSize
	head := "name: n\ninitial: a\nstates: [a, b]\ntransitions:\n"
	for name, text := range map[string]string{
		"lists":         strings.Repeat("[", full),
		"mappings":      strings.Repeat("{a: ", full/4),
		"block lists":   strings.Repeat("- ", full/2-1) + "x",
		"explicit keys": strings.Repeat("? a\n", full/4),
		"empty lines":   "a: |\n" + strings.Repeat("\n", full-10),
		"tabs":          "a: \"" + strings.Repeat("\tx", full/2-5) + "\"",
		"documents":     strings.Repeat("--- a\n", full/6),
		"states":        "name: n\ninitial: a\nstates: [" + strings.Repeat("a,", full/2-40) + "a]\ntransitions: []",
		"transitions":   head + strings.Repeat("- {from: a, to: b}\n", 3000),
		"guard":         head + "- {from: a, to: b, guard: \"" + strings.Repeat("(", full-90) + "\"}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := service.Parse([]byte(text), "x")
			require.Error(t, err)
			assert.Less(t, len(service.Problems(err)), 110)
		})
	}
	var many strings.Builder
	many.WriteString("name: n\ninitial: s0\nstates: [")
	for i := range 100 {
		fmt.Fprintf(&many, "s%d,", i)
	}
	many.WriteString("]\ntransitions:\n")
	for i := range 100 {
		fmt.Fprintf(&many, "- {from: \"*\", to: s%d}\n", i)
	}
	_, err := service.Parse([]byte(many.String()), "x")
	require.ErrorContains(t, err, "the transitions lead to more than 2000 moves, the most that is read")
}

func TestTheDefinitionInTheDocumentationLoads(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for _, line := range strings.Split(string(read(t, "doc.go")), "\n") {
		code, ok := strings.CutPrefix(line, "//\t")
		if !ok && text.Len() > 0 {
			break
		}
		if ok {
			text.WriteString(code + "\n")
		}
	}
	d := parse(t, text.String())
	assert.Empty(t, d.Warnings())
	assert.Equal(t, 42*day, d.Find("rma", "maintenance").After)
}
