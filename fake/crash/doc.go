// Package crash kills a process that brings up and maintains a site over an SQLite file, with kill -9 and anywhere, starts it again on the same files, and compares what
// comes of it with a run that nobody disturbed.
//
//	go test ./fake/crash                                        # 40 kills
//	RACKSTATE_KILLS=1000 go test ./fake/crash -v -run Kill -timeout 0
//	RACKSTATE_KILL_SEED=7 go test ./fake/crash -v -run Kill     # the draws of a seed again
//
// After every kill all that was promised must be in the file: a process tells its parent of every commit before it begins and after it has ended, and the parent keeps an account
// of its own. The seed decides when the parent strikes. What the process is doing at that moment is up to the machine.
package crash
