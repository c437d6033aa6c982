package witness

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rackstate/rackstate/backend"
)

// contents are all that a store holds, a line for each thing. The error says that it cannot be read, or that a history is no unbroken chain.
func contents(ctx context.Context, store backend.CursorStore, cursors []string) ([]string, error) {
	var lines []string
	add := func(what string, one any) error {
		text, err := json.Marshal(one)
		lines = append(lines, what+" "+string(text))
		return err
	}
	history, err := store.History(ctx, backend.HistoryQuery{})
	if err != nil {
		return nil, err
	}
	last, err := chains(history)
	if err != nil {
		return nil, err
	}
	for _, row := range history {
		row.Position = 0 // it may have gaps
		if err := add("row", row); err != nil {
			return nil, err
		}
	}
	records, err := everyRecord(ctx, store, last)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if end := last[r.Ref]; end.To != r.State || end.Seq != r.Transitions {
			return nil, fmt.Errorf("%s is in %q after %d transitions, its history ends with %+v", r.Ref, r.State, r.Transitions, end)
		}
		if err := add("record", r); err != nil {
			return nil, err
		}
	}
	requests, err := store.Requests(ctx, backend.RequestQuery{})
	if err != nil {
		return nil, err
	}
	for _, r := range requests {
		if err := add("request", r); err != nil {
			return nil, err
		}
	}
	for _, name := range cursors {
		at, err := store.Cursor(ctx, name)
		if err != nil && !errors.Is(err, backend.ErrNotFound) {
			return nil, err
		}
		lines = append(lines, fmt.Sprintf("cursor %s %d", name, at))
	}
	return lines, nil
}

// chains checks that every history is an unbroken chain, and returns their ends.
func chains(history []backend.Transition) (map[backend.Ref]backend.Transition, error) {
	last := map[backend.Ref]backend.Transition{}
	position := uint64(0)
	for _, row := range history {
		before := last[row.Ref]
		if row.Seq != before.Seq+1 || row.From != before.To || row.At.Before(before.At) || row.Position <= position {
			return nil, fmt.Errorf("the history of %s is broken: %+v after %+v", row.Ref, row, before)
		}
		last[row.Ref], position = row, row.Position
	}
	return last, nil
}

// everyRecord returns all records, tombstones too. Every object has a history, so that is where their names are found.
func everyRecord(ctx context.Context, store backend.Store, named map[backend.Ref]backend.Transition) ([]backend.Record, error) {
	records, err := store.List(ctx, backend.Query{})
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if _, known := named[r.Ref]; !known {
			return nil, fmt.Errorf("%s has no history", r.Ref)
		}
	}
	for ref, end := range named {
		if end.To != "" {
			continue
		}
		r, err := store.Get(ctx, ref)
		if err != nil {
			return nil, fmt.Errorf("the tombstone of %s: %w", ref, err)
		}
		records = append(records, *r)
	}
	slices.SortFunc(records, func(a, b backend.Record) int { return a.Ref.Compare(b.Ref) })
	return records, nil
}

// fingerprint is short for lines.
func fingerprint(lines []string) string {
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return string(sum[:])
}

// differ says what is missing, and what is too much.
func differ(want, got []string) error {
	var text strings.Builder
	list := func(what string, from, to []string) {
		there := map[string]bool{}
		for _, line := range to {
			there[line] = true
		}
		n := 0
		for _, line := range from {
			if there[line] {
				continue
			}
			if n++; n <= 5 {
				fmt.Fprintf(&text, "\n  %s %.600s", what, line)
			}
		}
		if n > 5 {
			fmt.Fprintf(&text, "\n  %s %d more", what, n-5)
		}
	}
	list("missing:", want, got)
	list("too much:", got, want)
	if text.Len() == 0 {
		text.WriteString(" the same in another order")
	}
	return errors.New("the store holds something else than it must:" + text.String())
}
