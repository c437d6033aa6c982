package lifecycle

import (
	"fmt"
	"slices"
	"time"
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

// HealthReport is what one source says about the whole of an object's health, in place of all that others say.
type HealthReport struct {
	// Source says who reports it.
	Source string `json:"source"`
	// Since is since when this source overrides the others.
	Since time.Time `json:"since"`
	// Alerts are the report. None: the object is healthy.
	Alerts []Alert `json:"alerts,omitempty"`
}

func (r *HealthReport) clone() *HealthReport {
	if r == nil {
		return nil
	}
	c := *r
	c.Alerts = slices.Clone(r.Alerts)
	return &c
}

// String describes the report for people.
func (r *HealthReport) String() string {
	return fmt.Sprintf("a report of %s since %s", r.Source, r.Since.Format(time.RFC3339))
}

// EffectiveAlerts are the alerts that count, for reading only: those of the report that replaces all others, if one stands, else what all sources report.
func (o *Object) EffectiveAlerts() []Alert {
	if o.Replacing != nil {
		return o.Replacing.Alerts
	}
	return o.Alerts
}

// HasAlert reports whether any alert that counts carries the classification.
func (o *Object) HasAlert(c Classification) bool {
	return slices.ContainsFunc(o.EffectiveAlerts(), func(a Alert) bool { return a.Has(c) })
}

// Healthy reports whether no alert that counts forbids allocation.
func (o *Object) Healthy() bool { return !o.HasAlert(PreventAllocations) }

// ReplaceHealth lets a source override all that others report, until ClearReplacedHealth. What they report meanwhile is kept underneath. No alerts: the object is
// healthy, whatever they say. It takes the place of an earlier such report of any source.
func (o *Object) ReplaceHealth(source string, now time.Time, alerts ...Alert) {
	r := &HealthReport{Source: source, Since: now}
	if o.Replacing != nil && o.Replacing.Source == source {
		r.Since = o.Replacing.Since
	}
	for _, a := range alerts {
		a.Source = source
		r.Alerts = append(r.Alerts, a)
	}
	o.Replacing = r
}

// ClearReplacedHealth ends the override of a source: what all sources report counts again. It reports whether there was one.
func (o *Object) ClearReplacedHealth(source string) bool {
	if o.Replacing == nil || o.Replacing.Source != source {
		return false
	}
	o.Replacing = nil
	return true
}

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
