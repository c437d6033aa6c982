package rack

import (
	"fmt"
	"net"
	"strings"

	"github.com/rackstate/rackstate/backend"
)

// Site is what an operator expects to find: the classes of racks, the racks, and the devices in them. Package sitefile reads one from a file.
// It is plain data; Validate says whether it makes sense and Index answers questions about it.
type Site struct {
	// Profiles are the classes of racks, by profile id.
	Profiles map[string]Profile
	// Racks are the expected racks, in the order of the file.
	Racks []ExpectedRack
	// Machines are the expected compute trays, in the order of the file.
	Machines []ExpectedMachine
	// Switches are the expected NVLink switch trays, in the order of the file.
	Switches []ExpectedSwitch
	// PowerShelves are the expected power shelves, in the order of the file.
	PowerShelves []ExpectedPowerShelf
}

// AnyHardware is the hardware type that matches every other.
const AnyHardware = "any"

// HardwareClass says whether a rack is for development or production. Its firmware is signed accordingly.
type HardwareClass string

// The hardware classes. Empty means that the site does not say.
const (
	ClassDev  HardwareClass = "dev"
	ClassProd HardwareClass = "prod"
)

// Profile describes a class of racks.
type Profile struct {
	// ID is the key of the profile in Site.Profiles.
	ID string
	// ProductFamily is the product line, for example gb200.
	ProductFamily string
	// HardwareType is what firmware is made for, for example gb200; AnyHardware matches all.
	HardwareType string
	// Topology is the layout that the fabric manager is configured with, for example gb200_nvl72r1_c2g4_topology.
	Topology string
	// Class is ClassDev, ClassProd, or empty.
	Class HardwareClass
	// Compute, Switch and PowerShelf say what the rack holds of each kind.
	Compute, Switch, PowerShelf Capability
	// DefaultFirmware is the id of the firmware that a rack gets when nobody names one, by hardware type.
	DefaultFirmware map[string]string
	// DefaultSwitchImage is the id of the switch image that a rack gets when nobody names one, by hardware type.
	DefaultSwitchImage map[string]string
	// PowerSequence says that the first maintenance and a reprovision of such a rack end with a power sequence.
	PowerSequence bool
}

// Firmware returns the id of the default firmware of the profile's hardware type, else that for any hardware, else "".
func (p Profile) Firmware() string { return defaultFor(p.DefaultFirmware, p.HardwareType) }

// SwitchImage returns the id of the default switch image of the profile's hardware type, else that for any hardware, else "".
func (p Profile) SwitchImage() string { return defaultFor(p.DefaultSwitchImage, p.HardwareType) }

func defaultFor(byType map[string]string, hardwareType string) string {
	if id, found := byType[hardwareType]; found {
		return id
	}
	return byType[AnyHardware]
}

// Accepts reports whether something made for hardwareType fits racks of this profile: the types are equal, or one of them is AnyHardware.
func (p Profile) Accepts(hardwareType string) bool {
	return p.HardwareType == hardwareType || p.HardwareType == AnyHardware || hardwareType == AnyHardware
}

// Capability returns what the profile says about a kind of device, and false for a kind that is no device of a rack.
func (p Profile) Capability(kind backend.Kind) (Capability, bool) {
	switch kind {
	case backend.KindMachine:
		return p.Compute, true
	case backend.KindSwitch:
		return p.Switch, true
	case backend.KindPowerShelf:
		return p.PowerShelf, true
	default:
		return Capability{}, false
	}
}

// Capability says what a rack holds of one kind of device.
type Capability struct {
	// Name and Vendor describe the device; both may be empty.
	Name, Vendor string
	// Count is how many of them a complete rack has.
	Count int
	// SlotIDs are the slots where they can sit, counted from 1. Empty means that the profile does not say.
	SlotIDs []int
}

// Room returns how many devices can be expected in one rack: Count, or the number of slots where that is more.
func (c Capability) Room() int { return max(c.Count, len(c.SlotIDs)) }

// ExpectedRack is a rack that an operator announced.
type ExpectedRack struct {
	// ID names the rack.
	ID string
	// ProfileID is the key of its profile.
	ProfileID string
	// Name and Description are for people.
	Name, Description string
	// Labels are free, for example location.room or chassis.serial-number.
	Labels map[string]string
}

// ExpectedDevice is what the three kinds of devices have in common.
type ExpectedDevice struct {
	// ID names the device among those of its kind: see DeviceID.
	ID string
	// RackID is the rack that it belongs to.
	RackID string
	// BMCMAC is the MAC of its management controller, in the form of NormalizeMAC.
	BMCMAC string
	// BMC is the credential that the management controller has when it arrives. It may be empty.
	BMC backend.Credential
	// Serial is the serial number of the chassis. It may be empty.
	Serial string
	// Slot is where it sits in the rack, from the label "slot". Zero is unknown.
	Slot int
	// Name and Description are for people. Name may be empty.
	Name, Description string
	// Labels are free.
	Labels map[string]string
}

// ExpectedMachine is a compute tray that an operator announced.
type ExpectedMachine struct{ ExpectedDevice }

// ExpectedSwitch is an NVLink switch tray that an operator announced.
type ExpectedSwitch struct {
	ExpectedDevice
	// NVOSMACs are the MACs of the interfaces of its operating system, in the form of NormalizeMAC.
	NVOSMACs []string
	// NVOS is the credential of its operating system. It may be empty.
	NVOS backend.Credential
}

// ExpectedPowerShelf is a power shelf that an operator announced.
type ExpectedPowerShelf struct{ ExpectedDevice }

// DeviceID returns the id of an expected device: its name, else its MAC in lower case without colons.
func DeviceID(name, mac string) string {
	if name != "" {
		return name
	}
	return strings.ToLower(strings.ReplaceAll(mac, ":", ""))
}

// NormalizeMAC returns a MAC of six bytes in upper case with colons, as the module stores it. It reads colons, hyphens and the dotted form. The error
// wraps ErrMalformed; the addresses of nobody (all zero) and of everybody (all ones) are refused too.
func NormalizeMAC(text string) (string, error) {
	mac, err := net.ParseMAC(text)
	if err != nil || len(mac) != 6 {
		return "", fmt.Errorf("%w MAC %q: want six bytes such as 94:6D:AE:01:00:01", ErrMalformed, siteClip(text))
	}
	normal := strings.ToUpper(mac.String())
	if normal == "00:00:00:00:00:00" || normal == "FF:FF:FF:FF:FF:FF" {
		return "", fmt.Errorf("%w MAC %q: it belongs to no device", ErrMalformed, normal)
	}
	return normal, nil
}
