package explore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/scenario"
	"github.com/rackstate/rackstate/lifecycle"
)

// digest names a state. Two hundred million states have a chance of one in ten to the twenty-second that two of them share one.
type digest [16]byte

// canon writes states down in a form that is the same for states that nothing tells apart. It is used again and again by one goroutine.
type canon struct {
	x    *explorer
	base *scenario.Snapshot // the hardware at first
	buf  []byte
	page *page
	now  time.Time
	// of is the record that is being written, alive the names of the cycles in which its rack is, or of which it carries a request.
	of    *backend.Record
	alive []string
	// oldest is from which age on times are all the same to the record, zero for never.
	oldest time.Duration
	// cycles and requests are the names that were met, in this order: their places stand for them.
	cycles, requests []string
	racks            []string // "r1-": what the names of cycles begin with
}

func newCanon(x *explorer, base *scenario.Snapshot) *canon {
	c := &canon{x: x, base: base}
	for _, r := range x.start.racks() {
		c.racks = append(c.racks, r+"-")
	}
	return c
}

// world is what there is: store and hardware.
type world struct {
	page *page
	snap *scenario.Snapshot
}

// digest names a world with the budget that is left in it. plain leaves the budget out.
func (c *canon) digest(w world, left Budget) (full, plain digest) {
	c.write(w)
	plain = digestOf(c.buf)
	return plain.with(left), plain
}

func digestOf(b []byte) (d digest) {
	sum := sha256.Sum256(b)
	copy(d[:], sum[:])
	return d
}

// with names a world with a budget.
func (d digest) with(left Budget) digest { return digestOf(append(d[:], left.bytes()...)) }

// write writes down a world.
func (c *canon) write(w world) {
	c.buf, c.page, c.now, c.cycles, c.requests = c.buf[:0], w.page, w.snap.Now(), c.cycles[:0], c.requests[:0]
	for _, r := range w.page.objects {
		c.record(r)
	}
	for _, r := range w.page.requests {
		if r.State.Open() {
			c.request(r)
		}
	}
	c.buf = w.snap.AppendCanonical(c.buf, c.base, relevance{w.page}.of())
}

// record writes an object. Its outcome is what its last pass says of it, which the next one says again.
func (c *canon) record(r *backend.Record) {
	c.text(string(r.Ref.Kind))
	c.text(r.Ref.ID)
	c.text(r.State)
	if r.Gone() {
		return
	}
	c.of, c.alive, c.oldest = r, c.alive[:0], c.x.oldest(r)
	if c.x.ages(r) {
		c.age(r.Since)
	}
	for _, q := range c.page.requests {
		if q.On == r.Ref && q.State.Open() && q.Cycle != "" {
			c.alive = append(c.alive, q.Cycle)
		}
	}
	if name := c.page.cycle(r.Rack); name != "" {
		c.alive = append(c.alive, name)
	}
	if _, rest, found := bytes.Cut(r.Data, []byte(`"reprovision":`)); found {
		c.alive = append(c.alive, cycleIn(rest[:length(rest)]))
	}
	c.data(r.Data)
	c.buf = append(c.buf, 0)
}

// ages reports whether it matters for how long an object has been in its state.
func (x *explorer) ages(r *backend.Record) bool {
	info, known := x.info(r)
	switch {
	case !known || info.SLA > 0 || info.StepSLA > 0 || info.Deadline > 0:
		return true
	case r.Ref.Kind == backend.KindMachine:
		return info.Class != lifecycle.Resting && info.Class != lifecycle.Waiting
	default:
		return r.Ref.Kind == backend.KindRack && x.start.Given.Settings.MaxRacksInMaintenance > 0
	}
}

// oldest is from which age on it does not matter any more how old anything is: beyond every limit of the kind. Machines have limits beside those of their states, and time that stood
// still is taken off an age.
func (x *explorer) oldest(r *backend.Record) time.Duration {
	if r.Ref.Kind == backend.KindMachine || bytes.Contains(r.Data, []byte(`"paused`)) {
		return 0
	}
	return x.limit[r.Ref.Kind]
}

// cycle is the cycle that a rack is in, empty for none.
func (p *page) cycle(rack string) string {
	r := p.record(backend.Ref{Kind: backend.KindRack, ID: rack})
	if r == nil || !strings.HasPrefix(r.State, "Maintenance/") {
		return ""
	}
	_, rest, _ := bytes.Cut(r.Data, []byte(`"cycle":{"id":"`))
	name, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(name)
}

