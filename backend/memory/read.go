package memory

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/rackstate/rackstate/backend"
)

// Get returns the record of an object, see [backend.Store].
func (s *Store) Get(ctx context.Context, ref backend.Ref) (*backend.Record, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	stored := s.objects[ref]
	if stored == nil {
		return nil, fmt.Errorf("memory: %s: %w", ref, backend.ErrNotFound)
	}
	record := cloneRecord(stored)
	return &record, nil
}

// List returns the records that the query selects, see [backend.Store].
func (s *Store) List(ctx context.Context, q backend.Query) ([]backend.Record, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	from := s.objects
	if q.Rack != "" {
		from = s.racks[q.Rack]
	}
	var found []*backend.Record
	for _, r := range from {
		if selects(&q, r) {
			found = append(found, r)
		}
	}
	sort.Slice(found, func(i, j int) bool { return compare(found[i], found[j]) < 0 })
	found = found[:bound(len(found), q.Limit)]
	records := make([]backend.Record, len(found))
	for i, r := range found {
		records[i] = cloneRecord(r)
	}
	return records, nil
}

// selects reports whether a query selects a record.
func selects(q *backend.Query, r *backend.Record) bool {
	switch {
	case r.Gone():
		return false
	case q.Kind != "" && r.Ref.Kind != q.Kind:
		return false
	case q.StatePrefix != "" && r.State != q.StatePrefix && !strings.HasPrefix(r.State, q.StatePrefix+"/"):
		return false
	}
	return q.After == nil || compare(r, q.After) > 0
}

// compare orders records by rack, kind and id.
func compare(a, b *backend.Record) int {
	if c := strings.Compare(a.Rack, b.Rack); c != 0 {
		return c
	}
	return a.Ref.Compare(b.Ref)
}

// Requests returns the requests that the query selects, see [backend.Store].
func (s *Store) Requests(ctx context.Context, q backend.RequestQuery) ([]backend.Request, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	from := s.requests
	if !q.On.IsZero() {
		from = s.asked[q.On]
	}
	var requests []backend.Request
	for _, r := range from {
		if q.ID != "" && r.ID != q.ID || q.OpenOnly && !r.State.Open() {
			continue
		}
		requests = append(requests, cloneRequest(r))
		if len(requests) == q.Limit {
			break
		}
	}
	return requests, nil
}

// History returns the transitions that the query selects, see [backend.Store].
func (s *Store) History(ctx context.Context, q backend.HistoryQuery) ([]backend.Transition, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	if q.Ref.IsZero() {
		rows := s.history[min(q.After, uint64(len(s.history))):]
		return append([]backend.Transition(nil), rows[:bound(len(rows), q.Limit)]...), nil
	}
	chain := s.chains[q.Ref]
	chain = chain[sort.Search(len(chain), func(i int) bool { return chain[i] > q.After }):]
	rows := make([]backend.Transition, 0, bound(len(chain), q.Limit))
	for _, position := range chain[:bound(len(chain), q.Limit)] {
		rows = append(rows, s.history[position-1])
	}
	return rows, nil
}

// bound returns how many of n are asked for.
func bound(n, limit int) int {
	if limit > 0 && limit < n {
		return limit
	}
	return n
}
