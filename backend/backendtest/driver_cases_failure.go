package backendtest

import (
	"errors"

	"github.com/rackstate/rackstate/backend"
)

// failureCases prove that an error says what a caller must know, and nothing that it must not.
func failureCases() []driverCase {
	const classes = "An error says whether the action was surely not done, may have been done, or cannot be done"
	broken := func(c *driverCheck, call driverCall) bool { return call.changes && c.h.Break != nil }
	return []driverCase{
		callRule("NotDoneMeansNotDone", classes, broken, func(c *driverCheck, call driverCall) {
			before, target := c.count(call.name), c.target(call)
			single := call.devices[:1]
			c.h.Break(call.name, target, backend.ErrNotDone)
			_, err := call.do(c.ctx, "key-1", single)
			c.wraps(call.name, c.errorOf(call, err, target), backend.ErrNotDone)
			c.begun(call.name, before, 0)
			if _, err = c.call(call, "key-1", single); c.ok(call.name+" again", err) {
				c.begun(call.name, before, 1)
			}
		}),
		callRule("PermanentIsSaid", classes, func(c *driverCheck, _ driverCall) bool { return c.h.Break != nil }, func(c *driverCheck, call driverCall) {
			before, target := c.count(call.name), c.target(call)
			c.h.Break(call.name, target, backend.ErrPermanent)
			_, err := call.do(c.ctx, "key-1", call.devices[:1])
			err = c.errorOf(call, err, target)
			c.wraps(call.name, err, backend.ErrPermanent)
			if class := backend.Classify(err); !errors.Is(class, backend.ErrPermanent) {
				c.failf("%s: the error counts as %q", call.name, class)
			}
			c.begun(call.name, before, 0)
		}),
		callRule("SecretsStaySecret", "Secrets appear in no error", func(c *driverCheck, _ driverCall) bool { return len(c.h.Secrets) > 0 },
			func(c *driverCheck, call driverCall) {
				for _, err := range c.provoke(call) {
					if secret, shown := c.secretIn(err); shown {
						c.failf("%s: the error shows the secret %q", call.name, secret)
					}
				}
			}),
	}
}

// provoke makes a call fail in every way that the harness knows and returns the errors.
func (c *driverCheck) provoke(call driverCall) []error {
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	_, err := c.doneContext(call, "key-done")
	note(err)
	if !c.h.Unknown.Ref.IsZero() {
		_, err = call.do(c.ctx, "key-unknown", []backend.Device{c.h.Unknown})
		note(err)
	}
	if c.h.Break != nil {
		for _, class := range []error{backend.ErrNotDone, backend.ErrMaybeDone, backend.ErrPermanent} {
			c.h.Break(call.name, c.target(call), class)
			_, err = call.do(c.ctx, "key-"+class.Error(), call.devices)
			note(err)
		}
	}
	if call.poll != nil {
		_, err = call.poll(c.ctx, []backend.Job{{Device: call.devices[0].Ref, ID: "no-such-job"}})
		note(err)
	}
	return errs
}

// contextCases prove that a call ends with its context, and that calls may run side by side.
func contextCases() []driverCase {
	return []driverCase{
		callRule("ADoneContextEndsTheCall", "A Driver must return soon after its context is done", func(*driverCheck, driverCall) bool { return true },
			func(c *driverCheck, call driverCall) {
				before := c.count(call.name)
				if returned, err := c.doneContext(call, "key-1"); returned && errors.Is(backend.Classify(err), backend.ErrNotDone) {
					c.begun(call.name, before, 0)
				}
			}),
		driverRule("CallsMayRunSideBySide", "A Driver must be safe for concurrent use", func(c *driverCheck) bool { return len(c.calls()) > 0 },
			func(c *driverCheck) {
				for _, call := range c.calls() {
					_, errs := c.sideBySide(call, "key-"+call.name)
					for _, err := range errs {
						c.ok(call.name, err)
					}
				}
			}),
	}
}
