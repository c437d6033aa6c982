package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/sitesim"
	"github.com/rackstate/rackstate/rack"
)

// progress shows how far the site has come.
type progress interface {
	// begin is called once the simulation stands.
	begin(sim *sitesim.Simulation)
	// moved is called for every transition.
	moved(t backend.Transition)
	// say prints a line that has nothing to do with a transition.
	say(at time.Time, text string)
	// end is called when no more comes.
	end()
}

// newProgress shows bars on a terminal, and lines otherwise.
func newProgress(out io.Writer, o options, site *rack.Site) progress {
	if f, ok := out.(*os.File); ok && !o.plain && term.IsTerminal(int(f.Fd())) {
		return newBars(out, site)
	}
	return &lines{out: out}
}

// lines prints a line for each transition of a rack, and for each device that fails.
type lines struct{ out io.Writer }

func (l *lines) begin(sim *sitesim.Simulation) {
	fmt.Fprintf(l.out, "%s  site      %d racks; %d devices are known, %d are still to be found\n", stamp(sim.Now()), len(sim.Manager().Site().Racks()), sim.Known(), sim.Pending())
}

func (l *lines) moved(t backend.Transition) {
	if text := line(t); text != "" {
		fmt.Fprintf(l.out, "%s  %s\n", stamp(t.At), text)
	}
}

func (l *lines) say(at time.Time, text string) { fmt.Fprintf(l.out, "%s  %s\n", stamp(at), text) }

func (l *lines) end() {}

// stamp is the virtual time of a line.
func stamp(at time.Time) string { return at.UTC().Format("15:04:05") }

// line describes a transition of a rack, or the failure of a device; other transitions are not shown.
func line(t backend.Transition) string {
	if t.Ref.Kind != backend.KindRack && !failed(t) {
		return ""
	}
	from := t.From
	if from == "" {
		from = "(new)"
	}
	text := fmt.Sprintf("%-9s %s -> %s", t.Ref.ID, short(from), short(t.To))
	if t.Ref.Kind == backend.KindRack {
		text = fmt.Sprintf("rack %-4s %s -> %s", t.Ref.ID, short(from), short(t.To))
	}
	if t.Note != "" {
		text += "  (" + t.Note + ")"
	}
	return text
}

// failed reports whether an object went to a state of failure.
func failed(t backend.Transition) bool { return strings.Contains(t.To, "Failed") || t.To == "Error" }

// short leaves the class out of a maintenance state, whose activity says enough.
func short(state string) string { return strings.TrimPrefix(state, "Maintenance/") }

// bars shows a bar for each rack: how many of its devices are Ready, and what the rack is doing.
type bars struct {
	all   *mpb.Progress
	racks map[string]*bar
}

type bar struct {
	*mpb.Bar
	state atomic.Pointer[string]
	ready map[backend.Ref]bool
}

func newBars(out io.Writer, site *rack.Site) *bars {
	b := &bars{all: mpb.New(mpb.WithOutput(out), mpb.WithRefreshRate(50*time.Millisecond)), racks: map[string]*bar{}}
	index := site.Index()
	for _, r := range site.Racks {
		one := &bar{ready: map[backend.Ref]bool{}}
		none := "not found yet"
		one.state.Store(&none)
		one.Bar = b.all.AddBar(int64(len(index.Devices(r.ID))),
			mpb.PrependDecorators(decor.Name(r.ID, decor.WCSyncSpaceR), decor.CountersNoUnit("%2d/%2d Ready")),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return *one.state.Load() })))
		b.racks[r.ID] = one
	}
	return b
}

func (b *bars) begin(sim *sitesim.Simulation) {
	for _, d := range sim.ReadyDevices() {
		b.count(d.Rack, d.Ref, true)
	}
	for _, r := range sim.Racks() {
		b.racks[r.ID()].show(r.State())
	}
}

func (b *bars) moved(t backend.Transition) {
	one := b.racks[t.Rack]
	if one == nil {
		return
	}
	if failed(t) {
		b.say(t.At, line(t))
	}
	if t.Ref.Kind == backend.KindRack {
		one.show(t.To)
		return
	}
	b.count(t.Rack, t.Ref, t.To == string(rack.Ready))
}

func (b *bars) count(id string, ref backend.Ref, ready bool) {
	one := b.racks[id]
	if one == nil || one.ready[ref] == ready {
		return
	}
	one.ready[ref] = ready
	n := 0
	for _, r := range one.ready {
		if r {
			n++
		}
	}
	one.SetCurrent(int64(n))
}

func (b *bar) show(state string) {
	text := short(state)
	b.state.Store(&text)
}

// say prints a line above the bars.
func (b *bars) say(at time.Time, text string) { fmt.Fprintf(b.all, "%s  %s\n", stamp(at), text) }

func (b *bars) end() {
	for _, one := range b.racks {
		one.EnableTriggerComplete()
		one.Abort(false)
	}
	b.all.Wait()
}
