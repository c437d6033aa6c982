package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

// patience is how long one damaged file may keep a store busy.
const patience = 20 * time.Second

// image is a file with its write-ahead log, as a process that was killed leaves them.
type image struct{ db, wal []byte }

// fuzzImages makes the files that are damaged: one that was closed, and one with a log. They have interior pages, overflow pages, tombstones, requests and cursors.
func fuzzImages(tb testing.TB) [2]image {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "store.db")
	read := func(name string) []byte {
		text, err := os.ReadFile(name)
		require.NoError(tb, err)
		return text
	}
	fill := func(s *Store, from, to int) {
		var batch []backend.Commit
		for i := from; i < to; i++ {
			c := machine(fmt.Sprintf("m%03d", i), 0, "Ready", fmt.Sprintf(`{"n":"%0*d"}`, 40+i*i%900, i))
			w := &c.Writes[0]
			w.Record.Rack = fmt.Sprintf("A%d", i%5)
			w.Record.Since, w.Record.Transitions, w.Transition.At, w.Transition.Trigger = time.Unix(1_770_000_000+int64(i), 0), 1, time.Unix(1_770_000_000, 0), "Found"
			w.Record.Outcome = backend.Outcome{Kind: backend.OutcomeWait, Reason: "waits for nobody", At: time.Unix(1_770_000_000, 0)}
			c.Post = []backend.Request{{
				ID: fmt.Sprintf("q%d", i%7), On: w.Record.Ref, Rack: w.Record.Rack, Type: "maintenance", State: []backend.RequestState{backend.RequestPending, backend.RequestFinished}[i%2],
				Initiator: "ann", At: time.Unix(1_770_000_000, 0), Params: []byte(`{"scope":{}}`), Results: []backend.Result{{Target: w.Record.Ref, Status: backend.ResultOK}},
			}}
			batch = append(batch, c)
		}
		batch = append(batch, machine(fmt.Sprintf("m%03d", from), 1, "", ""), machine(fmt.Sprintf("m%03d", from+1), 1, "Assigned", strings.Repeat("long", 3000)))
		commitAll(tb, s, batch)
		require.NoError(tb, s.SetCursor(tb.Context(), fmt.Sprint("c", from), 0, uint64(to)))
	}
	s, err := Open(tb.Context(), path, Config{})
	require.NoError(tb, err)
	fill(s, 0, 60)
	require.NoError(tb, s.Close())
	closed := image{db: read(path)}
	s, err = Open(tb.Context(), path, Config{})
	require.NoError(tb, err)
	fill(s, 60, 70)
	logged := image{db: read(path), wal: read(path + "-wal")}
	require.NotEmpty(tb, logged.wal)
	require.NoError(tb, s.Close())
	return [2]image{closed, logged}
}

// damageStep is the length of the description of one damage.
const damageStep = 7

// damage changes an image as a text of bytes says, step by step: single bytes, pointers, stretches of zeros, pages that change places, cuts and junk.
func (m image) damage(script []byte) image {
	const page = 4096
	files := [2][]byte{append([]byte(nil), m.db...), append([]byte(nil), m.wal...)}
	for n := 0; len(script) >= damageStep && n < 32; n, script = n+1, script[damageStep:] {
		f := &files[script[0]>>7]
		if len(*f) == 0 {
			continue
		}
		at := (int(script[1])<<16 | int(script[2])<<8 | int(script[3])) % len(*f)
		length, value := int(script[4]), script[5:7]
		here, other := at/page*page, int(script[5])*page%len(*f)/page*page
		switch script[0] & 0x7f % 9 {
		case 0:
			(*f)[at] = value[0]
		case 1:
			(*f)[at] ^= value[0]
		case 2:
			*f = (*f)[:at]
		case 3:
			*f = append(*f, strings.Repeat(string(value), length)...)
		case 4:
			for i := 0; i < page && here+i < len(*f) && other+i < len(*f); i++ {
				(*f)[here+i], (*f)[other+i] = (*f)[other+i], (*f)[here+i]
			}
		case 5:
			clear((*f)[at:min(at+16*length, len(*f))])
		case 6:
			copy((*f)[here:min(here+page, len(*f))], (*f)[other:])
		case 7:
			copy((*f)[at:], []byte{0, 0, value[0], value[1]})
		case 8:
			copy((*f)[at%100:], value)
		}
	}
	return image{db: files[0], wal: files[1]}
}

