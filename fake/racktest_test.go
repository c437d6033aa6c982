package fake_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/fake"
)

// labelled applies writes to the labels of machines.
func labelled(labels map[string]map[string]string, writes []fake.LabelWrite) {
	for _, w := range writes {
		if labels[w.Machine.ID] == nil {
			labels[w.Machine.ID] = make(map[string]string)
		}
		for k, v := range w.Set {
			labels[w.Machine.ID][k] = v
		}
	}
}

// states counts the machines by rv.st.
func states(labels map[string]map[string]string) map[string]int {
	count := make(map[string]int)
	for _, set := range labels {
		count[set["rv.st"]]++
	}
	return count
}

func TestAValidationLabelsItsMachinesFromIdleToPass(t *testing.T) {
	t.Parallel()
	s := newSite(t, fake.Config{Delays: exact()})
	machines := rackOf(10, 0, 0)[0]
	_, coming := s.NextEvent()
	assert.False(t, coming)
	require.NoError(t, s.can.RackTest.StartValidation(s.ctx, "k1", "r1", machines))
	require.NoError(t, s.can.RackTest.StartValidation(s.ctx, "k1", "r1", machines))
	labels := make(map[string]map[string]string)
	var seen []string
	for {
		at, more := s.NextEvent()
		if !more {
			break
		}
		early, err := s.Advance(at.Add(-time.Microsecond))
		require.NoError(t, err)
		require.Empty(t, early)
		writes, err := s.Advance(at)
		require.NoError(t, err)
		require.NotEmpty(t, writes)
		labelled(labels, writes)
		seen = append(seen, fmt.Sprint(at.Sub(start()), states(labels)))
	}
	assert.Equal(t, []string{"10s map[idle:10]", "20s map[inp:10]", "20m20s map[pass:10]"}, seen)
	parts := make(map[string]int)
	for _, set := range labels {
		assert.Equal(t, "rv-r1-1", set["rv.run-id"])
		parts[set["rv.part-id"]]++
	}
	assert.Equal(t, map[string]int{"p0": 4, "p1": 4, "p2": 2}, parts)
	assert.Equal(t, 1, s.Started("StartValidation"))
}

func TestAPartitionFailsWithTheTextOfTheFault(t *testing.T) {
	t.Parallel()
	s := newSite(t, fake.Config{PartitionSize: 2, Faults: faults(t, `job StartValidation on machine/m1 fails "nccl-timeout"`)})
	require.NoError(t, s.can.RackTest.StartValidation(s.ctx, "k1", "r1", rackOf(4, 0, 0)[0]))
	writes, err := s.Advance(start().Add(24 * time.Hour))
	require.NoError(t, err)
	labels := make(map[string]map[string]string)
	labelled(labels, writes)
	assert.Equal(t, map[string]int{"fail": 2, "pass": 2}, states(labels))
	assert.Equal(t, "nccl-timeout", labels["m1"]["rv.fail-desc"])
}

func TestAPartitionIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, fake.Config{ValidationTries: 2, Faults: faults(t, `job StartValidation on machine/m1 nth=1 fails "flaky"`)})
	require.NoError(t, s.can.RackTest.StartValidation(s.ctx, "k1", "r1", rackOf(1, 0, 0)[0]))
	writes, err := s.Advance(start().Add(24 * time.Hour))
	require.NoError(t, err)
	var course []string
	for _, w := range writes {
		course = append(course, w.Set["rv.st"])
	}
	assert.Equal(t, []string{"idle", "inp", "fail", "inp", "pass"}, course)
}

func TestANewerValidationTakesThePlaceOfAnOlderOne(t *testing.T) {
	t.Parallel()
	s := newSite(t, fake.Config{Delays: exact()})
	machines := rackOf(2, 0, 0)[0]
	require.NoError(t, s.can.RackTest.StartValidation(s.ctx, "k1", "r1", machines))
	s.add(time.Minute)
	require.NoError(t, s.can.RackTest.StartValidation(s.ctx, "k2", "r1", machines))
	require.Len(t, s.DoubleStarts(), 1)
	writes, err := s.Advance(start().Add(24 * time.Hour))
	require.NoError(t, err)
	require.Len(t, writes, 6)
	for _, w := range writes {
		assert.Equal(t, "rv-r1-2", w.Set["rv.run-id"])
	}
}

func TestWithoutDelaysOnlyTheResultIsWritten(t *testing.T) {
	t.Parallel()
	s := newSite(t, fake.Config{Instant: true, Faults: faults(t, `job StartValidation on machine/m2 never ends; job StartValidation on machine/m3 stays pending`), PartitionSize: 1})
	require.NoError(t, s.can.RackTest.StartValidation(s.ctx, "k1", "r1", rackOf(3, 0, 0)[0]))
	writes, err := s.Advance(s.Now())
	require.NoError(t, err)
	labels := make(map[string]map[string]string)
	labelled(labels, writes)
	assert.Len(t, writes, 3)
	assert.Equal(t, map[string]int{"pass": 1, "inp": 1, "idle": 1}, states(labels))
}

func TestRacksTakeTurnsInTheOrderOfTime(t *testing.T) {
	t.Parallel()
	s := newSite(t, fake.Config{Seed: 9})
	for _, rack := range []string{"r3", "r1", "r2"} {
		m := machine("of-" + rack)
		m.Rack = rack
		require.NoError(t, s.can.RackTest.StartValidation(s.ctx, "k1", rack, list(m)))
	}
	writes, err := s.Advance(start().Add(24 * time.Hour))
	require.NoError(t, err)
	require.Len(t, writes, 9)
	for i := 1; i < len(writes); i++ {
		assert.False(t, writes[i].At.Before(writes[i-1].At))
	}
}
