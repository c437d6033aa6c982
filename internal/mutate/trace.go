package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rackstate/rackstate/internal/mutate/mutant"
)

// trace runs a suite without a mutant, one test after the other, and finds out which tests come past which mutant. All of them must pass.
func (m measured) trace(ctx context.Context) (past map[string][]string, cost time.Duration, err error) {
	past = map[string][]string{}
	cmd := m.command(ctx, mutant.Trace, "", baselineLimit)
	cmd.Args = append(cmd.Args, "-test.parallel=1")
	var said []string
	ended, err := read(cmd, func(out io.Reader) {
		lines := bufio.NewReader(out)
		now := ""
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			if found := nameLine.FindStringSubmatch(line); found != nil {
				now = found[1]
			}
			if failLine.MatchString(line) || errorLine.MatchString(line) || panicLine.MatchString(line) {
				said = append(said, now+": "+strings.TrimSpace(line))
			}
			site, at := strings.CutPrefix(strings.TrimSuffix(line, "\n"), mutant.TraceLine)
			if list := past[site]; at && now != "" && !slices.Contains(list, now) {
				past[site] = append(list, now)
			}
		}
	})
	if err == nil && (ended != nil || len(said) > 0) {
		err = fmt.Errorf("the tests of %s fail without a mutant: %s", m.suite, strings.Join(append(said, fmt.Sprint(ended)), "; "))
	}
	if err != nil {
		return nil, 0, err
	}
	return past, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// place is where a mutant is: rows of tables are traced by the row, whatever is done to it.
func place(name string) string {
	for _, operator := range []string{mutant.Remove, mutant.Redirect, mutant.Unguard} {
		if site, found := strings.CutSuffix(name, ":"+operator); found {
			return site
		}
	}
	return name
}

// past is a pattern of a few tests that come past a mutant, "" if none does. They are spread over all that do.
func (m measured) past(name string) string {
	tests := m.comePast[place(name)]
	var tops, subs []string
	for _, t := range tests {
		top, sub, _ := strings.Cut(t, "/")
		tops = append(tops, top)
		if sub != "" {
			subs = append(subs, sub)
		}
	}
	tops = few(tops)
	switch {
	case len(tops) == 0:
		return ""
	case len(tops) == 1 && len(subs) > 0: // all scenarios are one test
		return anyOf(tops) + "/" + anyOf(few(subs))
	default:
		return anyOf(tops)
	}
}

// few picks some of the names, each once.
func few(names []string) []string {
	slices.Sort(names)
	names = slices.Compact(names)
	var out []string
	for i := range min(atFirst, len(names)) {
		out = append(out, names[i*len(names)/min(atFirst, len(names))])
	}
	return out
}

// anyOf is a pattern of exactly these names.
func anyOf(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = regexp.QuoteMeta(name)
	}
	return "^(" + strings.Join(quoted, "|") + ")$"
}
