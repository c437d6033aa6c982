package scenario

import (
	"maps"
	"slices"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine"
	"github.com/rackstate/rackstate/powershelf"
	"github.com/rackstate/rackstate/rack"
	nvswitch "github.com/rackstate/rackstate/switch"
)

// carries says what an answer to a call may hold besides success and failure.
type carries int

const (
	carriesNothing carries = iota
	carriesJobs
	carriesReport
)

// callInfo is what is known of a hardware call.
type callInfo struct {
	carries carries
	begins  bool // it changes something: with an idempotency key
}

// calls are the hardware calls that scenarios know, as the driver's contract spells them.
var calls = map[string]callInfo{
	"ApplyFirmware": {carriesJobs, true}, "FirmwareJob": {carriesJobs, false}, "ApplySwitchImage": {carriesJobs, true}, "SwitchImageJob": {carriesJobs, false},
	"ConfigureCertificate": {carriesJobs, true}, "CertificateJob": {carriesJobs, false}, "SetFabricState": {carriesNothing, true}, "ConfigureFabricManager": {carriesNothing, true},
	"FabricStatus": {carriesReport, false}, "Placement": {carriesReport, false}, "CheckSwitch": {carriesNothing, false}, "StartValidation": {carriesNothing, true},
	"SetPower": {carriesNothing, true}, "PowerState": {carriesReport, false}, "FetchShelf": {carriesNothing, false}, "ConfigureShelf": {carriesNothing, true},
	"ResetHost": {carriesNothing, true}, "ResetBMC": {carriesNothing, true}, "FirmwareInventory": {carriesReport, false}, "UploadFirmware": {carriesJobs, true}, "FirmwareTask": {carriesJobs, false},
	"InspectPlatform": {carriesNothing, false}, "SubmitPlatform": {carriesNothing, true}, "PlatformJob": {carriesJobs, true}, "Discover": {carriesReport, false},
	"Provision": {carriesNothing, true}, "Release": {carriesNothing, true},
	"MatchSKU": {carriesReport, false}, "ValidateMachine": {carriesJobs, true}, "ValidationJob": {carriesJobs, false},
	"StartCleanup": {carriesNothing, true}, "CleanupJob": {carriesReport, false}, "Attest": {carriesNothing, true}, "Attestation": {carriesReport, false},
	"DPUs": {carriesReport, false}, "RestartDPUs": {carriesNothing, true}, "ConfigureDPUNetwork": {carriesNothing, true}, "Events": {carriesReport, false},
}

// words that stand for something, by what they are.
var (
	outcomeWords  = []string{"wait", "transition", "nothing", "error", "deleted"}
	requestWords  = []string{"pending", "started", "finished", "failed", "rejected", "cancelled", "superseded", "withdrawn", "consumed"}
	resultWords   = []string{"ok", "failed", "skipped", "running"}
	progressWords = []string{"started", "in_progress", "completed", "failed"}
	fabricWords   = []string{"ok", "not_ok", "unknown"}
	powerWords    = []string{"on", "off"}
	modeWords     = []string{"on", "off", "reset"}
	originWords   = []string{"component", "maintenance", "validation"}
	awaitWords    = []string{"firmware", "nvos", "nmxc"}
	activityWords = []string{string(rack.FirmwareUpgrade), string(rack.NvosUpdate), string(rack.ConfigureNmxCluster), string(rack.PowerSequence)}
	deviceWords   = []string{string(backend.KindMachine), string(backend.KindSwitch), string(backend.KindPowerShelf)}
	validateWords = []string{"enabled", "disabled"}
	howWords      = []string{string(machine.HowUpload), string(machine.HowManual), string(machine.HowScript), string(machine.HowReset)}
	resetWords    = []string{string(machine.ResetHost), string(machine.ResetBMC), string(machine.ResetDrain), string(machine.ResetNone)}
	jobWords      = []string{string(backend.JobPending), string(backend.JobRunning), string(backend.JobCompleted), string(backend.JobFailed), string(backend.JobUnknown)}
	proofWords    = []string{
		string(backend.AttestationWaiting), string(backend.AttestationPending), string(backend.AttestationPassed), string(backend.AttestationFailed), string(backend.AttestationCancelled),
	}
)

// statusKeys are the keys that each status of a cycle takes, by its name.
var statusKeys = map[string][]string{
	"firmware_upgrade": {"status", "cause", "started", "ended", "cycle"},
	"nvos_update":      {"status", "cause", "started", "ended", "cycle"},
	"fabric_manager":   {"status", "reason", "error", "started", "ended", "cycle"},
}

// statusesOf are the statuses that a kind of device has.
var statusesOf = map[backend.Kind][]string{
	backend.KindMachine:    {"firmware_upgrade"},
	backend.KindSwitch:     {"firmware_upgrade", "nvos_update", "fabric_manager"},
	backend.KindPowerShelf: {"firmware_upgrade"},
}

// vocabulary is what the state machines know by name: their states and requests.
type vocabulary struct {
	states   map[backend.Kind][]string
	requests map[backend.Kind][]string
}

// readyState is the state of an object that is given without one; every kind has it.
const readyState = "Ready"

// newVocabulary asks the kinds, over a driver that can do nothing: tables do not depend on it.
func newVocabulary() *vocabulary {
	none := backend.Capabilities{}
	racks, _ := rack.New(rack.KindConfig{Driver: none, Profile: func(string) (rack.Profile, bool) { return rack.Profile{}, false }})
	machines, _ := machine.New(machine.Config{Driver: none})
	switches, _ := nvswitch.New(nvswitch.Config{Driver: none})
	shelves, _ := powershelf.New(powershelf.Config{Driver: none})
	v := &vocabulary{states: map[backend.Kind][]string{}, requests: map[backend.Kind][]string{}}
	for _, k := range []*lifecycle.Kind{racks, machines, switches, shelves} {
		if k == nil {
			continue
		}
		for _, s := range k.States() {
			v.states[k.Name()] = append(v.states[k.Name()], s.State)
		}
		v.requests[k.Name()] = slices.Sorted(maps.Keys(k.RequestTypes()))
	}
	return v
}

// joined prints words for a message.
func joined(words []string) string { return strings.Join(words, ", ") }
