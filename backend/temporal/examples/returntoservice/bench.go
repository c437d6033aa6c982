package main

import (
	"context"
	"sync"

	"github.com/rackstate/rackstate/backend/temporal/journey"
)

// bench examines nodes: at first a fan is broken, later all is well. A real one starts a job under the key of the check, unless it runs already, and waits for it.
type bench struct {
	mu   sync.Mutex
	seen map[string]journey.Finding
}

// Diagnose runs diagnostics.
func (b *bench) Diagnose(_ context.Context, c journey.Check) (journey.Finding, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f, again := b.seen[c.Key]; again {
		return f, nil
	}
	f := journey.Finding{OK: len(b.seen) > 0}
	if !f.OK {
		f.Note = "fan 3 turns at 41 %"
	}
	if b.seen == nil {
		b.seen = map[string]journey.Finding{}
	}
	b.seen[c.Key] = f
	return f, nil
}

// Firmware validates firmware.
func (b *bench) Firmware(context.Context, journey.Check) (journey.Finding, error) {
	return journey.Finding{OK: true, Note: "bmc 1.3, bios 2.7"}, nil
}
