package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/lifecycle"
)

// reporter prints what moves while time passes: racks, devices that fail or recover, and devices that the operator works on.
type reporter struct {
	lifecycle.NoObserver
	out     io.Writer
	quiet   bool
	watched map[backend.Ref]bool
}

// Transitioned prints a transition.
func (r *reporter) Transitioned(t backend.Transition) {
	if r.quiet || t.Ref.Kind != backend.KindRack && !r.watched[t.Ref] && !failure(t.To) && !failure(t.From) {
		return
	}
	text := fmt.Sprintf("%s  %s  %s -> %s", stamp(t.At), t.Ref, short(t.From), short(t.To))
	if t.Note != "" {
		text += "  (" + t.Note + ")"
	}
	say(r.out, "%s\n", text)
	if t.To == "" || resting(t.To) {
		delete(r.watched, t.Ref)
	}
}

// OverSLA prints that an object takes longer than it should. A failure was printed already when it happened.
func (r *reporter) OverSLA(ref backend.Ref, state string, elapsed time.Duration) {
	if !r.quiet && !failure(state) {
		say(r.out, "%s is over its SLA: %s in %s\n", ref, elapsed.Round(time.Second), short(state))
	}
}

func resting(state string) bool { return state == "Ready" || state == "Assigned/Ready" }

func failure(state string) bool { return strings.Contains(state, "Failed") || state == "Error" }

// short leaves the class out of a maintenance state, whose activity says enough, and names the state before birth and after death.
func short(state string) string {
	if state == "" {
		return gone
	}
	return strings.TrimPrefix(state, "Maintenance/")
}

// gone is what the shell calls the state of an object that is not there.
const gone = "gone"

// stamp prints a virtual time as hours, minutes and seconds since time began.
func stamp(at time.Time) string {
	d := at.Sub(sitesim.Start).Truncate(time.Second)
	return fmt.Sprintf("%02d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}

// next says what may be done after a command.
func (s *shell) next(commands ...string) {
	say(s.out, "next: %s\n", strings.Join(commands, " | "))
}

// table prints rows in columns.
func (s *shell) table(rows [][]string) error {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		say(w, "%s\n", strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		say(s.out, "%s\n", strings.TrimRight(line, " \n"))
	}
	return nil
}

// say prints. When nobody can hear it any more, reading the next command ends the shell.
func say(out io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) }

// tidy takes tabs and empty lines out of a text of several lines, such as an error that lists problems.
func tidy(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(strings.ReplaceAll(line, "\t", "  "), " \n"); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
