package scenario

import (
	"strconv"
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
		l.datum(at.to("report", id), call, a.Report[id])
	}
}

// datum looks at what a call reports of one device.
func (l *linter) datum(at path, call string, v Datum) {
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
	default:
		l.add(at, "%s reports no data of a device; {report: {}} means that none has reported", call)
	}
}
