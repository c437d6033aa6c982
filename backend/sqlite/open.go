package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/rackstate/rackstate/backend"
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
		return "", advise(full, "follow the link", err)
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
	s.writer = &writer{conn: conn}
	conn.SetBusyTimeout(busyTimeout)
	if err := s.prepareFile(config); err != nil {
		return err
	}
	if err := s.writer.prepare(); err != nil {
		return advise(s.path, "open", err)
	}
	s.readers = make(chan *lite.Conn, config.Readers)
	for range config.Readers {
		conn, err := openReader(s.path)
		if err != nil {
			return err
		}
		s.readers <- conn
	}
	return nil
}

// inspect looks at the first bytes before SQLite does: it tells a foreign or cut file from a good one and finds out whether this user may
// write. An empty file is a new store. It runs under the lock, because closing a file that SQLite has open loses SQLite's own locks.
func inspect(path string) (err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return advise(path, "open", err)
	}
	defer func() {
		if end := file.Close(); err == nil && end != nil {
			err = advise(path, "open", end)
		}
	}()
	const magic, headerSize = "SQLite format 3\x00", 100
	header := make([]byte, headerSize)
	n, err := io.ReadFull(file, header)
	switch {
	case n == 0 && errors.Is(err, io.EOF):
		return nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return advise(path, "open", err)
	case !bytes.HasPrefix(header[:n], []byte(magic)[:min(n, len(magic))]):
		return fmt.Errorf("sqlite: open %s: %w: it is no SQLite file; choose another path", path, ErrForeignFile)
	case n < headerSize:
		return fmt.Errorf("sqlite: open %s: %w: the file ends after %d bytes (restore a copy of the file)", path, backend.ErrCorrupt, n)
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
