package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
)

// The classes of mutants.
const (
	classRemove   = "remove"
	classRedirect = "redirect"
	classUnguard  = "unguard"
	classOrder    = "order"
	classDrop     = "drop"
)

var classes = []string{classRemove, classRedirect, classUnguard, classOrder, classDrop}

// mutation is one change that some test must notice.
type mutation struct {
	// Name is its place and class; it moves with the lines of the source.
	Name string `json:"name"`
	// Kind is the name of the package that it is in.
	Kind string `json:"kind"`
	// Class is one of classes.
	Class string `json:"class"`
	// Text says what it changes, in the words of the source. With the class it is what explained.txt names.
	Text string `json:"text"`
}

func (m mutation) String() string { return fmt.Sprintf("%-42s %s", m.Name, m.Text) }

// key is what explained.txt is compared with. It does not contain line numbers.
func (m mutation) key() string { return m.Kind + " " + m.Class + " " + m.Text }

// choose returns the mutants whose name, or kind, class and text, match, in their order.
func choose(all []mutation, kinds []string, only *regexp.Regexp) []mutation {
	var out []mutation
	for _, m := range all {
		if (len(kinds) == 0 || slices.Contains(kinds, m.Kind)) && (only.MatchString(m.Name) || only.MatchString(m.key())) {
			out = append(out, m)
		}
	}
	return out
}

// sample draws n mutants, in their order: as many of each kind and class as their share is.
func sample(all []mutation, n int, seed uint64) []mutation {
	if n <= 0 || n >= len(all) {
		return all
	}
	// One out of each n-th part of the list, which is sorted by kind and class, is even by itself.
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b mutation) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Class, b.Class))
	})
	draw := rand.New(rand.NewPCG(seed, uint64(len(all))))
	var out []mutation
	for i := range n {
		from, to := i*len(sorted)/n, (i+1)*len(sorted)/n
		out = append(out, sorted[from+draw.IntN(to-from)])
	}
	return out
}

// checkUnique makes sure that a name selects one mutant.
func checkUnique(all []mutation) error {
	seen := map[string]bool{}
	for _, m := range all {
		if seen[m.Name] {
			return fmt.Errorf("two mutants are called %s", m.Name)
		}
		seen[m.Name] = true
	}
	return nil
}
