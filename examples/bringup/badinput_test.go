package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/sqlite"
	"github.com/rackstate/rackstate/fake"
)

// readOnly is a folder in which nobody can make a file. The superuser may write everywhere, except where the kernel says no.
func readOnly(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		dir := t.TempDir()
		require.NoError(t, os.Chmod(dir, 0o555))
		return dir
	}
	f, err := os.Create("/sys/rackstate-test")
	if err == nil {
		require.NoError(t, f.Close())
		t.Skip("the superuser can write everywhere here")
	}
	return "/sys"
}

// refused runs a bring-up that must be refused, and returns what a person is told.
func refused(t *testing.T, args ...string) error {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), append([]string{"-speed", "0"}, args...), &out)
	require.Error(t, err)
	return err
}

func TestAPlaceThatCannotHoldTheRecordsIsRefusedByItsName(t *testing.T) {
	t.Parallel()
	text := filepath.Join(t.TempDir(), "notes.txt")
	require.NoError(t, os.WriteFile(text, bytes.Repeat([]byte("not a database\n"), 1000), 0o600))
	for name, c := range map[string]struct{ path, advice string }{
		"a folder":                          {t.TempDir(), "it is a folder"},
		"a file in a folder that is not":    {filepath.Join(t.TempDir(), "none", "racks.db"), "create the folder"},
		"a file below a file":               {filepath.Join(text, "racks.db"), "not a"},
		"a folder that cannot be written":   {filepath.Join(readOnly(t), "racks.db"), "must be allowed to write"},
		"a file that is something else":     {text, "not a"},
		"a special file in place of a file": {os.DevNull, "special file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := refused(t, "-db", c.path)
			assert.ErrorContains(t, err, filepath.Base(filepath.Dir(c.path)))
			assert.ErrorContains(t, err, c.advice)
		})
	}
	after, err := os.ReadFile(text)
	require.NoError(t, err)
	assert.Equal(t, "not a database\n", string(after[:15]), "the file is as it was")
}

func TestATruncatedDatabaseIsRefusedAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	p := smallProgram(t)
	p.ends(t)
	whole, err := os.ReadFile(p.db())
	require.NoError(t, err)
	for _, size := range []int{1, 99, 100, 512, 4095, 4096, 4097, len(whole) / 2, len(whole) - 4096, len(whole) - 1} {
		t.Run(fmt.Sprintf("%d of %d bytes", size, len(whole)), func(t *testing.T) {
			t.Parallel()
			cut := filepath.Join(t.TempDir(), "cut.db")
			require.NoError(t, os.WriteFile(cut, whole[:size], 0o600))
			err := refused(t, "-db", cut)
			assert.True(t, isOneOf(err, backend.ErrCorrupt, sqlite.ErrForeignFile), "%v", err)
			assert.ErrorContains(t, err, cut)
			after, err := os.ReadFile(cut)
			require.NoError(t, err)
			assert.Equal(t, whole[:size], after)
		})
	}
}

func TestAJournalOfTheHardwareThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	t.Run("another seed", func(t *testing.T) {
		t.Parallel()
		p := smallProgram(t)
		require.True(t, p.dies(t, 20))
		assert.ErrorIs(t, refused(t, append(p.args, "-seed", "99")...), fake.ErrOtherJournal)
	})
	t.Run("damaged", func(t *testing.T) {
		t.Parallel()
		p := smallProgram(t)
		require.True(t, p.dies(t, 20))
		journal := p.db() + ".hardware"
		lines, err := os.ReadFile(journal)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(journal, bytes.Replace(lines, []byte(`"order"`), []byte(`"order`), 1), 0o600))
		err = refused(t, p.args...)
		require.ErrorIs(t, err, fake.ErrBadJournal)
		assert.ErrorContains(t, err, journal)
	})
}

func isOneOf(err error, all ...error) bool {
	for _, one := range all {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}
