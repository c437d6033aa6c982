package service_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine/service"
)

// patience is how long reading and using one small text may take. It is far above what it takes, and far below what somebody would call a hang.
const patience = 20 * time.Second

// FuzzParse looks for a text that the loader neither takes nor reports, or takes and cannot work with.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "testdata/broken/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(f, err)
		for _, path := range paths {
			data, err := os.ReadFile(path)
			require.NoError(f, err)
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		began := time.Now()
		d, err := service.Parse(data, "f.yaml")
		require.NotEqual(t, d == nil, err == nil, "either a definition or an error")
		if d == nil {
			listed(t, service.Problems(err), data, false)
		} else {
			listed(t, d.Warnings(), data, true)
			works(t, d)
		}
		require.Less(t, time.Since(began), patience)
	})
}

// listed requires that problems stand in the file, in the order of their lines.
func listed(t *testing.T, all []*service.Problem, data []byte, warnings bool) {
	t.Helper()
	require.NotEqual(t, warnings, len(all) > 0 && !all[0].Warning, "an error has its problems, a definition none")
	require.LessOrEqual(t, len(all), 101, "nobody reads more")
	lines, last := bytes.Count(data, []byte("\n"))+1, 0
	for i, p := range all {
		require.Equal(t, "f.yaml", p.File)
		require.NotEmpty(t, p.Message)
		require.Equal(t, warnings, p.Warning)
		require.Equal(t, p.Line == 0, p.Column == 0)
		require.LessOrEqual(t, p.Line, lines+bytes.Count(data, []byte("\r")), p.Error())
		if i < 100 {
			require.GreaterOrEqual(t, p.Line, last, "in the order of the lines")
			last = p.Line
		}
	}
}

// works requires that a definition can be used: it makes a kind that holds together, and a node can be created, asked and moved.
func works(t *testing.T, d *service.Definition) {
	t.Helper()
	r := newRig(t, memory.New())
	for _, tr := range d.Transitions {
		require.NotNil(t, d.Find(tr.From, tr.To))
		for _, name := range []string{tr.From, tr.To} {
			_, known := d.State(name)
			require.True(t, known, name)
		}
		if tr.Action != nil {
			r.actions[tr.Action.Name] = instant()
		}
	}
	require.NotEmpty(t, d.Mermaid())
	require.NotEmpty(t, d.Markdown())
	kind, err := service.NewKind(d, service.Config{Actions: r.actions})
	require.NoError(t, err)
	require.Equal(t, d.Initial, kind.Initial())
	_ = lifecycle.Check(kind.Kind) // what it finds is a matter of taste, and has been shown as a warning

	r.open(d).create("n1")
	for range 6 {
		moves, err := r.Permitted(t.Context(), "n1", "fuzz")
		require.NoError(t, err)
		for _, m := range moves {
			_, err := r.Transition(t.Context(), "n1", m.To, service.Move{Initiator: "fuzz", Note: "because"})
			if err == nil {
				require.True(t, m.Possible, "%s was refused a moment ago: %v", m.To, m.Why)
				break
			}
			var refused *service.RefusedError
			require.ErrorAs(t, err, &refused)
			require.False(t, m.Possible, "%s: %v", m.To, err)
		}
		_, _, err = r.RunUntilIdle(t.Context(), r.clock.Now())
		require.NoError(t, err)
	}
	got, err := r.Get(t.Context(), "n1")
	require.NoError(t, err)
	_, known := d.State(got.CurrentState)
	require.True(t, known, got.CurrentState)
}

// FuzzParseDuration: a time that is taken is the sum of its parts, and within its bounds.
func FuzzParseDuration(f *testing.F) {
	for _, text := range []string{"90s", "12h", "14d", "1w3d", "1w1d1h1m1s", "521w", "522w", "0s", "999999d", "1s1s", "1.5h", "-1s", "00000001s", "٣s"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, ok := service.ParseDuration(text)
		if !ok {
			return
		}
		sum, n := time.Duration(0), time.Duration(0)
		for _, r := range text {
			if unit := map[rune]time.Duration{'w': 7 * day, 'd': day, 'h': time.Hour, 'm': time.Minute, 's': time.Second}[r]; unit > 0 {
				sum, n = sum+n*unit, 0
				continue
			}
			require.True(t, r >= '0' && r <= '9', "%q", r)
			n = n*10 + time.Duration(r-'0')
		}
		require.Equal(t, sum, d)
		require.Positive(t, d)
		require.LessOrEqual(t, d, 10*365*day)
	})
}

