package lifecycle

import (
	"slices"
)

// Classification says what follows from an alert. The strings are stored and must not change.
type Classification string

// The classifications that mean something here.
const (
	// PreventAllocations: the machine is not given to a tenant, and its rack does not count as healthy.
	PreventAllocations Classification = "PreventAllocations"
	// ExcludeFromSLA: time in state is not held against the object.
	ExcludeFromSLA Classification = "ExcludeFromStateMachineSla"
	// SuppressExternalAlerting: do not page anybody.
	SuppressExternalAlerting Classification = "SuppressExternalAlerting"
	// StopReboot: automatic recovery must not restart the machine.
	StopReboot Classification = "StopReboot"
)

// Alert is one thing that a source reports about an object's health.
type Alert struct {
	// ID names the alert within its source.
	ID string `json:"id"`
	// Source says who reports it. A report replaces the earlier one of the same source.
	Source string `json:"source"`
	// Target is the part of the device that it is about, if not all of it.
	Target string `json:"target,omitempty"`
	// Message is for people.
	Message string `json:"message,omitempty"`
	// Classifications say what follows from it.
	Classifications []Classification `json:"classifications,omitempty"`
}

// Has reports whether the alert carries the classification.
func (a Alert) Has(c Classification) bool { return slices.Contains(a.Classifications, c) }

// HasAlert reports whether any alert carries the classification.
func (o *Object) HasAlert(c Classification) bool {
	return slices.ContainsFunc(o.Alerts, func(a Alert) bool { return a.Has(c) })
}

// Healthy reports whether no alert forbids allocation.
func (o *Object) Healthy() bool { return !o.HasAlert(PreventAllocations) }

// Report replaces what a source says about the object. No alerts: the source has nothing to report any more.
func (o *Object) Report(source string, alerts ...Alert) {
	kept := make([]Alert, 0, len(o.Alerts)+len(alerts))
	for _, a := range o.Alerts {
		if a.Source != source {
			kept = append(kept, a)
		}
	}
	for _, a := range alerts {
		a.Source = source
		kept = append(kept, a)
	}
	if len(kept) == 0 {
		kept = nil
	}
	o.Alerts = kept
}

// AddAlert adds an alert, or replaces the one with the same source and id.
func (o *Object) AddAlert(a Alert) {
	o.RemoveAlert(a.Source, a.ID)
	o.Alerts = append(o.Alerts, a)
}

// RemoveAlert removes the alert with that source and id. It reports whether there was one.
func (o *Object) RemoveAlert(source, id string) bool {
	n := len(o.Alerts)
	o.Alerts = slices.DeleteFunc(o.Alerts, func(a Alert) bool { return a.Source == source && a.ID == id })
	if len(o.Alerts) == 0 {
		o.Alerts = nil
	}
	return len(o.Alerts) != n
}
