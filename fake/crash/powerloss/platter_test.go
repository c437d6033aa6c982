//go:build linux

package powerloss

import (
	"maps"
	"slices"
)

// platter is a disk and what waits to be written to it, at some place of a tape.
type platter struct {
	tape *tape
	// at is how many entries have happened.
	at int
	// names are the files as programs see them, lasting those that would be found after the power was lost, doubtful what was done to names since.
	names, lasting map[string]*inode
	doubtful       []rename
}

// inode is a file, whatever its name.
type inode struct {
	// safe is what is on the disk, pending are the entries that may be.
	safe    []byte
	pending []int
}

// rename is a name that now stands for another file, or for none.
type rename struct {
	name string
	file *inode
}

// newPlatter is the disk at the beginning of a tape.
func newPlatter(t *tape) *platter {
	p := &platter{tape: t, names: map[string]*inode{}}
	for name, text := range t.before {
		p.names[name] = &inode{safe: text}
	}
	p.lasting = maps.Clone(p.names)
	return p
}

// next lets the next entry happen and returns it.
func (p *platter) next() *entry {
	e := &p.tape.entries[p.at]
	switch e.deed {
	case created:
		p.name(e.file, &inode{})
	case deleted:
		p.name(e.file, nil)
	case written, truncated:
		f := p.names[e.file]
		f.pending = append(f.pending, p.at)
	case synced:
		p.sync(p.names[e.file], e.from)
	case folderSynced:
		p.lasting, p.doubtful = maps.Clone(p.names), nil
	case told:
	}
	p.at++
	return e
}

// name gives a name to a file, or takes it away.
func (p *platter) name(name string, file *inode) {
	p.doubtful = append(p.doubtful, rename{name, file})
	rename{name, file}.do(p.names)
}

func (r rename) do(names map[string]*inode) {
	if r.file == nil {
		delete(names, r.name)
	} else {
		names[r.name] = r.file
	}
}

// sync writes what waits for a file and was there when the sync began.
func (p *platter) sync(f *inode, from int) {
	if f == nil {
		return // it was removed while it was open
	}
	n, _ := slices.BinarySearch(f.pending, from)
	for _, i := range f.pending[:n] {
		f.safe = p.tape.entries[i].whole(f.safe)
	}
	f.pending = slices.Clone(f.pending[n:])
}

// whole does to the contents of a file what the entry says.
func (e *entry) whole(text []byte) []byte {
	if e.deed == truncated {
		return resize(text, e.at)
	}
	text = resize(text, max(int64(len(text)), e.at+int64(len(e.data))))
	copy(text[e.at:], e.data)
	return text
}

// resize makes a text shorter, or longer with zeros.
func resize(text []byte, size int64) []byte {
	if size <= int64(len(text)) {
		return text[:size:size]
	}
	if size <= int64(cap(text)) {
		longer := text[:size]
		clear(longer[len(text):])
		return longer
	}
	longer := make([]byte, size, size+size/2)
	copy(longer, text)
	return longer
}
