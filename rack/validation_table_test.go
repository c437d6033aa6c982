package rack

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// designed is the table of the design page, row by row.
var designed = []struct {
	row   string
	in    []State
	holds func(Summary) bool
	next  Trigger
}{
	{
		"no machine carries this run's id any more",
		[]State{ValidationInProgress, ValidationPartial, ValidationFailedPartial, ValidationFailed},
		func(s Summary) bool { return s.Gone }, RunGone,
	},
	{"FailedPartial, total = 0", []State{ValidationFailedPartial}, func(s Summary) bool { return s.Total == 0 }, RunGone},
	{"InProgress, failed > 0", []State{ValidationInProgress}, func(s Summary) bool { return s.Failed > 0 }, PartitionFailed},
	{"InProgress, validated > 0", []State{ValidationInProgress}, func(s Summary) bool { return s.Validated > 0 }, PartitionValidated},
	{"Partial, validated = total (> 0)", []State{ValidationPartial}, func(s Summary) bool { return s.Validated == s.Total && s.Total > 0 }, AllValidated},
	{"Partial, failed > 0", []State{ValidationPartial}, func(s Summary) bool { return s.Failed > 0 }, PartitionFailed},
	{"FailedPartial, failed = total", []State{ValidationFailedPartial}, func(s Summary) bool { return s.Failed == s.Total }, AllFailed},
	{"FailedPartial, failed = 0, validated > 0", []State{ValidationFailedPartial}, func(s Summary) bool { return s.Failed == 0 && s.Validated > 0 }, PartitionValidated},
	{"FailedPartial, failed = 0, in progress > 0", []State{ValidationFailedPartial}, func(s Summary) bool { return s.Failed == 0 && s.InProgress > 0 }, PartitionRunning},
	{"FailedPartial, failed = 0, none validated or in progress", []State{ValidationFailedPartial}, func(s Summary) bool { return s.Failed == 0 }, PartitionsIdle},
	{"Failed, failed < total", []State{ValidationFailed}, func(s Summary) bool { return s.Failed < s.Total }, FailureRepeated},
	{"Failed, otherwise", []State{ValidationFailed}, func(Summary) bool { return true }, RunFailed},
}

// leadsTo is where the triggers of the table go.
var leadsTo = map[Trigger]State{
	RunGone: ValidationPending, PartitionFailed: ValidationFailedPartial, PartitionValidated: ValidationPartial, AllValidated: Validated, AllFailed: ValidationFailed,
	PartitionRunning: ValidationInProgress, PartitionsIdle: ValidationPending, FailureRepeated: ValidationFailedPartial, RunFailed: Error,
}

// TestTheFirstRowThatHoldsDecides compares the code with the table for every state and every mix of up to four partitions.
func TestTheFirstRowThatHoldsDecides(t *testing.T) {
	t.Parallel()
	took := map[string]bool{}
	for _, s := range summaries(4) {
		for _, info := range states {
			var want Trigger
			for _, row := range designed {
				if slices.Contains(row.in, info.State) && row.holds(s) {
					want, took[row.row] = row.next, true
					break
				}
			}
			assert.Equal(t, want, nextValidation(info.State, s), "in %s with %s, gone=%t", info.State, s, s.Gone)
		}
	}
	for _, row := range designed {
		assert.True(t, took[row.row], "no summary takes the row %s", row.row)
	}
}

// summaries are all counts of up to that many partitions.
func summaries(most int) []Summary {
	var out []Summary
	for total := range most + 1 {
		for validated := range total + 1 {
			for failed := range total - validated + 1 {
				for running := range total - validated - failed + 1 {
					s := Summary{Total: total, Validated: validated, Failed: failed, InProgress: running}
					gone := s
					gone.Gone = true
					out = append(out, s, gone)
				}
			}
		}
	}
	return out
}

func TestEveryTriggerOfTheValidationTableIsARowOfTheRack(t *testing.T) {
	t.Parallel()
	for _, row := range designed {
		for _, from := range row.in {
			assert.True(t, slices.ContainsFunc(table, func(r rackRow) bool { return r.From == from && r.On == row.next && r.To == leadsTo[row.next] }), "%s: %s --%s--> %s", row.row, from, row.next, leadsTo[row.next])
		}
	}
}

