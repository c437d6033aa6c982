package sqlite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/rackstate/rackstate/backend"
)

// magic begins every SQLite file, headerSize is how long its header is, writeVersion is where it says how it may be written.
const (
	magic        = "SQLite format 3\x00"
	headerSize   = 100
	writeVersion = 18
)

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
	wal, walErr := os.Stat(path + "-wal")
	logged := walErr == nil && wal.Size() > 0
	journal, journalErr := os.Stat(path + "-journal")
	undone := journalErr == nil && journal.Size() > 0
	header := make([]byte, headerSize)
	n, err := io.ReadFull(file, header)
	switch {
	case undone:
		// The power was lost while the file was made: SQLite undoes what was begun, and then version sees whose file it is.
		return nil
	case n == 0 && errors.Is(err, io.EOF) && logged:
		// SQLite would take this for a new file and throw the log away.
		return cut(path, 0)
	case n == 0 && errors.Is(err, io.EOF):
		return nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return advise(path, "open", err)
	case !bytes.HasPrefix(header[:n], []byte(magic)[:min(n, len(magic))]):
		return fmt.Errorf("sqlite: open %s: %w: it is no SQLite file; choose another path", path, ErrForeignFile)
	case n < headerSize:
		return cut(path, int64(n))
	}
	// SQLite opens a file of an unknown write version all the same, and every commit fails.
	if version := header[writeVersion]; version < 1 || version > 2 {
		return fmt.Errorf("sqlite: open %s: %w: its header has the write version %d (restore a copy of the file)", path, backend.ErrCorrupt, version)
	}
	info, err := file.Stat()
	if err != nil {
		return advise(path, "open", err)
	}
	// SQLite itself takes a file that ends inside its last page for a good one. While there is a write-ahead log it may be: the process
	// died when it moved the log into the file, and the next one moves it again.
	page := int64(binary.BigEndian.Uint16(header[16:]))
	if page == 1 {
		page = 65536
	}
	if page > 0 && info.Size()%page != 0 && !logged {
		return cut(path, info.Size())
	}
	return nil
}

// cut is the error for a file that ends too early.
func cut(path string, size int64) error {
	return fmt.Errorf("sqlite: open %s: %w: the file was cut off after %d bytes (restore a copy of the file)", path, backend.ErrCorrupt, size)
}
