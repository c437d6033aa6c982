package scenario

import (
	"fmt"
	"strconv"
	"time"

	"github.com/rackstate/rackstate/machine"
)

func (l *linter) lintHardware(at path, list []Answered) {
	type key struct{ call, on string }
	seen := map[key]bool{}
	for i, a := range list {
		what, known := l.call(at.to(i, "call"), a.Call)
		if a.On != "" {
			l.id(at.to(i, "on"), a.On)
		}
		if seen[key{a.Call, a.On}] {
			l.add(at.to(i), "%s is answered twice here; write the answers as one list", a.Call)
		}
		seen[key{a.Call, a.On}] = true
		if len(a.Answer) == 0 {
			l.add(at.to(i), "there is no answer")
		}
		for n, one := range a.Answer {
			place := at.to(i, "answer")
			if len(a.Answer) > 1 {
				place = place.to(n)
			}
			if known {
				l.lintAnswer(place, a.Call, what.carries, one)
			}
		}
	}
}

func (l *linter) lintAnswer(at path, call string, what carries, a Answer) {
	switch {
	case a.Word == answerJobs && what != carriesJobs:
		l.add(at, "%s begins and polls no jobs", call)
	case a.Word == answerReport && what != carriesReport:
		l.add(at, "%s reports no data", call)
	}
	for _, id := range sortedKeys(a.Jobs) {
		l.id(at.to("jobs", id), id)
	}
	for _, id := range sortedKeys(a.Report) {
		l.id(at.to("report", id), id)
		l.datum(at.to("report", id), call, id, a.Report[id])
	}
}

// cleanupKeys are what may be said of a clean-up.
func cleanupKeys() []string {
	keys := []string{"state", "cause"}
	for _, step := range machine.DefaultCleanupSteps() {
		keys = append(keys, string(step))
	}
	return keys
}

// units looks whether a host has the data processing units that are reported.
func (l *linter) units(at path, id string, v Datum) {
	var names []string
	for _, m := range l.s.Given.Machines {
		for i := range m.DPUs {
			if m.ID == id {
				names = append(names, fmt.Sprintf("dpu%d", i))
			}
		}
	}
	for _, key := range sortedKeys(v.Map) {
		l.word(at.to(key), key, names)
	}
}

// proof looks at what an attestor reports.
func (l *linter) proof(at path, v Datum) {
	for _, key := range sortedKeys(v.Map) {
		l.word(at.to(key), key, []string{"attestor", "state", "cause", "measured", "measured_at"})
	}
	if l.word(at.to("state"), v.Map["state"], proofWords); v.Map == nil {
		l.add(at, "Attestation reports {state, cause, measured, measured_at, attestor}")
	}
	if name := v.Map["attestor"]; name != "" {
		l.word(at.to("attestor"), name, l.s.Given.Settings.Attestors)
	}
	if _, err := strconv.Atoi(v.Map["measured"]); v.Map["measured"] != "" && err != nil {
		l.add(at.to("measured"), "%q is no whole number", v.Map["measured"])
	}
	if _, err := time.ParseDuration(v.Map["measured_at"]); v.Map["measured_at"] != "" && err != nil {
		l.add(at.to("measured_at"), "%q is no duration, for example -90s", v.Map["measured_at"])
	}
}

// datum looks at what a call reports of one device.
func (l *linter) datum(at path, call, id string, v Datum) {
	switch call {
	case "Placement":
		if _, err := strconv.Atoi(v.Text); err != nil {
			l.add(at, "%s reports a tray index, and %q is no number", call, v.Text)
		}
	case "PowerState":
		if l.word(at, v.Text, powerWords); v.Text == "" {
			l.add(at, "%s reports on or off", call)
		}
	case "FabricStatus":
		for _, key := range sortedKeys(v.Map) {
			l.word(at.to(key), key, []string{"status", "reason", "error"})
		}
		if l.word(at.to("status"), v.Map["status"], fabricWords); v.Map["status"] == "" {
			l.add(at, "%s reports {status: %s}", call, joined(fabricWords))
		}
	case "FirmwareInventory":
		if v.Text != "" {
			l.add(at, "%s reports {component: version}", call)
		}
	case cleanupPoll:
		for _, key := range sortedKeys(v.Map) {
			l.word(at.to(key), key, cleanupKeys())
		}
		if l.word(at.to("state"), v.Map["state"], jobWords); v.Map == nil {
			l.add(at, "%s reports {state, cause, step: done, missing or why not}", call)
		}
	case "Attestation":
		l.proof(at, v)
	case "MatchSKU":
		for _, key := range sortedKeys(v.Map) {
			l.word(at.to(key), key, []string{"sku", "missing", "differences"})
		}
		if v.Map == nil {
			l.add(at, "%s reports {sku, missing, differences}", call)
		}
	case "DPUs":
		if l.units(at, id, v); v.Map == nil {
			l.add(at, "%s reports {unit: state}", call)
		}
	default:
		l.add(at, "%s reports no data of a device; {report: {}} means that none has reported", call)
	}
}
