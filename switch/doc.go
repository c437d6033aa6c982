// Package nvswitch is the state machine of an NVLink switch tray: a device with a management controller (BMC) and a network operating
// system of its own (NVOS). The folder is called switch, which Go does not allow as the name of a package.
//
// A switch that the host application reports walks through its bring-up by itself:
//
//	Created -> Initializing -> Configuring -> FetchInfo -> Validating -> BomValidating -> Ready
//
// It waits in Initializing until one of its NVOS interfaces is seen on the network ([Switch.ReportSeen]), gets a service certificate, has its
// password checked in the credential store, its place in the rack read, and its part compared. A capability that the driver lacks is
// passed with that note in the history.
//
// Two things take a switch out of Ready or Error, in this order:
//
//   - an operator's maintenance request ([Maintenance]): power on, power off, reset, or a new certificate. It is done once; a failure is an
//     Error with its cause and is not repeated.
//   - a reprovision request of its rack ([lifecycle.Reprovision]). The rack updates firmware and NVOS and configures the fabric, and writes how
//     far it has come into the statuses of the switch; the switch walks the steps that the request awaits. A status counts only if it belongs to the
//     request, and the wait ends with the rack's cycle, so no switch waits for a rack that is no longer coming.
//
// A host makes the kind once and gives it to the controller:
//
//	kind, err := nvswitch.New(nvswitch.Config{Driver: driver, Credentials: credentials})
//	...
//	controller, err := lifecycle.NewController(ctx, store, lifecycle.Config{}, kind, ...)
//
// and asks for maintenance like this:
//
//	_, err = controller.Request(ctx, lifecycle.NewRequest{
//		Type:      lifecycle.TypeMaintenance,
//		Initiator: "alice",
//		Params:    nvswitch.Maintenance{Operation: nvswitch.OpReset},
//	}, nvswitch.Ref("s1"))
//
// The package knows nothing of sites and racks: what is expected of a switch comes with its discovery ([Discovered]), and of its rack it sees
// the state and the cycle.
package nvswitch
