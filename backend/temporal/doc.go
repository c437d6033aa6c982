// Package temporal runs the lifecycles of racks on a Temporal cluster, for sites that have one: one durable workflow for each rack, which steps the rack and what is inside it through the very
// same tables and handlers as lifecycle.Controller.Run, and keeps them in the very same store. Package journey, below it, holds workflows for the service lifecycle of nodes.
//
//	c, err := client.Dial(client.Options{})
//	runner := temporal.NewRunner(c, temporal.RunnerConfig{})
//	m, err := rack.NewManager(ctx, temporal.Waking(store, runner, nil), cfg)
//
//	w := worker.New(c, temporal.TaskQueue, worker.Options{}) // in as many processes as you like
//	temporal.Register(w, m.Controller())
//	err = w.Start()
//
//	err = runner.StartAll(ctx, store)             // once; what is found later starts by itself
//	_, err = m.RequestMaintenance(ctx, request)   // wakes the workflow of the rack
//
// # What runs where
//
// RackWorkflow decides nothing. It has the activity StepRack called, waits until something is due or a signal wakes it, and begins again, until nothing of the rack is left. StepRack reads the rack
// from the store, for another worker may have stepped it last, and calls lifecycle.Controller.StepRack. The time of a step is that of the workflow or of the controller's clock, whichever is later.
//
// Nobody else drives the controller of a worker: neither Run nor RunUntilIdle. Its methods for hosts, Apply, Request, Delete and their like, are used as ever. A store from Waking tells the
// workflow of the rack; should that fail, the workflow notices when something is due, after half a minute at the latest unless Config.Resync says otherwise. Controller.Wake writes nothing and wakes no
// workflow: call Runner.Wake beside it. A Relay is given the store itself, not the one from Waking.
//
// Handlers that look beyond their rack see there what their worker has seen. With several workers, where a site limits how many racks are in maintenance, each worker calls Follow; and a rack
// notices that another one has made room for it when it is due.
//
// # What keeps two workers apart
//
//   - Temporal runs one workflow of an id at a time, and the workflow of a rack has one step in hand at a time. So two workers step a rack only when one of them was given up for dead: its
//     heartbeats have not come, or the step took too long.
//   - In one process such attempts take turns.
//   - In two, the store keeps them apart: every commit is compare-and-swap, and the one that comes too late changes nothing.
//   - Hardware calls that both make carry the same idempotency key, for key and version change with the same commit: nothing is started twice.
//   - Leases are not needed. Where controllers that Run share the store with workers, give all of them an owner, and have each worker call KeepLeases as it asks to be called: a step
//     that reaches a worker without the lease fails with ErrNotLeased and is made again, until it reaches the right one.
//
// # Looking
//
// Runner.Status asks a workflow what it did last and what it waits for. With RackOptions.Attributes, and RegisterAttributes called once for the namespace, workflows are found by
// RackstateRack and RackstateState:
//
//	temporal workflow list --query "RackstateState STARTS_WITH 'Maintenance'"
//
// What a rack waits for, and why, is in its record, as everywhere: lifecycle.Controller.Explain.
//
// # Changing workflow code
//
// A workflow is replayed from its history: the code must take the decisions that it took. Handlers, tables, drivers and checks are called by activities and may change at any time. In
// RackWorkflow and ReturnToServiceWorkflow, whatever adds, removes or reorders activities, timers, signals, search attributes or the end of a run must be guarded:
//
//	if workflow.GetVersion(ctx, "look-twice", workflow.DefaultVersion, 1) >= 1 {
//		// what new runs do
//	}
//
// The old branch may go when no run is left that has taken it. Rack workflows begin a new run at least every RackOptions.Rounds steps, so that is a matter of hours; journeys may be under way for
// months. Inputs, outputs and Status are JSON: fields are added, never renamed, and their zero value means what was meant before them. Names of workflows, activities, signals and queries stay.
// The histories in internal/endtoend/testdata are replayed by a test, and a change that breaks them breaks running workflows.
//
// # What it costs
//
// A step goes through the server four times and takes some ten milliseconds more than the engine's own loop needs for it. One controller that runs on a store is simpler, and faster by
// orders of magnitude; several on PostgreSQL survive the loss of one as well. Take workflows where a site has Temporal, and wants to see and steer everything there.
package temporal
