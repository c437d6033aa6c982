package sqlite

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/gofrs/flock"

	"github.com/rackstate/rackstate/backend"
)

// fileLock is the right to open a store, held by at most one Store of one process. The system takes it back when the process dies.
type fileLock struct {
	flock *flock.Flock
}

// acquire takes the lock of a store. The error wraps [backend.ErrLocked] when somebody else has it.
func acquire(path string) (*fileLock, error) {
	lock := flock.New(path+".lock", flock.SetPermissions(0o644))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, advise(path, "lock", err)
	}
	if !ok {
		return nil, fmt.Errorf("sqlite: open %s: %w%s", path, backend.ErrLocked, holder(lock.Path()))
	}
	// The number is for people and error messages only: failing to write it is no reason to refuse.
	_ = os.WriteFile(lock.Path(), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644)
	return &fileLock{flock: lock}, nil
}

// holder says which process has the lock, as far as the lock file tells.
func holder(lockPath string) string {
	text, err := os.ReadFile(lockPath)
	if err != nil {
		return ""
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	switch {
	case err != nil:
		return ""
	case pid == os.Getpid():
		return fmt.Sprintf(": process %d, which is this one, has it open already", pid)
	}
	return fmt.Sprintf(": process %d has it open", pid)
}

// release gives the lock back. The file stays: removing it would let two processes lock two files of the same name.
func (l *fileLock) release() error {
	// A number that is left behind would name an innocent process later.
	_ = os.Truncate(l.flock.Path(), 0)
	return l.flock.Unlock()
}
