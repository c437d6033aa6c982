// Package explore tries everything that can happen to a small world of racks, through the real steps, handlers and tables, and says which promise does not hold.
//
// A [Start] is a scenario: what it is given is the world, and what its steps name is what may happen, in any order and at any moment: requests, deletions, holds, discoveries.
// To that come by themselves
//
//   - a pass over each object at any time, in every order: a superset of what any schedule of the engine, of several workers or of Temporal does;
//   - of every hardware call of a pass each way to fail: an error, a permanent one, an answer that is lost, one device of several that is refused, a device that is silent;
//   - a crash after each hardware call that changes something;
//   - every running job, at any moment, completed, failed, or never;
//   - the cancelling of every request, the lifting of every hold;
//   - time: to the next thing that any object waits for when nothing else can happen, and past deadlines, SLAs and expiries earlier than that.
//
// A [Budget] bounds how many faults, crashes, requests, holds and jumps of time there are on one path. Within it the search is complete: breadth first, level by level, each
// state visited once. All rules of package fake/verify are applied to every commit and every call; then the graph of states is looked at: from each one a state of rest must
// remain reachable when faults stop, what is deleted must go, and a crash must lead nowhere that is not reached without it.
//
// What breaks is reported with the shortest path to it as a scenario, which anybody can run again: a path is a list of a scenario's steps and nothing else.
//
// # What a state is
//
// Two states are one when nothing that can happen from now on tells them apart. So the hash of a state has records, open requests, hardware and budget in it, all times
// as distances from now, and leaves out versions, transition counts, ended requests, history and the text of outcomes; cycles are numbered as they appear. TestStatesThatAreOneBehaveAlike
// compares what follows states of equal hash.
//
// # Crashes before calls and commits
//
// Every move begins with a controller that has just loaded the store, as after a crash. Hence a crash before the first call of a pass, or after calls that only look, equals no pass:
// nothing was done, nothing was written. A crash after a commit equals the pass. A crash between a call that changed something and the commit is a move of its own; so is, being
// the same to store and hardware, a commit that lost its compare-and-swap. TestACrashWithoutEffectEqualsNoPass and TestAControllerThatStaysComesToTheSame check both ends of the argument.
//
// # What is not covered
//
// Passes are atomic here: two passes never overlap, which compare-and-swap makes equal to one of them being lost. Faults last for one call; a device that stays broken is a job that never
// ends. Time that passes inside of a pass, stores that fail, several controllers and leases are left to the tests of packages lifecycle, backend/postgres and fake/chaos.
package explore
