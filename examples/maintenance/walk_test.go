package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/internal/golden"
	"github.com/rackstate/rackstate/lifecycle"
	nvswitch "github.com/rackstate/rackstate/switch"
)

const (
	walk = "testdata/walk.txt"
	page = "../../docs/operations.md"
)

// section is a part of the transcript, from one title to the next.
type section struct{ title, name, text string }

var notALetter = regexp.MustCompile(`[^a-z]+`)

// sections cuts a text at its lines that begin with "# ". What comes before the first is left out.
func sections(text string) []section {
	var out []section
	for _, part := range strings.Split("\n"+text, "\n# ")[1:] {
		title, body, _ := strings.Cut(part, "\n")
		name := "walk-" + strings.Trim(notALetter.ReplaceAllString(strings.ToLower(title), "-"), "-")
		out = append(out, section{title, name, strings.TrimSpace(body) + "\n"})
	}
	return out
}

// walked is a shell that has done the whole walk, and its transcript.
func walked(t *testing.T) (*shell, []section) {
	t.Helper()
	var out bytes.Buffer
	sh, err := open(t.Context(), options{seed: 1, limit: 1, user: "operator"}, &out)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, sh.close()) })
	require.NoError(t, sh.bringUp(t.Context()))
	script, err := os.ReadFile(walk)
	require.NoError(t, err)
	require.NoError(t, sh.loop(t.Context(), newSource(bytes.NewReader(script), &out, nil)), out.String())
	return sh, sections(out.String())
}

// TestTheOperationsPageShowsWhatTheWalkPrints looks at what came of the walk before it compares the text, so that an update never writes nonsense.
func TestTheOperationsPageShowsWhatTheWalkPrints(t *testing.T) {
	t.Parallel()
	sh, parts := walked(t)
	checkRequests(t, sh)
	checkEnd(t, sh)
	checkText(t, parts)
	if t.Failed() {
		return
	}
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
		golden.Region(t, page, p.name, "text", p.text)
	}
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	var shown []string
	for _, m := range regexp.MustCompile(`(?m)^<!-- (walk-[a-z-]+) -->$`).FindAllSubmatch(text, -1) {
		shown = append(shown, string(m[1]))
	}
	assert.Equal(t, names, shown, "the page shows the sections of the script, in its order")
}

// ended is how a request must end: its state, and how many results it has of each status.
type ended struct {
	state                        backend.RequestState
	ok, failed, running, skipped int
}

func checkRequests(t *testing.T, sh *shell) {
	t.Helper()
	const done = backend.RequestFinished
	want := map[string]ended{
		"op-1": {state: done, ok: 2}, "op-2": {state: backend.RequestFailed, ok: 1, failed: 1}, "op-3": {state: done, ok: 1},
		"op-4": {state: backend.RequestCancelled, running: 1}, "op-5": {state: done, ok: 9}, "op-6": {state: done}, "op-7": {state: done, ok: 1},
		"op-8": {state: done, ok: 1}, "op-9": {state: done, ok: 7}, "op-10": {state: done, ok: 1}, "op-11": {state: done, ok: 2}, "op-12": {state: done, ok: 2},
		"op-13": {state: backend.RequestFailed, failed: 3}, "op-14": {state: done}, "op-15": {state: done, ok: 1}, "op-16": {state: done}, "op-17": {state: done, ok: 1},
	}
	have, at := map[string]ended{}, map[string]backend.Request{}
	all, err := sh.store.Requests(t.Context(), backend.RequestQuery{})
	require.NoError(t, err)
	for _, r := range all {
		assert.False(t, r.State.Open(), "%s of %s is still open", r.ID, r.On)
		if !strings.HasPrefix(r.ID, "op-") {
			continue // a rack put it on its devices
		}
		e := have[r.ID]
		e.state = r.State
		for _, res := range r.Results {
			switch res.Status {
			case backend.ResultOK:
				e.ok++
			case backend.ResultFailed:
				e.failed++
			case backend.ResultRunning:
				e.running++
			case backend.ResultSkipped:
				e.skipped++
			}
		}
		have[r.ID], at[r.ID] = e, r
	}
	assert.Equal(t, want, have)
	assert.Equal(t, "alice (T-101)", at["op-1"].Initiator)
	assert.GreaterOrEqual(t, at["op-7"].StartedAt.Sub(at["op-7"].At), 30*time.Minute, "the hold kept it back")
	assert.Equal(t, at["op-8"].EndedAt, at["op-9"].StartedAt, "the second rack began when the first was done")
}

