package rack

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// Kinds of problems of a site. Every SiteError wraps one of them, or ErrSyntax or ErrTooLarge of package sitefile.
var (
	// ErrDuplicate: an id, MAC, slot or field is there twice.
	ErrDuplicate = errors.New("duplicate")
	// ErrUnexpectedRack: a device names a rack that nobody expects.
	ErrUnexpectedRack = errors.New("unexpected rack")
	// ErrUnknownProfile: a rack names a profile that is not defined.
	ErrUnknownProfile = errors.New("unknown profile")
	// ErrMalformed: a value has the wrong type or form.
	ErrMalformed = errors.New("malformed")
	// ErrMissing: a value that must be there is not.
	ErrMissing = errors.New("missing")
	// ErrUnknownField: the file has a field that nobody reads.
	ErrUnknownField = errors.New("unknown field")
	// ErrDoesNotFit: a rack has more devices than its profile has room for, or a device in a slot that the profile does not have.
	ErrDoesNotFit = errors.New("does not fit")
)

// SiteError is one problem of a site. Its text never holds a password.
type SiteError struct {
	// File is the name of the file, empty when the site is from none.
	File string
	// Line and Column say where in the file, both from 1, columns in characters. Zero is unknown.
	Line, Column int
	// Path says which value, in the words of the file: $.expected_machines[3].rack_id. It is empty for a problem of the whole text.
	Path string
	// Kind is what a caller can branch on.
	Kind error
	// Problem says it to a person.
	Problem string
}

// Error returns file:line:column: path: problem, without the parts that are unknown.
func (e *SiteError) Error() string {
	var place strings.Builder
	if e.File != "" {
		place.WriteString(e.File + ":")
	}
	if e.Line > 0 {
		fmt.Fprintf(&place, "%d:%d:", e.Line, e.Column)
	}
	if place.Len() > 0 {
		place.WriteString(" ")
	}
	if e.Path != "" {
		place.WriteString(e.Path + ": ")
	}
	return place.String() + e.Problem
}

// Unwrap returns the kind.
func (e *SiteError) Unwrap() error { return e.Kind }

// maxSiteLines bounds the text of a joined error; nobody reads more, and a file can have a problem in each of a million places.
const maxSiteLines = 200

// JoinSiteErrors makes one error of many problems: a multierror whose text has one line for each, up to 200. It is nil when there is none.
func JoinSiteErrors(problems []*SiteError) error {
	if len(problems) == 0 {
		return nil
	}
	joined := &multierror.Error{ErrorFormat: siteErrorLines}
	for _, p := range problems {
		joined.Errors = append(joined.Errors, p)
	}
	return joined
}

func siteErrorLines(errs []error) string {
	var lines []string
	for i, err := range errs {
		if i == maxSiteLines {
			lines = append(lines, fmt.Sprintf("and %d more problems", len(errs)-maxSiteLines))
			break
		}
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n")
}

// SiteErrors returns the problems in an error of Site.Validate or package sitefile, in their order. It is empty for another error.
func SiteErrors(err error) []*SiteError {
	var joined *multierror.Error
	if !errors.As(err, &joined) {
		var one *SiteError
		if errors.As(err, &one) {
			return []*SiteError{one}
		}
		return nil
	}
	var problems []*SiteError
	for _, e := range joined.Errors {
		var one *SiteError
		if errors.As(e, &one) {
			problems = append(problems, one)
		}
	}
	return problems
}

// SitePath is the path of a value in a site file. It begins with SiteRoot.
type SitePath string

// SiteRoot is the path of the whole file.
const SiteRoot SitePath = "$"

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// Key returns the path of a field, or of an entry of a mapping: .name, and ["name"] for one that is no plain word.
func (p SitePath) Key(name string) SitePath {
	if plainKey.MatchString(name) {
		return p + SitePath("."+name)
	}
	return p + SitePath("["+strconv.Quote(name)+"]")
}

// Index returns the path of an element of a list, counted from 0.
func (p SitePath) Index(i int) SitePath {
	return p + SitePath("["+strconv.Itoa(i)+"]")
}

// siteClip shortens a text of the file for a message.
func siteClip(text string) string {
	const most = 64
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most]) + "..."
}
