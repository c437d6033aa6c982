package fake

import (
	"time"

	"github.com/rackstate/rackstate/backend"
)

// role is what a switch does in the fabric.
type role string

const (
	roleNone    role = ""
	rolePrimary role = "primary"
	roleStandby role = "standby"
)

// fabric is the fabric manager of one switch.
type fabric struct {
	// Touched says that somebody configured the fabric here; before that a switch has no report.
	Touched bool `json:"touched,omitempty"`
	// Off says that the fabric is turned off.
	Off  bool `json:"off,omitempty"`
	Role role `json:"role,omitempty"`
	// RunsAt is when the manager of the primary switch runs.
	RunsAt time.Time `json:"runs_at,omitzero"`
	// Fails, when set, is the error that the switch reports then. Endless never comes so far.
	Fails   string `json:"fails,omitempty"`
	Endless bool   `json:"endless,omitempty"`
}

// report is what the switch says now, if it has a report.
func (f fabric) report(now time.Time) (backend.FabricReport, bool) {
	answer := backend.FabricReport{State: backend.FabricNotOK}
	switch {
	case !f.Touched:
		return backend.FabricReport{}, false
	case f.Off:
		answer.Reason = "disabled"
	case f.Role == roleNone:
		answer.Reason = "not configured"
	case f.Role == rolePrimary && (f.Endless || now.Before(f.RunsAt)):
		answer.Reason = "starting"
	case f.Fails != "":
		answer.Error = f.Fails
	case f.Role == roleStandby:
		answer.Reason = "standby"
	default:
		answer.State = backend.FabricOK
	}
	return answer, true
}

// join makes the switch part of a fabric in that role.
func (d *device) join(r role, o *order) {
	d.Fabric = fabric{Touched: true, Role: r, RunsAt: d.later(o.At, d.site.config.Delays.FabricManager, o.Call, o.Key)}
	if f := d.site.spoil(d, o.Call, o.What, o.At); f != nil {
		d.Fabric.Fails, d.Fabric.Endless, _ = f.ends()
	}
}
