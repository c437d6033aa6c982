package backend

import (
	"context"
	"time"
)

// DPUReport is what is known of one data processing unit of a host.
type DPUReport struct {
	// ID names it within its host, for example "dpu0".
	ID string
	// UpAt is when its operating system last came up, SeenAt when its agent last reported. Zero is never.
	UpAt, SeenAt time.Time
	// Network is the id of the network configuration that it has applied, as its agent reports.
	Network string
	// Problem says what is wrong with it, empty when nothing is.
	Problem string
	// Firmware is the version of each component, by name.
	Firmware map[string]string
}

// DPU drives the data processing units of a host, all of them together. What is configured by platform jobs goes through Platform, whose DPU kinds speak of all
// units of the host: the wanted state is there when it is there on every one.
type DPU interface {
	// DPUs returns a report for every unit that the host has, also for one that has never reported, in the order of their ids.
	DPUs(ctx context.Context, host Device) ([]DPUReport, error)
	// RestartDPUs restarts every unit of the host.
	RestartDPUs(ctx context.Context, key string, host Device) error
	// ConfigureDPUNetwork gives every unit the network configuration of that id.
	ConfigureDPUNetwork(ctx context.Context, key string, host Device, network string) error
}
