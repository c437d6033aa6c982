package rest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// unroutable returns the problem of a request that no route takes. The mux would redirect paths that are not clean, and answer the rest in plain text.
func (h *Handler) unroutable(r *http.Request) *Problem {
	path := r.URL.EscapedPath()
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, s := range segments {
		if s == "." || s == ".." || s == "" && (i > 0 || len(segments) > 1) {
			return newProblem(TypeNoRoute, "the API has no path "+path)
		}
	}
	route, pattern := h.mux.Handler(r)
	if pattern != "" {
		return nil
	}
	probe := &headerWriter{header: http.Header{}}
	route.ServeHTTP(probe, r)
	if allow := probe.header.Get("Allow"); allow != "" {
		return newProblem(TypeMethod, fmt.Sprintf("%s has no method %s; it has %s", path, r.Method, allow)).header("Allow", allow)
	}
	return newProblem(TypeNoRoute, "the API has no path "+path)
}

// headerWriter keeps the headers of an answer that nobody gets.
type headerWriter struct{ header http.Header }

// Header returns the headers.
func (w *headerWriter) Header() http.Header { return w.header }

// Write drops the bytes.
func (w *headerWriter) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader drops the status.
func (w *headerWriter) WriteHeader(int) {}

// guard stands before every operation of the API: it says who asks, whether that is allowed, and reads the body, in this order.
func (h *Handler) guard(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	var id Identity
	if scope, guarded := needed(ctx.Operation()); guarded {
		var p *Problem
		if id, p = h.authorize(r, scope); p != nil {
			p.write(w)
			return
		}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.log.LogAttrs(r.Context(), slog.LevelInfo, "asked to change", slog.String("initiator", id.initiator()), slog.String("method", r.Method), slog.String("path", r.URL.Path))
	}
	if p := checkQuery(ctx.Operation(), r.URL.RawQuery); p != nil {
		p.write(w)
		return
	}
	if ctx.Operation().RequestBody != nil {
		if p := h.readBody(w, r); p != nil {
			p.write(w)
			return
		}
	}
	next(huma.WithValue(ctx, identityKey{}, id))
}

// checkQuery reports a query that huma would read in another way than it was meant: what cannot be decoded, has no value, or stands there twice counts as absent, and
// "?plan" would not be a plan.
func checkQuery(op *huma.Operation, raw string) *Problem {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return newProblem(TypeMalformed, "the query cannot be read: "+err.Error())
	}
	p := newProblem(TypeInvalid, "the query is not valid")
	for _, name := range slices.Sorted(maps.Keys(query)) {
		many := slices.ContainsFunc(op.Parameters, func(o *huma.Param) bool { return o.Name == name && o.In == "query" && o.Explode != nil && *o.Explode })
		switch {
		case slices.Contains(query[name], ""):
			p.Errors = append(p.Errors, FieldProblem{Location: "query." + name, Message: "it has no value; leave it out"})
		case len(query[name]) > 1 && !many:
			p.Errors = append(p.Errors, FieldProblem{Location: "query." + name, Message: "it is there more than once"})
		}
	}
	if len(p.Errors) == 0 {
		return nil
	}
	return p
}

// readBody replaces the body of a request by what was read of it. Huma would answer a body that breaks off with a server error.
func (h *Handler) readBody(w http.ResponseWriter, r *http.Request) *Problem {
	rc := http.NewResponseController(w)
	// A writer without deadlines is that of a test, which has the whole body.
	_ = rc.SetReadDeadline(h.cfg.Clock.Now().Add(h.cfg.BodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.cfg.MaxBody))
	_ = rc.SetReadDeadline(time.Time{})
	var large *http.MaxBytesError
	var slow net.Error
	switch {
	case errors.As(err, &large):
		return newProblem(TypeTooLarge, fmt.Sprintf("the body has more than %d bytes", h.cfg.MaxBody)).header("Connection", "close")
	case errors.As(err, &slow) && slow.Timeout():
		return newProblem(TypeTimeout, fmt.Sprintf("the body did not arrive within %s", h.cfg.BodyTimeout)).header("Connection", "close")
	case err != nil:
		return newProblem(TypeMalformed, "the body breaks off").header("Connection", "close")
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}
