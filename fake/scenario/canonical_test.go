package scenario

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
)

const twoMachines = `
- name: n
  given:
    racks: [{id: r1, state: Maintenance/FirmwareUpgrade/Start, cycle: c1}]
    machines: [{id: m1, rack: r1}, {id: m2, rack: r1}]
    firmware: [{id: fw-1}]
    requests:
      - {id: q1, on: rack/r1, type: maintenance, initiator: alice, accepted_at: 0s, cycle: c1, scope: {activities: [{FirmwareUpgrade: {firmware: fw-1}}]}}
    hardware:
      - {call: ApplyFirmware, answer: {jobs: {m1: running, m2: pending}}}
  then: {states: {rack/r1: Ready}}
`

var allRelevant = Relevant{
	Key: func(string) bool { return true }, Job: func(string, backend.Ref) bool { return true }, Event: func(backend.Ref, time.Time) bool { return true },
}

// canonicalWorld opens the world, makes steps, and returns it with its first snapshot.
func canonicalWorld(t *testing.T, steps ...Step) (*World, *Snapshot) {
	t.Helper()
	list, err := Parse("n", []byte(twoMachines))
	require.NoError(t, err)
	w, err := Open(t.Context(), list[0], memory.New())
	require.NoError(t, err)
	base := w.Snapshot()
	for _, s := range steps {
		require.NoError(t, w.Do(t.Context(), s))
	}
	return w, base
}

func canonicalText(t *testing.T, rel Relevant, steps ...Step) string {
	t.Helper()
	w, base := canonicalWorld(t, steps...)
	return string(w.Snapshot().AppendCanonical(nil, base, rel))
}

func TestTheCanonicalFormOfHardwareIsThatOfHardwareThatBehavesTheSame(t *testing.T) {
	t.Parallel()
	hour := Duration(time.Hour)
	pass := Step{Reconcile: Names{"rack/r1"}}
	answers := func(list ...Answer) Step { return Step{Hardware: []Answered{{Call: "SetFabricState", Answer: list}}} }
	ended := func(state, cause string) Step {
		return Step{Jobs: &Jobs{On: "rack/r1", Activity: "FirmwareUpgrade", Devices: map[string]JobState{"m1": {State: state, Cause: cause}}}}
	}
	ok, lost := Answer{Word: answerOK}, Answer{Word: answerLost, Text: "gone"}
	first := canonicalText(t, allRelevant)
	for name, steps := range map[string][]Step{
		"time alone changes nothing":         {{Advance: &hour}},
		"neither do calls that look":         {{Reconcile: Names{"machine/m1"}}},
		"nor an answer that is no other one": {answers(ok)},
	} {
		assert.Equal(t, first, canonicalText(t, allRelevant, steps...), name)
	}
	texts := map[string]string{"first": first}
	for name, steps := range map[string][]Step{
		"a job that runs":       {pass},
		"one that is completed": {pass, ended("completed", "")},
		"one that has failed":   {pass, ended("failed", "it broke")},
		"an answer to come":     {answers(lost, ok)},
		"another answer":        {answers(Answer{Word: answerError, Text: "gone"}, ok)},
		"a crash to come":       {{Crash: ptr("after-call SetPower")}},
	} {
		text := canonicalText(t, allRelevant, steps...)
		for other, seen := range texts {
			assert.NotEqual(t, seen, text, "%s and %s", name, other)
		}
		texts[name] = text
	}
	nothing := Relevant{Key: func(string) bool { return false }, Job: func(string, backend.Ref) bool { return false }, Event: func(backend.Ref, time.Time) bool { return false }}
	assert.Equal(t, canonicalText(t, nothing), canonicalText(t, nothing, pass), "what nobody sees any more is left out")
}

func ptr[T any](v T) *T { return &v }

func TestASnapshotForgetsWhatOnlyExpectationsLookAt(t *testing.T) {
	t.Parallel()
	w, _ := canonicalWorld(t, Step{Reconcile: Names{"rack/r1"}})
	s := w.Snapshot()
	key := ""
	s.Forget(func(k string) bool { key = k; return true })
	require.NotEmpty(t, key)
	assert.True(t, s.Began("ApplyFirmware", key))
	assert.Equal(t, []Job{
		{Poll: firmwarePoll, Device: backend.Ref{Kind: backend.KindMachine, ID: "m1"}, State: backend.JobRunning},
		{Poll: firmwarePoll, Device: backend.Ref{Kind: backend.KindMachine, ID: "m2"}, State: backend.JobPending},
	}, s.Jobs())
	later := s.At(Start().Add(time.Minute))
	s.Forget(func(string) bool { return false })
	assert.False(t, s.Began("ApplyFirmware", key))
	assert.Equal(t, Start(), s.Now())
	assert.Equal(t, Start().Add(time.Minute), later.Now())
	require.NoError(t, w.Restore(t.Context(), later, memory.New()))
	assert.Equal(t, later.Now(), w.Now())
	assert.Empty(t, w.Report(t.Context()).History)
}
