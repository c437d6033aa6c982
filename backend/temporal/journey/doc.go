// Package journey holds workflows on Temporal that own the way of a node through its service lifecycle: what takes days, waits for people, and must not be forgotten.
//
//	journey.Register(worker, journey.Local{Service: svc}, checks)          // in the worker
//	err := journey.NewClient(c, "").Start(ctx, journey.Input{Node: "n1"})  // anywhere
//
// The record of the node and the table of what is allowed stay in the inventory, package machine/service. A journey calls it as everybody else does, under its own name,
// temporal:ReturnToServiceWorkflow.
//
// # How inventory and journey stay in step
//
//   - A journey has no opinion of where its node is. Every round reads the node and decides from there; decide is a pure function.
//   - Every move names the version that was read. Has somebody been quicker, the inventory refuses, and the journey reads and decides again.
//   - Every move carries a key: workflow id, id of the first run, number of the step. An attempt whose answer was lost is recognised by it, and nothing is written twice.
//   - What a check found holds for one stay in one state. Is the node taken elsewhere and brought back, it is checked again.
//   - A refusal that time may mend, a guard, is waited for. Any other ends the journey with a StoppedError, which says what is allowed; a person decides.
//
// # Changing the workflow
//
// The rules of package temporal hold here too.
package journey
