//go:build !unix

package pgtest

import (
	"fmt"
	"os/exec"
	"runtime"
)

// account is the user as whom the server runs.
type account struct{}

// findAccount refuses: the cluster listens on a unix socket and is controlled by a shell.
func findAccount() (*account, error) {
	return nil, fmt.Errorf("%w that this package can run on %s", ErrNoBinaries, runtime.GOOS)
}

func (a *account) own(string) error { return nil }

func (a *account) apply(*exec.Cmd) {}
