package fake

import (
	"maps"

	"github.com/rackstate/rackstate/backend"
)

// Activation is what brings a version to life that was installed by upload.
type Activation string

// The activations. Unless a site says otherwise the BMC comes to life by its own reset, the CPLD by a drain, and everything else by a restart of the host.
const (
	// ActivateAtOnce: it runs when its task has completed.
	ActivateAtOnce Activation = "at-once"
	// ActivateByRestart: it runs when the host has come up next.
	ActivateByRestart Activation = "restart"
	// ActivateByBMC: it runs after the next reset of the management controller.
	ActivateByBMC Activation = "bmc-reset"
	// ActivateByDrain: it runs when the host comes up after it was without power for 10 s.
	ActivateByDrain Activation = "drain"
)

// updates are the images that a management controller has taken in.
type updates struct {
	// Slot is the key of the upload that was sent last. What another one has left behind is lost.
	Slot string `json:"slot"`
	// Parts are the images that are installed of a version that has more, by component.
	Parts map[string]parts `json:"parts,omitempty"`
	// Staged are the versions that are installed and do not run yet, by component.
	Staged map[string]string `json:"staged,omitempty"`
}

// parts are some of the images of a version.
type parts struct {
	Version string `json:"version"`
	// Have has one bit for each image.
	Have uint64 `json:"have"`
}

// updates returns the images that were taken in, for changes.
func (d *device) updates() *updates {
	if d.Updates == nil {
		d.Updates = &updates{}
	}
	return d.Updates
}

// staged returns a copy of the versions that do not run yet.
func (d *device) staged() map[string]string {
	if d.Updates == nil || len(d.Updates.Staged) == 0 {
		return nil
	}
	return maps.Clone(d.Updates.Staged)
}

// stage installs an image. The version waits for its activation when all of its images are there.
func (d *device) stage(a backend.Artifact) {
	u := d.updates()
	if a.Of > 1 {
		p := u.Parts[a.Component]
		if p.Version != a.Version {
			p = parts{Version: a.Version}
		}
		p.Have |= 1 << (a.Number - 1)
		if p.Have != 1<<a.Of-1 {
			if u.Parts == nil {
				u.Parts = make(map[string]parts)
			}
			u.Parts[a.Component] = p
			return
		}
	}
	delete(u.Parts, a.Component)
	if d.activation(a.Component) == ActivateAtOnce {
		d.install(a.Component, a.Version)
		return
	}
	if u.Staged == nil {
		u.Staged = make(map[string]string)
	}
	u.Staged[a.Component] = a.Version
}

// activate brings the versions to life that waited for this.
func (d *device) activate(by Activation) {
	if d.Updates == nil {
		return
	}
	for component, version := range d.Updates.Staged {
		if d.activation(component) == by {
			d.install(component, version)
			delete(d.Updates.Staged, component)
		}
	}
}

// activation is what brings a component to life on this device.
func (d *device) activation(component string) Activation {
	for _, by := range []Activation{d.Traits.Activations[component], d.site.config.Activations[component]} {
		if by != "" {
			return by
		}
	}
	switch component {
	case "BMC":
		return ActivateByBMC
	case "CPLD":
		return ActivateByDrain
	default:
		return ActivateByRestart
	}
}
