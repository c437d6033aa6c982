package sitefile

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/rack"
)

// reader takes over one value. It reports what is wrong with it and never quotes it.
type reader func(n *node, path rack.SitePath)

// field is one field of an object of the file.
type field struct {
	name     string
	required bool
	read     reader
}

// object reads a mapping with known fields. It reports whether it is one.
func (ps *problems) object(n *node, path rack.SitePath, fields []field) bool {
	if !ps.expect(mapping, n, path) {
		return false
	}
	done := make([]bool, len(fields))
	given := make([]bool, len(fields))
	for _, c := range n.children {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == c.key })
		switch {
		case i < 0:
			ps.report(rack.ErrUnknownField, c.keyAt, path, "unknown field %s; allowed are %s", showKey(c.key), namesOf(fields))
		case done[i]:
			ps.report(rack.ErrDuplicate, c.keyAt, path.Key(c.key), "the field is there twice")
		case c.value.kind != null:
			given[i] = true
			fields[i].read(c.value, path.Key(c.key))
		}
		if i >= 0 {
			done[i] = true
		}
	}
	for i, f := range fields {
		if f.required && !given[i] {
			ps.lost(rack.ErrMissing, n.at, path.Key(f.name), "the field is required")
		}
	}
	return true
}

// namesOf lists fields as a person looks them up.
func namesOf(fields []field) string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.name
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

var plainName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

// showKey quotes the name of a field only if it looks like one: where a space is forgotten after a colon, the name holds the value too.
func showKey(key string) string {
	if plainName.MatchString(key) {
		return strconv.Quote(key)
	}
	return "(not a plain word)"
}

// expect reports whether a value is of a kind, and the problem if it is not.
func (ps *problems) expect(want kind, n *node, path rack.SitePath) bool {
	switch {
	case n.kind == want:
		return true
	case n.kind == bad:
		ps.lost(rack.ErrMalformed, n.at, path, "%s", n.text)
	case want == text && (n.kind == number || n.kind == boolean):
		ps.lost(rack.ErrMalformed, n.at, path, "text is wanted, found %s; put it in quotes", n.kind)
	default:
		ps.lost(rack.ErrMalformed, n.at, path, "%s is wanted, found %s", want, n.kind)
	}
	return false
}

// text reads a text. A number or boolean is reported and taken over all the same, so that what refers to it is not reported too.
func (ps *problems) text(into *string) reader {
	return func(n *node, path rack.SitePath) {
		ps.expect(text, n, path)
		if n.kind == text || n.kind == number || n.kind == boolean {
			*into = n.text
		}
	}
}

func (ps *problems) secret(into *backend.Secret) reader {
	return func(n *node, path rack.SitePath) {
		if ps.expect(text, n, path) {
			*into = backend.NewSecret(n.text)
		}
	}
}

// mac reads a MAC in any form. One that is malformed is taken over as it is; Validate reports it.
func (ps *problems) mac(into *string) reader {
	return func(n *node, path rack.SitePath) {
		ps.text(into)(n, path)
		if normal, err := rack.NormalizeMAC(*into); err == nil {
			*into = normal
		}
	}
}

func (ps *problems) boolean(into *bool) reader {
	return func(n *node, path rack.SitePath) {
		if ps.expect(boolean, n, path) {
			*into = strings.EqualFold(n.text, "true")
		}
	}
}

var wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

func (ps *problems) integer(into *int) reader {
	return func(n *node, path rack.SitePath) {
		if !ps.expect(number, n, path) {
			return
		}
		value, err := strconv.ParseInt(n.text, 10, 32)
		switch {
		case !wholeNumber.MatchString(n.text):
			ps.lost(rack.ErrMalformed, n.at, path, "a whole number is wanted, in decimal and without leading zeros")
		case err != nil:
			ps.lost(rack.ErrMalformed, n.at, path, "the number is out of range")
		default:
			*into = int(value)
		}
	}
}

// each reads a list. Every element is taken over, readable or not, so that the indexes of the file and of the result are the same.
func each[T any](ps *problems, into *[]T, element func(*T) reader) reader {
	return func(n *node, path rack.SitePath) {
		if !ps.expect(list, n, path) {
			return
		}
		*into = make([]T, len(n.children))
		for i, c := range n.children {
			element(&(*into)[i])(c.value, path.Index(i))
		}
	}
}

// entries reads a mapping with free keys. Of a key that is there twice it keeps the first.
func entries[T any](ps *problems, into *map[string]T, element func(key string, value *T) reader) reader {
	return func(n *node, path rack.SitePath) {
		if !ps.expect(mapping, n, path) {
			return
		}
		*into = make(map[string]T, len(n.children))
		for _, c := range n.children {
			if c.key == "" {
				ps.report(rack.ErrMalformed, c.keyAt, path, "a key must be a text that is not empty")
				continue
			}
			if _, twice := (*into)[c.key]; twice {
				ps.report(rack.ErrDuplicate, c.keyAt, path.Key(c.key), "the key is there twice")
				continue
			}
			var value T
			element(c.key, &value)(c.value, path.Key(c.key))
			(*into)[c.key] = value
		}
	}
}

func (ps *problems) textMap(into *map[string]string) reader {
	return entries(ps, into, func(_ string, value *string) reader { return ps.text(value) })
}
