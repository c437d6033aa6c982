package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// crashPoint is the moment in which a controller crashes or stands still: when a call has been made, or a commit is made, for the n-th time from now on. The zero value
// is never.
type crashPoint struct {
	what string // one of the words below
	name string // of the call
	nth  int
}

// The moments. Of a commit that is lost the controller lives on, and is told that nobody knows whether it was applied: it was, and of one that is dropped it was not.
const (
	afterCall     = "after-call"
	beforeCommit  = "before-commit"
	afterCommit   = "after-commit"
	lostCommit    = "lost-commit"
	droppedCommit = "dropped-commit"
)

var commitWords = []string{beforeCommit, afterCommit, lostCommit, droppedCommit}

const crashForms = "use the word crash alone, crash: after-call CALL, or crash: before-commit, after-commit, lost-commit or dropped-commit, each with N for its N-th time"

// parseCrash reads "after-call CALL", "after-call CALL N", and "before-commit N" and the like.
func parseCrash(text string) (crashPoint, error) {
	words := strings.Split(text, " ")
	p := crashPoint{what: words[0], nth: 1}
	rest := words[1:]
	ok := slices.Contains(commitWords, p.what)
	if p.what == afterCall && len(rest) > 0 {
		p.name, rest, ok = rest[0], rest[1:], true
	}
	if len(rest) == 1 {
		n, err := strconv.Atoi(rest[0])
		p.nth, rest, ok = n, nil, ok && err == nil && n > 0
	}
	if !ok || len(rest) > 0 {
		return crashPoint{}, fmt.Errorf("%q is not known; %s", text, crashForms)
	}
	return p, nil
}

// String is the form of a scenario file.
func (p crashPoint) String() string {
	text := p.what
	if p.name != "" {
		text += " " + p.name
	}
	if p.nth > 1 {
		text += fmt.Sprintf(" %d", p.nth)
	}
	return text
}

// comes counts a call or commit, and reports whether it is the one.
func (p *crashPoint) comes(name string, whats ...string) bool {
	if p.nth == 0 || p.name != name || !slices.Contains(whats, p.what) {
		return false
	}
	p.nth--
	return p.nth == 0
}
