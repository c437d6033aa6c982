package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed engine.go.txt
var engineText []byte

//go:embed precedence.txt
var precedenceText string

// plan is what is mutated.
type plan struct {
	kinds     []kind
	orders    []order
	explained []*explanation
}

// readPlan is the plan of this module.
func readPlan() (plan, error) {
	orders, err := parseOrders(strings.NewReader(precedenceText))
	if err != nil {
		return plan{}, fmt.Errorf("precedence.txt: %w", err)
	}
	explained, err := parseExplained(strings.NewReader(explainedText))
	if err != nil {
		return plan{}, fmt.Errorf("explained.txt: %w", err)
	}
	return plan{allKinds(), orders, explained}, nil
}

// find finds the mutants of the plan and returns the sources that they are built into.
func (p plan) find(root string) ([]mutation, []*source, error) {
	var all []mutation
	var sources []*source
	engine := -1
	for _, k := range p.kinds {
		files, err := readPackage(root, k.folder)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, findRows(k.name, files)...)
		all = append(all, findCalls(k.name, files)...)
		list, err := findOrders(k.name, files, p.orders)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, list...)
		sources = append(sources, files...)
	}
	for i, s := range sources {
		if s.path == engineTable {
			engine = i
		}
	}
	if engine < 0 {
		s, err := readSource(filepath.Join(root, filepath.FromSlash(engineTable)), engineTable)
		if err != nil {
			return nil, nil, err
		}
		engine, sources = len(sources), append(sources, s)
	}
	if err := hookEngine(sources[engine]); err != nil {
		return nil, nil, err
	}
	return all, sources, errors.Join(checkUnique(all), checkFiles(sources, p.orders))
}

// checkFiles makes sure that every order is about a file that is mutated.
func checkFiles(sources []*source, orders []order) error {
	for _, o := range orders {
		if !slices.ContainsFunc(sources, func(s *source) bool { return s.path == o.file }) {
			return fmt.Errorf("precedence.txt:%d: %s is no source of a package that is mutated", o.line, o.file)
		}
	}
	return nil
}

// writeOverlay writes the rewritten sources below dir, and returns the file that tells the go command of them.
func writeOverlay(root, dir string, sources []*source) (string, error) {
	replace := map[string]string{}
	put := func(rel string, text []byte) error {
		to := filepath.Join(dir, strings.ReplaceAll(rel, "/", "_"))
		replace[filepath.Join(root, filepath.FromSlash(rel))] = to
		return os.WriteFile(to, text, 0o600)
	}
	for _, s := range sources {
		if len(s.edits) == 0 {
			continue
		}
		if err := put(s.path, s.render()); err != nil {
			return "", err
		}
	}
	if err := put(engineFolder+"/mutant_rows.go", engineText); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, text, 0o600)
}
