package fake_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
)

// journaled makes a site with a journal.
func journaled(tb testing.TB, path string, clk *handClock, config fake.Config) *site {
	tb.Helper()
	hw, err := fake.Open(path, clk, config)
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, hw.Close()) })
	return wrap(tb, hw, clk)
}

// snapshotOf is the state of a site.
func snapshotOf(tb testing.TB, s *site) string {
	tb.Helper()
	raw, err := s.Snapshot()
	require.NoError(tb, err)
	return string(raw)
}

func TestARestoredSiteGoesOnAsTheOldOneWouldHave(t *testing.T) {
	t.Parallel()
	config := fake.Config{Seed: 11, Faults: faults(t, dayFaults), Record: true}
	old := newSite(t, config)
	day(t, old, true)
	_ = old.can.Reset.ResetHost(old.ctx, "again", machine("m1"))
	_ = old.can.RackTest.StartValidation(old.ctx, "v2", "r1", rackOf(6, 0, 0)[0])
	before := snapshotOf(t, old)

	next := newSite(t, fake.Config{Seed: 11, Record: true})
	next.add(old.Now().Sub(next.Now()))
	require.NoError(t, next.Restore([]byte(before)))
	assert.Equal(t, before, snapshotOf(t, next))
	assert.Equal(t, old.StartedByKey(), next.StartedByKey())
	assert.Equal(t, old.DoubleStarts(), next.DoubleStarts())

	logged := len(old.Calls())
	for _, s := range []*site{old, next} {
		s.add(5 * time.Minute)
		_ = s.can.Reset.ResetHost(s.ctx, "again", machine("m1"))
		_, _ = s.can.Firmware.ApplyFirmware(s.ctx, "f1", firmware2, rackOf(6, 0, 0)[0])
		_, _ = s.can.Agent.Discover(s.ctx, machine("m1"))
	}
	assert.Equal(t, old.Calls()[logged:], next.Calls())
	want, err := old.Advance(old.Now())
	require.NoError(t, err)
	got, err := next.Advance(next.Now())
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, snapshotOf(t, old), snapshotOf(t, next))
}

func TestADamagedSnapshotChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, fake.Config{})
	_ = s.power(t, machine("m1"))
	before := snapshotOf(t, s)
	require.Error(t, s.Restore([]byte(before[:len(before)-3])))
	assert.Equal(t, before, snapshotOf(t, s))
	j := journaled(t, filepath.Join(t.TempDir(), "journal"), s.handClock, fake.Config{})
	require.Error(t, j.Restore([]byte(before)))
}

func TestASiteOutlivesItsProcessByItsJournal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	config := fake.Config{Seed: 12, Faults: faults(t, `lose ResetHost nth=1 on machine/m2; job FirmwareJob p=0.4 fails "checksum"; timeout SubmitPlatform p=0.5`)}
	clk := &handClock{now: start()}
	first := journaled(t, path, clk, config)
	require.NoError(t, first.Add(nvswitch("late"), fake.Traits{Tray: 5}))
	require.NoError(t, first.Inject(faults(t, "silent on machine/m4")...))
	day(t, first, true)
	require.NoError(t, first.Remove(machine("m6").Ref))
	_ = first.can.Reset.ResetHost(first.ctx, "again", machine("m1"))

	second := journaled(t, path, clk, config)
	assert.Equal(t, snapshotOf(t, first), snapshotOf(t, second))
	_, err := second.can.Firmware.ApplyFirmware(second.ctx, "f1", firmware2, rackOf(5, 0, 0)[0])
	require.NoError(t, err)
	assert.Equal(t, 1, second.Started("ApplyFirmware"))
	require.NoError(t, second.ClearFaults())
	third := journaled(t, path, clk, config)
	assert.Equal(t, snapshotOf(t, second), snapshotOf(t, third))
}

func TestAJournalCutAnywhereOpensWithWhatWasWritten(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "whole")
	clk := &handClock{now: start()}
	s := journaled(t, path, clk, fake.Config{Instant: true})
	for i := range 4 {
		require.NoError(t, s.can.Shelf.ConfigureShelf(s.ctx, fmt.Sprint("k", i), powerShelf("p1")))
	}
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for cut := 0; cut <= len(whole); cut++ {
		name := filepath.Join(folder, "cut")
		require.NoError(t, os.WriteFile(name, whole[:cut], 0o600))
		hw, err := fake.Open(name, clk, fake.Config{Instant: true})
		require.NoError(t, err, "cut after %d bytes", cut)
		lines := bytes.Count(whole[:cut], []byte("\n"))
		assert.Equal(t, max(0, lines-2), hw.Started("ConfigureShelf"), "cut after %d bytes", cut)
		require.NoError(t, hw.Capabilities().Shelf.ConfigureShelf(t.Context(), "k3", powerShelf("p1")))
		require.NoError(t, hw.Close())
		again, err := fake.Open(name, clk, fake.Config{Instant: true})
		require.NoError(t, err, "what follows a cut is readable")
		assert.Equal(t, hw.StartedByKey(), again.StartedByKey())
		require.NoError(t, again.Close())
	}
}

func TestAJournalOfAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	clk := &handClock{now: start()}
	journaled(t, path, clk, fake.Config{Seed: 1})
	for _, other := range []fake.Config{{Seed: 2}, {Seed: 1, Instant: true}, {Seed: 1, Faults: faults(t, "away")}} {
		_, err := fake.Open(path, clk, other)
		require.ErrorIs(t, err, fake.ErrOtherJournal)
	}
	_, err := fake.Open(path, clk, fake.Config{Seed: 1, Record: true, Credentials: &fake.Credentials{}})
	require.NoError(t, err, "neither the log nor the credentials decide what happens")
}

func TestADamagedJournalIsRefusedByItsLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	clk := &handClock{now: start()}
	s := journaled(t, path, clk, fake.Config{})
	_ = s.power(t, machine("m1"))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(whole, "rubbish\n"...), 0o600))
	_, err = fake.Open(path, clk, fake.Config{})
	require.ErrorIs(t, err, fake.ErrBadJournal)
	assert.Contains(t, err.Error(), "line 3")
	require.NoError(t, os.WriteFile(path, []byte("rubbish\n"), 0o600))
	_, err = fake.Open(path, clk, fake.Config{})
	require.ErrorIs(t, err, fake.ErrBadJournal)
	_, err = fake.Open(t.TempDir(), clk, fake.Config{})
	require.Error(t, err)
}

func TestLabelsThatMayNotHaveArrivedComeAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	clk := &handClock{now: start()}
	config := fake.Config{Delays: exact()}
	s := journaled(t, path, clk, config)
	require.NoError(t, s.can.RackTest.StartValidation(s.ctx, "k1", "r1", rackOf(1, 0, 0)[0]))
	advance := func(s *site, at time.Duration) (got []string) {
		writes, err := s.Advance(start().Add(at))
		require.NoError(t, err)
		for _, w := range writes {
			got = append(got, w.Set["rv.st"])
		}
		return got
	}
	assert.Equal(t, []string{"idle"}, advance(s, 10*time.Second))
	assert.Equal(t, []string{"inp"}, advance(s, 20*time.Second))
	s = journaled(t, path, clk, config)
	assert.Equal(t, []string{"inp"}, advance(s, 20*time.Second), "the process may have died with it in hand")
	assert.Empty(t, advance(s, 21*time.Second))
	s = journaled(t, path, clk, config)
	assert.Equal(t, []string{"pass"}, advance(s, time.Hour), "the call after it said that it had arrived")
}

func TestAJournalThatCannotBeWrittenStopsChanges(t *testing.T) {
	t.Parallel()
	s := journaled(t, filepath.Join(t.TempDir(), "journal"), &handClock{now: start()}, fake.Config{Instant: true})
	p := powerShelf("p1")
	require.NoError(t, s.Add(p, fake.Traits{}))
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.can.Shelf.ConfigureShelf(s.ctx, "k1", p), backend.ErrNotDone)
	require.ErrorIs(t, s.Remove(p.Ref), backend.ErrNotDone)
	assert.False(t, s.view(t, p).Configured)
	_, err := s.can.Shelf.FetchShelf(s.ctx, p)
	require.NoError(t, err, "looking needs no journal")
	require.NoError(t, s.Close())
}

func TestAMissingCredentialIsNotWrittenAsWork(t *testing.T) {
	t.Parallel()
	path, clk, store := filepath.Join(t.TempDir(), "journal"), &handClock{now: start()}, &fake.Credentials{}
	s := journaled(t, path, clk, fake.Config{Credentials: store})
	m1, m2 := machine("m1"), machine("m2")
	require.NoError(t, store.PutCredential(s.ctx, backend.BMCCredential(m2.Ref), backend.Credential{Password: backend.NewSecret("x")}))
	err := s.can.Power.SetPower(s.ctx, "k1", backend.ActionPowerOff, list(m1, m2))
	failed, _ := backend.SplitDeviceErrors(err)
	require.Len(t, failed, 1)
	again := journaled(t, path, clk, fake.Config{})
	assert.Equal(t, map[string]int{"SetPower machine/m2 k1": 1}, again.StartedByKey())
}
