package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	lite "zombiezen.com/go/sqlite"
)

const (
	// checkpointPages is how many pages the write-ahead log holds before it moves into the file: 40 MB. Fewer cost throughput.
	checkpointPages = 10_000
	// keptLog bounds the log file, in bytes, after a reader that stayed long has let it grow.
	keptLog = 64 << 20
	// writerCache and readerCache bound the page caches, in KiB. They fill only as far as there is data.
	writerCache = 64 << 10
	readerCache = 8 << 10
	// busyTimeout is how long a call waits for another program that writes to the file, against the rules.
	busyTimeout = 10 * time.Second
)

// Open opens the store in the file at path and creates it when it is missing; its folder must exist. A file of an older version of the
// module is upgraded.
//
// The error wraps [backend.ErrLocked] when the store is open already, [backend.ErrNewerSchema] when a newer version of the module wrote
// it, [backend.ErrCorrupt] when the file is damaged, and [ErrForeignFile] when it is not ours. It names the file and says what to do.
func Open(ctx context.Context, path string, config Config) (*Store, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path, err := locate(path)
	if err != nil {
		return nil, err
	}
	s := &Store{path: path}
	if err := s.open(config); err != nil {
		// What is half open closes again; only the first error says what is wrong.
		_ = s.release()
		return nil, err
	}
	return s, nil
}

// locate returns the one name of the file, so that a link to it does not open it twice.
func locate(path string) (string, error) {
	if path == "" {
		return "", errors.New("sqlite: open: empty path, want the path of a file")
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return "", advise(path, "open", err)
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(full))
	if err != nil {
		return "", advise(full, "open", err)
	}
	if info, err := os.Stat(folder); err == nil && !info.IsDir() {
		return "", fmt.Errorf("sqlite: open %s: %s is not a folder, want the path of a file in a folder", full, folder)
	}
	full = filepath.Join(folder, filepath.Base(full))
	if _, err := os.Lstat(full); errors.Is(err, fs.ErrNotExist) {
		return full, nil
	}
	real, err := filepath.EvalSymlinks(full)
	if err != nil {
		return "", fmt.Errorf("sqlite: open %s: it is a link that leads nowhere, remove it: %w", full, err)
	}
	if info, err := os.Stat(real); err == nil && !info.Mode().IsRegular() {
		return "", fmt.Errorf("sqlite: open %s: it is a %s, want the path of a file", real, fileType(info))
	}
	return real, nil
}

// fileType names what stands in the place of a file.
func fileType(info fs.FileInfo) string {
	if info.IsDir() {
		return "folder"
	}
	return "special file (" + info.Mode().Type().String() + ")"
}

// open takes the steps of Open one by one and leaves in s what succeeded.
func (s *Store) open(config Config) (err error) {
	if s.lock, err = acquire(s.path); err != nil {
		return err
	}
	if err := inspect(s.path); err != nil {
		return err
	}
	conn, err := lite.OpenConn(s.path, lite.OpenReadWrite|lite.OpenCreate)
	if err != nil {
		return advise(s.path, "open", err)
	}
	s.writer = &writer{conn: conn, leases: &s.leases}
	conn.SetBusyTimeout(busyTimeout)
	if err := s.prepareFile(config); err != nil {
		return err
	}
	if err := s.writer.prepare(); err != nil {
		return advise(s.path, "open", err)
	}
	s.readers = make(chan *lite.Conn, config.Readers)
	for range config.Readers {
		// A place for a connection, which opens when it is first needed.
		s.readers <- nil
	}
	return nil
}

// prepareFile checks whose file it is before it changes anything, then sets it up and upgrades it.
func (s *Store) prepareFile(config Config) error {
	conn := s.writer.conn
	steps, err := migrations()
	if err != nil {
		return err
	}
	from, err := version(conn, s.path, len(steps))
	if err != nil {
		return err
	}
	mode, err := answer(conn, "PRAGMA journal_mode = WAL")
	if err != nil {
		return advise(s.path, "open", err)
	}
	if mode != "wal" {
		return fmt.Errorf("sqlite: open %s: no write-ahead log here (journal mode %q); use a folder on a local disk", s.path, mode)
	}
	level := map[Synchronous]string{Full: "FULL", Normal: "NORMAL"}[config.Synchronous]
	pragmas := fmt.Sprintf("PRAGMA synchronous = %s; PRAGMA wal_autocheckpoint = %d; PRAGMA journal_size_limit = %d; "+
		"PRAGMA cache_size = -%d; PRAGMA temp_store = MEMORY", level, checkpointPages, keptLog, writerCache)
	if err := script(conn, pragmas); err != nil {
		return advise(s.path, "open", err)
	}
	return migrate(conn, s.path, from, steps)
}

// openReader opens one connection for reading.
func openReader(path string) (*lite.Conn, error) {
	conn, err := lite.OpenConn(path, lite.OpenReadOnly)
	if err != nil {
		return nil, advise(path, "open", err)
	}
	conn.SetBusyTimeout(busyTimeout)
	if err := script(conn, fmt.Sprintf("PRAGMA cache_size = -%d; PRAGMA temp_store = MEMORY", readerCache)); err != nil {
		_ = conn.Close()
		return nil, advise(path, "open", err)
	}
	return conn, nil
}
