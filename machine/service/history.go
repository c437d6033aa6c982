package service

import (
	"context"
	"fmt"
	"time"

	"github.com/rackstate/rackstate/backend"
)

// timeForm is how times are written for people.
const timeForm = time.RFC3339

// HistoryFilter selects rows of the history of a node. The zero value selects all.
type HistoryFilter struct {
	// Since and Until bound the time: at or after the one, before the other. Zero: no bound.
	Since, Until time.Time
	// Initiators are patterns in which * stands for any text and ? for one character; a row is selected when one fits. Empty: all.
	Initiators []string
	// After continues behind an earlier page, see HistoryPage.Next. Limit bounds the number of rows. Zero: no bound.
	After uint64
	Limit int
}

func (f *HistoryFilter) selects(t *backend.Transition) bool {
	return !t.At.Before(f.Since) && (f.Until.IsZero() || t.At.Before(f.Until)) && (len(f.Initiators) == 0 || matchesAny(f.Initiators, t.Initiator))
}

// HistoryPage is a part of the history of a node, oldest first.
type HistoryPage struct {
	Entries []Entry `json:"entries"`
	// Next is HistoryFilter.After of the page that follows, zero when this is the last one.
	Next uint64 `json:"next,omitempty"`
}

// historyChunk is how many rows are read from the store at a time.
const historyChunk = 256

// History returns the rows of the history of a node that the filter selects; that of a node that is gone too. The error is a *RefusedError with ErrUnknownNode when
// there never was one of that name, or what the store said.
func (s *Service) History(ctx context.Context, node string, f HistoryFilter) (HistoryPage, error) {
	page := HistoryPage{Entries: []Entry{}}
	query := backend.HistoryQuery{Ref: Ref(node), After: f.After, Limit: historyChunk}
	for {
		rows, err := s.ctl.Store().History(ctx, query)
		if err != nil {
			return HistoryPage{}, fmt.Errorf("history of node %s: %w", node, err)
		}
		if len(rows) == 0 && query.After == 0 {
			return HistoryPage{}, unknown(node, "")
		}
		for i := range rows {
			if !f.selects(&rows[i]) {
				continue
			}
			if f.Limit > 0 && len(page.Entries) == f.Limit { // one more than fits: there is a next page
				page.Next = query.After
				return page, nil
			}
			page.Entries = append(page.Entries, entry(&rows[i]))
			query.After = rows[i].Position
		}
		if len(rows) < query.Limit {
			return page, nil
		}
		query.After = rows[len(rows)-1].Position
	}
}

// rows returns the whole history of a node.
func (s *Service) rows(ctx context.Context, node string) ([]backend.Transition, error) {
	rows, err := s.ctl.History(ctx, Ref(node))
	if err != nil {
		return nil, fmt.Errorf("history of node %s: %w", node, err)
	}
	return rows, nil
}

// row returns one row of the history of a node.
func (s *Service) row(ctx context.Context, node string, seq uint64) (*Entry, error) {
	rows, err := s.rows(ctx, node)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if rows[i].Seq == seq {
			e := entry(&rows[i])
			return &e, nil
		}
	}
	return nil, fmt.Errorf("history of node %s has no row %d: %w", node, seq, backend.ErrCorrupt)
}
