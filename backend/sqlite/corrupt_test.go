package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

// machine is a Commit that takes a machine of rack A1 to a state.
func machine(id string, expect uint64, state, data string) backend.Commit {
	ref := backend.Ref{Kind: backend.KindMachine, ID: id}
	return backend.Commit{Writes: []backend.Write{{
		Record:     backend.Record{Ref: ref, Rack: "A1", State: state, Data: []byte(data)},
		Expect:     expect,
		Transition: &backend.Transition{Ref: ref, Rack: "A1", Seq: expect + 1, To: state},
	}}}
}

// filled makes a store of some hundred pages and returns its path.
func filled(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := Open(t.Context(), path, Config{})
	require.NoError(t, err)
	var batch []backend.Commit
	for i := range 2000 {
		batch = append(batch, machine(fmt.Sprintf("m%04d", i), 0, "Ready", fmt.Sprintf(`{"n":"%0400d"}`, i)))
	}
	commitAll(t, s, batch)
	require.NoError(t, s.Close())
	return path
}

// commitAll commits and requires that all is applied.
func commitAll(tb testing.TB, s *Store, batch []backend.Commit) {
	tb.Helper()
	results, err := s.Commit(tb.Context(), batch)
	require.NoError(tb, err)
	for _, err := range results {
		require.NoError(tb, err)
	}
}

func TestATruncatedFileIsRefusedByName(t *testing.T) {
	t.Parallel()
	path := filled(t)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, size := range []int{1, 15, 16, 99, 100, 101, 1000, 4096, 4097, len(whole) / 2, len(whole) - 4096, len(whole) - 1} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "store.db")
			require.NoError(t, os.WriteFile(path, whole[:size], 0o644))
			s, err := Open(t.Context(), path, Config{})
			if err == nil {
				require.NoError(t, s.Close())
			}
			require.ErrorIs(t, err, backend.ErrCorrupt)
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, "restore a copy")
		})
	}
}

func TestDamageInTheMiddleIsReportedWhenItIsRead(t *testing.T) {
	t.Parallel()
	path := filled(t)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := 8 * 4096; i < len(whole)-4096; i++ {
		whole[i] = byte(i)
	}
	require.NoError(t, os.WriteFile(path, whole, 0o644))
	s, err := Open(t.Context(), path, Config{})
	if err != nil {
		require.ErrorIs(t, err, backend.ErrCorrupt)
		return
	}
	_, err = s.List(t.Context(), backend.Query{})
	require.ErrorIs(t, err, backend.ErrCorrupt)
	require.ErrorContains(t, err, path)
	_, err = s.Commit(t.Context(), []backend.Commit{machine("m1000", 1, "Assigned", `{}`)})
	require.ErrorIs(t, err, backend.ErrCorrupt)
	require.ErrorIs(t, err, backend.ErrNotCommitted)
	require.NoError(t, s.Close())
}

func TestResultsThatAreNoJSONAreReportedWithTheRequest(t *testing.T) {
	t.Parallel()
	path := oldFile(t, "v1.db")
	change(t, path, "UPDATE request SET results = CAST('[{' AS BLOB) WHERE kind = 'machine'")
	s, err := Open(t.Context(), path, Config{})
	require.NoError(t, err)
	_, err = s.Requests(t.Context(), backend.RequestQuery{})
	require.ErrorIs(t, err, backend.ErrCorrupt)
	assert.ErrorContains(t, err, `request "req-1" on machine/A12-m01`)
	require.NoError(t, s.Close())
}

func TestAHeaderThatNoProgramWritesIsRefused(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]struct {
		at    int
		bytes []byte
	}{
		"the file has the version -1,":    {60, []byte{0xff, 0xff, 0xff, 0xff}},
		"the file has the version 0,":     {60, []byte{0, 0, 0, 0}},
		"header has the write version 3 ": {18, []byte{3}},
		"header has the write version 0 ": {18, []byte{0}},
	} {
		path := filled(t)
		whole, err := os.ReadFile(path)
		require.NoError(t, err)
		copy(whole[change.at:], change.bytes)
		require.NoError(t, os.WriteFile(path, whole, 0o644))
		_, err = Open(t.Context(), path, Config{})
		require.ErrorIs(t, err, backend.ErrCorrupt)
		require.ErrorContains(t, err, path)
		require.ErrorContains(t, err, want)
	}
}

func TestAFileThatWasCutBesideItsLogIsReportedAsDamaged(t *testing.T) {
	t.Parallel()
	m := fuzzImages(t)[1]
	for _, pages := range []int{2, 5, 9, 14, 20} {
		path := filepath.Join(t.TempDir(), "store.db")
		require.NoError(t, os.WriteFile(path, m.db[:pages*4096+100], 0o644))
		require.NoError(t, os.WriteFile(path+"-wal", m.wal, 0o644))
		s, err := Open(t.Context(), path, Config{})
		if err == nil { // a process that died may have left it like this
			_, err = s.List(t.Context(), backend.Query{})
			require.NoError(t, s.Close())
		}
		require.ErrorIs(t, err, backend.ErrCorrupt, "%d pages", pages)
		require.ErrorContains(t, err, path)
	}
}

func TestTablesThatAreMissingAreReportedAsDamage(t *testing.T) {
	t.Parallel()
	path := create(t)
	change(t, path, "ALTER TABLE record RENAME COLUMN data TO date")
	_, err := Open(t.Context(), path, Config{})
	require.ErrorIs(t, err, backend.ErrCorrupt)
	require.ErrorContains(t, err, path)
}
