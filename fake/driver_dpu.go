package fake

import (
	"context"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// DPUs returns a report for every data processing unit of a host: Traits.DPUs of them, named dpu0, dpu1 and so on.
func (d driver) DPUs(ctx context.Context, host backend.Device) (reports []backend.DPUReport, err error) {
	err = d.h.look(ctx, opDPUs, "", []backend.Device{host}, func(dev *device, now time.Time, _ *armed) error {
		for i := range dev.Units {
			reports = append(reports, dev.report(&dev.Units[i], now))
		}
		return nil
	})
	return reports, one(err)
}

// RestartDPUs restarts every unit of a host. Their host does not notice.
func (d driver) RestartDPUs(ctx context.Context, key string, host backend.Device) error {
	_, err := d.single(ctx, &order{Call: opRestartDPUs, Key: key, Targets: []backend.Device{host}})
	return err
}

// ConfigureDPUNetwork gives every unit of a host a network configuration, which it applies Delays.DPUNetwork later, or after it has come up.
func (d driver) ConfigureDPUNetwork(ctx context.Context, key string, host backend.Device, network string) error {
	_, err := d.single(ctx, &order{Call: opConfigureDPUNetwork, Key: key, What: network, Targets: []backend.Device{host}})
	return err
}
