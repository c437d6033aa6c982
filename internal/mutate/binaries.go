package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// measured is a suite whose binary is built, with what it costs when no mutant is selected.
type measured struct {
	suite
	binary string
	dir    string        // where it runs
	flags  []string      // of the libraries that its tests use
	cost   time.Duration // of processor time
	// comePast has the tests that come past a mutant, by its place.
	comePast map[string][]string
}

// builder builds each test binary once.
type builder struct {
	root, dir, overlay string
	suites             map[suite]measured
}

// build builds the test binaries of folders, side by side.
func (b *builder) build(ctx context.Context, folders []string) error {
	args := []string{"test", "-c", "-vet=off", "-overlay", b.overlay, "-o", b.dir + string(filepath.Separator)}
	for _, folder := range folders {
		args = append(args, "./"+folder)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.root
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the tests with all mutants in them: %w\n%s", err, text)
	}
	return nil
}

// binary is where the go command puts the test binary of a folder: it is named by the last part of its import path.
func (b *builder) binary(folder string) string {
	return filepath.Join(b.dir, path.Base(path.Join(module, folder))+".test")
}

// measure runs a suite without a mutant. It must pass then.
func (b *builder) measure(ctx context.Context, s suite) (measured, error) {
	m := measured{suite: s, binary: b.binary(s.folder), dir: filepath.Join(b.root, filepath.FromSlash(s.folder))}
	if _, err := os.Stat(m.binary); err != nil {
		return m, fmt.Errorf("folder %s has no tests: %w", s.folder, err)
	}
	// The tests of properties draw the same each time, and write no file about what a mutant has done wrong. Only a binary that has such tests knows the flags.
	rapid := []string{"-rapid.seed=1", "-rapid.nofailfile"}
	if exec.CommandContext(ctx, m.binary, append(rapid, "-test.run=^$")...).Run() == nil {
		m.flags = rapid
	}
	var err error
	if s.by == byBehaviour {
		m.comePast, m.cost, err = m.trace(ctx)
	} else {
		m.cost, err = m.passes(ctx)
	}
	return m, err
}

// measureAll measures suites side by side.
func (b *builder) measureAll(ctx context.Context, list []suite, workers int) error {
	var mu sync.Mutex
	var problems []error
	each(workers, list, func(s suite) {
		m, err := b.measure(ctx, s)
		mu.Lock()
		defer mu.Unlock()
		b.suites[s] = m
		if err != nil {
			problems = append(problems, err)
		}
	})
	return errors.Join(problems...)
}

// each calls a function for every element of a list, a number of them side by side.
func each[T any](workers int, list []T, call func(T)) {
	var wg sync.WaitGroup
	todo := make(chan T)
	for range max(workers, 1) {
		wg.Go(func() {
			for one := range todo {
				call(one)
			}
		})
	}
	for _, one := range list {
		todo <- one
	}
	close(todo)
	wg.Wait()
}

// passes runs a suite without a mutant and says what it costs. The error says which test fails.
func (m measured) passes(ctx context.Context) (time.Duration, error) {
	took, err := m.start(ctx, "", "", baselineLimit)
	if err == nil && took.by != "" {
		err = fmt.Errorf("the tests of %s fail without a mutant: %s", m.suite, took.by)
	}
	return took.cost, err
}

// stillPass makes sure that the suites pass at the end too: the files that they read may have been edited meanwhile, or a test fails now and then.
func (b *builder) stillPass(ctx context.Context) error {
	for _, m := range b.suites {
		if _, err := m.passes(ctx); err != nil {
			return fmt.Errorf("nothing that this run says counts: %w", err)
		}
	}
	return nil
}

// suitesOf builds and measures what the mutants need, in the order in which it runs.
func (b *builder) suitesOf(ctx context.Context, kinds []kind, list []mutation, o options) (map[string][]measured, error) {
	wanted := map[string][]suite{}
	var folders []string
	var all []suite
	for _, k := range kinds {
		if !slices.ContainsFunc(list, func(m mutation) bool { return m.Kind == k.name }) {
			continue
		}
		for _, s := range k.suites {
			if s.long && !o.long {
				continue
			}
			wanted[k.name] = append(wanted[k.name], s)
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
			if !slices.Contains(folders, s.folder) {
				folders = append(folders, s.folder)
			}
		}
	}
	if err := errors.Join(b.build(ctx, folders), ctx.Err()); err != nil {
		return nil, err
	}
	if err := b.measureAll(ctx, all, o.workers); err != nil {
		return nil, err
	}
	out := map[string][]measured{}
	for name, suites := range wanted {
		for _, s := range suites {
			out[name] = append(out[name], b.suites[s])
		}
		byCost(out[name])
	}
	return out, nil
}
