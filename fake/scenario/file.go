package scenario

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"

	"github.com/goccy/go-yaml/ast"
	"github.com/hashicorp/go-multierror"
)

// Scenario is one case of a file.
type Scenario struct {
	Name  string `yaml:"name"`
	Given Given  `yaml:"given"`
	When  []Step `yaml:"when"`
	Then  Then   `yaml:"then"`

	// File and Line are where it was read from.
	File string
	Line int

	checked bool
}

// ErrBadFile is wrapped by every error about the content of a scenario file, or of a scenario that was made by hand.
var ErrBadFile = errors.New("scenario file is malformed")

// Read reads all files "*.yaml" of a directory, in the order of their names. Problems of all files are reported together, each with file and line; the error
// wraps ErrBadFile, or fs.ErrNotExist when there is no such directory.
func Read(dir string) ([]Scenario, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read scenarios: %w", err)
	}
	var all []Scenario
	var problems *multierror.Error
	files := 0
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".yaml":
		case ".yml":
			problems = multierror.Append(problems, fmt.Errorf("%w: %s: it would not be read; call it *.yaml", ErrBadFile, e.Name()))
			continue
		default:
			continue
		}
		files++
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			problems = multierror.Append(problems, fmt.Errorf("read scenarios: %w", err))
			continue
		}
		list, err := Parse(e.Name(), raw)
		if err != nil {
			problems = multierror.Append(problems, err)
		}
		all = append(all, list...)
	}
	if files == 0 && problems == nil {
		return nil, fmt.Errorf("%w: %s holds no *.yaml", ErrBadFile, dir)
	}
	if problems != nil {
		return nil, problems
	}
	return all, nil
}

// Parse reads the content of one file. A key that nobody knows, a value of the wrong type, a word that is none of those allowed, a name that is missing or used
// before and an object that the scenario does not have are errors with file and line, all of them together. The error wraps ErrBadFile.
func Parse(name string, raw []byte) ([]Scenario, error) {
	nodes, wrong := parse(raw)
	if len(nodes) == 0 && wrong == nil {
		wrong = []problem{{text: "it holds no scenario"}}
	}
	seen := map[string]int{}
	words := sync.OnceValue(newVocabulary)
	list := make([]Scenario, 0, len(nodes))
	for _, node := range nodes {
		s := Scenario{File: name, Line: line(node), checked: true}
		found := s.read(node, words)
		if before, twice := seen[s.Name]; twice && s.Name != "" {
			found = append(found, problem{line: s.Line, text: fmt.Sprintf("the name is used twice, first in line %d", before)})
		}
		seen[s.Name] = s.Line
		for _, p := range found {
			wrong = append(wrong, problem{line: p.line, text: fmt.Sprintf("%q: %s", s.Name, p.text)})
		}
		list = append(list, s)
	}
	if len(wrong) == 0 {
		return list, nil
	}
	var problems *multierror.Error
	for _, p := range wrong {
		where := name
		if p.line > 0 {
			where = fmt.Sprintf("%s:%d", name, p.line)
		}
		problems = multierror.Append(problems, fmt.Errorf("%w: %s: %s", ErrBadFile, where, p.text))
	}
	return nil, problems
}

// read fills a scenario from its node. What it says is looked at only when it can be read.
func (s *Scenario) read(node ast.Node, words func() *vocabulary) []problem {
	d := &decoder{}
	d.into(node, reflect.ValueOf(s).Elem())
	if len(d.problems) > 0 {
		return d.problems
	}
	found := s.lint(words())
	out := make([]problem, len(found))
	for i, f := range found {
		out[i] = problem{line: locate(node, f.at), text: f.String()}
	}
	return out
}

// verify looks for mistakes in a scenario that was made by hand.
func (s *Scenario) verify() error {
	if s.checked {
		return nil
	}
	var texts []string
	for _, f := range s.lint(newVocabulary()) {
		texts = append(texts, f.String())
	}
	if len(texts) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %q: %s", ErrBadFile, s.Name, strings.Join(texts, "; "))
}

// locate is the line of what stands at a path of keys and indices, or of the last part of the path that is there.
func locate(node ast.Node, at path) int {
	here := line(node)
	for _, step := range at {
		var next ast.Node
		switch n := node.(type) {
		case *ast.MappingNode:
			for _, v := range n.Values {
				if key, _ := text(v.Key); key == fmt.Sprint(step) {
					here, next = line(v.Key), v.Value
				}
			}
		case *ast.SequenceNode:
			if i, ok := step.(int); ok && i < len(n.Values) {
				here, next = line(n.Values[i]), n.Values[i]
			}
		}
		if next == nil {
			return here
		}
		node = next
	}
	return here
}
