package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rackstate/rackstate/internal/mutate/mutant"
)

const (
	// baselineLimit is the processor time that a suite may take without a mutant.
	baselineLimit = 10 * time.Minute
	// A mutant that goes in circles is noticed by a suite that takes this many times as long as without it, and at least patience longer.
	factor   = 4
	patience = 5 * time.Second
	// memory bounds the address space of a test binary, in KiB: one that goes in circles writes history.
	memory = 6 << 20
	// atFirst is how many of the tests that come past a mutant are tried before all others are.
	atFirst = 12
)

// ran is how a suite ended.
type ran struct {
	by   string        // the first test that failed, "" if none did
	note string        // what the mutant says of itself
	cost time.Duration // of processor time
}

var (
	failLine  = regexp.MustCompile(`^\s*--- FAIL: (\S+)`)
	panicLine = regexp.MustCompile(`^(panic|fatal error): .*`)
	// nameLine says whose output follows, and errorLine is that of an assertion or a scenario that does not hold: it comes long before the line that says which test failed.
	nameLine  = regexp.MustCompile(`^=== (?:RUN|CONT|NAME) +(\S+)`)
	errorLine = regexp.MustCompile(`^\s+Error Trace:|^\s+run\.go:\d+: \S+\.yaml:\d+: `)
)

// command is the suite with a mutant, or with only some of its tests.
func (m measured) command(ctx context.Context, name, tests string, limit time.Duration) *exec.Cmd {
	// The shell bounds processor time, which the load of the machine does not change.
	bounded := fmt.Sprintf(`ulimit -t %d; ulimit -v %d 2>/dev/null; exec "$0" "$@"`, int(limit.Seconds())+1, memory)
	cmd := exec.CommandContext(ctx, "sh", "-c", bounded, m.binary, "-test.v", "-test.short", "-test.run="+cmp.Or(tests, m.run, "."), "-test.skip="+m.skip)
	cmd.Args = append(cmd.Args, m.flags...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), mutant.Variable+"="+name, "GOGC=400", "UPDATE=", "TMPDIR="+filepath.Dir(m.binary))
	cmd.WaitDelay = time.Second
	return cmd
}

// start runs a suite with a mutant, up to its first failure. A failed test is no error.
func (m measured) start(ctx context.Context, name, tests string, limit time.Duration) (ran, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := m.command(ctx, name, tests, limit)
	cmd.Args = append(cmd.Args, "-test.failfast")
	var took ran
	failed, err := read(cmd, func(out io.Reader) { took.by, took.note = firstFailure(out, cancel) })
	if err != nil {
		return ran{}, err
	}
	took.cost = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	var exit *exec.ExitError
	switch {
	case took.by != "" || failed == nil:
		return took, nil
	case errors.As(failed, &exit) && exit.ExitCode() < 0:
		took.by = fmt.Sprintf("(it does not end: %s after %s of processor time)", exit, took.cost.Round(time.Second))
		return took, nil
	case errors.As(failed, &exit):
		took.by = fmt.Sprintf("(%s)", exit)
		return took, nil
	default:
		return took, failed
	}
}

// read starts a command, has its output read, and says how it ended.
func read(cmd *exec.Cmd, reader func(io.Reader)) (ended, err error) {
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		ended = cmd.Wait()
		_ = in.Close()
	}()
	reader(out)
	_, err = io.Copy(io.Discard, out)
	return ended, err
}

// firstFailure reads what a test binary prints, up to the first test that fails, and stops it then.
func firstFailure(out io.Reader, stop func()) (by, note string) {
	lines := bufio.NewReader(out)
	now := ""
	for {
		line, err := lines.ReadString('\n')
		if found := nameLine.FindStringSubmatch(line); found != nil {
			now = found[1]
		}
		if errorLine.MatchString(line) && now != "" {
			stop()
			return now, note
		}
		if text, ok := strings.CutPrefix(line, "mutant: "); ok {
			note = strings.TrimSpace(text)
		}
		if found := failLine.FindStringSubmatch(line); found != nil {
			stop()
			return found[1], note
		}
		if found := panicLine.FindString(line); found != "" && by == "" {
			by = "(" + found + ")" // the name of the test may follow
		}
		if err != nil {
			return by, note
		}
	}
}

// result is what became of a mutant.
type result struct {
	mutation
	// Noticed is one of notices, "" if nobody noticed.
	Noticed string `json:"noticed,omitempty"`
	// Folder and Test say who did.
	Folder string `json:"folder,omitempty"`
	Test   string `json:"test,omitempty"`
	// Note is what the mutant says of itself, for example where a row leads now.
	Note string `json:"note,omitempty"`
	// Explained says why nobody can notice.
	Explained string `json:"explained,omitempty"`
}

// try runs the tests that may notice a mutant until one does: first those that come past it, then all, each time the fastest suite first.
func try(ctx context.Context, m mutation, suites []measured) (result, error) {
	out := result{mutation: m}
	for _, some := range []bool{true, false} {
		for _, s := range suites {
			tests := ""
			if some {
				tests = s.past(m.Name)
			}
			if some == (tests == "") || s.rows && (m.Class == classOrder || m.Class == classDrop) || s.by == byDocuments && m.Class == classUnguard {
				continue
			}
			took, err := s.start(ctx, m.Name, tests, max(factor*s.cost, s.cost+patience))
			if err != nil {
				return out, fmt.Errorf("%s with mutant %s: %w", s, m.Name, err)
			}
			out.Note = cmp.Or(took.note, out.Note)
			if took.by != "" {
				out.Noticed, out.Folder, out.Test = s.by, s.folder, took.by
				return out, nil
			}
		}
	}
	return out, nil
}

// byCost sorts suites: what notices behaviour before the others, of these the fastest first.
func byCost(suites []measured) {
	slices.SortStableFunc(suites, func(a, b measured) int {
		return cmp.Or(cmp.Compare(slices.Index(notices, a.by), slices.Index(notices, b.by)), cmp.Compare(a.cost, b.cost))
	})
}

// tryAll tries mutants side by side and reports each when it is done.
func tryAll(ctx context.Context, list []mutation, suites map[string][]measured, workers int, done func(result)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	each(workers, list, func(m mutation) {
		if ctx.Err() != nil {
			return
		}
		r, err := try(ctx, m, suites[m.Kind])
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil:
			cancel(err)
		case ctx.Err() == nil: // what was stopped has not failed
			done(r)
		}
	})
	return context.Cause(ctx)
}
