package powershelf

// State is a lifecycle state of a power shelf. The strings are stored and public; they must not change.
type State string

// The states.
const (
	// Initializing: the shelf was discovered. The engine moves it on at once.
	Initializing State = "Initializing"
	// FetchingData: its controller has not been read yet. The engine moves it on when it answers.
	FetchingData State = "FetchingData"
	// Configuring: credentials and monitoring are not set yet. The engine moves it on when they are.
	Configuring State = "Configuring"
	// Ready: in service; the power state is polled. A request, a deletion mark or nothing moves it.
	Ready State = "Ready"
	// PoweringOn: an operator had it switched on. The engine moves it on when it has power, or when that fails.
	PoweringOn State = "Maintenance/PowerOn"
	// PoweringOff: an operator had it switched off by force. The engine moves it on when it has no power, or when that fails.
	PoweringOff State = "Maintenance/PowerOff"
	// Error: the last operation failed; Cause says why. Another request or a deletion moves it.
	Error State = "Error"
	// Deleting: on its way out. The engine removes it.
	Deleting State = "Deleting"
)

// Trigger names what moves a power shelf.
type Trigger string

// The triggers.
const (
	Discovered           Trigger = "Discovered"
	ControllerStarted    Trigger = "ControllerStarted"
	DataFetched          Trigger = "DataFetched"
	Configured           Trigger = "Configured"
	MaintenanceRequested Trigger = "MaintenanceRequested"
	OperationCompleted   Trigger = "OperationCompleted"
	OperationFailed      Trigger = "OperationFailed"
	OperationCancelled   Trigger = "OperationCancelled"
	Deleted              Trigger = "Deleted"
	Removed              Trigger = "Removed"
)
