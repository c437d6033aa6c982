package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/rack"
)

// objects lists what the engine knows, racks with their devices.
func (s *shell) objects() []backend.Ref {
	var out []backend.Ref
	s.ctl().Visit(func(o *lifecycle.Object) { out = append(out, o.Ref()) })
	return out
}

// object finds what a word names: kind/id, or an id that only one object has. With kinds given, only those are looked at.
func (s *shell) object(word string, kinds ...backend.Kind) (backend.Ref, error) {
	all := s.objects()
	if len(kinds) > 0 {
		all = slices.DeleteFunc(all, func(r backend.Ref) bool { return !slices.Contains(kinds, r.Kind) })
	}
	var found []string
	var ref backend.Ref
	for _, r := range all {
		if r.String() == word || r.ID == word {
			found, ref = append(found, r.String()), r
		}
	}
	switch len(found) {
	case 1:
		return ref, nil
	case 0:
		return ref, fmt.Errorf("nothing is named %q; allowed: %s", word, listed(all))
	default:
		return ref, fmt.Errorf("%q is the name of several; allowed: %s", word, strings.Join(found, ", "))
	}
}

func (s *shell) rack(word string) (string, error) {
	ref, err := s.object(word, backend.KindRack)
	return ref.ID, err
}

// listed names some of the objects.
func listed(refs []backend.Ref) string {
	const most = 24
	if len(refs) == 0 {
		return "nothing, there is none"
	}
	var names []string
	for i, r := range refs {
		if i == most {
			names = append(names, fmt.Sprintf("and %d more", len(refs)-most))
			break
		}
		names = append(names, r.String())
	}
	return strings.Join(names, ", ")
}

// wish is what plan and maintain are asked for.
type wish struct {
	scope   rack.Scope
	tenants bool
	by, ref string
}

// parseWish reads the words after the rack. Whether they make sense together is for the rack to say, which reports all problems at once.
func parseWish(words []string) (wish, error) {
	var w wish
	s := &w.scope
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "firmware":
			s.Activities = append(s.Activities, rack.Activity{Name: rack.FirmwareUpgrade, Firmware: value})
		case "image":
			s.Activities = append(s.Activities, rack.Activity{Name: rack.NvosUpdate, Image: value})
		case "fabric":
			s.Activities = append(s.Activities, rack.Activity{Name: rack.ConfigureNmxCluster})
		case "power":
			s.Activities = append(s.Activities, rack.Activity{Name: rack.PowerSequence, Power: rack.PowerMode(value)})
		case "machines":
			s.Machines = with(s.Machines, value)
		case "switches":
			s.Switches = with(s.Switches, value)
		case "shelves":
			s.PowerShelves = with(s.PowerShelves, value)
		case "tenants":
			w.tenants = true
		case "by":
			w.by = value
		case "ref":
			w.ref = value
		default:
			return w, fmt.Errorf("unknown argument %q; allowed: %s, %s, tenants, by=USER, ref=TICKET", word, activityWords, scopeWords)
		}
	}
	return w, nil
}

// with adds ids that commas separate. A list that is there and empty stays so: it never means everything.
func with(list []string, value string) []string {
	if list == nil {
		list = []string{}
	}
	return append(list, strings.FieldsFunc(value, func(r rune) bool { return r == ',' })...)
}

// option takes the last word off that begins with name=, and returns its value.
func option(words []string, name string) (rest []string, value string) {
	if last := len(words) - 1; last >= 0 && strings.HasPrefix(words[last], name+"=") {
		return words[:last], words[last][len(name)+1:]
	}
	return words, ""
}
