package fake

import (
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Clock tells the time. A clock.Clock of benbjohnson/clock is one.
type Clock interface {
	Now() time.Time
}

// shardCount is how many parts the table of devices has, each with a lock of its own.
const shardCount = 64

// Hardware is a site of simulated devices. It is safe for concurrent use.
type Hardware struct {
	clock  Clock
	config Config
	// stock are the firmware versions that devices come with, by kind. It is never written.
	stock   map[backend.Kind]map[string]string
	hashing maphash.Seed
	shards  [shardCount]shard

	// placeMu guards switches: how many switches of a rack were added without a slot.
	placeMu  sync.Mutex
	switches map[string]int

	faultMu    sync.Mutex
	faultCount int
	faults     atomic.Pointer[[]armed]

	counts  counts
	service service
	journal *journal
}

// shard is a part of the table of devices.
type shard struct {
	mu      sync.RWMutex
	devices map[backend.Ref]*device
}

// New makes a site without devices whose time is the clock's. The clock must not go back.
func New(clock Clock, config Config) *Hardware {
	h := prepare(clock, config)
	h.arm(h.config.Faults, h.now())
	return h
}

// prepare makes a site without faults.
func prepare(clock Clock, config Config) *Hardware {
	h := &Hardware{clock: clock, config: config.withDefaults(), hashing: maphash.MakeSeed()}
	h.stock = make(map[backend.Kind]map[string]string)
	for _, kind := range []backend.Kind{backend.KindMachine, backend.KindSwitch, backend.KindPowerShelf} {
		h.stock[kind] = defaultFirmware(kind)
	}
	h.empty()
	return h
}

// empty takes all devices out.
func (h *Hardware) empty() {
	for i := range h.shards {
		h.shards[i].devices = make(map[backend.Ref]*device)
	}
	h.switches = make(map[string]int)
	h.service.clear()
}

// now is the time in the form in which it is reported and stored.
func (h *Hardware) now() time.Time { return backend.Timestamp(h.clock.Now()) }

// shardOf finds the part of the table that holds the object.
func (h *Hardware) shardOf(ref backend.Ref) *shard {
	return &h.shards[maphash.String(h.hashing, ref.ID)%shardCount]
}

// known finds a device, nil when there is none of that name.
func (h *Hardware) known(ref backend.Ref) *device {
	s := h.shardOf(ref)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.devices[ref]
}

// find finds a device, and adds it when it is new and the site is not strict.
func (h *Hardware) find(dev backend.Device) (*device, error) {
	if d := h.known(dev.Ref); d != nil {
		return d, nil
	}
	if h.config.Strict || dev.Ref.ID == "" {
		return nil, noDevice(dev.Ref)
	}
	if err := h.plug(dev, Traits{}, false); err != nil {
		return nil, err
	}
	if d := h.known(dev.Ref); d != nil {
		return d, nil
	}
	return nil, noDevice(dev.Ref)
}

func noDevice(ref backend.Ref) error {
	return fmt.Errorf("%w: %s is not in the simulated site", backend.ErrNoDevice, ref)
}

// Add puts a device into its rack and, unless the traits say otherwise, switches it on: a host boots then. A device of that name that was
// there is replaced by a new one. An error says that the journal could not be written, and nothing was done.
func (h *Hardware) Add(dev backend.Device, traits Traits) error { return h.plug(dev, traits, true) }

// Remove takes a device out. Calls for it return ErrNoDevice in a strict site; in others it is a new device when it is named
// again. An error says that the journal could not be written, and nothing was done.
func (h *Hardware) Remove(ref backend.Ref) error {
	return h.enter(&entry{At: h.now(), Unplug: &ref}, func(time.Time) { h.unplug(ref) })
}

// plug adds a device; replace says whether one of that name gives way.
func (h *Hardware) plug(dev backend.Device, traits Traits, replace bool) error {
	e := &entry{At: h.now(), Plug: &plug{Device: dev, Traits: traits, Replace: replace}}
	return h.enter(e, func(at time.Time) { h.plugged(e.Plug, at) })
}

// plug is a device that is put in.
type plug struct {
	Device  backend.Device `json:"device"`
	Traits  Traits         `json:"traits"`
	Replace bool           `json:"replace,omitempty"`
}

// plugged puts a device in at the given time.
func (h *Hardware) plugged(p *plug, at time.Time) {
	if rack := p.Device.Rack; rack != "" && p.Replace && p.Device.Ref.Kind != backend.KindRack {
		ref := backend.Ref{Kind: backend.KindRack, ID: rack}
		h.plugged(&plug{Device: backend.Device{Ref: ref, Rack: rack}}, at)
	}
	s := h.shardOf(p.Device.Ref)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.devices[p.Device.Ref] != nil && !p.Replace {
		return
	}
	d := h.newDevice(state{Device: p.Device, Traits: p.Traits, On: !p.Traits.Off, Image: p.Traits.Image})
	d.Tray = h.tray(p)
	if p.Device.Ref.Kind == backend.KindMachine {
		d.Units = newUnits(p.Traits.DPUs)
	}
	if d.On {
		if p.Device.Ref.Kind == backend.KindMachine {
			d.BootFor = d.delay(h.config.Delays.Boot, opNone, "plugged in")
			d.boots(at)
			d.unitsGetPower(at)
		} else {
			d.Up = true
		}
	}
	s.devices[p.Device.Ref] = d
}

// newDevice makes a device in the given state.
func (h *Hardware) newDevice(s state) *device {
	return &device{site: h, random: mix(scatter(h.config.Seed), s.Device.Ref.String()), state: s}
}

// tray is the tray index of a new switch.
func (h *Hardware) tray(p *plug) int {
	switch {
	case p.Device.Ref.Kind != backend.KindSwitch:
		return 0
	case p.Traits.Tray != 0:
		return p.Traits.Tray
	case p.Device.Endpoint.Slot != 0:
		return p.Device.Endpoint.Slot
	}
	h.placeMu.Lock()
	defer h.placeMu.Unlock()
	h.switches[p.Device.Rack]++
	return h.switches[p.Device.Rack]
}

// unplug takes a device out.
func (h *Hardware) unplug(ref backend.Ref) {
	s := h.shardOf(ref)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.devices, ref)
}
