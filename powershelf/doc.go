// Package powershelf is the state machine of a power shelf: the unit that feeds a rack, reached through its controller (PMC).
//
// A shelf is read out, set up, and is then Ready, where its power state is polled. An operator may have it switched on or off; a
// failure of that takes it to Error, from where another request or a deletion leads out.
//
//	kind, err := powershelf.New(powershelf.Config{Driver: driver})
//	ctl, err := lifecycle.NewController(ctx, store, lifecycle.Config{}, kind)
package powershelf
