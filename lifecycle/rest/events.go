package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/rackstate/rackstate/backend"
)

type eventsInput struct {
	Kind  string `query:"kind" maxLength:"64" doc:"Only transitions of objects of this kind."`
	Rack  string `query:"rack" maxLength:"256" doc:"Only transitions of this rack and of what is inside it."`
	After string `query:"after" pattern:"^[0-9]{1,19}$" doc:"Begin behind this position; 0 is the beginning. Absent: begin now."`
	Last  string `header:"Last-Event-ID" pattern:"^[0-9]{1,19}$" doc:"The id of the last event that was seen; it goes before after."`
}

type eventsOutput struct{ Body func(huma.Context) }

const eventsDoc = "Server-sent events. The first is `ready`, with the position from which on the stream is complete. Every row of history behind it follows as a `transition`, whose data " +
	"is a Transition and whose id is its position, in order and without gaps. In silence there are comments as signs of life. A client that takes nothing for a while is disconnected; it sends the last id " +
	"as Last-Event-ID and misses nothing."

func (h *Handler) registerEvents() {
	op := operation("follow-events", http.MethodGet, "/v1/events", tagHistory, "Follow what happens", eventsDoc, Needs(Read), TypeUnknownKind)
	op.Responses["200"] = textResponse(eventStream, "A stream that does not end.")
	// The document names the type of what the events carry.
	op.Responses["200"].Content[eventStream].Schema.Description = "The data of a transition event is a #/components/schemas/Transition."
	huma.Register(h.api, op, h.follow)
}

const eventStream = "text/event-stream"

// gather is how long a woken stream waits for more of the same burst.
const gather = 20 * time.Millisecond

// chunk is about how many bytes are written under one deadline.
const chunk = 32 << 10

func (h *Handler) follow(ctx context.Context, in *eventsInput) (*eventsOutput, error) {
	if in.Kind != "" {
		if _, err := h.knownKind(in.Kind); err != nil {
			return nil, err
		}
	}
	from, err := h.begin(ctx, in)
	if err != nil {
		return nil, err
	}
	return &eventsOutput{Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		select {
		case h.streams <- struct{}{}:
			defer func() { <-h.streams }()
		default:
			newProblem(TypeUnavailable, "too many clients follow already; try again").header("Retry-After", "10").write(w)
			return
		}
		s := &stream{h: h, w: w, rc: http.NewResponseController(w), in: in, position: from}
		s.run(r)
	}}, nil
}

// begin says behind which position a stream begins.
func (h *Handler) begin(ctx context.Context, in *eventsInput) (uint64, error) {
	where, text := "header.Last-Event-ID", in.Last
	if text == "" {
		where, text = "query.after", in.After
	}
	if text == "" {
		head, err := h.tail.head(ctx)
		return head, h.failed(err)
	}
	from, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, invalid(where, "it is no position")
	}
	known, err := h.tail.known(ctx, from)
	if err == nil && !known {
		return 0, invalid(where, "this history does not reach so far; begin without one and read everything again")
	}
	return from, h.failed(err)
}

// stream is one client that follows. It runs in the goroutine of its request, and its only buffer is one chunk: what the client has not taken yet stays in the store.
type stream struct {
	h        *Handler
	w        http.ResponseWriter
	rc       *http.ResponseController
	in       *eventsInput
	position uint64
	buf      bytes.Buffer
	written  time.Time
}

func (s *stream) run(r *http.Request) {
	header := s.w.Header()
	header.Set("Content-Type", eventStream)
	header.Set("X-Accel-Buffering", "no") // a proxy must not collect
	s.w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	_ = s.rc.SetReadDeadline(time.Time{}) // that of the server would end the stream; a writer of a test has none
	fmt.Fprintf(&s.buf, "retry: 2000\nevent: ready\nid: %d\ndata: {\"position\":%d}\n\n", s.position, s.position)
	if s.flush() != nil {
		return
	}
	for !s.h.closed() {
		changed := s.h.cfg.Feed.changed()
		more, err := s.send(r.Context())
		if err != nil {
			if r.Context().Err() == nil {
				s.h.log.DebugContext(r.Context(), "stream ends", "error", err)
			}
			return
		}
		if !more && !s.wait(r.Context(), changed) {
			return
		}
	}
}

// send writes the rows that the client has not got. It reports whether there were any.
func (s *stream) send(ctx context.Context) (bool, error) {
	rows, err := s.h.tail.after(ctx, s.position)
	if err != nil {
		return false, err
	}
	for i := range rows {
		s.position = rows[i].Position
		if s.selects(&rows[i]) {
			if err := s.event(&rows[i]); err != nil {
				return false, err
			}
		}
		if s.buf.Len() >= chunk {
			if err := s.flush(); err != nil {
				return false, err
			}
		}
	}
	return len(rows) > 0, s.flush()
}

func (s *stream) selects(t *backend.Transition) bool {
	return (s.in.Kind == "" || string(t.Ref.Kind) == s.in.Kind) && (s.in.Rack == "" || t.Rack == s.in.Rack)
}

func (s *stream) event(t *backend.Transition) error {
	data, err := json.Marshal(transitionOf(t)) // one line: JSON has no line breaks inside
	if err != nil {
		return err
	}
	fmt.Fprintf(&s.buf, "event: transition\nid: %d\ndata: %s\n\n", t.Position, data)
	return nil
}

// flush hands over what was collected. A client that takes nothing until the deadline is gone.
func (s *stream) flush() error {
	if s.buf.Len() == 0 {
		return nil
	}
	s.written = s.h.cfg.Clock.Now()
	_ = s.rc.SetWriteDeadline(s.written.Add(s.h.cfg.WriteTimeout)) // a writer of a test has none
	if _, err := s.buf.WriteTo(s.w); err != nil {
		return err
	}
	return s.rc.Flush()
}

// wait waits for something new, and says now and then that the stream is alive. It reports whether the stream goes on.
func (s *stream) wait(ctx context.Context, changed <-chan struct{}) bool {
	clk, cfg := s.h.cfg.Clock, &s.h.cfg
	quiet := clk.Since(s.written)
	if quiet >= cfg.Heartbeat {
		// The id moves on although nothing is selected, so that a resumed stream does not read it all again.
		fmt.Fprintf(&s.buf, ": alive\nid: %d\n\n", s.position)
		if s.flush() != nil {
			return false
		}
		quiet = 0
	}
	timer := clk.Timer(min(cfg.Poll, cfg.Heartbeat-quiet))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-s.h.closing:
		return false
	case <-timer.C:
		return true
	case <-changed:
	}
	burst := clk.Timer(gather)
	defer burst.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-s.h.closing:
		return false
	case <-burst.C:
		return true
	}
}
