package backend

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Kind says what sort of object a reference names. The strings are stored and must not change.
type Kind string

// The kinds that the module knows.
const (
	KindRack       Kind = "rack"
	KindMachine    Kind = "machine"
	KindSwitch     Kind = "switch"
	KindPowerShelf Kind = "power_shelf"
	KindNode       Kind = "node"
)

// Ref names one object: its kind, and an id that is unique within the kind.
type Ref struct {
	Kind Kind   `json:"kind"`
	ID   string `json:"id"`
}

// String returns the text form, "kind/id".
func (r Ref) String() string { return string(r.Kind) + "/" + r.ID }

// IsZero reports whether r names nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// Compare orders references by kind, then by id.
func (r Ref) Compare(o Ref) int {
	if c := strings.Compare(string(r.Kind), string(o.Kind)); c != 0 {
		return c
	}
	return strings.Compare(r.ID, o.ID)
}

// MarshalText writes the text form, so that a Ref can be a key of a JSON object. The zero value is an empty text.
func (r Ref) MarshalText() ([]byte, error) {
	if r.IsZero() {
		return nil, nil
	}
	return []byte(r.String()), nil
}

// UnmarshalText reads the text form; an empty text is the zero value. The error wraps ErrBadRef.
func (r *Ref) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = Ref{}
		return nil
	}
	ref, err := ParseRef(string(text))
	if err != nil {
		return err
	}
	*r = ref
	return nil
}

// ErrBadRef is returned for a text that is no reference.
var ErrBadRef = errors.New("malformed reference")

// maxID bounds the length of an id in bytes: longer ones are a mistake of the caller, not a name.
const maxID = 256

// ParseRef reads the text form "kind/id". The error wraps ErrBadRef.
func ParseRef(text string) (Ref, error) {
	kind, id, found := strings.Cut(text, "/")
	if !found || kind == "" {
		return Ref{}, fmt.Errorf("%w %q: want kind/id, for example rack/A12", ErrBadRef, text)
	}
	for _, part := range [...]string{kind, id} { // a kind is no freer than an id
		if err := CheckID(part); err != nil {
			return Ref{}, fmt.Errorf("%w %q: %w", ErrBadRef, text, err)
		}
	}
	return Ref{Kind: Kind(kind), ID: id}, nil
}

// CheckID reports why id cannot name an object: it is empty, longer than 256 bytes, not UTF-8, or holds a slash, a space or a control
// character. The error wraps ErrBadRef.
func CheckID(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("%w: empty id", ErrBadRef)
	case len(id) > maxID:
		return fmt.Errorf("%w: id of %d bytes, the longest allowed is %d", ErrBadRef, len(id), maxID)
	case !utf8.ValidString(id):
		// JSON would write another name, and two objects could become one.
		return fmt.Errorf("%w: id %q is not UTF-8 text", ErrBadRef, id)
	}
	for _, r := range id {
		if r <= ' ' || r == '/' || r == 0x7f {
			return fmt.Errorf("%w: id %q holds %q; slashes, spaces and control characters are not allowed", ErrBadRef, id, r)
		}
	}
	return nil
}