func checkEnd(t *testing.T, sh *shell) {
	t.Helper()
	states := map[string]string{}
	sh.ctl().Visit(func(o *lifecycle.Object) {
		states[o.ID()] = o.State()
		assert.Empty(t, o.Alerts, o.Ref())
		assert.Empty(t, o.Holds, o.Ref())
	})
	assert.Len(t, states, 20)
	for id, state := range states {
		want := "Ready"
		if id == "r1-compute-01" {
			want = "Assigned/Ready"
		}
		assert.Equal(t, want, state, id)
	}
	assert.Contains(t, states, "r1-compute-05")
	assert.NotContains(t, states, "r1-compute-04")
	assert.Empty(t, sh.sim.Hardware().DoubleStarts())

	rows, err := sh.store.History(t.Context(), backend.HistoryQuery{})
	require.NoError(t, err)
	last, seen := map[backend.Ref]backend.Transition{}, map[string][]string{}
	for _, r := range rows {
		require.Equal(t, last[r.Ref].Seq+1, r.Seq, "%s", r.Ref)
		require.Equal(t, last[r.Ref].To, r.From, "%s", r.Ref)
		last[r.Ref] = r
		seen[r.Ref.ID] = append(seen[r.Ref.ID], r.To)
	}
	assert.Contains(t, seen["r1"], "Maintenance/PowerSequence/PoweredOff")
	assert.Contains(t, seen["r1-switch-02"], string(nvswitch.Resetting))
	assert.Contains(t, seen["r1-compute-03"], "HostReprovision/FailedFirmwareUpgrade")
	assert.Equal(t, 2, count(seen["r1"], "Error"), "the failed tray and the cancelled maintenance")
	assert.Equal(t, 1, count(seen["r2"], "Error"), "the fabric")
	assert.Equal(t, 2, count(seen["r1"], "Discovering"), "bring-up and the new tray")
}

func count(list []string, what string) int {
	return len(list) - len(slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == what }))
}

// checkText looks for what a reader must find in each section.
func checkText(t *testing.T, parts []section) {
	t.Helper()
	want := map[string][]string{
		"Look before you touch":       {"skipped: firmware fw-1.5.0 is known and not available", "installs fw-1.4.0 on 2 devices", "4. PowerSequence"},
		"A maintenance that succeeds": {": started", ": finished", "2/2 devices terminal", "posted 01:"},
		"One tray fails":              {"1/2 devices failed: r1-compute-03: image checksum mismatch", "-> Error", "op-2 of rack/r1 by operator: failed", "machine/r1-compute-04  ok"},
		"Only the failed tray again":  {"Error -> FirmwareUpgrade/Start", "-> Ready", "op-3 of rack/r1 by operator: finished"},
		"Cancel what runs":            {"maintenance cancelled by operator", "may still run", "op-4 of rack/r1 by operator: cancelled"},
		"Power off, and on again":     {"-> PowerSequence/PoweredOff", "a power request leads out", "PoweredOff -> PowerSequence/PoweringOn", "power_shelf/r1-shelf-02  ok  on"},
		"A hold that blocks":          {"waits: machine/r1-compute-02 is held", "it is pending", "cable is being changed", "(30m0s)"},
		"One rack at a time":          {"at most 1 at once", "rack/r2  Ready -> FirmwareUpgrade/Start"},
		"Restart a switch":            {"Ready -> Reset", "Reset -> Ready"},
		"Power shelves off and on":    {"power off", "PowerOn  power_shelf/r2-shelf-02  ok  on"},
		"Replace a tray":              {"machine/r1-compute-04  Deleting -> gone", "machine/r1-compute-05  gone -> Created", "Ready -> Discovering", "compute=4/4"},
		"A fabric that fails":         {"link training failed", "alert ConfigureNmxCluster of rack-maintenance", "switch/r2-switch-01 in Error", "Error -> Ready"},
		"A tenant in the rack":        {"refused: machines r1-compute-01 are assigned", "Assigned/Ready", "tenant acme"},
		"A request with many mistakes": {
			"belongs to rack r2", "is not known", "is named twice", "list of switches is there and empty", "power \"sideways\" is not known", "are assigned",
			"a power request is accepted in", "allowed: rack/r1, rack/r2", "unknown argument \"everything\"",
		},
	}
	require.Len(t, parts, len(want))
	for _, p := range parts {
		require.Contains(t, want, p.title)
		for _, text := range want[p.title] {
			assert.Contains(t, p.text, text, p.title)
		}
	}
}

func TestTheOperationsPageListsTheCommands(t *testing.T) {
	t.Parallel()
	_, list, found := strings.Cut(transcript(t, "help\n"), "> help\n")
	require.True(t, found)
	golden.Region(t, page, "commands", "text", list)
}

// transcript is what the program prints for a script.
func transcript(t *testing.T, script string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), args, strings.NewReader(script), &out), out.String())
	return out.String()
}

func TestTheWalkIsTheSameOnDiskAsInMemory(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile(walk)
	require.NoError(t, err)
	assert.Equal(t, transcript(t, string(script)), transcript(t, string(script), "-db", filepath.Join(t.TempDir(), "racks.db")))
}
