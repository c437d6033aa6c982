package golden

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// lock waits until no other test, of this process or another, rewrites the file at path, and
// returns the function that lets the next one in. The lock file lies in the system's temporary
// folder so that an update leaves nothing behind in the work tree.
func lock(path string) (unlock func() error, err error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	// Every call opens the lock file anew: such locks exclude each other within a process too.
	held := flock.New(filepath.Join(os.TempDir(), fmt.Sprintf("golden-%x.lock", sha256.Sum256([]byte(abs)))))
	if err := held.Lock(); err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return held.Unlock, nil
}
