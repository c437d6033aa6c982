package verify

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rackstate/rackstate/backend"
)

// keyRules are about hardware calls and their keys.
func keyRules() []Rule {
	return []Rule{
		{Name: "a key names its object, transition count, action and attempt", Promise: 4, Call: wellFormedKey},
		{Name: "a new key has the current transition count of its object", Promise: 4, Alone: true, Call: currentKey},
		{Name: "a key belongs to one call", Promise: 4, Call: keyOfOneCall},
		{Name: "a key belongs to one list of devices", Promise: 4, Call: keyOfOneList},
		{Name: "an object acts on itself, a rack on what is in it", Promise: 4, Call: actsOnItsOwn},
	}
}

// use is what a key was first used for.
type use struct {
	call    string
	devices []backend.Ref
}

// idempotencyKey is a key in its parts.
type idempotencyKey struct {
	actor       backend.Ref
	transitions uint64
}

// parseKey reads "kind/id#transitions/action/attempt". An id has no slash, and may have the sign before the count.
func parseKey(text string) (idempotencyKey, bool) {
	kind, rest, ok1 := strings.Cut(text, "/")
	name, rest, ok2 := strings.Cut(rest, "/")
	sign, last := strings.LastIndexByte(name, '#'), strings.LastIndexByte(rest, '/')
	if !ok1 || !ok2 || kind == "" || sign < 1 || last < 1 {
		return idempotencyKey{}, false
	}
	n, err1 := strconv.ParseUint(name[sign+1:], 10, 64)
	_, err2 := strconv.ParseUint(rest[last+1:], 10, 32)
	return idempotencyKey{actor: backend.Ref{Kind: backend.Kind(kind), ID: name[:sign]}, transitions: n}, err1 == nil && err2 == nil
}

// actor is the object that makes a call which changes something, nil when the call only looks or its key says nothing.
func (w *World) actor(c Call) *object {
	if c.Key == "" {
		return nil
	}
	k, ok := parseKey(c.Key)
	if !ok {
		return nil
	}
	if o := w.objects.get(k.actor); o.lives() {
		return o
	}
	return nil
}

func wellFormedKey(w *World, c Call) error {
	if c.Key == "" {
		return nil
	}
	switch k, ok := parseKey(c.Key); {
	case !ok:
		return fmt.Errorf("%s has key %q, which is not of the form kind/id#transitions/action/attempt", c.Name, c.Key)
	case w.actor(c) == nil:
		return fmt.Errorf("%s has key %s, and there is no %s", c.Name, c.Key, k.actor)
	default:
		return nil
	}
}

// currentKey lets a key be used again later: a job that has begun is continued under its key.
func currentKey(w *World, c Call) error {
	o := w.actor(c)
	if o == nil {
		return nil
	}
	if _, again := w.keys.m[c.Key]; again {
		return nil
	}
	if k, _ := parseKey(c.Key); k.transitions != o.rec.Transitions {
		return fmt.Errorf("%s has key %s, and %s has made %d transitions", c.Name, c.Key, k.actor, o.rec.Transitions)
	}
	return nil
}

func keyOfOneCall(w *World, c Call) error {
	if first, again := w.keys.m[c.Key]; again && c.Key != "" && first.call != c.Name {
		return fmt.Errorf("key %s is used for %s, and was used for %s", c.Key, c.Name, first.call)
	}
	return nil
}

// keyOfOneList lets a repeated batch name fewer devices, or more: some are gone or have come meanwhile.
func keyOfOneList(w *World, c Call) error {
	first, again := w.keys.m[c.Key]
	if !again || c.Key == "" {
		return nil
	}
	now := targets(c)
	if !contains(first.devices, now) && !contains(now, first.devices) {
		return fmt.Errorf("key %s is used for %s, and was used for %s", c.Key, list(targets(c)), list(first.devices))
	}
	return nil
}

func actsOnItsOwn(w *World, c Call) error {
	o := w.actor(c)
	if o == nil {
		return nil
	}
	var bad findings
	if len(c.Devices) == 0 {
		bad.addf("%s with key %s names no device", c.Name, c.Key)
	}
	for _, ref := range targets(c) {
		if ref != o.rec.Ref && (o.rec.Ref.Kind != backend.KindRack || !slices.Contains(w.racks.get(o.rec.Rack), ref)) {
			bad.addf("%s calls %s on %s, which is not its own", o.rec.Ref, c.Name, ref)
		}
	}
	return bad.err()
}

// contains reports whether a list has all of another.
func contains(all, some []backend.Ref) bool {
	return !slices.ContainsFunc(some, func(ref backend.Ref) bool { return !slices.Contains(all, ref) })
}

// targets are the devices of a call in the order of their names.
func targets(c Call) []backend.Ref {
	out := make([]backend.Ref, len(c.Devices))
	for i, d := range c.Devices {
		out[i] = d.Ref
	}
	slices.SortFunc(out, backend.Ref.Compare)
	return slices.Compact(out)
}

func list(refs []backend.Ref) string {
	texts := make([]string, len(refs))
	for i, r := range refs {
		texts[i] = r.String()
	}
	return strings.Join(texts, ", ")
}

// called remembers what a key was used for.
func (w *World) called(c Call) {
	if _, again := w.keys.m[c.Key]; !again && c.Key != "" {
		w.keys.set(c.Key, use{call: c.Name, devices: targets(c)})
	}
}
