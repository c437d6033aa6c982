package service

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// word is a text of the file with its place. It is not ok when it was left out, or reported already.
type word struct {
	text string
	at   position
	ok   bool
	// inner is how far behind at the text begins, see value.
	inner int
}

// draft is a definition as it is written, before anybody has asked whether it makes sense.
type draft struct {
	name, doc, initial word
	states             []draftState
	transitions        []draftTransition
	renamed            []draftRename
}

type draftState struct {
	at             position
	name, doc      word
	terminal, hold bool
	sla            time.Duration
}

type draftTransition struct {
	at             position
	from, to       []word
	require        []word
	initiators     []word
	limited        bool // initiators is there
	guard, doc     word
	after          time.Duration
	action         word
	success, fails word
}

type draftRename struct{ from, to word }

// field is one field of a mapping of the file.
type field struct {
	name     string
	required bool
	read     func(v value)
}

// fields reads a mapping with known fields. A null counts as left out.
func (ps *problems) fields(v value, what string, known ...field) {
	if !ps.expect(v, isMapping, what) {
		return
	}
	given := make([]bool, len(known))
	for _, p := range v.pairs {
		i := slices.IndexFunc(known, func(f field) bool { return f.name == p.key })
		if i < 0 {
			names := make([]string, len(known))
			for j, f := range known {
				names[j] = f.name
			}
			ps.report(p.keyAt, "%s has no field %q%s; it has %s", what, p.key, didYouMean(p.key, names), strings.Join(names, ", "))
			continue
		}
		if p.value.kind != isNull {
			given[i] = true
			known[i].read(p.value)
		}
	}
	for i, f := range known {
		if f.required && !given[i] {
			ps.report(v.at, "%s needs the field %q", what, f.name)
		}
	}
}

// expect reports a value that is of another shape.
func (ps *problems) expect(v value, want shape, what string) bool {
	switch {
	case v.kind == want:
		return true
	case v.kind == isBad:
	case want == isText && (v.kind == isNumber || v.kind == isBool):
		ps.report(v.at, "%s is %s here, text is wanted; put it in quotes", what, v.kind)
	default:
		ps.report(v.at, "%s is %s here, %s is wanted", what, v.kind, want)
	}
	return false
}

func (ps *problems) text(into *word, what string) func(v value) {
	return func(v value) {
		into.at, into.inner = v.at, v.inner
		if !ps.expect(v, isText, what) {
			return
		}
		if strings.TrimSpace(v.text) == "" {
			ps.report(v.at, "%s is empty", what)
			return
		}
		into.text, into.ok = v.text, true
	}
}

func (ps *problems) boolean(into *bool, what string) func(v value) {
	return func(v value) {
		if ps.expect(v, isBool, what) {
			*into = strings.EqualFold(v.text, "true")
		}
	}
}

// words reads a list of texts.
func (ps *problems) words(into *[]word, what string) func(v value) {
	return func(v value) {
		if !ps.expect(v, isList, what) {
			return
		}
		if len(v.list) == 0 {
			ps.report(v.at, "%s is an empty list; name something", what)
		}
		for _, item := range v.list {
			var w word
			ps.text(&w, "an entry of "+what)(item)
			*into = append(*into, w)
		}
	}
}

// wordOrWords reads a text, or a list of them.
func (ps *problems) wordOrWords(into *[]word, what string) func(v value) {
	return func(v value) {
		if v.kind == isList {
			ps.words(into, what)(v)
			return
		}
		var w word
		ps.text(&w, what)(v)
		*into = []word{w}
	}
}

var (
	durationForm = regexp.MustCompile(`^([0-9]{1,6}w)?([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$`)
	durationPart = regexp.MustCompile(`([0-9]+)([wdhms])`)
)

// maxDuration bounds times: what is longer is a mistake of units.
const maxDuration = 10 * 365 * 24 * time.Hour

// ParseDuration reads a time as definitions write it: whole numbers with the units w, d, h, m and s, largest first, such as 90s, 12h, 14d or 1w3d. ok is false for
// anything else, for zero, and for more than ten years.
func ParseDuration(text string) (d time.Duration, ok bool) {
	if text == "" || !durationForm.MatchString(text) {
		return 0, false
	}
	units := map[string]time.Duration{"w": 7 * 24 * time.Hour, "d": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second}
	for _, part := range durationPart.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseInt(part[1], 10, 32)
		if err != nil || n > int64(maxDuration/units[part[2]]) {
			return 0, false
		}
		d += time.Duration(n) * units[part[2]]
	}
	return d, d > 0 && d <= maxDuration
}

// durationText writes a time as ParseDuration reads it; parts of a second are left out.
func durationText(d time.Duration) string {
	var b strings.Builder
	for _, u := range [...]struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		if n := d / u.size; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + u.name)
			d -= n * u.size
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}

func (ps *problems) duration(into *time.Duration, what string) func(v value) {
	return func(v value) {
		if v.kind == isNumber {
			ps.report(v.at, "%s is a number without a unit; write 90s, 45m, 12h, 14d or 6w", what)
			return
		}
		if !ps.expect(v, isText, what) {
			return
		}
		d, ok := ParseDuration(v.text)
		if !ok {
			ps.report(v.at, "%s is %q, which is no time; write 90s, 45m, 12h, 14d or 6w, at most ten years", what, v.text)
		}
		*into = d
	}
}
