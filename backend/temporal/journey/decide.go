package journey

import (
	"fmt"
	"time"
)

// act is what a journey does next.
type act string

const (
	finish   act = "finish"
	stop     act = "stop"
	move     act = "move"
	diagnose act = "diagnose"
	firmware act = "firmware"
	wait     act = "wait"
)

// decision is what a journey does next, and why.
type decision struct {
	act act
	// to is the state of a move. note is for the history, or says why the journey stops.
	to, note string
	// verdict holds in the state to which the node moves.
	verdict *Finding
	// until is when a wait is over.
	until time.Time
}

// decide says what comes next for a node. It looks at where the node is, never at where the journey has put it: a person, the engine or another workflow may have moved it.
func decide(in Input, p Progress, n Node, now time.Time) decision {
	var known *Finding
	if p.Verdict != nil && p.Verdict.Stay.Equal(n.Since) {
		known = &p.Verdict.Finding
	}
	switch n.State {
	case in.States.Service:
		if p.Out || in.TakeOut == "" {
			return decision{act: finish}
		}
		return decision{act: move, to: in.States.Maintenance, note: in.TakeOut}
	case in.States.Maintenance:
		return inMaintenance(in, p, known)
	case in.States.Firmware:
		switch {
		case known == nil:
			return decision{act: firmware}
		case known.OK:
			return decision{act: move, to: in.States.Service, note: "Firmware and diagnostics passed" + because(known.Note)}
		default:
			return decision{act: move, to: in.States.Maintenance, note: "Firmware validation failed" + because(known.Note), verdict: known}
		}
	case in.States.RMA:
		return atVendor(in, p, n, now)
	default:
		return decision{act: stop, note: fmt.Sprintf("the node is in %s, where this journey does not lead through", n.State)}
	}
}

func inMaintenance(in Input, p Progress, known *Finding) decision {
	fault := ""
	switch {
	case known == nil:
		return decision{act: diagnose}
	case !known.OK:
		fault = known.Note
	case p.Updates >= in.Updates:
		fault = fmt.Sprintf("its firmware was tried %d times", p.Updates)
	default:
		return decision{act: move, to: in.States.Firmware, note: "Automated firmware validation triggered"}
	}
	if p.Returns >= in.Returns {
		return decision{act: stop, note: fmt.Sprintf("the node is faulty after %d returns from the vendor%s", p.Returns, because(fault))}
	}
	return decision{act: move, to: in.States.RMA, note: "Returned to the vendor" + because(fault)}
}

func atVendor(in Input, p Progress, n Node, now time.Time) decision {
	until := n.Since.Add(in.RMAWait)
	switch {
	case p.Back != nil && p.Back.By != "":
		return decision{act: move, to: in.States.Maintenance, note: "Back from the vendor, says " + p.Back.By + because(p.Back.Note)}
	case p.Back != nil:
		return decision{act: move, to: in.States.Maintenance, note: "Back from the vendor" + because(p.Back.Note)}
	case !now.Before(until):
		return decision{act: move, to: in.States.Maintenance, note: fmt.Sprintf("The vendor has had the node for %s", in.RMAWait)}
	default:
		return decision{act: wait, until: until}
	}
}

// because puts a reason behind a sentence.
func because(note string) string {
	if note == "" {
		return ""
	}
	return ": " + note
}

// saw notes where the node is. It counts returns from the vendor whoever took the node out of there.
func (p *Progress) saw(in Input, n Node) {
	p.Out = p.Out || n.State != in.States.Service
	if p.Seen == in.States.RMA && n.State != in.States.RMA {
		p.Returns, p.Updates, p.Back = p.Returns+1, 0, nil
	}
	p.Seen = n.State
}

// moved notes that the journey has moved the node, which entered its state then.
func (p *Progress) moved(in Input, d decision, since time.Time) {
	p.Moves = append(p.Moves, d.to)
	p.Verdict, p.Blocked = nil, nil
	if d.verdict != nil {
		p.Verdict = &Verdict{Finding: *d.verdict, Stay: since}
	}
	if d.to == in.States.Firmware {
		p.Updates++
	}
}
