package metamorphic

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rackstate/rackstate/fake/scenario"
)

// faults has the hardware go wrong in one to three ways.
func (g *generator) faults() {
	list := make([]string, g.between(1, 3))
	for i := range list {
		list[i] = g.fault()
	}
	g.add(scenario.Step{Faults: &list})
}

func (g *generator) clear() {
	none := []string{}
	g.add(scenario.Step{Faults: &none})
}

// What faults are about.
var (
	acts  = []string{"SetPower", "ResetHost", "ApplyFirmware", "ApplySwitchImage", "ConfigureCertificate", "SetFabricState", "ConfigureFabricManager", "SubmitPlatform", "ValidateMachine", "StartValidation", "StartCleanup", "UploadFirmware", "ConfigureShelf", "Attest", "ConfigureDPUNetwork"}
	looks = []string{"PowerState", "FirmwareJob", "SwitchImageJob", "CertificateJob", "FabricStatus", "InspectPlatform", "PlatformJob", "Discover", "MatchSKU", "ValidationJob", "FirmwareInventory", "Placement", "FetchShelf", "CheckSwitch", "CleanupJob", "FirmwareTask", "Attestation", "DPUs", "Events"}
	jobs  = []string{"ApplyFirmware", "ApplySwitchImage", "ConfigureCertificate", "ConfigureFabricManager", "SubmitPlatform", "ValidateMachine", "StartValidation", "StartCleanup", "UploadFirmware", "Attest"}
	many  = []string{"PowerState", "Placement", "ApplyFirmware", "FirmwareJob", "ApplySwitchImage", "SwitchImageJob", "FabricStatus"}
)

// fault draws one, as its text.
func (g *generator) fault() string {
	var words []string
	counted := true
	switch g.IntN(16) {
	case 0, 1, 2:
		words = []string{"fail", pick(g.dice, slices.Concat(acts, looks)), g.where(), "class=" + pick(g.dice, []string{"notdone", "maybe", "permanent", "unauthorized"})}
	case 3:
		words = []string{"timeout", pick(g.dice, slices.Concat(acts, looks)), g.where()}
	case 4, 5:
		words = []string{"lose", pick(g.dice, acts), g.where()}
	case 6:
		words = []string{"omit", pick(g.dice, many), g.where()}
	case 7:
		words = []string{"panic", pick(g.dice, slices.Concat(acts, looks)), g.where()}
	case 8:
		words = []string{"lie", "PowerState", g.where()}
	case 9, 10, 11:
		call := pick(g.dice, jobs)
		endings := []string{"fails \"spoiled\"", "never ends", "stays pending", "does nothing"}
		if call == "ConfigureFabricManager" || call == "StartValidation" {
			endings = endings[:3]
		}
		words = []string{"job", call, g.where(), g.count(), pick(g.dice, endings)}
		counted = false
	case 12:
		words = []string{"ignore", pick(g.dice, []string{"SetPower", "ResetHost", "ResetBMC"}), g.where()}
	case 13:
		words = []string{"break", "UploadFirmware", g.where()}
	default:
		words, counted = []string{pick(g.dice, []string{"away", "away", "silent", "forget"}), g.where(), g.window()}, false
	}
	if counted {
		words = append(words, g.count())
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// where is the device of a fault, or none for all.
func (g *generator) where() string {
	if g.chance(2) {
		return ""
	}
	return "on " + pick(g.dice, slices.Concat(g.layout.machines, g.layout.switches, g.layout.shelves))
}

// count says how often a fault strikes.
func (g *generator) count() string {
	switch g.IntN(5) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("nth=%d", g.between(1, 3))
	case 2:
		return fmt.Sprintf("p=0.%d", g.between(1, 9))
	default:
		return fmt.Sprintf("count=%d", g.between(1, 3))
	}
}

// window is from when and for how long a fault stands.
func (g *generator) window() string {
	return fmt.Sprintf("from %ds for %dm", g.between(0, 120), g.between(1, 90))
}

func (g *generator) crash() { g.add(scenario.Step{Crash: new(string)}) }

// crashAtCommit crashes before, after or in one of the next commits.
func (g *generator) crashAtCommit() {
	at := fmt.Sprintf("%s %d", pick(g.dice, []string{"before-commit", "after-commit", "lost-commit", "dropped-commit"}), g.between(1, 6))
	g.add(scenario.Step{Crash: &at})
}

// crashAtCall crashes when a call was made and nothing of it is on record.
func (g *generator) crashAtCall() {
	at := fmt.Sprintf("after-call %s %d", pick(g.dice, slices.Concat(acts, looks[:2])), g.between(1, 3))
	g.add(scenario.Step{Crash: &at})
}

// stall has a pass stand still for a while.
func (g *generator) stall() {
	s := scenario.Stall{At: fmt.Sprintf("before-commit %d", g.between(1, 6)), For: scenario.Duration(pick(g.dice, []time.Duration{time.Second, 40 * time.Second, 10 * time.Minute, 2 * time.Hour}))}
	if g.chance(3) {
		s.At = fmt.Sprintf("after-call %s", pick(g.dice, slices.Concat(acts, looks)))
	}
	if len(g.layout.given.Controllers) > 0 && g.chance(2) {
		s.Controller = g.controller()
	}
	g.add(scenario.Step{Stall: &s})
}

// stumble has answers fail now and then, and a pass stand still for longer than a lease: what it has seen is not what the next owner of its rack sees.
func (g *generator) stumble() {
	var list []string
	for _, call := range []string{"PowerState", "FirmwareJob", "SwitchImageJob", "PlatformJob", "Discover", "FabricStatus", "CertificateJob"} {
		list = append(list, fmt.Sprintf("fail %s p=0.%d", call, g.between(2, 6)))
	}
	g.maintain()
	g.add(scenario.Step{Faults: &list})
	g.run(time.Duration(g.between(1, 60)) * time.Second)
	lease := time.Duration(g.layout.given.Settings.Lease)
	g.add(scenario.Step{Stall: &scenario.Stall{At: fmt.Sprintf("before-commit %d", g.between(1, 4)), For: scenario.Duration(lease * 3 / 2)}})
	g.run(time.Duration(g.between(1, 20)) * time.Minute)
}

func (g *generator) controller() string { return pick(g.dice, g.layout.given.Controllers) }

func (g *generator) as() { g.add(scenario.Step{As: g.controller()}) }

func (g *generator) pause() { g.add(scenario.Step{Pause: g.controller()}) }

func (g *generator) kill() { g.add(scenario.Step{Kill: g.controller()}) }

func (g *generator) goOn() { g.add(scenario.Step{Continue: g.controller()}) }
