package sitesim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// moment is what a store held at one moment in the life of a site.
type moment struct {
	records  []backend.Record
	requests []backend.Request
	now      time.Time
}

// moments are a site that is brought up, one that rests, and one whose rack is being maintained.
func moments(f *testing.F) []moment {
	f.Helper()
	store := memory.New()
	cfg := config(1, store, 1)
	cfg.Racking = time.Minute
	sim, err := New(f.Context(), cfg)
	require.NoError(f, err)
	var all []moment
	keep := func() {
		records, err := store.List(f.Context(), backend.Query{})
		require.NoError(f, err)
		requests, err := store.Requests(f.Context(), backend.RequestQuery{OpenOnly: true})
		require.NoError(f, err)
		all = append(all, moment{records: records, requests: requests, now: sim.Now()})
	}
	require.NoError(f, sim.Run(f.Context(), 6*time.Minute))
	keep()
	require.NoError(f, sim.RunUntil(f.Context(), sim.AllReady, longest))
	keep()
	_, err = sim.manager.Controller().Request(f.Context(), lifecycle.NewRequest{
		Type: lifecycle.TypeMaintenance, Initiator: "ann", Params: rack.Maintenance{Scope: rack.Scope{Activities: []rack.Activity{{Name: rack.FirmwareUpgrade, Firmware: firmwareID}}}},
	}, rack.Ref("R01"))
	require.NoError(f, err)
	require.NoError(f, sim.Run(f.Context(), 3*time.Minute))
	keep()
	require.NoError(f, sim.Close())
	return all
}

// spoilt are values that a program of another version, a person with an editor, or a bad disk puts in the place of others.
var spoilt = []string{
	`null`, `true`, `false`, `""`, `"x"`, `"Ready"`, `"machine/R01-compute-1"`, `"switch/nobody"`, `"/"`, `-1`, `0`, `1`, `9007199254740992`, `1e300`, `-9223372036854775808`, `[]`, `[null]`, `["x","x"]`, `{}`,
	`{"":null}`, `"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59Z"`, `"2026-01-01T00:10:00Z"`, `"not a time"`, `"FirmwareUpgrade"`, `"PowerSequence"`, `"on"`, `"off"`, `[{}]`,
}

// spoil changes values inside of JSON: of every three bytes of the script, two name the place and one the value.
func spoil(data, script []byte) []byte {
	var root any
	if json.Unmarshal(data, &root) != nil {
		return data
	}
	for len(script) >= 3 {
		var slots []func(v any, gone bool)
		collect(root, &slots)
		if len(slots) == 0 {
			break
		}
		var value any
		if json.Unmarshal([]byte(spoilt[int(script[2])%len(spoilt)]), &value) != nil {
			return data
		}
		slots[(int(script[0])<<8|int(script[1]))%len(slots)](value, script[2] == 255)
		script = script[3:]
	}
	out, err := json.Marshal(root)
	if err != nil {
		return data
	}
	return out
}

// collect lists the places in a value, each as the function that puts something else there.
func collect(v any, slots *[]func(v any, gone bool)) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			*slots = append(*slots, func(other any, gone bool) {
				if v[name] = other; gone {
					delete(v, name)
				}
			})
			collect(v[name], slots)
		}
	case []any:
		for i := range v {
			*slots = append(*slots, func(other any, _ bool) { v[i] = other })
			collect(v[i], slots)
		}
	}
}

