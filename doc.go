// Package rackstate documents the module. rackstate owns the lifecycle state of the racks of an AI or HPC data centre, and of the machines (compute trays),
// NVLink switches and power shelves inside them: which state each is in, what may happen next, what must happen next, and the record of
// everything that did. It is to a provisioner what database/sql is to an application: the logic is here, and adapters connect it to hardware and to a
// place for records. It is no provisioner: it installs no operating system and serves no API of its own.
//
// The smallest complete program, which is examples/smallest, reads a site, keeps its records in SQLite and brings up what is found:
//
//	site, err := sitefile.Read("site.json")
//	store, err := sqlite.Open(ctx, "racks.db", sqlite.Config{})
//	racks, err := rack.NewManager(ctx, store, rack.Config{Driver: driver, Site: site})
//	err = racks.Discover(ctx, rack.Discovery{Kind: backend.KindMachine, ID: "a12-compute-01", Rack: "A12"})
//	err = racks.Run(ctx) // until ctx ends
//
// # Packages
//
//   - [github.com/rackstate/rackstate/rack]: the rack, and the Manager that a provisioner holds.
//   - [github.com/rackstate/rackstate/machine], [github.com/rackstate/rackstate/switch] (package nvswitch) and
//     [github.com/rackstate/rackstate/powershelf]: what is inside a rack.
//   - [github.com/rackstate/rackstate/lifecycle]: the engine under all of them, for kinds of your own too.
//   - [github.com/rackstate/rackstate/backend]: the contracts, Driver and Store, with stores in memory and SQLite; package backendtest proves an
//     adapter of your own.
//   - [github.com/rackstate/rackstate/fake]: simulated hardware with faults; package sitesim runs a whole site on it in virtual time.
//
// # Five words
//
// A kind has a table of transitions; nothing else can move an object. A handler looks at an object in one state and returns one outcome. A request is
// something that an object was asked to do; it has a state of its own, and accepted is not done. A hold asks to leave an object alone. The
// history has one row for every transition, forever.
//
// # Determinism
//
// The engine's core has no goroutine, no timer and no clock: the same records, the same answers of the driver and the same times give the same history, on every
// store.
package rackstate
