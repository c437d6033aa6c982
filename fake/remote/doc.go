// Package remote lets several processes share one simulated site: one of them holds the hardware and the time, the others reach both over a unix socket.
//
//	err := remote.Serve(ctx, listener, hardware.Capabilities(), pace)   // where the hardware is
//
//	site, err := remote.Dial(ctx, "/tmp/site.sock")                     // in each controller
//	cfg := rack.Config{Driver: site, ...}
//	cfg.Lifecycle.Clock = site.Clock(ctx)
//
// The driver of [Dial] has the capabilities that the bring-up and the maintenance of a rack need: Power, Reset, Shelf, Inventory, Firmware, SwitchImage, Certificates, Fabric,
// Platform, Agent, SKU and Validation. An error keeps its text, its class, its remedy and the devices that it is about. A call whose context ends, or whose process ends, ends on the
// other side too.
//
// Time is a formula, see [Pace]: it needs no messages, and all processes of a machine agree on it.
package remote
