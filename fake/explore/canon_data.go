package explore

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// data writes JSON, its strings one by one.
func (c *canon) data(b []byte) {
	for {
		i := bytes.IndexByte(b, '"')
		if i < 0 {
			c.buf = append(c.buf, b...)
			return
		}
		c.buf = append(c.buf, b[:i]...)
		b = b[i+1:]
		n := quoted(b)
		text := b[:n]
		b = b[n+1:]
		if len(b) == 0 || b[0] != ':' {
			c.value(text)
			continue
		}
		n = length(b[1:])
		switch c.weight(string(text), b[1:1+n]) {
		case matters:
			c.buf = append(append(c.buf, '"'), text...)
		case isThere:
			c.buf = append(append(c.buf, '"'), text...)
			b = b[1+n:]
		case isNothing:
			b = b[1+n:]
		}
	}
}

// weight is what a field of an object's data has to do with what happens next.
type weight int

const (
	matters   weight = iota
	isThere          // only that it is there
	isNothing        // it is for people to read, or nobody looks at it any more
)

// weight weighs a field.
func (c *canon) weight(key string, value []byte) weight {
	if c.of == nil {
		return matters
	}
	kind := c.of.Ref.Kind
	switch key {
	case "results", "installs", "discovered_at", "rebooted_at", "vendor", "model", "serial", "firmware_id", "task_id", "image_file":
		return isNothing
	case "power":
		if kind != backend.KindRack {
			return isNothing
		}
	case "started_at", "ended_at", "message", "last_error", "requested_at":
		return isThere
	case "cause":
		if kind != backend.KindMachine {
			return isThere
		}
	case "cycle":
		if kind == backend.KindRack && value[0] == '{' && !strings.HasPrefix(c.of.State, "Maintenance/") {
			return isNothing
		}
	case "firmware_upgrade_status", "nvos_update_status", "fabric_manager_status":
		if !c.current(value) {
			return isNothing
		}
	case "at":
		if kind != backend.KindMachine {
			return isThere
		}
	case "restarted_at":
		if c.of.State == "Ready" {
			return isNothing
		}
	case "visit", "locked":
		n, _ := strconv.ParseUint(string(value), 10, 64)
		c.buf = append(c.buf, key...)
		c.buf = append(c.buf, '0'+byte(min(c.of.Transitions-n, 2)))
		return isNothing
	}
	return matters
}

// current reports whether a status is one of a cycle that the device still knows.
func (c *canon) current(status []byte) bool {
	name := cycleIn(status)
	return name == "" || slices.Contains(c.alive, name)
}

// cycleIn is the name of the cycle that some data speak of.
func cycleIn(data []byte) string {
	_, rest, _ := bytes.Cut(data, []byte(`"cycle":"`))
	name, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(name)
}

// length is how long the value is with which JSON begins.
func length(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i += 1 + quoted(b[i+1:])
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return len(b)
}

// quoted is where a string ends whose first quote was read.
func quoted(b []byte) int {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(b) - 1
}

// value writes a string: a time as its distance, a name by its place, and other text as it is.
func (c *canon) value(s []byte) {
	if len(s) >= len("2026-01-01T00:00:00Z") && s[4] == '-' && s[10] == 'T' && s[len(s)-1] == 'Z' {
		if t, err := time.Parse(time.RFC3339Nano, string(s)); err == nil {
			c.age(t)
			return
		}
	}
	c.buf = append(c.buf, '"')
	for _, prefix := range c.racks {
		if bytes.Contains(s, []byte(prefix)) {
			c.name(string(s))
			return
		}
	}
	if isRequest(s) {
		c.name(string(s))
		return
	}
	c.buf = append(c.buf, s...)
}
