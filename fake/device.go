package fake

import (
	"maps"
	"sync"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// Traits are what a device is like when it is put into the rack. The zero value is a device as it comes from its vendor, switched on.
type Traits struct {
	// Off says that the device has no power yet.
	Off bool `json:"off,omitempty"`
	// Tray is the tray index of a switch. Zero takes the slot of the endpoint, and without one the order in which the rack's
	// switches were added, counted from 1.
	Tray int `json:"tray,omitempty"`
	// Firmware are its versions by component. Nil is 1.0.0 of what its kind has.
	Firmware map[string]string `json:"firmware,omitempty"`
	// Image is the switch image that is installed.
	Image string `json:"image,omitempty"`
	// Parts are what the agent finds in a host. Nil is what the SKU "gb200" has.
	Parts map[string]string `json:"parts,omitempty"`
	// Vendor, Model and Serial are what a power shelf tells. Empty ones are made up.
	Vendor string `json:"vendor,omitempty"`
	Model  string `json:"model,omitempty"`
	Serial string `json:"serial,omitempty"`
	// DPUs is how many data processing units a host has.
	DPUs int `json:"dpus,omitempty"`
	// Activations are those of this device, by component; what is not here is as Config.Activations say.
	Activations map[string]Activation `json:"activations,omitempty"`
}

// device is one simulated device. Its state says what was and what is to come; settle moves what has come to pass.
type device struct {
	mu sync.Mutex
	// site is the hardware that the device is part of.
	site *Hardware
	// random is the seed of all that is drawn for this device.
	random uint64
	// open are the jobs whose effect has not come yet.
	open []*job
	// hashes has the hash of each answer's key, beside state.Answers, so that a key is found fast.
	hashes []uint64
	state
}

// state is all that must outlive the process. What every call looks at comes first, so that it lies together in memory.
type state struct {
	// On is the power as it is. At PowerAt, when that is set, it becomes PowerTo, and a host boots for BootFor then.
	On      bool      `json:"on"`
	PowerTo bool      `json:"power_to,omitempty"`
	PowerAt time.Time `json:"power_at,omitzero"`
	// Up says that the operating system runs. UpAt is when it will, SeenAt when the agent will have reported; zero is never.
	Up     bool      `json:"up,omitempty"`
	UpAt   time.Time `json:"up_at,omitzero"`
	SeenAt time.Time `json:"seen_at,omitzero"`
	// AwayUntil is when the management controller is back from its reset. Until ShowsAt it shows the power as it was before it changed.
	AwayUntil time.Time `json:"away_until,omitzero"`
	ShowsAt   time.Time `json:"shows_at,omitzero"`
	// Begun counts the changing calls that were answered, and numbers their jobs.
	Begun   int            `json:"begun,omitempty"`
	Answers []answer       `json:"answers,omitempty"`
	Device  backend.Device `json:"device"`

	BootFor time.Duration `json:"boot_for,omitempty"`
	// Rebooted and Discovered are the latest of both that have come to pass.
	Rebooted   time.Time `json:"rebooted,omitzero"`
	Discovered time.Time `json:"discovered,omitzero"`
	// OffAt is when the power went last. Drained says that it was away for long before the host came up, or will have been when it does.
	OffAt   time.Time `json:"off_at,omitzero"`
	Drained bool      `json:"drained,omitempty"`
	Log     eventLog  `json:"log,omitzero"`

	// Firmware is nil as long as the versions are those of Traits.
	Firmware   map[string]string `json:"firmware,omitempty"`
	Image      string            `json:"image,omitempty"`
	Domain     string            `json:"domain,omitempty"`
	Configured bool              `json:"configured,omitempty"`
	Applied    platformSet       `json:"applied,omitempty"`
	// Erased counts the restarts until a disk that was erased is in use again and needs another erasure.
	Erased int    `json:"erased,omitempty"`
	Fabric fabric `json:"fabric,omitzero"`
	Traits Traits `json:"traits"`
	// Updates are the images that were uploaded, Units the data processing units.
	Updates *updates `json:"updates,omitempty"`
	Units   []unit   `json:"units,omitempty"`
	Tray    int      `json:"tray,omitempty"`
	// Runs counts the validation runs of a rack.
	Runs int `json:"runs,omitempty"`
	// Tallies count, for each fault by its number, how often it matched and struck here.
	Tallies map[int]tally `json:"tallies,omitempty"`
}

// delay draws how long something takes on this device under that key.
func (d *device) delay(r Range, what op, key string) time.Duration {
	if d.site.config.Instant {
		return 0
	}
	return r.draw(scatter(mix(d.random^uint64(what), key)))
}

// later draws the end of something that begins at the given time.
func (d *device) later(at time.Time, r Range, what op, key string) time.Time {
	return at.Add(d.delay(r, what, key))
}

// settle lets come to pass what was to come until now, in the order of its times.
func (d *device) settle(now time.Time) {
	for {
		next, job := d.PowerAt, -1
		if before(d.UpAt, next) {
			next = d.UpAt
		}
		if before(d.SeenAt, next) {
			next = d.SeenAt
		}
		if len(d.open) > 0 {
			next, job = d.nextJob(next)
		}
		switch {
		case next.IsZero() || next.After(now):
			return
		case job >= 0:
			d.settleJob(job)
		case next.Equal(d.PowerAt):
			d.powerArrives()
		case next.Equal(d.UpAt):
			d.hostComesUp()
		default:
			d.agentReports()
		}
	}
}

// before reports whether a is set and b is not, or is later.
func before(a, b time.Time) bool { return !a.IsZero() && (b.IsZero() || a.Before(b)) }

// powerArrives ends a change of power.
func (d *device) powerArrives() {
	at, was := d.PowerAt, d.On
	d.On, d.PowerAt = d.PowerTo, time.Time{}
	if lag := d.site.config.Delays.PowerLag; lag != (Range{}) && d.On != was {
		d.ShowsAt = d.later(at, lag, opPowerState, at.Format(time.RFC3339Nano))
	}
	d.hostGoesDown()
	if !d.On {
		d.OffAt = at
		d.note(at, powerOff)
		d.unitsGoDown(at)
		return
	}
	d.Drained = d.Drained || at.Sub(d.OffAt) >= drainTime || d.site.config.Instant
	d.note(at, powerOn)
	d.boots(at)
	d.unitsGetPower(at)
}

// drainTime is how long a host must be without power until its supplies have lost their charge.
const drainTime = 10 * time.Second

// hostGoesDown ends what the host was doing. What its agent was at begins anew when it is up again.
func (d *device) hostGoesDown() {
	d.Up, d.UpAt, d.SeenAt = false, time.Time{}, time.Time{}
	for _, j := range d.open {
		j.WaitsUp = j.WaitsUp || j.byAgent()
	}
}

// boots begins a boot at the given time. Platform jobs that waited for one begin with it, one after the other.
func (d *device) boots(at time.Time) {
	d.UpAt = at.Add(d.BootFor)
	if d.Erased > 0 {
		if d.Erased--; d.Erased == 0 {
			d.Applied.clear(backend.PlatformSecureErase)
		}
	}
	for _, j := range d.open {
		if j.Waits && !j.Stuck {
			free := d.platformFree(at)
			j.Waits, j.Begins, j.Ends = false, free, free.Add(j.For)
		}
	}
}

// hostComesUp ends a boot.
func (d *device) hostComesUp() {
	d.Up, d.Rebooted, d.UpAt = true, d.UpAt, time.Time{}
	if d.Device.Ref.Kind != backend.KindMachine {
		return
	}
	d.activate(ActivateByRestart)
	if d.Drained {
		d.activate(ActivateByDrain)
		d.Drained = false
	}
	for _, j := range d.open {
		if j.WaitsUp && (!j.Stuck || j.Call == opAttest) {
			j.WaitsUp, j.Begins, j.Ends = false, d.Rebooted, d.Rebooted.Add(j.For)
		}
	}
	seen := d.later(d.Rebooted, d.site.config.Delays.Discovery, opDiscover, d.Rebooted.Format(time.RFC3339Nano))
	if !d.site.silent(d, seen) {
		d.SeenAt = seen
	}
}

// agentReports ends a discovery.
func (d *device) agentReports() { d.Discovered, d.SeenAt = d.SeenAt, time.Time{} }

// restart begins a forced restart. A device without power is switched on.
func (d *device) restart(now time.Time, what op, key string) {
	if !d.On {
		d.power(now, true, what, key)
		return
	}
	d.PowerAt = time.Time{}
	d.BootFor = d.delay(d.site.config.Delays.Boot, what, key)
	d.note(now, hostReset)
	d.hostGoesDown()
	d.boots(now)
}

// resetBMC restarts the management controller.
func (d *device) resetBMC(o *order) {
	d.AwayUntil = d.later(o.At, d.site.config.Delays.BMCReset, o.Call, o.Key)
	d.note(o.At, bmcReset)
	d.interruptUpdates(o.At)
	d.activate(ActivateByBMC)
}

// power begins a change of power. There is nothing to do when the power is, or is about to be, as wanted.
func (d *device) power(now time.Time, on bool, what op, key string) {
	heading := d.On
	if !d.PowerAt.IsZero() {
		heading = d.PowerTo
	}
	if heading == on {
		return
	}
	d.PowerTo, d.PowerAt = on, d.later(now, d.site.config.Delays.Power, opPowerState, key)
	d.BootFor = d.delay(d.site.config.Delays.Boot, what, key)
}

// versions returns the firmware versions as they are. The caller must not change them.
func (d *device) versions() map[string]string {
	switch {
	case d.Firmware != nil:
		return d.Firmware
	case d.Traits.Firmware != nil:
		return d.Traits.Firmware
	default:
		return d.site.stock[d.Device.Ref.Kind]
	}
}

// install sets the version of a component.
func (d *device) install(component, version string) {
	if d.Firmware == nil {
		d.Firmware = maps.Clone(d.versions())
		if d.Firmware == nil {
			d.Firmware = make(map[string]string)
		}
	}
	d.Firmware[component] = version
}

// powerState is the power as it is.
func (d *device) powerState() backend.PowerState { return powerOf(d.On) }

// powerShown is the power as the management controller shows it, which may lag behind.
func (d *device) powerShown(now time.Time) backend.PowerState {
	return powerOf(d.On != now.Before(d.ShowsAt))
}

func powerOf(on bool) backend.PowerState {
	if on {
		return backend.PowerOn
	}
	return backend.PowerOff
}
