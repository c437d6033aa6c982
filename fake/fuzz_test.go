package fake_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
)

// patience is how long reading and using one small text may take. It is far above what it takes, and far below what somebody would call a hang.
const patience = 20 * time.Second

// FuzzParseFault: a text is refused with the place, or is a fault that has one text form and can be given to hardware.
func FuzzParseFault(f *testing.F) {
	for _, text := range []string{
		`fail ApplyFirmware on machine/m1 nth=1 count=2 p=0.5 class=permanent "bad image" remedy "swap" from 1m for 2m`,
		"lie PowerState as off", "job FirmwareJob fails \"x\"", "job ApplyFirmware never ends", "away", "silent on *", "panic Discover \"\\x00\\u00e9\"",
		"job StartValidation stays pending what=r1", "fail SetPower p=1e-300 for 1ns", "fail Events class=unauthorized count=2", "break UploadFirmware what=BMC", "forget on m*",
		"ignore RestartDPUs nth=2", "job Attest is stale", "job Attest what=device is cancelled", "job CleanupJob what=tpm does nothing", "silent on machine/m1/dpu0",
		"hang Discover on machine/* count=3", "omit ApplyFirmware", "timeout ResetHost p=0.25", "away from 2562047h for 2562047h", "fail PowerState \"\xff\"",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fault, err := fake.ParseFault(text)
		if err != nil {
			var bad *fake.FaultError
			require.ErrorAs(t, err, &bad)
			require.Equal(t, text, bad.Text)
			require.GreaterOrEqual(t, bad.Column, 1)
			require.LessOrEqual(t, bad.Column, len(text)+1)
			require.NotEmpty(t, bad.Problem)
			return
		}
		again, err := fake.ParseFault(fault.String())
		require.NoError(t, err, "the text form is %s", fault)
		require.Equal(t, fault, again)
		require.Equal(t, fault.String(), again.String())

		twice, err := fake.ParseFaults(text + "\n;" + fault.String() + " # and so on")
		require.NoError(t, err)
		require.Equal(t, []fake.Fault{fault, fault}, twice)

		raw, err := json.Marshal(fault)
		require.NoError(t, err)
		var decoded fake.Fault
		require.NoError(t, json.Unmarshal(raw, &decoded), "%s", raw)
		require.Equal(t, fault, decoded)

		strikes(t, fault, strings.Contains(text, "panic"))
	})
}

// strikes requires that a fault can be given to hardware, which works on: it answers calls, and its state can be kept and taken up again.
func strikes(t *testing.T, fault fake.Fault, panics bool) {
	t.Helper()
	began := time.Now()
	s := newSite(t, fake.Config{Seed: 1, Instant: true})
	require.NoError(t, s.Inject(fault))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond) // some faults hang until then
	defer cancel()
	for _, do := range []func(){
		func() {
			_ = s.can.Power.SetPower(ctx, "k", backend.ActionPowerOff, list(machine("m1"), nvswitch("s1")))
		},
		func() { _, _ = s.can.Power.PowerState(ctx, list(machine("m1"))) },
		func() { _, _ = s.can.Firmware.ApplyFirmware(ctx, "k", firmware2, list(machine("m1"))) },
		func() { _, _ = s.can.Agent.Discover(ctx, machine("m1")) },
		func() { _ = s.can.RackTest.StartValidation(ctx, "k", "r1", list(machine("m1"))) },
		func() { s.add(time.Hour); _, _ = s.Advance(s.Now()) },
	} {
		func() {
			defer func() {
				if p := recover(); p != nil {
					require.True(t, panics, "%v", p)
				}
			}()
			do()
		}()
	}
	before := snapshotOf(t, s)
	require.NoError(t, s.Restore([]byte(before)))
	require.Equal(t, before, snapshotOf(t, s))
	require.Less(t, time.Since(began), patience)
}

// journalLines returns the journal of a site on which much has happened, line by line.
func journalLines(f *testing.F, config fake.Config) [][]byte {
	f.Helper()
	path := filepath.Join(f.TempDir(), "journal")
	clk := &handClock{now: start()}
	hw, err := fake.Open(path, clk, config)
	require.NoError(f, err)
	s := wrap(f, hw, clk)
	require.NoError(f, s.Inject(faults(f, "silent on machine/m4; job FirmwareJob p=0.4 fails \"checksum\"")...))
	day(f, s, false)
	require.NoError(f, s.Remove(machine("m6").Ref))
	require.NoError(f, s.ClearFaults())
	require.NoError(f, hw.Close())
	raw, err := os.ReadFile(path)
	require.NoError(f, err)
	return bytes.SplitAfter(bytes.TrimSuffix(raw, []byte("\n")), []byte("\n"))
}

