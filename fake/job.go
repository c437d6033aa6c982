package fake

import (
	"strconv"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// job is long work on one device.
type job struct {
	// Call and Key began it; ID names it.
	Call op     `json:"call"`
	Key  string `json:"key"`
	ID   string `json:"id"`
	// What is the bundle, image, domain or kind of platform configuration; Only and Force are those of a firmware order.
	What  string   `json:"what,omitempty"`
	Only  []string `json:"only,omitempty"`
	Force bool     `json:"force,omitempty"`
	// Waits says that it is scheduled for the next restart of the host; For is how long it runs then.
	Waits bool          `json:"waits,omitempty"`
	For   time.Duration `json:"for,omitempty"`
	// Begins and Ends are when it runs.
	Begins time.Time `json:"begins,omitzero"`
	Ends   time.Time `json:"ends,omitzero"`
	// Fails, when set, is how it ends. Endless never ends, Stuck never begins.
	Fails   string `json:"fails,omitempty"`
	Endless bool   `json:"endless,omitempty"`
	Stuck   bool   `json:"stuck,omitempty"`
	// Settled says that its effect has come, or never will.
	Settled bool `json:"settled,omitempty"`
}

// status is where the job stands.
func (j *job) status(now time.Time) backend.JobStatus {
	switch {
	case j.Stuck, j.Waits, now.Before(j.Begins):
		return backend.JobStatus{State: backend.JobPending}
	case j.Endless, now.Before(j.Ends):
		return backend.JobStatus{State: backend.JobRunning}
	case j.Fails != "":
		return backend.JobStatus{State: backend.JobFailed, Cause: j.Fails}
	default:
		return backend.JobStatus{State: backend.JobCompleted}
	}
}

// jobPrefix begins the ids of the jobs of a call.
func jobPrefix(call op) string {
	switch call {
	case opApplyFirmware:
		return "fw-"
	case opApplySwitchImage:
		return "img-"
	case opConfigureCertificate:
		return "cert-"
	case opSubmitPlatform:
		return "plat-"
	default:
		return "val-"
	}
}

// enqueue makes the job of an order, which runs for a time drawn from r, and notes if the same work is still running here.
func (d *device) enqueue(o *order, r Range) *job {
	j := &job{
		Call: o.Call, Key: o.Key, ID: jobPrefix(o.Call) + d.Device.Ref.ID + "-" + strconv.Itoa(d.Begun+1),
		What: o.What, Only: o.Only, Force: o.Force, For: d.delay(r, o.Call, o.Key),
	}
	j.Begins = d.later(o.At, d.site.config.Delays.Queue, opNone, o.Key)
	j.Ends = j.Begins.Add(j.For)
	if f := d.site.spoil(d, o.Call, o.What, o.At); f != nil {
		j.Fails, j.Endless, j.Stuck = f.ends()
	}
	for _, earlier := range d.open {
		if earlier.Call == j.Call && (j.Call != opSubmitPlatform || earlier.What == j.What) {
			d.site.counts.double(DoubleStart{Call: j.Call.String(), Device: d.Device.Ref, First: earlier.Key, Second: j.Key, At: o.At})
		}
	}
	d.open = append(d.open, j)
	return j
}

// settleJobs lets jobs have their effect, in the order in which they end.
func (d *device) settleJobs(now time.Time) {
	for {
		next := -1
		for i, j := range d.open {
			if j.Endless || j.Stuck || j.Waits || j.Ends.After(now) {
				continue
			}
			if next < 0 || j.Ends.Before(d.open[next].Ends) {
				next = i
			}
		}
		if next < 0 {
			return
		}
		j := d.open[next]
		d.open = append(d.open[:next], d.open[next+1:]...)
		j.Settled = true
		if j.Fails == "" {
			d.effect(j)
		}
	}
}

// effect changes the device as the completed job says.
func (d *device) effect(j *job) {
	switch j.Call {
	case opApplyFirmware:
		d.flash(j)
	case opApplySwitchImage:
		d.Image = j.What
	case opConfigureCertificate:
		d.Domain = j.What
	case opSubmitPlatform:
		kind := backend.PlatformKind(j.What)
		d.Applied.apply(kind)
		if kind == backend.PlatformSecureErase {
			d.Erased = 2
		}
	default:
	}
}

// flash installs the versions of a bundle.
func (d *device) flash(j *job) {
	versions := d.site.config.Bundles[j.What]
	for _, component := range d.components(j.Only) {
		version, known := versions[component]
		if !known {
			version = j.What
		}
		d.install(component, version)
	}
}

// current reports whether every component that the order names is at the bundle's version.
func (d *device) current(o *order) bool {
	have, versions := d.versions(), d.site.config.Bundles[o.What]
	for _, component := range d.components(o.Only) {
		version, known := versions[component]
		if !known {
			version = o.What
		}
		if have[component] != version {
			return false
		}
	}
	return true
}

// components returns the components in only, and all of the device when that is empty, in no particular order.
func (d *device) components(only []string) []string {
	if len(only) > 0 {
		return only
	}
	all := make([]string, 0, len(d.versions()))
	for component := range d.versions() {
		all = append(all, component)
	}
	return all
}

// findJob finds the job of that id which the call began. Recent ones are found first.
func (d *device) findJob(begun op, id string) *job {
	for i := len(d.Answers) - 1; i >= 0; i-- {
		if j := d.Answers[i].Job; j != nil && j.Call == begun && j.ID == id {
			return j
		}
	}
	return nil
}
