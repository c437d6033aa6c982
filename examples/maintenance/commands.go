package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// command is one thing that the shell can do.
type command struct {
	name, args, help string
	// min and max bound the number of words after the name; a max below zero is none.
	min, max int
	do       func(s *shell, ctx context.Context, args []string) error
}

func (c command) usage() string { return strings.TrimSpace(c.name + " " + c.args) }

// What plan and maintain take after the rack.
const (
	activityWords = "firmware[=ID], image[=ID], fabric, power[=on|off|reset]"
	scopeWords    = "machines=A,B, switches=A,B, shelves=A,B"
)

// commands lists everything that the shell can do, in the order of help.
func commands() []command {
	return []command{
		{"help", "", "show this list", 0, 0, (*shell).help},
		{"status", "[OBJECT]", "show the racks, or a rack with its devices, or one device", 0, 1, (*shell).status},
		{"explain", "OBJECT", "say where an object stands, why, and what can be done", 1, 1, (*shell).explain},
		{"history", "OBJECT [N]", "show what happened to an object, or the last N rows", 1, 2, (*shell).history},
		{"plan", "RACK [WHAT...]", "say what a maintenance would do, and write nothing", 1, -1, (*shell).plan},
		{"maintain", "RACK [WHAT...] [by=USER] [ref=TICKET]", "ask for a maintenance", 1, -1, (*shell).maintain},
		{"request", "ID", "show the state of a request, and its results by device and activity", 1, 1, (*shell).request},
		{"cancel", "ID", "stop a request", 1, 1, (*shell).cancel},
		{"run", "DURATION", "let time pass, for example 90s, 20m or 3h", 1, 1, (*shell).run},
		{"until", "OBJECT STATE [DURATION]", "let time pass until the object is in the state, or gone; at most that long (24h)", 2, 3, (*shell).until},
		{"fault", "TEXT", "break something; package fake describes the language", 1, -1, (*shell).fault},
		{"faults", "off", "take all faults away", 1, 1, (*shell).faults},
		{"hold", "OBJECT REASON... [for=DURATION]", "have an object left alone", 2, -1, (*shell).hold},
		{"release", "OBJECT", "end the hold", 1, 1, (*shell).release},
		{"power", "RACK on", "switch a rack in PoweredOff on again", 2, 2, (*shell).power},
		{"shelf", "on|off SHELF...", "switch power shelves on or off, all or none", 2, -1, (*shell).shelf},
		{"switch", "on|off|reset|certificate SWITCH", "operate a switch", 2, 2, (*shell).nvswitch},
		{"recover", "RACK NOTE...", "acknowledge what a failed maintenance left on the devices", 2, -1, (*shell).recover},
		{"delete", "OBJECT [force]", "have an object removed", 1, 2, (*shell).remove},
		{"replace", "MACHINE [NEW]", "delete a machine and put a new tray into its slot", 1, 2, (*shell).replace},
		{"assign", "MACHINE TENANT", "give a machine to a tenant", 2, 2, (*shell).assign},
		{"quit", "", "leave", 0, 0, func(*shell, context.Context, []string) error { return errQuit }},
	}
}

// find finds a command by its name.
func find(name string) (command, error) {
	all := commands()
	if i := slices.IndexFunc(all, func(c command) bool { return c.name == name }); i >= 0 {
		return all[i], nil
	}
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.name
	}
	return command{}, fmt.Errorf("unknown command %q; allowed: %s", name, strings.Join(names, ", "))
}

func (s *shell) help(context.Context, []string) error {
	var rows [][]string
	for _, c := range commands() {
		rows = append(rows, []string{c.usage(), c.help})
	}
	if err := s.table(rows); err != nil {
		return err
	}
	say(s.out, `OBJECT is kind/id, or the id alone. Kinds are rack, machine, switch and power_shelf.
WHAT is any of %s (none of them: all four),
any of %s (none of them: the whole rack), and tenants (they may be disturbed).
A line that begins with # is a comment.
`, activityWords, scopeWords)
	return nil
}

// complete completes the last word of a line: a command, or an object. It returns the line as it is when nothing or too much fits.
func (s *shell) complete(line string) string {
	cut := strings.LastIndexAny(line, " =,/") + 1
	var names []string
	if !strings.Contains(line, " ") {
		for _, c := range commands() {
			names = append(names, c.name+" ")
		}
	} else {
		for _, ref := range s.objects() {
			names = append(names, ref.ID)
		}
	}
	fits := slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, line[cut:]) })
	if len(fits) == 0 {
		return line
	}
	same := fits[0]
	for _, n := range fits[1:] {
		for !strings.HasPrefix(n, same) {
			same = same[:len(same)-1]
		}
	}
	return line[:cut] + same
}