// FuzzOpen: a journal of any lines behind a good first one is refused by its line, or is a site that goes on and comes back the same.
func FuzzOpen(f *testing.F) {
	config := fake.Config{Seed: 12, Attestation: true}
	lines := journalLines(f, config)
	head := lines[0]
	calls := map[string]bool{}
	for _, line := range lines[1:] {
		var e struct{ Order *struct{ Call string } }
		require.NoError(f, json.Unmarshal(line, &e))
		if e.Order == nil || !calls[e.Order.Call] { // one of each call
			f.Add(line)
		}
		if e.Order != nil {
			calls[e.Order.Call] = true
		}
	}
	f.Add(bytes.Join(lines[1:min(len(lines), 12)], nil))
	for _, text := range []string{
		"", "\n", "{}\n", "null\n", "{\"at\":7}\n", "{\"order\":{}}\n", "{\"order\":{\"call\":\"StartValidation\",\"targets\":[]}}\n", "{\"order\":{\"call\":\"Nothing\"}}\n",
		"{\"plug\":{}}\n", "{\"approve\":\"machine/m1\"}\n", "{\"inject\":[\"\"]}\n", "{\"inject\":[]}\n", "{\"broke\":true,\"labels\":true}\n", "{\"unplug\":\"rack/r1\"}\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		began := time.Now()
		path := filepath.Join(t.TempDir(), "journal")
		require.NoError(t, os.WriteFile(path, append(bytes.Clone(head), body...), 0o600))
		clk := &handClock{now: start()}
		hw, err := fake.Open(path, clk, config)
		if err != nil {
			require.ErrorIs(t, err, fake.ErrBadJournal)
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, ", line ")
			return
		}
		s := wrap(t, hw, clk)
		used(t, s)
		want := snapshotOf(t, s)
		require.NoError(t, hw.Close())
		hw, err = fake.Open(path, clk, config)
		require.NoError(t, err, "what was written behind it can be read")
		require.Equal(t, want, snapshotOf(t, wrap(t, hw, clk)))
		require.NoError(t, hw.Close())
		require.Less(t, time.Since(began), patience)
	})
}

// used calls a site as a controller does.
func used(t *testing.T, s *site) {
	t.Helper()
	_ = s.can.Power.SetPower(s.ctx, "fuzz", backend.ActionReset, list(machine("m1")))
	_, _ = s.can.Firmware.ApplyFirmware(s.ctx, "fuzz", firmware2, list(machine("m1"), nvswitch("s1")))
	for range 3 {
		s.add(time.Hour)
		_, err := s.Advance(s.Now())
		require.NoError(t, err)
	}
	_, _ = s.can.Power.PowerState(s.ctx, list(machine("m1"), nvswitch("s1"), powerShelf("p1")))
	_, _ = s.can.DPU.DPUs(s.ctx, machine("m1"))
	_, _ = s.can.EventLog.Events(s.ctx, machine("m1"), start())
	_, _ = s.can.Inventory.FirmwareInventory(s.ctx, machine("m1"))
}

// FuzzHeader: a journal that begins with any line is opened, or refused as damaged or as that of another site.
func FuzzHeader(f *testing.F) {
	config := fake.Config{Seed: 1, Instant: true}
	path := filepath.Join(f.TempDir(), "journal")
	hw, err := fake.Open(path, &handClock{now: start()}, config)
	require.NoError(f, err)
	require.NoError(f, hw.Close())
	good, err := os.ReadFile(path)
	require.NoError(f, err)
	f.Add(good)
	f.Add(bytes.ReplaceAll(good, []byte(`"Seed":1`), []byte(`"Seed":2`)))
	for _, text := range []string{"", "\n", "{}\n", "null\n", "x", "{\"began\":\"2026-01-01T00:00:00Z\"}\n", "{\"config\":null}\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "journal")
		require.NoError(t, os.WriteFile(path, raw, 0o600))
		hw, err := fake.Open(path, &handClock{now: start()}, config)
		if err != nil {
			require.True(t, errors.Is(err, fake.ErrBadJournal) || errors.Is(err, fake.ErrOtherJournal), "%v", err)
			require.ErrorContains(t, err, path)
			return
		}
		require.NoError(t, hw.Close())
	})
}

// FuzzRestore: a snapshot of any bytes is refused and changes nothing, or is taken and comes back the same.
func FuzzRestore(f *testing.F) {
	for n, config := range []fake.Config{{Seed: 3}, {Seed: 4, Attestation: true, Faults: faults(f, "away on machine/m2; lose SetPower nth=2")}} {
		s := newSite(f, config)
		_ = s.can.Power.SetPower(s.ctx, "p1", backend.ActionReset, list(machine("m1"), machine("m2"), nvswitch("s1")))
		_, _ = s.upload("u", machine("m1"), "BIOS")
		_ = s.can.RackTest.StartValidation(s.ctx, "v", "r1", list(machine("m1")))
		s.add(time.Duration(n) * 5 * time.Minute)
		_, _ = s.Advance(s.Now())
		f.Add([]byte(snapshotOf(f, s)))
	}
	for _, text := range []string{
		"", "{}", "null", `{"devices":[{}]}`, `{"devices":[null]}`, `{"runs":[null]}`, `{"runs":[{"id":"a","rack":"r1","key":"k","events":[],"acked":7}]}`, `{"runs":[{"rack":"r1","acked":-1,"events":[{}]}]}`,
		`{"faults":[{}],"fault_count":-1,"switches":{"r1":-9}}`, `{"double_starts":[{}]}`, `{"devices":[{"device":{"ref":"machine/m1","rack":"r1"}}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		began := time.Now()
		s := newSite(t, fake.Config{Seed: 3, Attestation: true})
		_ = s.power(t, machine("m9"))
		before := snapshotOf(t, s)
		if err := s.Restore(raw); err != nil {
			require.Equal(t, before, snapshotOf(t, s))
			return
		}
		once := snapshotOf(t, s)
		require.NoError(t, s.Restore([]byte(once)))
		require.Equal(t, once, snapshotOf(t, s), "what was taken is kept")
		require.Less(t, time.Since(began), patience)
	})
}
