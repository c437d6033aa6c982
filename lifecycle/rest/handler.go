package rest

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Handler is the http.Handler of a controller. Make one with New; it is safe for concurrent use.
type Handler struct {
	ctl    *lifecycle.Controller
	cfg    Config
	log    *slog.Logger
	api    huma.API
	mux    *http.ServeMux
	kinds  map[backend.Kind]*kindInfo
	params map[string]Params // by kind and type
	doc    []byte
	tail   *tail
	keys   keyLocks

	closing chan struct{}
	once    sync.Once
	streams chan struct{} // one token for each stream that is open
}

// New returns the handler of a controller. The error says what is wrong with the configuration, or with a route that Config.Register adds.
func New(ctl *lifecycle.Controller, cfg Config) (h *Handler, err error) {
	cfg, err = cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	h = &Handler{
		ctl: ctl, cfg: cfg, log: cfg.Logger, mux: http.NewServeMux(), kinds: map[backend.Kind]*kindInfo{}, params: map[string]Params{},
		tail: newTail(ctl.Store()), keys: keyLocks{seed: maphash.MakeSeed()}, closing: make(chan struct{}), streams: make(chan struct{}, cfg.MaxStreams),
	}
	for _, k := range ctl.Kinds() {
		h.kinds[k.Name()] = newKindInfo(k)
	}
	// Huma and the mux report a bad route by a panic.
	defer func() {
		if p := recover(); p != nil {
			h, err = nil, fmt.Errorf("rest: register routes: %v", p)
		}
	}()
	h.api = humago.New(h.mux, h.humaConfig())
	h.api.UseMiddleware(h.guard)
	h.register()
	if !cfg.NoPage {
		if err := h.registerPage(); err != nil {
			return nil, fmt.Errorf("rest: page: %w", err)
		}
	}
	if cfg.Register != nil {
		cfg.Register(h.api)
	}
	if err := h.describeParams(); err != nil {
		return nil, err
	}
	return h, h.finish()
}

// register adds the routes of this package.
func (h *Handler) register() {
	h.registerObjects()
	h.registerEdits()
	h.registerHealth()
	h.registerHistory()
	h.registerExplain()
	h.registerRequests()
	h.registerPost()
	h.registerKinds()
	h.registerEvents()
	h.registerLiveness()
}

// Document returns the OpenAPI document as JSON.
func (h *Handler) Document() []byte { return append([]byte(nil), h.doc...) }

// Close ends all streams of events, so that a server can shut down. It returns nil, and may be called twice.
func (h *Handler) Close() error {
	h.once.Do(func() { close(h.closing) })
	return nil
}

func (h *Handler) closed() bool {
	select {
	case <-h.closing:
		return true
	default:
		return false
	}
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sw := &statusWriter{ResponseWriter: w}
	begin := h.cfg.Clock.Now()
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p) //nolint:forbidigo // this is how net/http is told to drop the connection
			}
			h.log.LogAttrs(r.Context(), slog.LevelError, "handler panicked", slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			if sw.status == 0 {
				newProblem(TypeInternal, seeLog).write(sw)
			}
		}
		h.log.LogAttrs(r.Context(), slog.LevelDebug, "request", slog.String("method", r.Method), slog.String("path", r.URL.Path),
			slog.Int("status", sw.status), slog.Int64("bytes", sw.bytes), slog.Duration("took", h.cfg.Clock.Since(begin)))
	}()
	secure(sw.Header())
	if p := h.unroutable(r); p != nil {
		p.write(sw)
		return
	}
	h.mux.ServeHTTP(sw, r)
}

// secure sets the headers that every answer has. There is no Access-Control header: pages of other origins cannot read anything.
func secure(header http.Header) {
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
}

func (h *Handler) logError(ctx context.Context, what string, err error) {
	h.log.LogAttrs(ctx, slog.LevelError, what, slog.Any("error", err))
}

// statusWriter remembers what was sent.
type statusWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// Unwrap lets http.ResponseController find deadlines and flushes.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader remembers the status.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}