func (c *canon) request(r *backend.Request) {
	c.of, c.oldest = nil, 0
	c.text(string(r.On.Kind))
	c.text(r.On.ID)
	c.text(r.Type)
	c.text(string(r.State))
	c.text(r.Initiator)
	c.text(r.CancelledBy)
	if r.Cycle == "" && (r.Type == lifecycle.TypeReprovision || c.x.start.Given.Settings.MaxRacksInMaintenance > 0) {
		c.age(r.At)
	}
	c.name(r.ID)
	c.buf = append(c.buf, 0)
	c.name(r.Cycle)
	c.buf = append(c.buf, 0)
	c.data(r.Params)
	c.buf = append(c.buf, 0)
}

func (c *canon) text(s string) { c.buf = append(append(c.buf, s...), 0) }

// age writes a time as its distance from now, in microseconds.
func (c *canon) age(t time.Time) {
	if t.IsZero() {
		c.buf = append(c.buf, '-')
		return
	}
	if c.oldest > 0 && c.now.Sub(t) > c.oldest {
		c.buf = append(c.buf, '~')
		return
	}
	c.buf = append(c.buf, '@')
	c.buf = binary.AppendVarint(c.buf, int64(c.now.Sub(t)/time.Microsecond))
}

// isRequest reports whether a text is the name that the explorer gives to requests.
func isRequest(s []byte) bool {
	if len(s) < 2 || s[0] != 'q' {
		return false
	}
	_, err := strconv.Atoi(string(s[1:]))
	return err == nil
}

// name writes the name of a cycle or a request, or a text with names of cycles in it.
func (c *canon) name(s string) {
	if isRequest([]byte(s)) {
		c.place(&c.requests, s)
		return
	}
	for _, prefix := range c.racks {
		for {
			i := strings.Index(s, prefix)
			if i < 0 {
				break
			}
			n := i + len(prefix)
			for n < len(s) && s[n] >= '0' && s[n] <= '9' {
				n++
			}
			c.buf = append(c.buf, s[:i]...)
			if n > i+len(prefix) {
				c.place(&c.cycles, s[i:n])
			} else {
				c.buf = append(c.buf, prefix...)
			}
			s = s[n:]
		}
	}
	c.buf = append(c.buf, s...)
}

// place writes the place of a name among those that were met.
func (c *canon) place(met *[]string, name string) {
	at := -1
	for i, n := range *met {
		if n == name {
			at = i
		}
	}
	if at < 0 {
		at = len(*met)
		*met = append(*met, name)
	}
	c.buf = append(c.buf, '#', byte('0'+at))
}

// relevance says what of the hardware can still be seen by the objects of a page.
type relevance struct{ page *page }

func (r relevance) of() scenario.Relevant {
	return scenario.Relevant{Key: r.key, Job: r.job, Event: func(backend.Ref, time.Time) bool { return true }}
}

// key reports whether a key is one of the present transition count of its object: package fake/verify makes sure that new calls have no other. The uploads and jobs of a machine go on
// under the key with which they were begun.
func (r relevance) key(key string) bool {
	actor, rest, _ := strings.Cut(key, "#")
	count, _, _ := strings.Cut(rest, "/")
	n, err := strconv.ParseUint(count, 10, 64)
	ref, bad := backend.ParseRef(actor)
	if err != nil || bad != nil {
		return true
	}
	o := r.page.record(ref)
	if o == nil || o.Gone() {
		return false
	}
	return n >= o.Transitions || bytes.Contains(o.Data, []byte(key))
}

// polls says in which states of its rack a job may be polled, by the poll.
var polls = map[string]string{
	"FirmwareJob": "Maintenance/FirmwareUpgrade", "SwitchImageJob": "Maintenance/NVOSUpdate", "CertificateJob": "Maintenance/ConfigureNmxCluster/ConfigureCertificates",
}

// job reports whether a job may be polled before one takes its place: every activity begins with jobs of its own. A switch has a certificate job of its own beside that of its rack.
func (r relevance) job(poll string, device backend.Ref) bool {
	under, ofRack := polls[poll]
	if !ofRack {
		return true
	}
	o := r.page.record(device)
	if o == nil || o.Gone() {
		return false
	}
	if poll == "CertificateJob" && (strings.HasPrefix(o.State, "Configuring/ConfigureCertificate") || strings.HasPrefix(o.State, "Maintenance/ReconfigureCertificate")) {
		return true
	}
	rack := r.page.record(backend.Ref{Kind: backend.KindRack, ID: o.Rack})
	return rack != nil && strings.HasPrefix(rack.State, under)
}
