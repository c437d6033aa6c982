package journey

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestWhoeverTakesANodeFromTheVendorItsFirmwareIsTriedAfresh(t *testing.T) {
	t.Parallel()
	in := Input{}.withDefaults()
	p := Progress{Updates: 3, Back: &Return{By: "ann"}}
	for _, state := range []string{"maintenance", "rma", "rma", "maintenance", "maintenance"} {
		p.saw(in, Node{State: state})
	}
	assert.Equal(t, Progress{Out: true, Seen: "maintenance", Returns: 1}, p)
}

func TestFirmwareThatNeverComesUpToDateIsAFault(t *testing.T) {
	t.Parallel()
	in := Input{}.withDefaults()
	since := time.Unix(1, 0)
	n := Node{State: "maintenance", Since: since}
	p := Progress{Verdict: &Verdict{Finding: Finding{OK: true}, Stay: since}}
	for range in.Updates { // the engine puts it back into maintenance each time
		d := decide(in, p, n, since)
		assert.Equal(t, "firmware_update", d.to)
		p.moved(in, d, since)
		p.Verdict = &Verdict{Finding: Finding{OK: true}, Stay: since}
	}
	d := decide(in, p, n, since)
	assert.Equal(t, decision{act: move, to: "rma", note: "Returned to the vendor: its firmware was tried 3 times"}, d)
}
