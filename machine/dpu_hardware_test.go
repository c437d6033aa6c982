package machine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// dpuHardware are the DPUs of the host. They do what they are asked at once, unless a test says otherwise.
type dpuHardware struct {
	units []backend.DPUReport
	// dead units neither come up nor report, deaf ones take no network; stale ones keep their firmware.
	dead, deaf, stale map[string]bool
	// brings is the firmware that an installation brings.
	brings map[string]string
}

// withDPUs gives the host that many DPUs, dpu0 and so on. They came up long ago.
func (r *rig) withDPUs(n int) *rig {
	r.Helper()
	for i := range n {
		r.hw.dpus.units = append(r.hw.dpus.units, backend.DPUReport{ID: fmt.Sprintf("dpu%d", i), UpAt: epoch.Add(-time.Hour), SeenAt: epoch.Add(-time.Hour)})
	}
	r.hw.dpus.dead, r.hw.dpus.deaf, r.hw.dpus.stale = map[string]bool{}, map[string]bool{}, map[string]bool{}
	caps := r.cfg.Driver.Capabilities()
	caps.DPU = r.hw
	r.cfg.Driver = caps
	return r
}

func (hw *hardware) DPUs(context.Context, backend.Device) ([]backend.DPUReport, error) {
	out := slices.Clone(hw.dpus.units)
	for i := range out {
		u := &out[i]
		if !hw.dpus.dead[u.ID] {
			u.SeenAt = hw.now()
		}
		if hw.count("SubmitPlatform:"+string(backend.PlatformDPUOSInstall)) > 0 && !hw.dpus.stale[u.ID] {
			u.Firmware = maps.Clone(hw.dpus.brings)
		}
	}
	return out, hw.called("DPUs", "")
}

func (hw *hardware) RestartDPUs(_ context.Context, key string, _ backend.Device) error {
	if err := hw.called("RestartDPUs", ""); err != nil {
		return err
	}
	if _, known := hw.seen(key); known {
		return nil
	}
	hw.remember(key, "")
	for i := range hw.dpus.units {
		if !hw.dpus.dead[hw.dpus.units[i].ID] {
			hw.dpus.units[i].UpAt = hw.now()
		}
	}
	return nil
}

func (hw *hardware) ConfigureDPUNetwork(_ context.Context, key string, _ backend.Device, network string) error {
	if err := hw.called("ConfigureDPUNetwork", ""); err != nil {
		return err
	}
	if _, known := hw.seen(key); known {
		return nil
	}
	hw.remember(key, "")
	for i := range hw.dpus.units {
		if u := &hw.dpus.units[i]; !hw.dpus.dead[u.ID] && !hw.dpus.deaf[u.ID] {
			u.Network = network
		}
	}
	return nil
}

// logHardware is the event log of the host.
type logHardware struct{ events []backend.Event }

// withEventLog gives the management controller an event log.
func (r *rig) withEventLog() *rig {
	caps := r.cfg.Driver.Capabilities()
	caps.EventLog = r.hw
	r.cfg.Driver = caps
	return r
}

func (hw *hardware) Events(_ context.Context, _ backend.Device, since time.Time) ([]backend.Event, error) {
	if err := hw.called("Events", ""); err != nil {
		return nil, err
	}
	var out []backend.Event
	for _, e := range hw.log.events {
		if !e.At.Before(since) {
			out = append(out, e)
		}
	}
	return out, nil
}
