package fake_test

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
)

// fleet is 1,000 racks of 36 devices without delays.
func fleet(b *testing.B) (*site, []backend.Device) {
	b.Helper()
	s := newSite(b, fake.Config{Instant: true, Remember: 16})
	devices := make([]backend.Device, 36_000)
	for i := range devices {
		devices[i] = backend.Device{Ref: backend.Ref{Kind: backend.KindMachine, ID: fmt.Sprintf("r%04d-m%02d", i/36, i%36)}, Rack: fmt.Sprintf("r%04d", i/36)}
		if err := s.Add(devices[i], fake.Traits{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	return s, devices
}

func BenchmarkInstantSetPower(b *testing.B) {
	s, devices := fleet(b)
	for i := range b.N {
		n := i % len(devices)
		_ = s.can.Power.SetPower(s.ctx, strconv.Itoa(i), backend.ActionPowerOn, devices[n:n+1])
	}
}

func BenchmarkInstantPowerState(b *testing.B) {
	s, devices := fleet(b)
	for i := range b.N {
		n := i % len(devices)
		_, _ = s.can.Power.PowerState(s.ctx, devices[n:n+1])
	}
}

func BenchmarkInstantResetHost(b *testing.B) {
	s, devices := fleet(b)
	for i := range b.N {
		_ = s.can.Reset.ResetHost(s.ctx, strconv.Itoa(i), devices[i%len(devices)])
	}
}

func BenchmarkInstantDiscover(b *testing.B) {
	s, devices := fleet(b)
	for i := range b.N {
		_, _ = s.can.Agent.Discover(s.ctx, devices[i%len(devices)])
	}
}

func BenchmarkInstantFirmwareJob(b *testing.B) {
	s, devices := fleet(b)
	order := backend.FirmwareOrder{Firmware: "fw-2", Components: []string{"BMC"}}
	for i := range b.N {
		n := i % len(devices)
		ids, _ := s.can.Firmware.ApplyFirmware(s.ctx, strconv.Itoa(i), order, devices[n:n+1])
		_, _ = s.can.Firmware.FirmwareJob(s.ctx, []backend.Job{{Device: devices[n].Ref, ID: ids[devices[n].Ref]}})
	}
}

func BenchmarkInstantBatchOfARack(b *testing.B) {
	s, devices := fleet(b)
	for i := range b.N {
		n := i % 1000 * 36
		_, _ = s.can.Firmware.ApplyFirmware(s.ctx, strconv.Itoa(i), backend.FirmwareOrder{Firmware: "fw-2"}, devices[n:n+36])
	}
}

func BenchmarkInstantParallelResetHost(b *testing.B) {
	s, devices := fleet(b)
	var next atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := int(next.Add(1))
			_ = s.can.Reset.ResetHost(s.ctx, strconv.Itoa(i), devices[i%len(devices)])
		}
	})
}

func BenchmarkDelayedPoll(b *testing.B) {
	s := newSite(b, fake.Config{})
	m := machine("m1")
	ids, err := s.can.Firmware.ApplyFirmware(s.ctx, "k1", firmware2, list(m))
	if err != nil {
		b.Fatal(err)
	}
	jobs := []backend.Job{{Device: m.Ref, ID: ids[m.Ref]}}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		_, _ = s.can.Firmware.FirmwareJob(s.ctx, jobs)
	}
}
