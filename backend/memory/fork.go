package memory

import (
	"maps"
	"slices"

	"github.com/rackstate/rackstate/backend"
)

// Fork returns a store that holds the same, and goes a way of its own from here: neither sees what is written to the other. Leases, watchers and the lease clock are not
// taken along. What is never changed again is shared, so forks are cheap: explorers make one for every step that they try.
func (s *Store) Fork() *Store {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f := &Store{
		closed: s.closed, objects: make(map[backend.Ref]*backend.Record, len(s.objects)), racks: make(map[string]map[backend.Ref]*backend.Record, len(s.racks)),
		history: slices.Clip(s.history), chains: make(map[backend.Ref][]uint64, len(s.chains)),
		requests: make([]*backend.Request, len(s.requests)), asked: make(map[backend.Ref][]*backend.Request, len(s.asked)), cursors: maps.Clone(s.cursors),
	}
	for rack, members := range s.racks {
		f.racks[rack] = make(map[backend.Ref]*backend.Record, len(members))
	}
	for ref, r := range s.objects { // write replaces what a record points to, so a copy of the record is enough
		own := *r
		f.objects[ref], f.racks[r.Rack][ref] = &own, &own
	}
	for ref, positions := range s.chains {
		f.chains[ref] = slices.Clip(positions)
	}
	for i, r := range s.requests { // an update replaces what a request points to as well
		own := *r
		f.requests[i] = &own
		f.asked[r.On] = append(f.asked[r.On], &own)
	}
	return f
}
