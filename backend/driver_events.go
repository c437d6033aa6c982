package backend

import (
	"context"
	"time"
)

// EventKind is what sort of entry an event log has. A driver sorts by the controller's own codes, never by words in a message.
type EventKind string

// The kinds of entry.
const (
	EventPowerOn   EventKind = "power_on"
	EventPowerOff  EventKind = "power_off"
	EventHostReset EventKind = "host_reset"
	EventBMCReset  EventKind = "bmc_reset"
	EventOther     EventKind = "other"
)

// Event is one entry of an event log.
type Event struct {
	// ID names it within the log.
	ID string
	// At is when it happened by the controller's clock, corrected to the driver's.
	At   time.Time
	Kind EventKind
	// Message is for people.
	Message string
}

// EventLog reads the event logs of management controllers.
type EventLog interface {
	// Events returns the entries at or after a time, oldest first.
	Events(ctx context.Context, device Device, since time.Time) ([]Event, error)
}
