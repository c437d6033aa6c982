package powershelf

import (
	"time"

	"github.com/rackstate/rackstate/lifecycle"
)

// table lists every legal transition of a power shelf.
var table = lifecycle.Table[State, Trigger]{
	{From: "", On: Discovered, To: Initializing, Note: "reported by the host application"},
	{From: Initializing, On: ControllerStarted, To: FetchingData},
	{From: FetchingData, On: DataFetched, To: Configuring, Note: "vendor, model, serial, firmware and power state read from the controller"},
	{From: Configuring, On: Configured, To: Ready, Note: "credentials and monitoring set"},
	{From: Ready, On: MaintenanceRequested, To: PoweringOn, Guard: "the request's operation is PowerOn"},
	{From: Ready, On: MaintenanceRequested, To: PoweringOff, Guard: "the request's operation is PowerOff"},
	{From: "Maintenance", On: OperationCompleted, To: Ready, Note: "the new power state was observed; consumes the request"},
	{From: "Maintenance", On: OperationFailed, To: Error, Note: "no retry; consumes the request"},
	{From: "Maintenance", On: OperationCancelled, To: Ready, Note: "cancelled before the hardware was asked; the shelf works as before"},
	{From: Error, On: MaintenanceRequested, To: PoweringOn, Guard: "the request's operation is PowerOn"},
	{From: Error, On: MaintenanceRequested, To: PoweringOff, Guard: "the request's operation is PowerOff"},
	{From: lifecycle.Any, On: Deleted, To: Deleting, Note: "before everything else"},
	{From: Deleting, On: Removed, To: ""},
}

// observeDeadline is how long an operation waits until the new power state is observed.
const observeDeadline = 10 * time.Minute

// states declares every state. Working states have an SLA of five minutes.
var states = []lifecycle.StateInfo[State]{
	{State: Initializing, Class: lifecycle.Working, SLA: 5 * time.Minute, Doc: "discovered, nothing done yet"},
	{State: FetchingData, Class: lifecycle.Working, SLA: 5 * time.Minute, Doc: "the controller has not been read yet"},
	{State: Configuring, Class: lifecycle.Working, SLA: 5 * time.Minute, Doc: "credentials and monitoring are not set yet"},
	{State: Ready, Class: lifecycle.Resting, Doc: "in service; the power state is polled"},
	{State: PoweringOn, Class: lifecycle.Working, SLA: 5 * time.Minute, Deadline: observeDeadline, Doc: "being switched on"},
	{State: PoweringOff, Class: lifecycle.Working, SLA: 5 * time.Minute, Deadline: observeDeadline, Doc: "being switched off by force"},
	{State: Error, Class: lifecycle.Failed, Doc: "the last operation failed; a request or a deletion leads out"},
	{State: Deleting, Class: lifecycle.Deleting, SLA: 5 * time.Minute, Doc: "on its way out"},
}
