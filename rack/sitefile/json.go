package sitefile

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/rackstate/rackstate/rack"
)

// maxDepth bounds how deep values lie in each other. A site needs six levels.
const maxDepth = 64

// parseJSON makes the tree of a JSON text. It does not use the YAML parser, which also takes text that is no JSON (a missing comma joins two values)
// and needs ten times the memory.
func parseJSON(data []byte) (*node, *rack.SiteError) {
	if err := checkJSON(data); err != nil {
		return nil, err
	}
	r := &jsonReader{data: data, cursor: newCursor(data), decoder: json.NewDecoder(bytes.NewReader(data))}
	r.decoder.UseNumber()
	return r.value(1)
}

// checked accepts any JSON value and keeps nothing of it.
type checked struct{}

func (*checked) UnmarshalJSON([]byte) error { return nil }

// checkJSON looks at the whole text first, because only this tells exactly where the syntax is wrong.
func checkJSON(data []byte) *rack.SiteError {
	err := json.Unmarshal(data, &checked{})
	if err == nil {
		return nil
	}
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return broken(ErrSyntax, position{}, "not JSON: %v", err)
	}
	if strings.Contains(syntax.Error(), "unexpected end") {
		return broken(ErrSyntax, newCursor(data).moveTo(len(data)), "the file ends in the middle of a value")
	}
	return broken(ErrSyntax, newCursor(data).moveTo(int(syntax.Offset)-1), "not JSON: %v", syntax)
}

type jsonReader struct {
	data    []byte
	cursor  *cursor
	decoder *json.Decoder
}

// token returns the next token and where it begins.
func (r *jsonReader) token() (json.Token, position, *rack.SiteError) {
	start := int(r.decoder.InputOffset())
	for start < len(r.data) && bytes.IndexByte([]byte(" \t\r\n,:"), r.data[start]) >= 0 {
		start++
	}
	at := r.cursor.moveTo(start)
	token, err := r.decoder.Token()
	if err != nil {
		return nil, at, broken(ErrSyntax, at, "not JSON: %v", err)
	}
	return token, at, nil
}

func (r *jsonReader) value(depth int) (*node, *rack.SiteError) {
	token, at, err := r.token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		return r.container(t, at, depth)
	case string:
		return &node{kind: text, at: at, text: t, size: 1}, nil
	case json.Number:
		return &node{kind: number, at: at, text: t.String(), size: 1}, nil
	case bool:
		return &node{kind: boolean, at: at, text: strconv.FormatBool(t), size: 1}, nil
	default:
		return &node{kind: null, at: at, size: 1}, nil
	}
}

func (r *jsonReader) container(open json.Delim, at position, depth int) (*node, *rack.SiteError) {
	if depth > maxDepth {
		return nil, broken(ErrTooLarge, at, "values lie more than %d levels deep", maxDepth)
	}
	n := &node{kind: list, at: at, size: 1}
	if open == '{' {
		n.kind = mapping
	}
	for r.decoder.More() {
		var c child
		if n.kind == mapping {
			key, keyAt, err := r.token()
			if err != nil {
				return nil, err
			}
			c.key, _ = key.(string)
			c.keyAt = keyAt
		}
		value, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		c.value = value
		n.add(c)
	}
	_, _, err := r.token()
	return n, err
}
