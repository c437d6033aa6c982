package sitefile

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rackstate/rackstate/rack"
)

// node is one value of a file, be it JSON or YAML.
type node struct {
	kind     kind
	at       position
	text     string  // of a scalar, as written; of a bad node, what is wrong with it
	children []child // of a list or mapping, in the order of the file
	size     int     // number of nodes in it, with itself; aliases count as often as they are used
}

type child struct {
	key   string // of a mapping
	keyAt position
	value *node
}

// add appends a child.
func (n *node) add(c child) {
	n.children = append(n.children, c)
	n.size += c.value.size
}

type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list
	mapping
	bad // it cannot be read
)

// String names a kind for a message.
func (k kind) String() string {
	return [...]string{"nothing", "true or false", "a number", "text", "a list", "a mapping", "something unreadable"}[k]
}

// position is a place in a file. Line and column count from 1, columns in characters.
type position struct{ line, column int }

// cursor turns byte offsets into positions, as long as they do not go back.
type cursor struct {
	data   []byte
	offset int
	position
}

func newCursor(data []byte) *cursor { return &cursor{data: data, position: position{1, 1}} }

func (c *cursor) moveTo(offset int) position {
	for c.offset < min(offset, len(c.data)) {
		r, size := utf8.DecodeRune(c.data[c.offset:])
		c.offset += size
		if r == '\n' {
			c.position = position{c.line + 1, 1}
		} else {
			c.column++
		}
	}
	return c.position
}

// find returns the place of the value at path, or of the innermost value around it that is in the file, and whether path is marked or lies below
// a value that is. The path of n itself is here.
func (n *node) find(here, path rack.SitePath, marked map[rack.SitePath]bool) (at position, found bool) {
	for {
		if marked[here] {
			return n.at, true
		}
		next, below := n.step(here, path)
		if next == nil {
			return n.at, marked[path]
		}
		n, here = next, below
	}
}

// step returns the child of n that lies on path, and its own path. It returns nil when there is none.
func (n *node) step(here, path rack.SitePath) (*node, rack.SitePath) {
	switch n.kind {
	case list:
		rest, isIndex := strings.CutPrefix(string(path), string(here)+"[")
		digits, _, closed := strings.Cut(rest, "]")
		i, err := strconv.Atoi(digits)
		if isIndex && closed && err == nil && i < len(n.children) {
			return n.children[i].value, here.Index(i)
		}
	case mapping:
		for _, c := range n.children {
			if below := here.Key(c.key); isWithin(path, below) {
				return c.value, below
			}
		}
	default: // a scalar has no child
	}
	return nil, ""
}

// isWithin reports whether path is outer or lies below it.
func isWithin(path, outer rack.SitePath) bool {
	rest, found := strings.CutPrefix(string(path), string(outer))
	return found && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
