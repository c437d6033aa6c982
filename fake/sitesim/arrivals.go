package sitesim

import (
	"fmt"
	"slices"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/rack"
)

// plan says when each device of the site is found that is not known yet.
func (s *Simulation) plan() []arrival {
	var out []arrival
	for i, d := range s.devices() {
		ref := backend.Ref{Kind: d.Kind, ID: d.ID}
		if _, err := s.manager.Controller().Outcome(ref); err == nil {
			continue
		}
		after := time.Duration(scatter(s.cfg.Seed^uint64(i+1))%uint64(s.cfg.Racking) + 1).Truncate(time.Microsecond)
		out = append(out, arrival{at: later(s.cfg.Start.Add(after), s.Now()), found: d})
	}
	slices.SortStableFunc(out, func(a, b arrival) int { return a.at.Compare(b.at) })
	return out
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// devices are all expected devices of the site as a host application would report them.
func (s *Simulation) devices() []rack.Discovery {
	var out []rack.Discovery
	for _, r := range s.cfg.Site.Racks {
		for _, d := range s.manager.Site().Devices(r.ID) {
			n := len(out) + 1
			found := rack.Discovery{
				Kind: d.Kind, ID: d.ID, Rack: d.RackID, Initiator: "site-explorer",
				Endpoint: backend.Endpoint{BMCMAC: d.BMCMAC, BMCAddress: address(10, n), Serial: d.Serial, Slot: d.Slot},
			}
			found.DPUs = s.traits(backend.Ref{Kind: d.Kind, ID: d.ID}).DPUs
			if sw, ok := s.manager.Site().SwitchByBMC(d.BMCMAC); ok && d.Kind == backend.KindSwitch {
				found.Endpoint.NVOSAddress = address(172, n)
				found.SeenMACs = sw.NVOSMACs
			}
			out = append(out, found)
		}
	}
	return out
}

// address makes an address of a private network for the nth device.
func address(net, n int) string {
	return fmt.Sprintf("%d.%d.%d.%d", net, 16+n>>16, n>>8&0xff, n&0xff)
}

// scatter makes every bit of the result depend on every bit of x (the finisher of splitmix64).
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}
