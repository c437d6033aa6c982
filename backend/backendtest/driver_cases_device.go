package backendtest

import (
	"errors"

	"github.com/rackstate/rackstate/backend"
)

// deviceCases prove that a call speaks for each of its devices.
func deviceCases() []driverCase {
	unknown := func(c *driverCheck, call driverCall) bool { return !c.h.Unknown.Ref.IsZero() && !call.stranger }
	many := func(_ *driverCheck, call driverCall) bool { return call.batch && len(call.devices) > 1 }
	return []driverCase{
		callRule("AnUnknownDeviceIsErrNoDevice", `"No such device" is ErrNoDevice`, unknown, func(c *driverCheck, call driverCall) {
			before := c.count(call.name)
			_, err := call.do(c.ctx, "key-1", []backend.Device{c.h.Unknown})
			err = c.errorOf(call, err, c.h.Unknown.Ref)
			c.wraps(call.name, err, backend.ErrNoDevice)
			if class := backend.Classify(err); !errors.Is(class, backend.ErrPermanent) {
				c.failf("%s: the error counts as %q, want %q", call.name, class, backend.ErrPermanent)
			}
			c.begun(call.name, before, 0)
		}),
		callRule("EveryDeviceIsAccountedFor", "A call for many devices reports for each; what failed is a *DeviceError of that device", many,
			func(c *driverCheck, call driverCall) {
				answer, err := c.call(call, "key-1", call.devices)
				if c.ok(call.name, err) {
					c.accounted(call, call.devices, answer, err)
				}
			}),
		callRule("AnUnknownDeviceDoesNotStopTheOthers", "A call for many devices reports for each",
			func(c *driverCheck, call driverCall) bool { return call.batch && unknown(c, call) },
			func(c *driverCheck, call driverCall) {
				devices := append([]backend.Device{c.h.Unknown}, call.devices...)
				answer, err := c.call(call, "key-1", devices)
				failed, rest := backend.SplitDeviceErrors(err)
				if rest != nil || len(failed) != 1 {
					c.failf("%s: failed devices are %v and the whole call says %v, want %s alone", call.name, failed, rest, c.h.Unknown.Ref)
				}
				c.wraps(call.name, failed[c.h.Unknown.Ref], backend.ErrNoDevice)
				c.accounted(call, devices, answer, err)
			}),
		callRule("AFailedDeviceDoesNotStopTheOthers", "A call for many devices reports for each",
			func(c *driverCheck, call driverCall) bool { return c.h.Break != nil && many(c, call) },
			func(c *driverCheck, call driverCall) {
				target := call.devices[1].Ref
				c.h.Break(call.name, target, backend.ErrPermanent)
				answer, err := call.do(c.ctx, "key-1", call.devices)
				failed, rest := backend.SplitDeviceErrors(err)
				if rest != nil || len(failed) != 1 || failed[target] == nil {
					c.failf("%s: failed devices are %v and the whole call says %v, want %s alone", call.name, failed, rest, target)
				}
				if _, both := answer[target]; both {
					c.failf("%s: %s is in the answer and in the error", call.name, target)
				}
				c.accounted(call, call.devices, answer, err)
			}),
		callRule("NoDevicesIsNoWork", "A call for many devices reports for each", func(_ *driverCheck, call driverCall) bool { return call.batch },
			func(c *driverCheck, call driverCall) {
				before := c.count(call.name)
				answer, err := call.do(c.ctx, "key-1", nil)
				c.accounted(call, nil, answer, err)
				c.begun(call.name, before, 0)
			}),
	}
}

// accounted notes a failure unless every device is in the answer or in the error, and no other one is.
func (c *driverCheck) accounted(call driverCall, devices []backend.Device, answer map[backend.Ref]string, err error) {
	failed, rest := backend.SplitDeviceErrors(err)
	asked := make(map[backend.Ref]bool, len(devices))
	for _, dev := range devices {
		asked[dev.Ref] = true
		_, there := answer[dev.Ref]
		if !there && failed[dev.Ref] == nil && rest == nil && !call.partial && !call.silent && (call.batch || call.devices[0].Ref == dev.Ref) {
			c.failf("%s: %s is neither in the answer nor in the error", call.name, dev.Ref)
		}
	}
	for ref := range answer {
		if !asked[ref] {
			c.failf("%s: %s is in the answer and was not asked", call.name, ref)
		}
	}
	for ref := range failed {
		if !asked[ref] && ref != c.target(call) {
			c.failf("%s: %s is in the error and was not asked", call.name, ref)
		}
	}
}
