// Package rack is the state machine of a rack, the object that everything else in the module serves.
//
// A rack observes the machines, NVLink switches and power shelves inside it, drives them through maintenance (firmware, switch images, fabric
// configuration, power), has the result validated, and is Ready only when all of that is done. It is the only package that knows the other
// kinds.
//
// [Manager] is what a provisioner holds:
//
//	m, err := rack.NewManager(ctx, store, rack.Config{Driver: driver, Site: site})
//	err = m.Discover(ctx, device) // for each device that was found
//	err = m.Run(ctx)              // until ctx ends
//
// A provisioner that wants to compose the kinds itself uses [New] beside machine.New, nvswitch.New and powershelf.New.
package rack
