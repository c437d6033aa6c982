package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// source is one file that mutants are built into. Edits only insert text, so that those of several mutants nest.
type source struct {
	path  string // slash-separated, from the root
	text  []byte
	fset  *token.FileSet
	file  *ast.File
	edits []edit
	// copies are functions that are repeated at the end of the file, each with edits of its own.
	copies []copied
}

// edit puts text before and after a part of the source.
type edit struct {
	from, to      int
	before, after string
}

// copied is a function that is repeated under another name.
type copied struct {
	from, name, to int // where it begins, where its name ends, where it ends
	suffix         string
	edits          []edit
}

// readPackage parses the sources of a folder, without its tests.
func readPackage(root, folder string) ([]*source, error) {
	names, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(folder), "*.go"))
	if err != nil {
		return nil, err
	}
	var out []*source
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		s, err := readSource(name, path.Join(folder, filepath.Base(name)))
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("folder %s has no Go source", folder)
	}
	return out, nil
}

func readSource(name, rel string) (*source, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	s := &source{path: rel, text: text, fset: token.NewFileSet()}
	s.file, err = parser.ParseFile(s.fset, name, text, parser.SkipObjectResolution)
	return s, err
}

func (s *source) offset(p token.Pos) int { return s.fset.Position(p).Offset }

// at is the place of a node as mutants are named by it.
func (s *source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.fset.Position(n.Pos()).Line)
}

// of is the text of a node.
func (s *source) of(n ast.Node) string {
	return string(s.text[s.offset(n.Pos()):s.offset(n.End())])
}

// flat is the text of a node on one line.
func (s *source) flat(n ast.Node) string { return strings.Join(strings.Fields(s.of(n)), " ") }

func (s *source) wrap(n ast.Node, before, after string) {
	s.edits = append(s.edits, edit{s.offset(n.Pos()), s.offset(n.End()), before, after})
}

func (s *source) insert(at token.Pos, text string) {
	s.edits = append(s.edits, edit{from: s.offset(at), to: s.offset(at), before: text})
}

// render is the file with its edits, and with an import of the switch if there is any.
func (s *source) render() []byte {
	edits := s.edits
	if slices.ContainsFunc(edits, func(e edit) bool { return strings.Contains(e.before, "mutant.") }) {
		at := s.offset(s.file.Name.End())
		edits = append(slices.Clone(edits), edit{at, at, `; import "` + switchPackage + `"`, ""})
	}
	var out bytes.Buffer
	out.Write(apply(s.text, 0, len(s.text), edits))
	for _, c := range s.copies {
		out.WriteString("\n")
		out.Write(s.text[c.from:c.name])
		out.WriteString(c.suffix)
		out.Write(apply(s.text, c.name, c.to, c.edits))
		out.WriteString("\n")
	}
	return out.Bytes()
}

// apply returns a part of the text with the edits in it.
func apply(text []byte, from, to int, edits []edit) []byte {
	type piece struct {
		at, order, far, seq int
		text                string
	}
	var pieces []piece
	for i, e := range edits {
		if e.after != "" { // what ends comes before what begins, the inner one first
			pieces = append(pieces, piece{e.to, 0, -e.from, -i, e.after})
		}
		pieces = append(pieces, piece{e.from, 1, -e.to, i, e.before})
	}
	slices.SortStableFunc(pieces, func(a, b piece) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.order, b.order), cmp.Compare(a.far, b.far), cmp.Compare(a.seq, b.seq))
	})
	var out bytes.Buffer
	for _, p := range pieces {
		if p.at < from || p.at > to {
			continue
		}
		out.Write(text[from:p.at])
		out.WriteString(p.text)
		from = p.at
	}
	out.Write(text[from:to])
	return out.Bytes()
}
