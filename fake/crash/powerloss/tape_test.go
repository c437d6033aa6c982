//go:build linux

package powerloss

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/crash/internal/hall"
	"github.com/rackstate/rackstate/fake/crash/internal/witness"
)

// deed is what was done to a file or a folder.
type deed int

const (
	created deed = iota
	deleted
	written
	truncated
	synced
	folderSynced
	// told is no deed of the disk: it is something that the callers of the store have heard, or said.
	told
)

// entry is one deed.
type entry struct {
	deed deed
	file string
	// at is where it was written, or to which size it was truncated.
	at   int64
	data []byte
	// from is where the tape ended when a sync began: what was written later need not be on the disk when it ends.
	from int

	event *witness.Event
	ack   ack
	// sizes are those of the files that the disk is not asked for, because what they stand for loses no power.
	sizes [len(kept)]int64
}

// ack is what one of several callers has said or heard: that it begins with a version, or has it.
type ack struct {
	caller  int
	version uint64
	done    bool
}

// kept are the files that stand for the hardware, and for somebody who is told of transitions.
var kept = [...]string{hall.JournalFile, hall.ToldFile}

// tape is the record of a folder.
type tape struct {
	folder string
	// pragmas are settings of SQLite that are others than those that the store asks for. A value must not be longer than that of the store.
	pragmas map[string]string
	// before are the files that were there at the beginning.
	before map[string][]byte

	mu      sync.Mutex
	entries []entry
	names   map[string]bool
}

// add adds an entry.
func (t *tape) add(e entry) {
	for i, name := range kept {
		if info, err := os.Stat(filepath.Join(t.folder, name)); err == nil {
			e.sizes[i] = info.Size()
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e.deed {
	case created:
		if t.names[e.file] {
			return
		}
		t.names[e.file] = true
	case deleted:
		delete(t.names, e.file)
	case written, truncated, synced, folderSynced, told:
	}
	t.entries = append(t.entries, e)
}

// end is how long the tape is.
func (t *tape) end() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.entries)
}

// witness has the calls to a store told to the tape.
func (t *tape) witness(store backend.CursorStore) backend.CursorStore {
	return witness.Watch(store, func(e witness.Event) error {
		t.add(entry{deed: told, event: &e})
		return nil
	})
}

// without is a tape on which some deeds were never done.
func (t *tape) without(gone func(e *entry) bool) *tape {
	less := &tape{folder: t.folder, before: t.before}
	shift := 0
	for i := range t.entries {
		e := t.entries[i]
		if gone(&e) {
			shift++
			continue
		}
		e.from = max(0, e.from-shift)
		less.entries = append(less.entries, e)
	}
	return less
}

// volatile says that a file is not on the disk at all: the index of a log is made anew, and a lock is no file.
func volatile(name string) bool {
	return slices.ContainsFunc([]string{"-shm", ".lock"}, func(end string) bool { return strings.HasSuffix(name, end) })
}