// FuzzDamagedFile: a file that was damaged on the disk is refused or works, and what is read without an error is what a store writes.
func FuzzDamagedFile(f *testing.F) {
	images := fuzzImages(f)
	for _, seed := range [][]byte{
		{},
		{8, 0, 0, 60, 0, 0xff, 0xff},
		{8, 0, 0, 63, 0, 1, 0},
		{8, 0, 0, 68, 0, 0, 0},
		{8, 0, 0, 16, 0, 0x02, 0},
		{8, 0, 0, 56, 0, 0, 2},
		{8, 0, 0, 59, 0, 2, 0},
		{2, 0, 0x7f, 0xff, 0, 0, 0},
		{3, 0, 0, 0, 200, 'x', 'y'},
		{4, 0, 0x10, 0, 0, 3, 0},
		{6, 0, 0x20, 0, 0, 5, 0},
		{5, 0, 0x12, 0, 255, 0, 0},
		{7, 0, 0x10, 8, 0, 0, 1},
		{0x82, 0, 0x10, 0, 0, 0, 0},
		{0x81, 0, 0, 40, 0, 1, 0},
		{0x88, 0, 0, 0, 0, 0, 0},
		{0x83, 0, 0, 0, 255, 0, 0},
		{2, 0, 0, 0, 0, 0, 0},
	} {
		f.Add(false, seed)
		f.Add(true, seed)
	}
	f.Fuzz(func(t *testing.T, logged bool, script []byte) {
		m := images[0]
		if logged {
			m = images[1]
		}
		exercise(t, m.damage(script))
	})
}

// TestRandomDamageIsRefusedOrWorks is FuzzDamagedFile without its guidance, which costs SQLite a hundred times of its speed.
func TestRandomDamageIsRefusedOrWorks(t *testing.T) {
	t.Parallel()
	runs, seed := 150, uint64(1)
	for name, into := range map[string]func(n uint64){
		"RACKSTATE_DAMAGE_RUNS": func(n uint64) { runs = int(n) }, "RACKSTATE_DAMAGE_SEED": func(n uint64) { seed = n },
	} {
		if text := os.Getenv(name); text != "" {
			n, err := strconv.ParseUint(text, 10, 31)
			require.NoError(t, err, name)
			into(n)
		}
	}
	images := fuzzImages(t)
	current := ""
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(current)
		}
	})
	for i := range runs {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		script := make([]byte, damageStep*(1+r.IntN(6)))
		for j := range script {
			script[j] = byte(r.Uint32())
		}
		for step := 0; step < len(script); step += damageStep {
			if r.IntN(4) == 0 { // near the beginning of a page, where its header is
				script[step+1], script[step+2] = 0, byte(16*r.IntN(9))
			}
		}
		current = fmt.Sprintf("seed %d, run %d: the script is %q, with a log: %t", seed, i, script, i%2 == 1)
		exercise(t, images[i%2].damage(script))
	}
}

// FuzzArbitraryFile: a file of any bytes, beside a log of any bytes, is refused or works.
func FuzzArbitraryFile(f *testing.F) {
	old, err := os.ReadFile("testdata/v1.db")
	require.NoError(f, err)
	f.Add(old, []byte{})
	f.Add([]byte{}, []byte{})
	f.Add([]byte("SQLite format 3\x00"), []byte{})
	f.Add([]byte("racks:\n- A12\n"), []byte("x"))
	f.Add([]byte{}, []byte("\x37\x7f\x06\x82\x00\x2d\xe2\x18\x00\x00\x10\x00"))
	f.Fuzz(func(t *testing.T, db, wal []byte) {
		if len(db)+len(wal) > 1<<20 {
			t.Skip("a large file is no other case than a small one")
		}
		exercise(t, image{db: db, wal: wal})
	})
}

// exercise opens a file and calls everything that reads and writes.
func exercise(t *testing.T, m image) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	require.NoError(t, os.WriteFile(path, m.db, 0o600))
	if len(m.wal) > 0 {
		require.NoError(t, os.WriteFile(path+"-wal", m.wal, 0o600))
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := Open(ctx, path, Config{Synchronous: Normal, Readers: 1})
	if err != nil {
		refusedAsDocumented(t, err, path)
		if errors.Is(err, ErrForeignFile) && len(m.wal) == 0 {
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, m.db, after, "nothing was changed")
		}
		return
	}
	readAll(t, ctx, s)
	writeSome(t, ctx, s)
	readAll(t, ctx, s)
	if err := s.Close(); err != nil {
		require.ErrorContains(t, err, path)
	}
	s, err = Open(ctx, path, Config{Synchronous: Normal, Readers: 1})
	if err != nil {
		refusedAsDocumented(t, err, path)
		return
	}
	_ = s.Close() // what is wrong with the file has been said
}

