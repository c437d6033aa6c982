package fake

import "fmt"

// op is one call of the driver. Its number decides what is drawn for it, so new ones come last.
type op uint8

const (
	opNone op = iota
	opSetPower
	opPowerState
	opResetHost
	opResetBMC
	opFetchShelf
	opConfigureShelf
	opPlacement
	opFirmwareInventory
	opApplyFirmware
	opFirmwareJob
	opApplySwitchImage
	opSwitchImageJob
	opConfigureCertificate
	opCertificateJob
	opSetFabricState
	opConfigureFabricManager
	opFabricStatus
	opCheckSwitch
	opInspectPlatform
	opSubmitPlatform
	opPlatformJob
	opDiscover
	opMatchSKU
	opValidateMachine
	opValidationJob
	opStartValidation
	opUploadFirmware
	opFirmwareTask
	opAttest
	opAttestation
	opStartCleanup
	opCleanupJob
	opDPUs
	opRestartDPUs
	opConfigureDPUNetwork
	opEvents
	opCount
)

// door is where a call reaches a device, and so what must work for the call to arrive.
type door uint8

const (
	// doorService: a service beside the device. It is always there.
	doorService door = iota
	// doorBMC: the management controller. It is away for a while after a reset.
	doorBMC
	// doorNVOS: the operating system of a switch. It must be up.
	doorNVOS
)

// callFacts is what the simulation knows of a call.
type callFacts struct {
	name string
	door door
	// begun is, for the poll of a job, the call that begins it, and for a call that begins work, itself. It is opNone for all others.
	begun op
	// batch says that it answers for each of many devices: only then can one be left out.
	batch bool
}

var calls = [opCount]callFacts{
	opSetPower:               {name: "SetPower", door: doorBMC},
	opPowerState:             {name: "PowerState", door: doorBMC, batch: true},
	opResetHost:              {name: "ResetHost", door: doorBMC},
	opResetBMC:               {name: "ResetBMC", door: doorBMC},
	opFetchShelf:             {name: "FetchShelf", door: doorBMC},
	opConfigureShelf:         {name: "ConfigureShelf", door: doorBMC},
	opPlacement:              {name: "Placement", door: doorBMC, batch: true},
	opFirmwareInventory:      {name: "FirmwareInventory", door: doorBMC},
	opApplyFirmware:          {name: "ApplyFirmware", door: doorBMC, begun: opApplyFirmware, batch: true},
	opFirmwareJob:            {name: "FirmwareJob", door: doorBMC, begun: opApplyFirmware, batch: true},
	opApplySwitchImage:       {name: "ApplySwitchImage", door: doorNVOS, begun: opApplySwitchImage, batch: true},
	opSwitchImageJob:         {name: "SwitchImageJob", door: doorNVOS, begun: opApplySwitchImage, batch: true},
	opConfigureCertificate:   {name: "ConfigureCertificate", door: doorNVOS, begun: opConfigureCertificate},
	opCertificateJob:         {name: "CertificateJob", door: doorNVOS, begun: opConfigureCertificate},
	opSetFabricState:         {name: "SetFabricState", door: doorNVOS},
	opConfigureFabricManager: {name: "ConfigureFabricManager", door: doorNVOS, begun: opConfigureFabricManager},
	opFabricStatus:           {name: "FabricStatus", door: doorNVOS, batch: true},
	opCheckSwitch:            {name: "CheckSwitch", door: doorNVOS},
	opInspectPlatform:        {name: "InspectPlatform", door: doorBMC},
	opSubmitPlatform:         {name: "SubmitPlatform", door: doorBMC, begun: opSubmitPlatform},
	opPlatformJob:            {name: "PlatformJob", door: doorBMC, begun: opSubmitPlatform},
	opDiscover:               {name: "Discover"},
	opMatchSKU:               {name: "MatchSKU"},
	opValidateMachine:        {name: "ValidateMachine", begun: opValidateMachine},
	opValidationJob:          {name: "ValidationJob", begun: opValidateMachine},
	opStartValidation:        {name: "StartValidation", begun: opStartValidation},
	opUploadFirmware:         {name: "UploadFirmware", door: doorBMC, begun: opUploadFirmware},
	opFirmwareTask:           {name: "FirmwareTask", door: doorBMC, begun: opUploadFirmware},
	opAttest:                 {name: "Attest", begun: opAttest},
	opAttestation:            {name: "Attestation", begun: opAttest},
	opStartCleanup:           {name: "StartCleanup", begun: opStartCleanup},
	opCleanupJob:             {name: "CleanupJob", begun: opStartCleanup},
	opDPUs:                   {name: "DPUs"},
	opRestartDPUs:            {name: "RestartDPUs", door: doorBMC},
	opConfigureDPUNetwork:    {name: "ConfigureDPUNetwork", begun: opConfigureDPUNetwork},
	opEvents:                 {name: "Events", door: doorBMC},
}

// String returns the name of the driver's method.
func (o op) String() string {
	if o >= opCount {
		return fmt.Sprintf("op(%d)", uint8(o))
	}
	return calls[o].name
}

// MarshalText writes the name.
func (o op) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads the name.
func (o *op) UnmarshalText(text []byte) error {
	found, ok := opNamed(string(text))
	if !ok {
		return fmt.Errorf("no call is named %q", text)
	}
	*o = found
	return nil
}

// opNamed finds a call by its name.
func opNamed(name string) (op, bool) {
	for o := opNone + 1; o < opCount; o++ {
		if calls[o].name == name {
			return o, true
		}
	}
	return opNone, false
}

// callNames lists the calls for which keep is true, for error messages.
func callNames(keep func(callFacts) bool) []string {
	var names []string
	for _, c := range calls[opNone+1:] {
		if keep(c) {
			names = append(names, c.name)
		}
	}
	return names
}
