package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// ErrNoBinaries says that there is no PostgreSQL server on this machine. Install one, for example Debian's package postgresql.
var ErrNoBinaries = errors.New("no PostgreSQL server binaries")

// binVariable names the environment variable that holds the folder of initdb, pg_ctl and postgres.
const binVariable = "RACKSTATE_POSTGRES_BIN"

// ciVariable names the environment variable that makes a missing server a failure when it is "1".
const ciVariable = "RACKSTATE_CI"

// findBinaries returns the folder of the server's programs: the one that the caller or the environment names, the one on the path, or the newest
// of Debian's. The error wraps ErrNoBinaries.
func findBinaries(named string) (string, error) {
	if named == "" {
		named = os.Getenv(binVariable)
	}
	if named != "" {
		if !complete(named) {
			return "", fmt.Errorf("%w in %s", ErrNoBinaries, named)
		}
		return named, nil
	}
	if path, err := exec.LookPath("initdb"); err == nil && complete(filepath.Dir(path)) {
		return filepath.Dir(path), nil
	}
	folders, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoBinaries, err)
	}
	newest, best := 0, ""
	for _, folder := range folders {
		version, err := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
		if err == nil && version > newest && complete(folder) {
			newest, best = version, folder
		}
	}
	if best == "" {
		return "", fmt.Errorf("%w on the path or in /usr/lib/postgresql", ErrNoBinaries)
	}
	return best, nil
}

// complete reports whether a folder holds all programs that are needed; clients alone do not do.
func complete(folder string) bool {
	for _, name := range []string{"initdb", "pg_ctl", "postgres"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.IsDir() {
			return false
		}
	}
	return true
}
