package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"

	"github.com/goccy/go-yaml"
	"github.com/hashicorp/go-multierror"
)

// Scenario is one case of a file.
type Scenario struct {
	Name  string `yaml:"name"`
	Given Given  `yaml:"given"`
	When  []Step `yaml:"when"`
	Then  Then   `yaml:"then"`

	// File is where it was read from.
	File string `yaml:"-"`
}

// ErrBadFile is wrapped by every error about the content of a scenario file.
var ErrBadFile = errors.New("scenario file is malformed")

// Read reads all files "*.yaml" of a directory, in the order of their names. Problems of all files are reported together, each with file and line.
func Read(dir string) ([]Scenario, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%w: %s holds no *.yaml", ErrBadFile, dir)
	}
	sort.Strings(paths)
	var all []Scenario
	var problems *multierror.Error
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			problems = multierror.Append(problems, err)
			continue
		}
		list, err := Parse(filepath.Base(path), raw)
		if err != nil {
			problems = multierror.Append(problems, err)
			continue
		}
		all = append(all, list...)
	}
	return all, problems.ErrorOrNil()
}

// Parse reads the content of one file. Unknown keys are errors with file and line, and so are scenarios without a name or with one that was used before. The error
// wraps ErrBadFile.
func Parse(name string, raw []byte) ([]Scenario, error) {
	var list []Scenario
	dec := yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict())
	if err := dec.Decode(&list); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %s: %s", ErrBadFile, name, yaml.FormatError(err, false, true))
	}
	seen := map[string]bool{}
	for i := range list {
		s := &list[i]
		s.File = name
		switch {
		case s.Name == "":
			return nil, fmt.Errorf("%w: %s: scenario %d has no name", ErrBadFile, name, i+1)
		case seen[s.Name]:
			return nil, fmt.Errorf("%w: %s: the name %q is used twice", ErrBadFile, name, s.Name)
		}
		seen[s.Name] = true
		for n, step := range s.When {
			if err := step.check(); err != nil {
				return nil, fmt.Errorf("%w: %s: %q, step %d: %w", ErrBadFile, name, s.Name, n+1, err)
			}
		}
	}
	return list, nil
}
