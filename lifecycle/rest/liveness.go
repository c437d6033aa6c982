package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rackstate/rackstate/backend"
)

// Liveness says that the server works.
type Liveness struct {
	Status string `json:"status" enum:"ok"`
}

type livenessOutput struct{ Body Liveness }

func (h *Handler) registerLiveness() {
	huma.Register(h.api, operation("check-health", http.MethodGet, "/healthz", tagServer, "Check the server",
		"It answers, and so does its store.", Public(), TypeUnavailable),
		func(ctx context.Context, _ *struct{}) (*livenessOutput, error) {
			if _, err := h.ctl.Store().History(ctx, backend.HistoryQuery{Limit: 1}); err != nil {
				p := newProblem(TypeUnavailable, "the store does not answer").header("Retry-After", "5")
				p.cause = err
				return nil, p
			}
			return &livenessOutput{Body: Liveness{Status: "ok"}}, nil
		})
}
