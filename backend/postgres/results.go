package postgres

import (
	"encoding/json"

	"github.com/rackstate/rackstate/backend"
)

// storedResult is the stored form of a result. The names must not change. Kind and id of the target are apart, so that every target comes
// back as it was, also one whose text form would be refused.
type storedResult struct {
	Kind      backend.Kind         `json:"kind"`
	ID        string               `json:"id"`
	Activity  string               `json:"activity,omitempty"`
	Status    backend.ResultStatus `json:"status"`
	From      string               `json:"from,omitempty"`
	To        string               `json:"to,omitempty"`
	JobID     string               `json:"job_id,omitempty"`
	Error     string               `json:"error,omitempty"`
	Retryable bool                 `json:"retryable,omitempty"`
}

// encodeResults returns the stored form of results, nil for none.
func encodeResults(results []backend.Result) ([]byte, error) {
	if len(results) == 0 {
		return nil, nil
	}
	stored := make([]storedResult, len(results))
	for i, r := range results {
		stored[i] = storedResult{
			Kind: r.Target.Kind, ID: r.Target.ID, Activity: r.Activity, Status: r.Status, From: r.From, To: r.To,
			JobID: r.JobID, Error: r.Error, Retryable: r.Retryable,
		}
	}
	return json.Marshal(stored)
}

// decodeResults is the reverse.
func decodeResults(text []byte) ([]backend.Result, error) {
	if text == nil {
		return nil, nil
	}
	var stored []storedResult
	if err := json.Unmarshal(text, &stored); err != nil {
		return nil, err
	}
	results := make([]backend.Result, len(stored))
	for i, r := range stored {
		results[i] = backend.Result{
			Target: backend.Ref{Kind: r.Kind, ID: r.ID}, Activity: r.Activity, Status: r.Status, From: r.From, To: r.To,
			JobID: r.JobID, Error: r.Error, Retryable: r.Retryable,
		}
	}
	return results, nil
}
