//go:build linux

package powerloss

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	lite "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/fake/crash/internal/hall"
	"github.com/rackstate/rackstate/fake/crash/internal/witness"
)

// cut is the loss of power at a place of a tape.
type cut struct {
	*platter
	fate  fate
	files map[string][]byte
	// account is what the store must hold.
	account *witness.Account
	// landed says that what had begun is there.
	landed bool
}

// String says how the cut can be looked at again.
func (c *cut) String() string {
	sizes := ""
	for _, name := range sorted(c.files) {
		sizes += fmt.Sprintf(" %s: %d bytes", name, len(c.files[name]))
	}
	return fmt.Sprintf("cut before entry %d of %d (%s);%s", c.at, len(c.tape.entries), c.fate, sizes)
}

// each cuts a tape at places, which are in order, and has each cut looked at. The first error ends it.
func each(ctx context.Context, t *tape, random *rand.Rand, at []place, look func(*cut) error) error {
	return eachFrom(ctx, t, witness.NewAccount(), random, at, look)
}

// eachFrom is each for a tape that begins with a store that holds something.
func eachFrom(ctx context.Context, t *tape, account *witness.Account, random *rand.Rand, at []place, look func(*cut) error) error {
	p := newPlatter(t)
	account = account.Fork()
	for _, place := range at {
		for p.at < place.at {
			if e := p.next(); e.event != nil {
				if err := account.Told(ctx, *e.event); err != nil {
					return err
				}
			}
		}
		c := &cut{platter: p, fate: place.fate, account: account.Fork()}
		c.files = p.image(random, c.fate)
		if err := look(c); err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
	}
	return nil
}

// found opens what is found after a cut.
func (c *cut) found(ctx context.Context, folder string, look func(store *sqlite.Store) error) (err error) {
	if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o700), c.put(c.files, folder)); err != nil {
		return err
	}
	path := filepath.Join(folder, hall.StoreFile)
	store, err := sqlite.Open(ctx, path, sqlite.Config{Readers: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := look(store); err != nil {
		return err
	}
	return integrity(path)
}

// settle checks that everything is there that was promised before a cut, and nothing by halves.
func (c *cut) settle(ctx context.Context, folder string) error {
	return c.found(ctx, folder, func(store *sqlite.Store) (err error) {
		c.landed, err = c.account.Settle(ctx, store)
		return err
	})
}

// integrity has SQLite check a file.
func integrity(path string) (err error) {
	conn, err := lite.OpenConn(path, lite.OpenReadOnly)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return sqlitex.ExecuteTransient(conn, "PRAGMA integrity_check", &sqlitex.ExecOptions{ResultFunc: func(row *lite.Stmt) error {
		if text := row.ColumnText(0); text != "ok" {
			return fmt.Errorf("%w: %s", backend.ErrCorrupt, text)
		}
		return nil
	}})
}

// scratch is a folder for images.
func scratch(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "image")
}

// newTape records a folder in which the files are.
func newTape(t *testing.T, pragmas map[string]string, before map[string][]byte) *tape {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	for name, text := range before {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), text, 0o600))
	}
	return record(t, &tape{folder: folder, pragmas: pragmas, before: before})
}
