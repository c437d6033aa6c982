//go:build linux

package powerloss

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// sector is what a disk writes whole or not at all.
const sector = 512

// fate is what becomes of what was not synced.
type fate int

const (
	// dropped: nothing of it is there.
	dropped fate = iota
	// broken: of each file a part is there, up to some place.
	broken
	// scattered: any sectors are there.
	scattered
	// hollow: names and sizes are there, the contents are not.
	hollow
	fates
)

func (f fate) String() string {
	return [...]string{
		"what was not synced is not there", "what was not synced is there up to some place", "some sectors of what was not synced are there",
		"of what was not synced the names and sizes are there",
	}[f]
}

// image is what is found on the disk after the power was lost now.
func (p *platter) image(random *rand.Rand, f fate) map[string][]byte {
	names := maps.Clone(p.lasting)
	survive := 0
	switch f {
	case hollow:
		survive = len(p.doubtful)
	case broken, scattered:
		survive = random.IntN(len(p.doubtful) + 1)
	case dropped, fates:
	}
	for _, r := range p.doubtful[:survive] {
		r.do(names)
	}
	files := make(map[string][]byte, len(names))
	for _, name := range sorted(names) {
		files[name] = p.after(names[name], random, f)
	}
	return files
}

// after is what is left of a file.
func (p *platter) after(file *inode, random *rand.Rand, f fate) []byte {
	left := remains{text: bytes.Clone(file.safe), solid: int64(len(file.safe)), filler: func([]byte) {}}
	end := random.IntN(len(file.pending) + 1)
	odds := []float64{0.1, 0.5, 0.9, 0.98}[random.IntN(4)]
	if f == scattered && random.IntN(4) == 0 {
		left.filler = func(hole []byte) {
			for i := range hole {
				hole[i] = byte(random.Uint32())
			}
		}
	}
	for n, i := range file.pending {
		e := &p.tape.entries[i]
		switch {
		case f == broken && n < end:
			left.take(e, func(int) bool { return true })
		case f == broken && n == end && e.deed == written:
			sectors := random.IntN(len(e.data)/sector + 2)
			left.take(e, func(k int) bool { return k < sectors })
		case f == scattered && (e.deed == written || random.Float64() < odds):
			left.take(e, func(int) bool { return random.Float64() < odds })
		case f == hollow:
			left.take(e, func(int) bool { return false })
		}
	}
	if f != hollow && random.IntN(2) == 0 {
		return left.text[:left.solid] // the file never became longer
	}
	return left.text
}

// remains is what is left of a file so far.
type remains struct {
	text []byte
	// solid is where the last sector ends that is there.
	solid int64
	// filler fills what became part of the file and was never written.
	filler func(hole []byte)
}

// take takes some sectors of an entry. The others keep what they had.
func (r *remains) take(e *entry, lands func(k int) bool) {
	if e.deed == truncated {
		r.text = resize(r.text, e.at)
		r.solid = min(r.solid, e.at)
		return
	}
	old, last := int64(len(r.text)), e.at+int64(len(e.data))
	r.text = resize(r.text, max(old, last))
	if e.at > old {
		r.filler(r.text[old:e.at])
	}
	for k, begin := 0, e.at; begin < last; k++ {
		stop := min(last, (begin/sector+1)*sector)
		switch {
		case lands(k):
			copy(r.text[begin:stop], e.data[begin-e.at:stop-e.at])
			r.solid = max(r.solid, stop)
		case stop > old:
			r.filler(r.text[max(begin, old):stop])
		}
		begin = stop
	}
}

// put writes an image into a folder, with the files that lose no power.
func (p *platter) put(files map[string][]byte, folder string) error {
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			return err
		}
	}
	if p.at == 0 {
		return nil
	}
	for i, size := range p.tape.entries[p.at-1].sizes {
		text, err := os.ReadFile(filepath.Join(p.tape.folder, kept[i]))
		if size == 0 || err != nil {
			continue // there is none yet
		}
		if err := os.WriteFile(filepath.Join(folder, kept[i]), text[:size], 0o600); err != nil {
			return err
		}
	}
	return nil
}
