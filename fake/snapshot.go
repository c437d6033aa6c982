package fake

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/rackstate/rackstate/backend"
)

// snapshot is all that a site is, apart from its configuration and the log of calls.
type snapshot struct {
	Devices  []*state       `json:"devices"`
	Switches map[string]int `json:"switches,omitempty"`
	Faults   []armed        `json:"faults,omitempty"`
	// FaultCount numbers the next fault.
	FaultCount int           `json:"fault_count,omitempty"`
	Runs       []*run        `json:"runs,omitempty"`
	Doubles    []DoubleStart `json:"double_starts,omitempty"`
}

// Snapshot returns the state of the whole site as JSON: devices, jobs, answers by key, faults with their counts, validations. The log of
// calls is not in it. No other call may be running. Equal states give equal bytes.
func (h *Hardware) Snapshot() ([]byte, error) {
	s := snapshot{Switches: h.switches, FaultCount: h.faultCount, Doubles: h.DoubleStarts()}
	for _, d := range h.all() {
		d.settle(h.now())
		s.Devices = append(s.Devices, &d.state)
	}
	if faults := h.faults.Load(); faults != nil {
		s.Faults = *faults
	}
	for _, rack := range slices.Sorted(maps.Keys(h.service.runs)) {
		s.Runs = append(s.Runs, h.service.runs[rack])
	}
	return json.Marshal(s)
}

// Restore makes the site what Snapshot has returned; what it was before is gone. The configuration must be the one that the
// snapshot was made with. No other call may be running. On an error nothing has changed. A site with a journal cannot be restored.
func (h *Hardware) Restore(raw []byte) error {
	if h.journal != nil {
		return fmt.Errorf("restore: the site has a journal, which would not tell it")
	}
	var s snapshot
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := s.check(); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	h.empty()
	for _, st := range s.Devices {
		d := h.newDevice(*st)
		d.restoreIndex()
		h.shardOf(d.Device.Ref).devices[d.Device.Ref] = d
	}
	maps.Copy(h.switches, s.Switches)
	h.faultCount = s.FaultCount
	h.faults.Store(nil)
	if len(s.Faults) > 0 {
		h.faults.Store(&s.Faults)
	}
	for _, r := range s.Runs {
		h.service.put(r)
	}
	h.counts = counts{doubles: s.Doubles}
	return nil
}

// check looks for what no site is, and what would stop one.
func (s *snapshot) check() error {
	for i, d := range s.Devices {
		if d == nil {
			return fmt.Errorf("device %d is nothing", i+1)
		}
		if _, err := backend.ParseRef(d.Device.Ref.String()); err != nil {
			return fmt.Errorf("device %d: %w", i+1, err)
		}
	}
	for i, r := range s.Runs {
		if r == nil || r.Acked < 0 || r.Acked > len(r.Events) {
			return fmt.Errorf("validation %d has come to none of its events", i+1)
		}
	}
	return nil
}

// replayed hands out again what the host may not have seen when its process ended.
func (s *service) replayed() {
	for _, r := range slices.Collect(maps.Values(s.runs)) {
		s.put(r)
	}
	s.handed = nil
}
