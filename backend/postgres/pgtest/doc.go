// Package pgtest runs a throw-away PostgreSQL server for the tests of a package, from the binaries that are on the machine.
//
// One cluster serves one test binary. It starts when the first test asks for it, and TestMain stops it:
//
//	var cluster = pgtest.New(pgtest.Config{})
//
//	func TestMain(m *testing.M) { os.Exit(cluster.Main(m)) }
//
//	func TestSomething(t *testing.T) { dsn := cluster.Start(t) ... }
//
// The server keeps its data in a temporary folder and listens on a unix socket in that folder only. When the tests run as root it runs as
// the user postgres, because PostgreSQL refuses root. It goes away with the test binary, also when that is killed.
//
// Without binaries tests are skipped, and say so. With the environment variable RACKSTATE_CI=1 they fail instead.
package pgtest
