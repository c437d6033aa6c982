// Package endtoend holds the tests that need a Temporal server. They stand in one package because linking the server into a test takes longer than most of them.
package endtoend
