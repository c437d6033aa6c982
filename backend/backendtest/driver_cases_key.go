package backendtest

import (
	"errors"
	"maps"
	"sync"

	"github.com/rackstate/rackstate/backend"
)

// keyCases prove that equal keys are one action.
func keyCases() []driverCase {
	const rule = "Two calls with the same key are one action: the second returns what the first one returned, whether or not the first answer arrived"
	changes := func(_ *driverCheck, call driverCall) bool { return call.changes }
	return []driverCase{
		callRule("AnEqualKeyIsOneAction", rule, changes, func(c *driverCheck, call driverCall) {
			before := c.count(call.name)
			first, err := c.call(call, "key-1", call.devices)
			if !c.ok(call.name, err) {
				return
			}
			again, err := c.call(call, "key-1", call.devices)
			c.ok(call.name+" with the same key", err)
			c.sameAnswer(call, first, again)
			c.begun(call.name, before, 1)
			c.end(call, call.devices, first)
			again, err = c.call(call, "key-1", call.devices)
			c.ok(call.name+" with the same key, after the work has ended", err)
			c.sameAnswer(call, first, again)
			c.begun(call.name, before, 1)
		}),
		callRule("EqualKeysAtTheSameTimeAreOneAction", rule+"; a Driver must be safe for concurrent use", changes, func(c *driverCheck, call driverCall) {
			before := c.count(call.name)
			answers, errs := c.sideBySide(call, "key-1")
			unsupported := false
			for _, err := range errs {
				unsupported = unsupported || errors.Is(err, backend.ErrNotSupported)
				c.ok(call.name, err)
			}
			if unsupported {
				return
			}
			for _, answer := range answers[1:] {
				c.sameAnswer(call, answers[0], answer)
			}
			c.begun(call.name, before, 1)
		}),
		callRule("ANewKeyIsANewAction", "A new intention has a new key", func(c *driverCheck, call driverCall) bool { return call.changes && c.h.Started != nil },
			func(c *driverCheck, call driverCall) {
				before := c.count(call.name)
				first, err := c.call(call, "key-1", call.devices)
				if !c.ok(call.name, err) {
					return
				}
				c.end(call, call.devices, first)
				_, err = c.call(call, "key-2", call.devices)
				c.ok(call.name+" with another key", err)
				c.begun(call.name, before, 2)
			}),
		callRule("ALostAnswerIsFoundByItsKey", rule, func(c *driverCheck, call driverCall) bool { return call.changes && c.h.Break != nil },
			func(c *driverCheck, call driverCall) {
				before, target := c.count(call.name), c.target(call)
				c.h.Break(call.name, target, backend.ErrMaybeDone)
				_, err := c.call(call, "key-1", call.devices)
				c.wraps(call.name+" whose answer was lost", c.errorOf(call, err, target), backend.ErrMaybeDone)
				answer, err := c.call(call, "key-1", call.devices)
				if c.ok(call.name+" with the same key, after its answer was lost", err) {
					c.accounted(call, call.devices, answer, err)
					c.begun(call.name, before, 1)
				}
			}),
	}
}

// sameAnswer notes a failure unless two answers are equal.
func (c *driverCheck) sameAnswer(call driverCall, first, again map[backend.Ref]string) {
	if !maps.Equal(first, again) {
		c.failf("%s: the first answer is %v, the answer to the same key %v", call.name, first, again)
	}
}

// sideBySide makes the same call from many goroutines.
func (c *driverCheck) sideBySide(call driverCall, key string) ([]map[backend.Ref]string, []error) {
	const n = 8
	answers, errs := make([]map[backend.Ref]string, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { answers[i], errs[i] = call.do(c.ctx, key, call.devices) })
	}
	all.Wait()
	for i, err := range errs {
		if errors.Is(err, backend.ErrNotDone) {
			answers[i], errs[i] = c.call(call, key, call.devices)
		}
	}
	return answers, errs
}

// target is the device that a fault is to meet: the first one, or the rack for a validation of it.
func (c *driverCheck) target(call driverCall) backend.Ref {
	if call.name == "StartValidation" {
		return backend.Ref{Kind: backend.KindRack, ID: c.h.Rack}
	}
	return call.devices[0].Ref
}

// errorOf is the error of one device in the error of a call.
func (c *driverCheck) errorOf(call driverCall, err error, target backend.Ref) error {
	if !call.batch || err == nil {
		return err
	}
	failed, rest := backend.SplitDeviceErrors(err)
	if own := failed[target]; own != nil {
		return own
	}
	return rest
}
