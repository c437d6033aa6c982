package scenario

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/ast"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake"
)

// Simulated says that the hardware is that of package fake, which takes its time and goes wrong as it is told, and not scripted.
type Simulated struct {
	Seed    int              `yaml:"seed"`
	Instant bool             `yaml:"instant"`
	Delays  map[string]Delay `yaml:"delays"`
	Faults  []string         `yaml:"faults"`
}

// Delay is how long something takes: one duration, or two with two dots between them, "20s..40s".
type Delay struct {
	Min, Max Duration
}

// String is the form of a scenario file.
func (d Delay) String() string {
	if d.Min == d.Max {
		return d.Min.String()
	}
	return d.Min.String() + ".." + d.Max.String()
}

func (d Delay) encode() string { return d.String() }

func (d *Delay) decode(dec *decoder, node ast.Node) {
	var word string
	dec.scalar(node, reflect.ValueOf(&word).Elem())
	from, to, two := strings.Cut(word, "..")
	if !two {
		to = from
	}
	least, err1 := time.ParseDuration(from)
	most, err2 := time.ParseDuration(to)
	if err := errors.Join(err1, err2); err != nil || least < 0 || most < least {
		dec.fail(node, "%q is no delay, for example 90s or 20s..40s", word)
	}
	*d = Delay{Min: Duration(least), Max: Duration(most)}
}

// delayField is the field of fake.Delays that a key of delays stands for.
func delayField(key string) (int, bool) {
	t := reflect.TypeFor[fake.Delays]()
	for i := range t.NumField() {
		if snake(t.Field(i).Name) == key {
			return i, true
		}
	}
	return 0, false
}

// delayKeys are the keys of delays.
func delayKeys() []string {
	t := reflect.TypeFor[fake.Delays]()
	out := make([]string, t.NumField())
	for i := range out {
		out[i] = snake(t.Field(i).Name)
	}
	slices.Sort(out)
	return out
}

