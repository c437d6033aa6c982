package backendtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// driverCheck is the driver under test together with what went wrong so far. Its methods note a failure and go on.
type driverCheck struct {
	ctx context.Context
	h   DriverHarness
	can backend.Capabilities
	// patience is how long, in real time, a call may take after its context is done.
	patience time.Duration

	// passing makes time pass for one goroutine after the other.
	passing sync.Mutex

	mu       sync.Mutex
	failures []error
	notes    []string
}

// failf notes a failure.
func (c *driverCheck) failf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures = append(c.failures, fmt.Errorf(format, args...))
}

// wraps notes a failure unless err wraps want.
func (c *driverCheck) wraps(what string, err, want error) {
	if !errors.Is(err, want) {
		c.failf("%s: error is %v, want one that wraps %q", what, err, want)
	}
}

// ok notes a failure when there is an error. "Not supported" is a result: it is logged, and ok returns false as for a failure.
func (c *driverCheck) ok(what string, err error) bool {
	switch {
	case err == nil:
		return true
	case errors.Is(err, backend.ErrNotSupported):
		c.notes = append(c.notes, what+" is not supported")
	default:
		c.failf("%s: %w", what, err)
	}
	return false
}

// step is how far one look at the hardware is from the next.
func (c *driverCheck) step() time.Duration {
	if c.h.Advance == nil {
		return 10 * time.Millisecond
	}
	return 10 * time.Second
}

// pass lets time pass.
func (c *driverCheck) pass(d time.Duration) {
	if c.h.Advance != nil {
		c.passing.Lock()
		defer c.passing.Unlock()
		c.h.Advance(d)
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, d)
	defer cancel()
	<-ctx.Done()
}

// until lets time pass until the condition holds, and notes a failure when it does not within the harness's limit.
func (c *driverCheck) until(what string, condition func() bool) bool {
	for waited := time.Duration(0); waited <= c.h.Limit; waited += c.step() {
		if condition() {
			return true
		}
		c.pass(c.step())
	}
	c.failf("%s: not within %s", what, c.h.Limit)
	return false
}

// call makes a call. One that was surely not done, because a device is away for a while, is made again later.
func (c *driverCheck) call(call driverCall, key string, devices []backend.Device) (answer map[backend.Ref]string, err error) {
	for waited := time.Duration(0); ; waited += c.step() {
		answer, err = call.do(c.ctx, key, devices)
		if !errors.Is(err, backend.ErrNotDone) || waited > c.h.Limit {
			return answer, err
		}
		c.pass(c.step())
	}
}

// look is call for something that is looked at.
func (c *driverCheck) look(what string, look func() error) bool {
	var err error
	if !c.until(what, func() bool { err = look(); return !errors.Is(err, backend.ErrNotDone) }) {
		return false
	}
	return c.ok(what, err)
}

// count is how many actions of the call were begun, as far as the harness can tell.
func (c *driverCheck) count(call string) int {
	if c.h.Started == nil {
		return 0
	}
	return c.h.Started(call)
}

// begun notes a failure unless that many actions of the call were begun since the count was before.
func (c *driverCheck) begun(call string, before, want int) {
	if c.h.Started == nil {
		return
	}
	if got := c.h.Started(call) - before; got != want {
		c.failf("%s: the hardware began %d actions, want %d", call, got, want)
	}
}

// end polls the job of an answer until it has ended.
func (c *driverCheck) end(call driverCall, devices []backend.Device, answer map[backend.Ref]string) {
	if call.poll == nil {
		return
	}
	for _, dev := range devices {
		job := backend.Job{Device: dev.Ref, ID: answer[dev.Ref]}
		if job.ID == "" {
			continue
		}
		c.until(fmt.Sprintf("the job of %s on %s ends", call.name, dev.Ref), func() bool {
			jobs, err := call.poll(c.ctx, []backend.Job{job})
			if errors.Is(err, backend.ErrNotDone) {
				return false
			}
			if err != nil {
				c.failf("poll the job of %s: %w", call.name, err)
				return true
			}
			if jobs[dev.Ref].State == backend.JobPending && call.restart != nil {
				call.restart(c, dev)
			}
			return jobs[dev.Ref].State.Terminal()
		})
	}
}

// doneContext makes a call whose context is done already, and notes a failure when it does not return soon.
func (c *driverCheck) doneContext(call driverCall, key string) (returned bool, err error) {
	ctx, cancel := context.WithCancel(c.ctx)
	cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := call.do(ctx, key, call.devices)
		ended <- err
	}()
	limit, stop := context.WithTimeout(c.ctx, c.patience)
	defer stop()
	select {
	case err := <-ended:
		return true, err
	case <-limit.Done():
		c.failf("%s with a done context: did not return within %s", call.name, c.patience)
		return false, nil
	}
}

// secretIn returns the secret that an error shows, in any of its forms.
func (c *driverCheck) secretIn(err error) (string, bool) {
	texts := []string{fmt.Sprint(err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)}
	for _, secret := range c.h.Secrets {
		if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, secret) }) {
			return secret, true
		}
	}
	return "", false
}

// capability is one field of backend.Capabilities.
type capability struct {
	name   string
	absent bool
}

// capabilityList names all capabilities, in the order of their declaration.
func capabilityList(c backend.Capabilities) []capability {
	v := reflect.ValueOf(c)
	list := make([]capability, v.NumField())
	for i := range list {
		list[i] = capability{name: v.Type().Field(i).Name, absent: v.Field(i).IsNil()}
	}
	return list
}

// listOrNone joins names.
func listOrNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
