package sitefile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rackstate/rackstate/rack"
)

// The largest files that are read, in bytes. They hold the devices of thousands of racks. YAML needs some fifty times its size in memory.
const (
	MaxJSON = 64 << 20
	MaxYAML = 16 << 20
)

// Kinds of problems that only a file has. A *rack.SiteError wraps them, as it wraps the kinds in package rack.
var (
	// ErrSyntax: the text is not JSON or YAML, or a part of them that is not read here.
	ErrSyntax = errors.New("syntax error")
	// ErrTooLarge: the file is larger, deeper or unfolds into more than is read.
	ErrTooLarge = errors.New("too large")
)

// Read reads a site file. The name decides the format: see Parse. An error of the file system is returned as it is; errors of the content are
// those of Parse, with path as the name of the file.
func Read(path string) (*rack.Site, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read site: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(file, MaxJSON+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("read site: %w", err)
	}
	return Parse(path, data)
}

// Parse reads a site from memory. The name appears in errors and decides the format: .json is JSON, .yaml and .yml are YAML; under another name, text that
// begins with { is JSON. The error holds every problem of the file, ordered by line: see rack.SiteErrors.
func Parse(name string, data []byte) (*rack.Site, error) {
	problems := &problems{file: name}
	root, err := parse(name, data)
	if err != nil {
		return nil, problems.only(err)
	}
	site := problems.site(root)
	for _, p := range rack.SiteErrors(site.Validate()) {
		problems.add(root, p)
	}
	if len(problems.list) > 0 {
		return nil, problems.joined()
	}
	return site, nil
}

// parse makes the tree of a text. Its error is a *rack.SiteError without a file.
func parse(name string, data []byte) (*node, *rack.SiteError) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	read, limit, format := parseYAML, MaxYAML, "YAML"
	if isJSON(name, data) {
		read, limit, format = parseJSON, MaxJSON, "JSON"
	}
	switch {
	case len(data) > limit:
		return nil, broken(ErrTooLarge, position{}, "the file is larger than %d MiB, the most that is read of a %s file", limit>>20, format)
	case len(bytes.TrimSpace(data)) == 0:
		return nil, broken(ErrSyntax, position{}, "the file is empty")
	case !utf8.Valid(data):
		return nil, broken(ErrSyntax, invalidUTF8(data), "the file is not UTF-8 text")
	}
	return read(data)
}

func isJSON(name string, data []byte) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".json":
		return true
	case ".yaml", ".yml":
		return false
	default:
		return bytes.HasPrefix(bytes.TrimSpace(data), []byte("{"))
	}
}

func invalidUTF8(data []byte) position {
	at := newCursor(data)
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return at.moveTo(i)
		}
		i += size
	}
	return at.moveTo(len(data))
}

// broken is a problem of the whole text.
func broken(kind error, at position, format string, args ...any) *rack.SiteError {
	return &rack.SiteError{Line: at.line, Column: at.column, Kind: kind, Problem: fmt.Sprintf(format, args...)}
}

// problems collects what is wrong with one file.
type problems struct {
	file string
	list []*rack.SiteError
	// unread are the paths whose values could not be taken over; what Validate says about them is a consequence, not a problem of its own.
	unread map[rack.SitePath]bool
}

// report adds a problem of the form of a value.
func (ps *problems) report(kind error, at position, path rack.SitePath, format string, args ...any) {
	ps.list = append(ps.list, &rack.SiteError{
		File: ps.file, Line: at.line, Column: at.column, Path: string(path), Kind: kind, Problem: fmt.Sprintf(format, args...),
	})
}

// lost reports a value that cannot be taken over.
func (ps *problems) lost(kind error, at position, path rack.SitePath, format string, args ...any) {
	if ps.unread == nil {
		ps.unread = map[rack.SitePath]bool{}
	}
	ps.unread[path] = true
	ps.report(kind, at, path, format, args...)
}

// add adds a problem of the meaning of a value, with the place of that value, unless it follows from one that is already reported.
func (ps *problems) add(root *node, p *rack.SiteError) {
	at, consequence := root.find(rack.SiteRoot, rack.SitePath(p.Path), ps.unread)
	switch {
	case consequence,
		errors.Is(p, rack.ErrUnexpectedRack) && ps.unread[rack.SiteRoot.Key("expected_racks")],
		errors.Is(p, rack.ErrUnknownProfile) && ps.unread[rack.SiteRoot.Key("rack_profiles")]:
		return
	}
	p.File, p.Line, p.Column = ps.file, at.line, at.column
	ps.list = append(ps.list, p)
}

func (ps *problems) only(p *rack.SiteError) error {
	p.File = ps.file
	return rack.JoinSiteErrors([]*rack.SiteError{p})
}

func (ps *problems) joined() error {
	slices.SortStableFunc(ps.list, func(a, b *rack.SiteError) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
	return rack.JoinSiteErrors(ps.list)
}
