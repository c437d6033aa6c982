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
	// Waits says that it is scheduled for the next restart of the host, WaitsUp that it begins when the host comes up; For is how long it runs then.
	Waits   bool          `json:"waits,omitempty"`
	WaitsUp bool          `json:"waits_up,omitempty"`
	For     time.Duration `json:"for,omitempty"`
	// Begins and Ends are when it runs.
	Begins time.Time `json:"begins,omitzero"`
	Ends   time.Time `json:"ends,omitzero"`
	// Fails, when set, is how it ends. Endless never ends, Stuck never begins, Hollow completes and has done nothing. Odd is an ending that only some calls have.
	Fails   string `json:"fails,omitempty"`
	Endless bool   `json:"endless,omitempty"`
	Stuck   bool   `json:"stuck,omitempty"`
	Hollow  bool   `json:"hollow,omitempty"`
	Odd     ending `json:"odd,omitempty"`
	// Forgotten says that the management controller knows nothing of it any more.
	Forgotten bool `json:"forgotten,omitempty"`
	// Image is the image whose task it is, Results are what becomes of the steps of a clean-up where that is not success.
	Image   *transfer             `json:"image,omitempty"`
	Results map[string]stepResult `json:"results,omitempty"`
	// Settled says that its effect has come, or never will.
	Settled bool `json:"settled,omitempty"`
}

// status is where the job stands.
func (j *job) status(now time.Time) backend.JobStatus {
	switch {
	case j.Stuck, j.Waits, j.WaitsUp, now.Before(j.Begins):
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
	case opUploadFirmware:
		return "task-"
	case opAttest:
		return "att-"
	case opStartCleanup:
		return "clean-"
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
	j.spoil(d.site.spoil(d, o.Call, o.What, o.At))
	for _, earlier := range d.open {
		if earlier.same(j) {
			d.site.counts.double(DoubleStart{Call: j.Call.String(), Device: d.Device.Ref, First: earlier.Key, Second: j.Key, At: o.At})
		}
	}
	d.open = append(d.open, j)
	return j
}

// spoil lets a job end as the fault says, if there is one.
func (j *job) spoil(f *armed) {
	if f == nil {
		return
	}
	switch f.Fault.ending {
	case endFails:
		j.Fails = f.Fault.text
	case endNever:
		j.Endless = true
	case endPending:
		j.Stuck = true
	case endNothing:
		j.Hollow = true
	default:
		j.Odd = f.Fault.ending
	}
}

// same reports whether it is the same work as that of a newer job, which must not begin as long as this one runs.
func (j *job) same(newer *job) bool {
	switch {
	case j.Call != newer.Call || j.Image.broken():
		return false
	case j.Call == opSubmitPlatform || j.Call == opAttest:
		return j.What == newer.What
	default:
		return true
	}
}

// byAgent reports whether the agent of the host does it, so that a restart of the host makes it begin anew.
func (j *job) byAgent() bool { return j.Call == opStartCleanup || j.Call == opAttest }

// nextJob finds the job that ends before what comes next otherwise, or -1 when none does.
func (d *device) nextJob(next time.Time) (time.Time, int) {
	found := -1
	for i, j := range d.open {
		if !j.Endless && !j.Stuck && !j.Waits && !j.WaitsUp && !j.Image.broken() && before(j.Ends, next) {
			next, found = j.Ends, i
		}
	}
	return next, found
}

// settleJob lets a job that is open have its effect.
func (d *device) settleJob(i int) {
	j := d.open[i]
	d.open = append(d.open[:i], d.open[i+1:]...)
	j.Settled = true
	if j.Fails == "" && !j.Hollow {
		d.effect(j)
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
		switch kind {
		case backend.PlatformSecureErase:
			d.Erased = 2
		case backend.PlatformDPUOSInstall:
			d.unitsGetSystem(j.Ends, j.Key)
		default:
		}
	case opUploadFirmware:
		d.stage(j.Image.Artifact)
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