// FuzzRecord: whatever a store holds of one rack, machine, switch or power shelf, the manager starts, works on the object or reports it by its name, and goes on with the rest of the site.
func FuzzRecord(f *testing.F) {
	all := moments(f)
	for when := range all {
		for i, rec := range all[when].records {
			f.Add(uint8(when), uint8(i), uint8(0), "", []byte(nil), []byte(nil), uint8(0), "pending", []byte("{}"))
			f.Add(uint8(when), uint8(i), uint8(7*i+1), "", []byte(nil), []byte{0, 3, byte(i), 0, 9, byte(2 * i)}, uint8(i), "started", []byte(`{"scope":{"machines":["x"]}}`))
			if when == 2 {
				f.Add(uint8(when), uint8(i), uint8(0), rec.State, rec.Data[:len(rec.Data)/2], []byte(nil), uint8(1), "odd", []byte("["))
			}
		}
	}
	f.Add(uint8(1), uint8(0), uint8(0), "HostInit/Warp", []byte("null"), []byte(nil), uint8(0), "", []byte(nil))
	f.Fuzz(func(t *testing.T, when, which, stateAt uint8, state string, data, script []byte, requestAt uint8, stands string, params []byte) {
		m := all[int(when)%len(all)]
		records := slices.Clone(m.records)
		rec := &records[int(which)%len(records)]
		if state != "" {
			rec.State = state
		}
		if len(data) == 0 {
			data = spoil(rec.Data, script)
		}
		rec.Data = data
		ref := rec.Ref
		store, log := memory.New(), &bytes.Buffer{}
		cfg := config(1, store, 1)
		cfg.Start = m.now
		cfg.Rack.Lifecycle.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelError}))
		kinds := kindsOf(t, cfg)
		if state == "" && stateAt > 0 {
			states := kinds[ref.Kind].States()
			rec.State = states[int(stateAt)%len(states)].State
		}
		types := slices.Sorted(maps.Keys(kinds[ref.Kind].RequestTypes()))
		q := backend.Request{
			ID: "fuzz", On: ref, Rack: "R01", Type: types[int(requestAt)%len(types)], State: backend.RequestState(stands), Initiator: "ann", At: m.now, Params: params,
		}
		stock(t, store, records, append(slices.Clone(m.requests), q))

		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		sim, err := New(ctx, cfg)
		require.NoError(t, err)
		defer func() { require.NoError(t, sim.Close()) }()
		err = sim.Run(ctx, 90*time.Minute)
		require.NoError(t, ctx.Err(), "it goes in a circle")
		if err != nil {
			require.ErrorIs(t, err, backend.ErrCorrupt)
			require.ErrorContains(t, err, ref.String())
			return
		}
		require.NotContains(t, log.String(), "panicked")
		reported(t, sim, ref, rec.State, data)
	})
}

// kindsOf are the kinds that a manager has.
func kindsOf(t *testing.T, cfg Config) map[backend.Kind]*lifecycle.Kind {
	t.Helper()
	cfg.Store = memory.New()
	sim, err := New(t.Context(), cfg)
	require.NoError(t, err)
	out := map[backend.Kind]*lifecycle.Kind{}
	for _, k := range sim.manager.Controller().Kinds() {
		out[k.Name()] = k
	}
	require.NoError(t, sim.Close())
	return out
}

// stock puts records and requests into an empty store.
func stock(t *testing.T, store backend.Store, records []backend.Record, requests []backend.Request) {
	t.Helper()
	for _, rec := range records {
		c := backend.Commit{Writes: []backend.Write{{Record: rec, Transition: &backend.Transition{
			Ref: rec.Ref, Rack: rec.Rack, Seq: rec.Transitions, To: rec.State, At: rec.Since, Trigger: "Given", Initiator: "ann",
		}}}}
		for _, q := range requests {
			if q.On == rec.Ref {
				c.Post = append(c.Post, q)
			}
		}
		results, err := store.Commit(t.Context(), []backend.Commit{c})
		require.NoError(t, errors.Join(append(results, err)...))
	}
}

// reported requires of an object that cannot be understood that it is named in its outcome and was left as it is, and of all others that they are not.
func reported(t *testing.T, sim *Simulation, ref backend.Ref, state string, data []byte) {
	t.Helper()
	records, err := sim.cfg.Store.List(t.Context(), backend.Query{})
	require.NoError(t, err)
	for _, rec := range records {
		x, err := sim.manager.Controller().Explain(rec.Ref)
		require.NoError(t, err)
		require.NotEmpty(t, x.String())
		if x.Broken == nil {
			continue
		}
		require.Equal(t, ref, rec.Ref, "only what was spoilt is broken")
		require.True(t, errors.Is(x.Broken, backend.ErrCorrupt) || errors.Is(x.Broken, lifecycle.ErrUnknownState), "%v", x.Broken)
		require.Equal(t, backend.OutcomeError, rec.Outcome.Kind)
		require.Contains(t, rec.Outcome.Reason, ref.String())
		require.Equal(t, state, rec.State)
		require.Equal(t, string(data), string(rec.Data))
	}
}
