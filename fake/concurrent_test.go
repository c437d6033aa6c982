package fake_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
)

// storm lets many workers use a few devices at once.
func storm(t *testing.T, s *site) {
	t.Helper()
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 30 {
				m, sw := machine(fmt.Sprint("m", (w+i)%5)), nvswitch(fmt.Sprint("s", i%3))
				key := fmt.Sprint("k", i)
				_ = s.can.Power.SetPower(s.ctx, key, backend.ActionReset, list(m, sw))
				ids, _ := s.can.Firmware.ApplyFirmware(s.ctx, key, firmware2, list(m, sw))
				_, _ = s.can.Firmware.FirmwareJob(s.ctx, []backend.Job{{Device: m.Ref, ID: ids[m.Ref]}})
				_, _ = s.can.Platform.SubmitPlatform(s.ctx, key, m, backend.PlatformBIOSProfile)
				_ = s.can.Fabric.ConfigureFabricManager(s.ctx, key, backend.FabricOrder{Primary: sw, Switches: list(nvswitch("s0"), nvswitch("s1"), nvswitch("s2"))})
				_ = s.can.RackTest.StartValidation(s.ctx, key, "r1", list(m))
				_, _ = s.Advance(s.Now())
				_, _ = s.NextEvent()
				_, _ = s.View(m.Ref)
				_ = s.Inject()
				s.add(time.Second)
			}
		})
	}
	all.Wait()
	for key, n := range s.StartedByKey() {
		assert.Equal(t, 1, n, key)
	}
}

func TestManyWorkersStartNothingTwice(t *testing.T) {
	t.Parallel()
	storm(t, newSite(t, fake.Config{Seed: 1, Record: true, Delays: fake.Delays{Boot: fake.Range{Max: 1}}, Faults: faults(t, "lose SetPower p=0.2; fail FirmwareJob p=0.1")}))
}

func TestManyWorkersWriteOneJournal(t *testing.T) {
	t.Parallel()
	path, clk := filepath.Join(t.TempDir(), "journal"), &handClock{now: start()}
	config := fake.Config{Seed: 1, Delays: fake.Delays{Boot: fake.Range{Max: 1}}}
	s := journaled(t, path, clk, config)
	storm(t, s)
	assert.Equal(t, snapshotOf(t, s), snapshotOf(t, journaled(t, path, clk, config)))
}

func TestTheClockOfBenbjohnsonIsAClock(t *testing.T) {
	t.Parallel()
	mock := clock.NewMock()
	hw := fake.New(mock, fake.Config{Delays: exact()})
	m := machine("m1")
	require.NoError(t, hw.Capabilities().Power.SetPower(t.Context(), "k1", backend.ActionPowerOff, list(m)))
	mock.Add(5 * time.Second)
	v, _ := hw.View(m.Ref)
	assert.Equal(t, backend.PowerOff, v.Power)
}
