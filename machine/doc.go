// Package machine is the state machine of a compute tray: a host with its management controller, and the data processing units (DPUs) in it.
//
//	kind, err := machine.New(machine.Config{Driver: driver})
//	ctl, err := lifecycle.NewController(ctx, store, lifecycle.Config{}, kind)
//	err = ctl.Apply(ctx, func(tx *lifecycle.Tx) error {
//		return tx.Create(machine.NewMachine("m1", "r1", machine.Discovered{Endpoint: endpoint}), "explorer", "reported")
//	})
//
// # The way of a host
//
//	Created -> HostInit -> BomValidating -> Validation -> HostInit/Discovered -> Ready <-> Assigned
//
// A host with DPUs begins with DpuDiscovering and DpuInit: it boots through them. A state whose capability the driver does not have is passed with that note in
// the history; it is never waited in.
//
// # Platform jobs
//
// Everything that a vendor does with jobs, restarts and second attempts (IPMI over LAN, BIOS profile, boot order, UEFI password, lockdown) is one small persisted
// machine, [PlatformJob], that advances inside a state. When it has no attempts left the machine goes to Failed with the kind of
// configuration as cause, and comes back by itself when that configuration is there after all.
//
// # Ready
//
// Ready looks at one thing after the other: deletion, assignment, SKU verification, host reprovision, on-demand validation, DPU reprovision, measurement. A request that
// finds nothing to do ends with that note. With no open request a pass is free: it calls no hardware.
//
// # Tenants
//
//	Ready -> Assigned -> PostAssignedMeasuring -> WaitingForCleanup -> BomValidating -> Validation -> HostInit/Discovered -> Ready
//
// A release is done when the machine has left its tenant and is clean, not when it was accepted. What the tenant left is erased step by step, and a step without a result was
// not done. [BootImage] says what a host shall boot from the network in its state.
//
// # Attestation
//
// The driver lists attestors in order, for example measured boot and device attestation. Each is asked for a new proof; one from before it was asked for, a proof of nothing
// and one that was cancelled prove nothing.
//
// # Events
//
// A pass decides from what the driver reports at that moment, never from an event; an event is a reason to look. A host application that hears of one, for example because the
// agent has called back, tells the engine so, and the machine goes on at once instead of at its next look:
//
//	ctl.Wake(machine.Ref("m1"))
//
// Requests, holds, health, labels and what a rack writes wake by themselves. [ReportUpgrade] and [Approve] keep what they are told, and wake too.
//
// # Host reprovision
//
// A request of the rack makes the machine wait for what the rack does with its firmware; a request of anybody else makes it check its own. Both run in
// HostReprovision, and for a machine with a tenant in Assigned/HostReprovision. What the run needs to know is on the machine, so it
// does not depend on a request that has ended. Images are sent to no more management controllers at once than [Config].UploadLimit says. No machine waits for a rack that is no longer coming, and lockdown is put back before the machine is
// given back.
package machine