// on makes a machine with labels: run, partition, state, description. "-" leaves one out.
func on(id, run, part, state, desc string) Labelled {
	labels := map[string]string{}
	for name, v := range map[string]string{LabelRun: run, LabelPart: part, LabelState: state, LabelFailDesc: desc} {
		if v != "-" {
			labels[name] = v
		}
	}
	return Labelled{ID: id, Labels: labels}
}

func TestTheRunThatMostMachinesCarryIsChosen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		runs []string
		want string
	}{
		"nobody carries one":                {[]string{"-", "-"}, ""},
		"no machine":                        {nil, ""},
		"an empty label is none":            {[]string{"", "-"}, ""},
		"the only one":                      {[]string{"-", "run-7"}, "run-7"},
		"the most frequent one":             {[]string{"run-9", "run-2", "run-2"}, "run-2"},
		"of equals the greater":             {[]string{"run-2", "run-9"}, "run-9"},
		"of equals the greater, other way":  {[]string{"run-9", "run-2"}, "run-9"},
		"greater is a matter of the text":   {[]string{"run-10", "run-9"}, "run-9"},
		"an empty label does not outnumber": {[]string{"", "", "run-1"}, "run-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var machines []Labelled
			for i, run := range c.runs {
				machines = append(machines, on(fmt.Sprintf("m%d", i), run, "-", "-", "-"))
			}
			assert.Equal(t, c.want, chooseRun(machines))
		})
	}
}

func TestAPartitionIsSummedUpFromItsMachines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		states []string
		want   PartitionState
	}{
		"all pass":                            {[]string{"pass", "pass"}, PartitionPass},
		"one fails":                           {[]string{"pass", "fail", "inp", "idle"}, PartitionFail},
		"one is in progress":                  {[]string{"pass", "inp", "idle"}, PartitionBusy},
		"idle":                                {[]string{"idle"}, PartitionIdle},
		"one that passed among idle ones":     {[]string{"pass", "idle"}, PartitionIdle},
		"a failure comes before one that run": {[]string{"inp", "fail"}, PartitionFail},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var machines []Labelled
			for i, s := range c.states {
				machines = append(machines, on(fmt.Sprintf("m%d", i), "run-1", "p0", s, "-"))
			}
			parts, err := partitions(machines, "run-1")
			require.NoError(t, err)
			require.Len(t, parts, 1)
			assert.Equal(t, c.want, parts[0].State)
			assert.Len(t, parts[0].Machines, len(c.states))
		})
	}
}

func TestOnlyMachinesOfTheRunWithAPartitionCount(t *testing.T) {
	t.Parallel()
	parts, err := partitions([]Labelled{
		on("m1", "run-1", "p1", "inp", "-"), on("m2", "run-0", "p0", "fail", "-"), on("m3", "run-1", "-", "fail", "-"), on("m4", "-", "p2", "fail", "-"),
		on("m5", "run-1", "p0", "fail", "nccl-timeout"), on("m6", "run-1", "p0", "fail", "nccl-timeout"), on("m7", "run-1", "p0", "fail", "nvlink-down"),
		{ID: "m8"},
	}, "run-1")
	require.NoError(t, err)
	assert.Equal(t, []Partition{
		{ID: "p0", State: PartitionFail, Machines: []string{"m5", "m6", "m7"}, Failures: []string{"nccl-timeout", "nvlink-down"}},
		{ID: "p1", State: PartitionBusy, Machines: []string{"m1"}},
	}, parts)
	assert.Equal(t, Summary{Total: 2, Failed: 1, InProgress: 1}, summarize(parts))
	assert.Equal(t, "p0 (nccl-timeout, nvlink-down)", failureText(parts))
}

func TestAMissingOrUnknownStateOnACountedMachineIsAnError(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"-", "", "bogus", "PASS"} {
		_, err := partitions([]Labelled{on("m1", "run-1", "p0", "pass", "-"), on("m2", "run-1", "p0", state, "-")}, "run-1")
		require.Error(t, err, state)
		mentions(t, err.Error(), "m2", LabelState)
		_, err = partitions([]Labelled{on("m2", "run-0", "p0", state, "-"), on("m3", "run-1", "-", state, "-")}, "run-1")
		require.NoError(t, err, "one that does not count may carry anything")
	}
}
