package rack

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// The labels by which a rack validation service reports. Their names are public.
const (
	labelPrefix   = "rv."
	LabelRun      = "rv.run-id"
	LabelPart     = "rv.part-id"
	LabelState    = "rv.st"
	LabelFailDesc = "rv.fail-desc"
)

// PartitionState is how far the validation of one partition, or of one machine, has come. The strings are those of the label rv.st.
type PartitionState string

// The partition states.
const (
	PartitionIdle PartitionState = "idle"
	PartitionBusy PartitionState = "inp"
	PartitionPass PartitionState = "pass"
	PartitionFail PartitionState = "fail"
)

// Partition is a group of machines that are validated together.
type Partition struct {
	ID       string
	State    PartitionState
	Machines []string
	// Failures are the descriptions of the machines that failed, each once.
	Failures []string
}

// Labelled is a machine as validation sees it.
type Labelled struct {
	ID     string
	Labels map[string]string
}

// chooseRun picks the run that most machines carry, of equals the greater id. It is empty when no machine carries one.
func chooseRun(machines []Labelled) string {
	count := map[string]int{}
	for _, m := range machines {
		if id := m.Labels[LabelRun]; id != "" {
			count[id]++
		}
	}
	best := ""
	for id, n := range count {
		if best == "" || n > count[best] || n == count[best] && id > best {
			best = id
		}
	}
	return best
}

// partitions sums up a run. Machines of another run, or without a partition, do not count. A missing or unknown state on one that counts is an error.
func partitions(machines []Labelled, run string) ([]Partition, error) {
	byID := map[string]*Partition{}
	counts := map[string]map[PartitionState]int{}
	for _, m := range machines {
		part := m.Labels[LabelPart]
		if m.Labels[LabelRun] != run || part == "" {
			continue
		}
		state := PartitionState(m.Labels[LabelState])
		switch state {
		case PartitionIdle, PartitionBusy, PartitionPass, PartitionFail:
		default:
			return nil, fmt.Errorf("machine %s carries %s=%q; allowed are idle, inp, pass and fail", m.ID, LabelState, state)
		}
		p := byID[part]
		if p == nil {
			p = &Partition{ID: part}
			byID[part], counts[part] = p, map[PartitionState]int{}
		}
		p.Machines = append(p.Machines, m.ID)
		counts[part][state]++
		if desc := m.Labels[LabelFailDesc]; state == PartitionFail && desc != "" && !slices.Contains(p.Failures, desc) {
			p.Failures = append(p.Failures, desc)
		}
	}
	out := make([]Partition, 0, len(byID))
	for id, p := range byID {
		p.State = sumUp(counts[id], len(p.Machines))
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b Partition) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// sumUp is the state of a partition: validated if all its machines pass, else failed if any fails, else in progress if any is, else pending.
func sumUp(count map[PartitionState]int, total int) PartitionState {
	switch {
	case count[PartitionPass] == total:
		return PartitionPass
	case count[PartitionFail] > 0:
		return PartitionFail
	case count[PartitionBusy] > 0:
		return PartitionBusy
	default:
		return PartitionIdle
	}
}

// Summary counts the partitions of a run.
type Summary struct {
	Total, Validated, Failed, InProgress int
	// Gone says that no machine carries the run's id any more.
	Gone bool
}

func summarize(parts []Partition) Summary {
	s := Summary{Total: len(parts)}
	for _, p := range parts {
		switch p.State {
		case PartitionPass:
			s.Validated++
		case PartitionFail:
			s.Failed++
		case PartitionBusy:
			s.InProgress++
		case PartitionIdle:
		}
	}
	return s
}

func (s Summary) String() string {
	return fmt.Sprintf("partitions validated=%d failed=%d in progress=%d total=%d", s.Validated, s.Failed, s.InProgress, s.Total)
}

// nextValidation is the table of validation: the trigger that follows from the partitions, empty if the rack stays. Rows are tried in the order of the design.
func nextValidation(current State, s Summary) Trigger {
	follows := current == ValidationInProgress || current == ValidationPartial || current == ValidationFailedPartial || current == ValidationFailed
	switch {
	case follows && s.Gone:
		return RunGone
	case current == ValidationFailedPartial && s.Total == 0:
		return RunGone
	case current == ValidationInProgress && s.Failed > 0:
		return PartitionFailed
	case current == ValidationInProgress && s.Validated > 0:
		return PartitionValidated
	case current == ValidationPartial && s.Total > 0 && s.Validated == s.Total:
		return AllValidated
	case current == ValidationPartial && s.Failed > 0:
		return PartitionFailed
	case current == ValidationFailedPartial && s.Failed == s.Total:
		return AllFailed
	case current == ValidationFailedPartial && s.Failed == 0 && s.Validated > 0:
		return PartitionValidated
	case current == ValidationFailedPartial && s.Failed == 0 && s.InProgress > 0:
		return PartitionRunning
	case current == ValidationFailedPartial && s.Failed == 0:
		return PartitionsIdle
	case current == ValidationFailed && s.Failed < s.Total:
		return FailureRepeated
	case current == ValidationFailed:
		return RunFailed
	}
	return ""
}

// failureText lists the failed partitions and what their machines say.
func failureText(parts []Partition) string {
	var out []string
	for _, p := range parts {
		if p.State == PartitionFail {
			text := p.ID
			if len(p.Failures) > 0 {
				text += " (" + strings.Join(p.Failures, ", ") + ")"
			}
			out = append(out, text)
		}
	}
	return strings.Join(out, ", ")
}