// snake spells a name as keys are spelled: SwitchImage is switch_image, DPUOSInstall is dpuos_install.
func snake(name string) string {
	var b strings.Builder
	letters := []rune(name)
	for i, r := range letters {
		begins := i > 0 && unicode.IsUpper(r) && (unicode.IsLower(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
		if begins {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// config is that of the hardware.
func (s Simulated) config(set Settings) fake.Config {
	cfg := fake.Config{Seed: uint64(s.Seed), Instant: s.Instant, Attestation: len(set.Attestors) > 0, DPUFirmware: set.DPUFirmware}
	delays := reflect.ValueOf(&cfg.Delays).Elem()
	for key, d := range s.Delays {
		if i, known := delayField(key); known {
			// The zero range would stand for the default.
			delays.Field(i).Set(reflect.ValueOf(fake.Range{Min: time.Duration(d.Min), Max: max(time.Duration(d.Max), 1)}))
		}
	}
	return cfg
}

// parseFaults reads faults, each of which is a text of its own.
func parseFaults(texts []string) ([]fake.Fault, error) {
	out := make([]fake.Fault, len(texts))
	for i, text := range texts {
		var err error
		if out[i], err = fake.ParseFault(text); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// settled is how long before the start of a scenario simulated devices got their power: what is given has been up for a while.
const settled = 24 * time.Hour

// simulation is simulated hardware in a world, and what of it the world brings to its objects.
type simulation struct {
	*fake.Hardware
	world  *World
	racked bool                                            // the given devices are in
	wrap   func(backend.Capabilities) backend.Capabilities // changes the driver, nil for not at all
	// labels are what the rack validation service wrote and has not reached its machine yet.
	labels   []fake.LabelWrite
	delivers bool
}

// Now is the time of the hardware, which is that of the world.
func (s *simulation) Now() time.Time {
	if !s.racked {
		return Start().Add(-settled)
	}
	return s.world.clock.Now()
}

// simulate puts the given devices into a simulated site.
func (w *World) simulate(wrap func(backend.Capabilities) backend.Capabilities) error {
	given := w.given.Simulated
	if given == nil {
		return nil
	}
	faults, err := parseFaults(given.Faults)
	if err != nil {
		return err
	}
	s := &simulation{world: w, wrap: wrap}
	s.Hardware = fake.New(s, given.config(w.given.Settings))
	w.hardware.simulated = s
	add := func(ref backend.Ref, traits fake.Traits) {
		err = errors.Join(err, s.Add(w.hardware.deviceOf(ref, w.endpoints[ref]), traits))
	}
	for _, m := range w.given.Machines {
		add(backend.Ref{Kind: backend.KindMachine, ID: m.ID}, fake.Traits{Firmware: maps.Clone(m.Firmware), DPUs: m.DPUs})
	}
	for _, sw := range w.given.Switches {
		add(backend.Ref{Kind: backend.KindSwitch, ID: sw.ID}, fake.Traits{Tray: or(sw.Tray, 0)})
	}
	for _, p := range w.given.PowerShelves {
		add(backend.Ref{Kind: backend.KindPowerShelf, ID: p.ID}, fake.Traits{Off: p.Power == string(backend.PowerOff)})
	}
	s.racked = true
	return errors.Join(err, s.Inject(faults...))
}

// deviceOf is a device as drivers are told of it.
func (h *hardware) deviceOf(ref backend.Ref, at backend.Endpoint) backend.Device {
	return backend.Device{Ref: ref, Rack: h.racks[ref], Endpoint: at}
}

// injectFaults has the simulated hardware go wrong in these ways, and in no other any more.
func (w *World) injectFaults(texts []string) error {
	faults, err := parseFaults(texts)
	if err != nil {
		return err
	}
	return errors.Join(w.hardware.simulated.ClearFaults(), w.hardware.simulated.Inject(faults...))
}

// plug puts a discovered device into the simulated site, unless it is there.
func (w *World) plug(ref backend.Ref) error {
	s := w.hardware.simulated
	if s == nil {
		return nil
	}
	if _, there := s.View(ref); there {
		return nil
	}
	return s.Add(w.hardware.deviceOf(ref, w.endpoints[ref]), fake.Traits{})
}

// deliver brings to the machines what the rack validation service has written until now. What cannot be brought stays for the next time.
func (w *World) deliver(ctx context.Context) error {
	s := w.hardware.simulated
	if s == nil {
		return nil
	}
	writes, err := s.Advance(w.Now())
	if err != nil {
		return err
	}
	s.labels = append(s.labels, writes...)
	if s.delivers { // and stands still in the middle of that
		return nil
	}
	s.delivers = true
	defer func() { s.delivers = false }()
	for len(s.labels) > 0 && w.attended() {
		err := w.ctl().SetLabels(ctx, s.labels[0].Machine, 0, s.labels[0].Set)
		switch again, failed := w.endured(ctx, err); {
		case failed != nil:
			return failed
		case again:
			continue
		case err != nil && !errors.Is(err, backend.ErrNotFound):
			return fmt.Errorf("labels of %s: %w", s.labels[0].Machine, err)
		}
		s.labels = s.labels[1:]
	}
	return nil
}

// nextEvent is when the rack validation service writes again, zero if that is not known.
func (w *World) nextEvent() time.Time {
	if s := w.hardware.simulated; s != nil {
		if at, known := s.NextEvent(); known {
			return at
		}
	}
	return time.Time{}
}

// begun is how often the hardware really began the work of a call.
func (h *hardware) begun(call string) int {
	if h.simulated != nil && h.started[call] == 0 {
		return h.simulated.Started(call)
	}
	return h.started[call]
}

// Simulated is the simulated hardware of the world, nil when it is scripted.
func (w *World) Simulated() *fake.Hardware {
	if s := w.hardware.simulated; s != nil {
		return s.Hardware
	}
	return nil
}