// refusedAsDocumented requires one of the errors that Open promises, with the name of the file.
func refusedAsDocumented(t *testing.T, err error, path string) {
	t.Helper()
	require.ErrorContains(t, err, path)
	require.True(t, errors.Is(err, backend.ErrCorrupt) || errors.Is(err, backend.ErrNewerSchema) || errors.Is(err, ErrForeignFile), "%v", err)
}

// damagedOrFine requires that an error says that the file is damaged, or names what is missing.
func damagedOrFine(t *testing.T, err error, allowed ...error) {
	t.Helper()
	for _, one := range append(allowed, backend.ErrCorrupt) {
		if errors.Is(err, one) {
			return
		}
	}
	require.NoError(t, err)
}

// readAll reads everything in every way and requires that what comes without an error is well-formed.
func readAll(t *testing.T, ctx context.Context, s *Store) {
	t.Helper()
	small := func(counters ...uint64) {
		t.Helper()
		for _, n := range counters {
			require.LessOrEqual(t, n, uint64(1<<63-1))
		}
	}
	for _, q := range []backend.Query{{}, {Rack: "A1"}, {Kind: backend.KindMachine, StatePrefix: "Ready", Limit: 3}, {After: &backend.Record{Rack: "A1"}}} {
		records, err := s.List(ctx, q)
		damagedOrFine(t, err)
		for _, r := range records {
			small(r.Version, r.Transitions)
			require.NotZero(t, r.Version)
			require.False(t, r.Gone())
		}
	}
	for _, ref := range []backend.Ref{{Kind: backend.KindMachine, ID: "m001"}, {Kind: backend.KindRack, ID: "A12"}} {
		r, err := s.Get(ctx, ref)
		damagedOrFine(t, err, backend.ErrNotFound)
		if err == nil {
			require.Equal(t, ref, r.Ref)
			small(r.Version, r.Transitions)
		}
		rows, err := s.History(ctx, backend.HistoryQuery{Ref: ref, Limit: 5})
		damagedOrFine(t, err)
		for _, row := range rows {
			require.Equal(t, ref, row.Ref)
		}
	}
	rows, err := s.History(ctx, backend.HistoryQuery{After: 1})
	damagedOrFine(t, err)
	last := uint64(1)
	for _, row := range rows {
		small(row.Seq)
		require.Greater(t, row.Position, last, "positions grow")
		last = row.Position
	}
	for _, q := range []backend.RequestQuery{{}, {OpenOnly: true}, {ID: "q1"}, {On: backend.Ref{Kind: backend.KindMachine, ID: "m002"}, Limit: 1}} {
		requests, err := s.Requests(ctx, q)
		damagedOrFine(t, err)
		for _, r := range requests {
			require.True(t, !q.OpenOnly || r.State.Open(), "%s", r.State)
			require.True(t, q.ID == "" || r.ID == q.ID, "%s", r.ID)
			require.True(t, q.On.IsZero() || r.On == q.On, "%s", r.On)
		}
	}
	at, err := s.Cursor(ctx, "c0")
	damagedOrFine(t, err, backend.ErrNotFound)
	small(at)
	at, err = s.LastPosition(ctx)
	damagedOrFine(t, err)
	small(at)
}

// writeSome commits to an object that is there, to a new one, and moves a cursor.
func writeSome(t *testing.T, ctx context.Context, s *Store) {
	t.Helper()
	ref := backend.Ref{Kind: backend.KindMachine, ID: "m001"}
	expect := uint64(0)
	if r, err := s.Get(ctx, ref); err == nil {
		expect = r.Version
	}
	change, made := machine(ref.ID, expect, "Assigned", `{}`), machine("new", 0, "Ready", `{}`)
	change.Post = []backend.Request{{ID: "fresh", On: ref, Type: "maintenance", State: backend.RequestPending}}
	results, err := s.Commit(ctx, []backend.Commit{change, made})
	damagedOrFine(t, err)
	if err == nil {
		require.Len(t, results, 2)
		for _, one := range results {
			damagedOrFine(t, one, backend.ErrConflict, backend.ErrExists, backend.ErrNotCommitted)
		}
		if results[1] == nil {
			r, err := s.Get(ctx, made.Writes[0].Record.Ref)
			damagedOrFine(t, err, backend.ErrNotFound) // pages that have changed places may hide it, and SQLite keeps no sums
			if err == nil {
				require.Equal(t, "Ready", r.State)
			}
		}
	}
	damagedOrFine(t, s.SetCursor(ctx, "c0", 60, 61), backend.ErrConflict)
}
