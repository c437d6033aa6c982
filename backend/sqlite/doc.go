// Package sqlite keeps records, requests, history and cursors in one SQLite file. It needs nothing installed: the SQLite engine is part of the
// program, in pure Go.
//
// One process owns the file at a time; [Open] refuses a second one. Many goroutines may use the [Store]: commits that wait together are
// written together, in one transaction with one fsync, and each still succeeds or fails on its own. What Commit has reported as applied
// survives the loss of the process and of power.
//
// # Reading along
//
// Anybody may read the file with the sqlite3 command while the program writes:
//
//	sqlite3 -readonly -box rackstate.db "select rack, kind, id, state, time_in_state, reason from objects where over_sla"
//	sqlite3 -readonly -box rackstate.db "select * from transitions where kind = 'rack' and id = 'A12'"
//	sqlite3 -readonly -box rackstate.db "select * from requests where state in ('pending', 'started')"
//	sqlite3 -readonly -box rackstate.db "select * from cursors where lag > 0"
//
// The views objects, transitions, requests and cursors are made for that. The tables behind them may change with a version of the module, and
// no other program may write to them.
//
// # Files
//
// Beside the file itself stand its write-ahead log (-wal), the log's index (-shm), and a lock file (.lock) that holds the number of the
// process. The first two are part of the data while the store is open or after a crash: copy them together, or better, use
// "sqlite3 file .backup". The lock file may stay behind; the lock itself ends with the process.
package sqlite
