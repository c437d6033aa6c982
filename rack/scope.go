package rack

import (
	"slices"

	"github.com/rackstate/rackstate/backend"
)

// ActivityName names an activity of a maintenance. The strings are stored and must not change.
type ActivityName string

// The activities, in the order in which a maintenance takes them.
const (
	FirmwareUpgrade     ActivityName = "FirmwareUpgrade"
	NvosUpdate          ActivityName = "NvosUpdate"
	ConfigureNmxCluster ActivityName = "ConfigureNmxCluster"
	PowerSequence       ActivityName = "PowerSequence"
)

// activityOrder is the order in which a maintenance takes its activities, however a request lists them.
var activityOrder = []ActivityName{FirmwareUpgrade, NvosUpdate, ConfigureNmxCluster, PowerSequence}

// PowerMode is what a power sequence does. The strings are stored and must not change.
type PowerMode string

// The power modes.
const (
	// SequenceReset switches off, then on. It is the default.
	SequenceReset PowerMode = "reset"
	// SequenceOn switches on.
	SequenceOn PowerMode = "on"
	// SequenceOff switches off and rests in PoweredOff.
	SequenceOff PowerMode = "off"
)

// Activity is one activity of a maintenance with its parameters. A parameter of another activity is refused.
type Activity struct {
	Name ActivityName `json:"name"`
	// Firmware is the id of the bundle of a FirmwareUpgrade. Empty: the default of the rack's hardware type.
	Firmware string `json:"firmware,omitempty"`
	// Components limits a FirmwareUpgrade to some, for example BMC, CPLD, BIOS. Empty: all.
	Components []string `json:"components,omitempty"`
	// Force has a FirmwareUpgrade install what is there already too.
	Force bool `json:"force,omitempty"`
	// Image is the id of the image of an NvosUpdate. Empty: the profile's default.
	Image string `json:"image,omitempty"`
	// Power is what a PowerSequence does. Empty: SequenceReset.
	Power PowerMode `json:"power,omitempty"`
}

func (a Activity) mode() PowerMode {
	if a.Power == "" {
		return SequenceReset
	}
	return a.Power
}

// Scope says what a maintenance is about. Without any list of devices it is the whole rack; with one, a kind that has no list is left
// alone. A list that is there and empty is refused: see FullRack and its siblings for how to ask for what.
type Scope struct {
	Machines     []string `json:"machines,omitzero"`
	Switches     []string `json:"switches,omitzero"`
	PowerShelves []string `json:"power_shelves,omitzero"`
	// Activities are what shall be done. None: all four.
	Activities []Activity `json:"activities,omitzero"`
}

// FullRack is the scope of a whole rack. Without activities it is about all four.
func FullRack(activities ...Activity) Scope { return Scope{Activities: slices.Clip(activities)} }

// whole reports whether the scope names no devices.
func (s Scope) whole() bool { return s.Machines == nil && s.Switches == nil && s.PowerShelves == nil }

// has reports whether a device is in scope.
func (s Scope) has(ref backend.Ref) bool {
	if s.whole() {
		return true
	}
	switch ref.Kind {
	case backend.KindMachine:
		return slices.Contains(s.Machines, ref.ID)
	case backend.KindSwitch:
		return slices.Contains(s.Switches, ref.ID)
	case backend.KindPowerShelf:
		return slices.Contains(s.PowerShelves, ref.ID)
	default:
		return false
	}
}

// activity returns the activity of that name, if the scope asks for it.
func (s Scope) activity(name ActivityName) (Activity, bool) {
	if len(s.Activities) == 0 {
		return Activity{Name: name}, true
	}
	for _, a := range s.Activities {
		if a.Name == name {
			return a, true
		}
	}
	return Activity{}, false
}

// next returns the activity that follows the given one; with "" the first.
func (s Scope) next(after ActivityName) (Activity, bool) {
	for _, name := range activityOrder[slices.Index(activityOrder, after)+1:] {
		if a, ok := s.activity(name); ok {
			return a, true
		}
	}
	return Activity{}, false
}

// entry is the state in which an activity begins.
func (a Activity) entry() State {
	switch {
	case a.Name == FirmwareUpgrade:
		return FirmwareStart
	case a.Name == NvosUpdate:
		return NVOSStart
	case a.Name == ConfigureNmxCluster:
		return ClusterStart
	case a.mode() == SequenceOn:
		return PoweringOn
	default:
		return PoweringOff
	}
}

// after is the state that follows an activity.
func (s Scope) after(name ActivityName) State {
	if a, ok := s.next(name); ok {
		return a.entry()
	}
	return Completed
}

func (s Scope) clone() Scope {
	c := Scope{Machines: slices.Clone(s.Machines), Switches: slices.Clone(s.Switches), PowerShelves: slices.Clone(s.PowerShelves), Activities: slices.Clone(s.Activities)}
	for i := range c.Activities {
		c.Activities[i].Components = slices.Clone(c.Activities[i].Components)
	}
	return c
}
