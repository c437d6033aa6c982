// Package fake is simulated hardware: a whole site of machines, switches and power shelves behind a backend.Driver, with faults, on a
// clock that the caller controls.
//
//	clk := clock.NewMock()
//	hw := fake.New(clk, fake.Config{Seed: 1})
//	driver := hw.Driver()
//
// A test moves the clock, and the hardware is then as far as real hardware would be: a firmware job runs, a host boots, a
// management controller is away after its reset.
//
// # What determines what happens
//
// The hardware has no goroutine and no timer. How long something takes is drawn from the seed, the device and the key of the call; what a call
// finds is computed from the calls before it and from the time at which it is made. So equal seeds, equal faults and equal calls at equal times give
// equal answers, byte for byte. Only with several goroutines does their order matter, and then only for calls on the same device.
//
// # Faults
//
// A [Fault] is a value with a text form, for example
//
//	fail ApplyFirmware on machine/a12-* nth=1 class=permanent "bad image"
//	lose SetPower nth=2
//	away on machine/m1 from 10m for 2m
//	job StartCleanup what=nvme does nothing
//	silent on machine/m1/dpu0
//
// and is given in [Config] or later with [Hardware.Inject]. [ParseFault] describes the language.
//
// # What a host has besides
//
// A management controller takes in one image at a time, and what it has installed runs after the reset that its component needs: see [Activation]. It keeps an event log,
// works on one platform job after the other, and may show a change of power late (Delays.PowerLag). An agent in the host cleans up when the host is up. Attestors
// are there when [Config] says so, data processing units when the [Traits] of a host do.
//
// # What was really begun
//
// The hardware keeps the rule of backend.Driver that equal keys are one action, and it counts: [Hardware.Started] says how many actions were really
// begun, [Hardware.DoubleStarts] names work that was begun on a device while the same work was still running there. [Open] keeps a
// journal, so that the hardware outlives the process that drives it.
package fake