// FuzzNodeRecord: whatever a store holds of a node, the service opens or says which nodes have no place, and one node harms no other.
func FuzzNodeRecord(f *testing.F) {
	for _, data := range []string{
		"", "{}", "null", `{"revision":18446744073709551615,"seen":1}`, `{"revision":-1}`, `{"run":{}}`, `{"run":{"action":"wipe","key":"k","started":true,"ended":"odd","on_success":"nowhere"}}`,
		`{"run":{"action":"nobody has it","on_failure":"up"}}`, `{"run":{"action":"wipe","ended":"failed","on_failure":"gone"}}`, `{"abandoned":[{},{"action":"wipe","started":true}]}`,
		`{"recent":[{"seq":9,"before":18446744073709551615,"key":"x"},{}]}`, `{"machine":"` + "a/b" + `","labels":{"":""}}`, `{"entered":{"initiator":"` + "\xff" + `"}}`, `{"entered":7}`,
		`{"holds":[{"type":"service","owner":"x"}],"deletion":{"initiator":"ann"}}`,
	} {
		f.Add("down", []byte(data), "pack", "{}")
	}
	f.Add("lost", []byte("{}"), "", "")
	f.Add("old", []byte("{}"), lifecycle.ForceDelete, "[")
	f.Fuzz(func(t *testing.T, state string, data []byte, request, params string) {
		if state == "" {
			state = "up"
		}
		r := newRig(t, memory.New()).with("wipe", instant()).withMachines()
		node := func(id, state string, data []byte) backend.Commit {
			rec := backend.Record{Ref: service.Ref(id), Rack: "r", State: state, Since: epoch, Transitions: 1, Data: data}
			return backend.Commit{
				Writes: []backend.Write{{Record: rec, Transition: &backend.Transition{Ref: rec.Ref, Rack: "r", Seq: 1, To: state, At: epoch, Trigger: "Created", Initiator: "ann"}}},
				Post:   []backend.Request{{ID: "q", On: rec.Ref, Rack: "r", Type: request, State: backend.RequestPending, Initiator: "ann", At: epoch, Params: []byte(params)}},
			}
		}
		results, err := r.store.Commit(t.Context(), []backend.Commit{node("n1", state, data), node("n2", "up", []byte("{}"))})
		require.NoError(t, errors.Join(append(results, err)...))
		if err := r.tryOpen(parse(t, `
name: n
initial: up
states: [up, down, {name: gone, sla: 1d}]
transitions:
  - {from: up, to: down, action: {name: wipe, on_success: up, on_failure: gone}, guard: health.ok}
  - {from: down, to: gone, after: 1h}
  - {from: [down, gone], to: up}
renamed: {old: up}
`)); err != nil {
			var stranded *service.StrandedError
			require.ErrorAs(t, err, &stranded)
			require.Equal(t, []service.Stranded{{Node: "n1", State: state}}, stranded.Nodes)
			return
		}
		for range 3 {
			_, _, err = r.RunUntilIdle(t.Context(), r.clock.Now())
			require.NoError(t, err)
			r.clock.Set(r.clock.Now().Add(50 * time.Minute))
		}
		res, err := r.Transition(t.Context(), "n2", "down", service.Move{Initiator: "bob"})
		require.NoError(t, err)
		require.Equal(t, "down", res.State)

		x, err := r.Controller().Explain(service.Ref("n1"))
		if errors.Is(err, backend.ErrNotFound) {
			return
		}
		require.NoError(t, err)
		require.NotContains(t, x.Outcome.Reason, "panicked")
		if x.Broken != nil {
			require.ErrorIs(t, x.Broken, backend.ErrCorrupt)
			require.Contains(t, x.Outcome.Reason, "node/n1")
			rec, err := r.store.Get(t.Context(), service.Ref("n1"))
			require.NoError(t, err)
			require.Equal(t, string(data), string(rec.Data))
		}
		if _, err := r.Permitted(t.Context(), "n1", "bob"); err != nil {
			require.ErrorIs(t, err, backend.ErrCorrupt)
		}
		if _, err := r.Transition(t.Context(), "n1", "up", service.Move{Initiator: "bob"}); err != nil {
			require.True(t, errors.Is(err, lifecycle.ErrRejected) || errors.Is(err, backend.ErrCorrupt), "%v", err)
		}
	})
}
