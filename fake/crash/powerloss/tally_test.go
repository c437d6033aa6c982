//go:build linux

package powerloss

import "testing"

// tally counts cuts.
type tally struct {
	cuts, inside, landed, doubtful int
	fates                          [fates]int
}

func newTally() *tally { return &tally{} }

// count counts a cut that was looked at.
func (y *tally) count(c *cut) {
	y.cuts++
	y.fates[c.fate]++
	if c.at > 0 && c.tape.calling(c.at) {
		y.inside++
	}
	if c.landed {
		y.landed++
	}
	if c.loose() {
		y.doubtful++
	}
}

// calling says whether a call was going on at a place of a tape.
func (t *tape) calling(at int) bool {
	for i := at - 1; i >= 0; i-- {
		if e := t.entries[i].event; e != nil {
			return e.Begins()
		}
	}
	return false
}

// loose says whether there was anything to lose.
func (p *platter) loose() bool {
	if len(p.doubtful) > 0 {
		return true
	}
	for _, f := range p.names {
		if len(f.pending) > 0 {
			return true
		}
	}
	return false
}

// log tells what was counted.
func (y *tally) log(t *testing.T, tp *tape) {
	t.Helper()
	deeds := [told + 1]int{}
	for i := range tp.entries {
		deeds[tp.entries[i].deed]++
	}
	t.Logf("%d cuts, %d of them with something to lose and %d inside a call, of which %d had landed", y.cuts, y.doubtful, y.inside, y.landed)
	for f, n := range y.fates {
		t.Logf("%5d  %s", n, fate(f))
	}
	t.Logf("the tape has %d entries: %d writes, %d truncations, %d syncs of files and %d of folders, %d files made and %d removed",
		len(tp.entries), deeds[written], deeds[truncated], deeds[synced], deeds[folderSynced], deeds[created], deeds[deleted])
}
