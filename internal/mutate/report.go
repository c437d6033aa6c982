package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

const second = time.Second

// report prints one line for each mutant, and counts.
type report struct {
	out       io.Writer
	json      bool
	explained []*explanation
	results   []result
}

// print writes text for people.
func (r *report) print(format string, args ...any) {
	if !r.json {
		fmt.Fprintf(r.out, format, args...)
	}
}

// outcome is the word for what became of a mutant.
func (res result) outcome() string {
	switch {
	case res.Noticed != "":
		return res.Noticed
	case res.Explained != "":
		return "explained"
	default:
		return "LIVES"
	}
}

func (r *report) add(res result) {
	if res.Noticed == "" {
		res.Explained = explain(res.mutation, r.explained)
	}
	r.results = append(r.results, res)
	if r.json {
		text, err := json.Marshal(res)
		if err == nil {
			fmt.Fprintf(r.out, "%s\n", text)
		}
		return
	}
	note := ""
	if res.Note != "" {
		note = " (" + res.Note + ")"
	}
	who := res.Explained
	if res.Noticed != "" {
		who = res.Folder + " " + res.Test
	}
	fmt.Fprintf(r.out, "%-10s %s | %s%s | %s\n", res.outcome(), res.Name, res.key(), note, who)
}

// summary prints the counts of each class.
func (r *report) summary(took time.Duration) {
	if r.json {
		return
	}
	words := append(append([]string{}, notices...), "explained", "LIVES")
	table := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := "\nclass\tmutants\t"
	for _, w := range words {
		head += w + "\t"
	}
	fmt.Fprintln(table, head)
	for _, class := range append(append([]string{}, classes...), "all") {
		count, n := map[string]int{}, 0
		for _, res := range r.results {
			if class == "all" || res.Class == class {
				n++
				count[res.outcome()]++
			}
		}
		line := fmt.Sprintf("%s\t%d\t", class, n)
		for _, w := range words {
			line += fmt.Sprintf("%d\t", count[w])
		}
		fmt.Fprintln(table, line)
	}
	if err := table.Flush(); err == nil {
		fmt.Fprintf(r.out, "it took %s\n", took.Round(second))
	}
}

// verdict is an error when a mutant lives that is not explained, or, after a complete run, when an explanation is not needed.
func (r *report) verdict(complete bool) error {
	var problems []error
	for _, res := range r.results {
		if res.Noticed == "" && res.Explained == "" {
			problems = append(problems, fmt.Errorf("%s (%s): %w", res.Name, res.key(), errLives))
		}
	}
	if complete {
		for _, text := range unused(r.explained) {
			problems = append(problems, errors.New(text))
		}
	}
	return errors.Join(problems...)
}
