package rest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// cursor is where a page ended. It is opaque to clients, and belongs to the filter that it was made with.
type cursor[K any] struct {
	// Filter is a digest of the filter.
	Filter string `json:"f"`
	// Last is the key of the last entry of the page.
	Last K `json:"l"`
}

// digest is short: a cursor of another filter is a mistake, not an attack.
func digest(filter ...any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", filter))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

func (c cursor[K]) String() string {
	raw, err := json.Marshal(c)
	if err != nil {
		return "" // keys are strings and numbers
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// parseCursor reads a cursor of a filter. An empty text is the beginning: nil.
func parseCursor[K any](text, filter string) (*K, error) {
	if text == "" {
		return nil, nil
	}
	var c cursor[K]
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || decodeStrict(raw, &c) != nil {
		return nil, invalid("query.cursor", "it is none of this server; begin without one")
	}
	if c.Filter != filter {
		return nil, invalid("query.cursor", "it belongs to another list or filter; begin without one")
	}
	return &c.Last, nil
}

// invalid is the problem of one part of a request.
func invalid(location, message string) *Problem {
	p := newProblem(TypeInvalid, "the request is not valid")
	p.Errors = []FieldProblem{{Location: location, Message: message}}
	return p
}

// decodeStrict decodes JSON and refuses members that nobody reads.
func decodeStrict(raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one JSON value")
	}
	return nil
}

// PageQuery are the parameters of every list.
type PageQuery struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000000" default:"100" doc:"How many entries a page may have at most. The server has a limit of its own."`
	Cursor string `query:"cursor" maxLength:"4096" doc:"Continues behind a page: its next."`
}

// limit returns how many entries the page may have.
func (h *Handler) limit(in PageQuery) int { return min(in.Limit, h.cfg.MaxPage) }
