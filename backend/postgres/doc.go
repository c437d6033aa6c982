// Package postgres keeps records, requests and history in a PostgreSQL database, version 13 or later, that many processes share.
//
// Any number of controllers may open the same schema. Commits that wait together in one process are written together, in one transaction; each
// still succeeds or fails on its own. What Commit has reported as applied survives the loss of the process, of the server and of power, as far as
// the database is set up for it: [Open] raises synchronous_commit where it is off, and cannot see fsync.
//
// # Reading along
//
// Anybody may read with psql while the programs write:
//
//	select rack, kind, id, state, time_in_state, reason from rackstate.objects where over_sla;
//	select * from rackstate.transitions where kind = 'rack' and id = 'A12';
//	select * from rackstate.requests where state in ('pending', 'started');
//	select * from rackstate.leases; select * from rackstate.cursors;
//
// The views objects, transitions, requests, leases and cursors are made for that. The tables behind them may change with a version of the module, and no
// other program may write to them.
//
// # What the server needs
//
// A database in the encoding UTF8, and a user that owns the schema or may create it. Each store holds one connection for commits and a few for
// reads, see [Config], and one for each Watch. A connection pooler between must pool sessions, not transactions. Texts for people that PostgreSQL
// cannot hold, with zero bytes or broken UTF-8, are stored with the replacement character; a commit with such a name is refused.
//
// # How a commit works
//
// One statement locks all objects that a group of commits names, in the order of their keys, so that no two writers wait for each other. The
// versions decide, here in the process, which commits are applied. Then one statement for each table writes all of it. A server that is stopped or
// fails over in between is no error as long as it comes back within Config.RetryFor. Only a connection that breaks while COMMIT is under way
// leaves an unknown outcome.
//
// # Positions
//
// Whoever follows the history by Position must miss no row. A sequence alone does not give that: a transaction that took a lower number may end
// after one with a higher number, and its rows appear behind the reader's back. So a transaction takes its positions under a lock that it holds
// until its rows are visible. The lock is the last thing before COMMIT and goes to the server in the same message, so nobody waits for a
// process that hangs. The price is that transactions with history end one after the other; commits that wait meanwhile form bigger groups.
//
// # Several controllers
//
// Leases are rows of the database and end by its clock, see [backend.LeaseStore]. A commit under a lease and whoever takes that lease over meet at
// one row lock: the lease changes hands before the commit or after it, and never in between. Every transaction announces the objects that it has
// written with NOTIFY, which [Store.Watch] hears.
package postgres
