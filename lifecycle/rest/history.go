package rest

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rackstate/rackstate/backend"
)

// scanLimit is how many rows of history one request reads at most: a filter that nothing matches costs no more than that.
const scanLimit = 20_000

// scanBatch is how many rows are read from the store at a time.
const scanBatch = 1000

// RowFilter selects rows of history.
type RowFilter struct {
	Since     time.Time `query:"since" doc:"Only rows of this time or later."`
	Until     time.Time `query:"until" doc:"Only rows before this time."`
	Initiator string    `query:"initiator" maxLength:"256" doc:"Only rows that this initiator caused, with any reference."`
}

func (f RowFilter) selects(t *backend.Transition) bool {
	if !f.Since.IsZero() && t.At.Before(f.Since) || !f.Until.IsZero() && !t.At.Before(f.Until) {
		return false
	}
	return f.Initiator == "" || t.Initiator == f.Initiator || strings.HasPrefix(t.Initiator, f.Initiator+" (")
}

type listHistoryInput struct {
	PageQuery
	RowFilter
	Kind  string `query:"kind" maxLength:"64" doc:"Only rows of objects of this kind."`
	Rack  string `query:"rack" maxLength:"256" doc:"Only rows of this rack and of what is inside it."`
	After int64  `query:"after" minimum:"0" doc:"Only rows behind this position."`
}

type objectHistoryInput struct {
	RefPath
	PageQuery
	RowFilter
	Order string `query:"order" enum:"oldest,newest" default:"oldest" doc:"Which rows come first."`
}

// HistoryPage is a page of history.
type HistoryPage struct {
	Transitions []Transition `json:"transitions" nullable:"false"`
	Next        string       `json:"next,omitempty" doc:"The cursor of the next page. Absent: this is the last one. A page may be short, or empty, although it has a next."`
}

type historyOutput struct{ Body HistoryPage }

func (h *Handler) registerHistory() {
	huma.Register(h.api, operation("list-history", http.MethodGet, "/v1/history", tagHistory, "List the history of everything",
		"Oldest first, in the order in which the rows were committed.", Needs(Read), TypeUnknownKind), h.listHistory)
	huma.Register(h.api, operation("list-object-history", http.MethodGet, "/v1/objects/{kind}/{id}/history", tagHistory, "List the history of an object",
		"An unbroken chain, also of an object that is gone.", Needs(Read), TypeNotFound, TypeUnknownKind), h.objectHistory)
}

func (h *Handler) listHistory(ctx context.Context, in *listHistoryInput) (*historyOutput, error) {
	if in.Kind != "" {
		if _, err := h.knownKind(in.Kind); err != nil {
			return nil, err
		}
	}
	filter := digest("all", in.RowFilter, in.Kind, in.Rack, in.After)
	after, err := parseCursor[uint64](in.Cursor, filter)
	if err != nil {
		return nil, err
	}
	page, last, err := h.scan(ctx, backend.HistoryQuery{After: max(orZero(after), uint64(in.After))}, h.limit(in.PageQuery), func(t *backend.Transition) bool {
		return in.selects(t) && (in.Kind == "" || string(t.Ref.Kind) == in.Kind) && (in.Rack == "" || t.Rack == in.Rack)
	})
	return historyPage(page, last, filter, h.failed(err))
}

func (h *Handler) objectHistory(ctx context.Context, in *objectHistoryInput) (*historyOutput, error) {
	ref, err := h.ref(in.RefPath)
	if err != nil {
		return nil, err
	}
	// An object that is gone has a history still.
	if rows, err := h.ctl.Store().History(ctx, backend.HistoryQuery{Ref: ref, Limit: 1}); err != nil || len(rows) == 0 {
		if err == nil {
			err = newProblem(TypeNotFound, "there never was a "+ref.String())
		}
		return nil, h.failed(err)
	}
	filter := digest(ref.String(), in.RowFilter, in.Order)
	after, err := parseCursor[uint64](in.Cursor, filter)
	if err != nil {
		return nil, err
	}
	if in.Order == "newest" {
		page, last, err := h.newest(ctx, ref, after, h.limit(in.PageQuery), in.selects)
		return historyPage(page, last, filter, h.failed(err))
	}
	page, last, err := h.scan(ctx, backend.HistoryQuery{Ref: ref, After: orZero(after)}, h.limit(in.PageQuery), in.selects)
	return historyPage(page, last, filter, h.failed(err))
}

func historyPage(page []Transition, last uint64, filter string, err error) (*historyOutput, error) {
	if err != nil {
		return nil, err
	}
	out := &historyOutput{Body: HistoryPage{Transitions: page}}
	if last > 0 {
		out.Body.Next = cursor[uint64]{Filter: filter, Last: last}.String()
	}
	return out, nil
}

// scan reads history from a position on until the page is full, the history ends, or enough was read. It returns the position behind which the next page begins, zero
// when this is the last one.
func (h *Handler) scan(ctx context.Context, q backend.HistoryQuery, limit int, selects func(*backend.Transition) bool) (page []Transition, last uint64, err error) {
	page = []Transition{}
	for read := 0; ; {
		q.Limit = min(scanBatch, scanLimit-read+1)
		rows, err := h.ctl.Store().History(ctx, q)
		if err != nil {
			return nil, 0, err
		}
		for i := range rows {
			if read++; read > scanLimit {
				return page, q.After, nil
			}
			if selects(&rows[i]) {
				if len(page) == limit {
					return page, q.After, nil
				}
				page = append(page, transitionOf(&rows[i]))
			}
			q.After = rows[i].Position
		}
		if len(rows) < q.Limit {
			return page, 0, nil
		}
	}
}

// newest returns the last rows of an object, newest first. A store reads forward only; the chain of one object is short enough to be read as a whole.
func (h *Handler) newest(ctx context.Context, ref backend.Ref, before *uint64, limit int, selects func(*backend.Transition) bool) ([]Transition, uint64, error) {
	var kept []Transition // the last limit+1 rows
	for q := (backend.HistoryQuery{Ref: ref, Limit: scanBatch}); ; {
		rows, err := h.ctl.Store().History(ctx, q)
		if err != nil {
			return nil, 0, err
		}
		for i := range rows {
			if before != nil && rows[i].Position >= *before {
				rows = rows[:i]
				break
			}
			q.After = rows[i].Position
			if selects(&rows[i]) {
				kept = append(kept, transitionOf(&rows[i]))
			}
		}
		if over := len(kept) - limit - 1; over > 0 {
			kept = append(kept[:0], kept[over:]...)
		}
		if len(rows) < q.Limit {
			break
		}
	}
	page := make([]Transition, 0, limit)
	for i := len(kept) - 1; i >= 0 && len(page) < limit; i-- {
		page = append(page, kept[i])
	}
	if len(kept) <= limit {
		return page, 0, nil
	}
	return page, page[len(page)-1].Position, nil
}

func orZero[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}

// failed is Fail for an error that may be nil.
func (h *Handler) failed(err error) error {
	if err == nil {
		return nil
	}
	return Fail(h.ctl, err)
}
