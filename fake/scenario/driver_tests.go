package scenario

import (
	"context"
	"strings"

	"github.com/rackstate/rackstate/backend"
)

// validationPoll is the call that polls the tests of machines.
const validationPoll = "ValidationJob"

// MatchSKU finds the SKU that the script names; a host is as its SKU says unless the script lists differences.
func (h *hardware) MatchSKU(_ context.Context, d backend.Device, assigned string, _ map[string]string) (backend.SKUMatch, error) {
	found, err := read(h, "MatchSKU", []backend.Device{d}, func(_ backend.Device, report *Datum) (backend.SKUMatch, bool) {
		match := backend.SKUMatch{SKU: assigned}
		if report == nil {
			return match, true
		}
		if assigned == "" {
			match.SKU = report.Map["sku"]
		}
		match.Missing = report.Map["missing"] == "true"
		if differences := report.Map["differences"]; differences != "" {
			match.Differences = strings.Split(differences, ", ")
		}
		return match, true
	})
	return found[d.Ref], oneDevice(err)
}

// ValidateMachine begins the tests of a machine.
func (h *hardware) ValidateMachine(_ context.Context, key string, d backend.Device) (string, error) {
	got, err := h.act("ValidateMachine", key, d.Rack, []backend.Device{d}, func(r reply, accepted []backend.Device) any {
		return h.begin(validationPoll, r, accepted)[d.Ref]
	})
	id, _ := got.(string)
	return id, oneDevice(err)
}

// ValidationJob polls the tests of a machine.
func (h *hardware) ValidationJob(_ context.Context, job backend.Job) (backend.JobStatus, error) {
	found, err := h.poll(validationPoll, []backend.Job{job})
	return found[job.Device], oneDevice(err)
}
