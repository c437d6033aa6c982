package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/danielgtaylor/huma/v2"

	"github.com/rackstate/rackstate/backend"
)

// Config says what is served and to whom. Authorizer is required; the rest has defaults.
type Config struct {
	// Authorizer says who may do what.
	Authorizer Authorizer
	// Title and Version are shown in the OpenAPI document. Default: "rackstate" and "1".
	Title, Version string
	// Feed wakes the streams of events. Default: one that only polls, see Poll.
	Feed *Feed
	// Planner makes plans of requests. Default: none, and plans are answered with TypeNotImplemented.
	Planner Planner
	// Params describe the parameters of requests, so that they stand in the document and unknown members are refused. Parameters of other requests are passed on as they are.
	Params []Params
	// Register adds routes of the host to the API and its document, with the same authorisation and problems. See Needs and Public.
	Register func(api huma.API)
	// NoPage leaves the web page at / out.
	NoPage bool

	// MaxBody is how many bytes the body of a request may have. Default: 1 MiB.
	MaxBody int64
	// BodyTimeout is within which time a body must arrive. Default: 10 s.
	BodyTimeout time.Duration
	// MaxPage is how many entries a page may have at most. Default: 1000.
	MaxPage int
	// MaxStreams is how many clients may follow events at the same time. Default: 256.
	MaxStreams int
	// Heartbeat is after which time of silence a stream carries a sign of life. Default: 15 s.
	Heartbeat time.Duration
	// Poll is after which time a stream looks for new history without being woken: other processes write too. Default: 2 s.
	Poll time.Duration
	// WriteTimeout is after which time a client of a stream that takes nothing is disconnected. Default: 10 s.
	WriteTimeout time.Duration
	// Clock is where time comes from for all of these. Default: the system's clock.
	Clock clock.Clock
	// Logger receives one record for each request, and what went wrong inside. Default: slog.Default().
	Logger *slog.Logger
}

// Params describes the parameters of one type of request.
type Params struct {
	Kind backend.Kind
	Type string
	// Value is a value of the struct that the kind decodes the parameters into.
	Value any
}

// strict decodes the parameters and returns what is wrong with them.
func (p Params) strict(raw json.RawMessage) error {
	if len(raw) == 0 {
		return nil
	}
	return decodeStrict(raw, reflect.New(reflect.TypeOf(p.Value)).Interface())
}

// withDefaults returns a copy with every unset field at its default.
func (c Config) withDefaults() (Config, error) {
	if c.Authorizer == nil {
		return c, errors.New("rest config: Authorizer is missing; use NewStaticTokens, or an Authorizer of your own")
	}
	for i, p := range c.Params {
		if p.Value == nil || reflect.TypeOf(p.Value).Kind() != reflect.Struct {
			return c, fmt.Errorf("rest config: Params[%d] (%s of %s): the value is a %T, must be a struct", i, p.Type, p.Kind, p.Value)
		}
	}
	for _, n := range [...]struct {
		name  string
		value int64
	}{
		{"MaxBody", c.MaxBody},
		{"MaxPage", int64(c.MaxPage)},
		{"MaxStreams", int64(c.MaxStreams)},
		{"BodyTimeout", int64(c.BodyTimeout)},
		{"Heartbeat", int64(c.Heartbeat)},
		{"Poll", int64(c.Poll)},
		{"WriteTimeout", int64(c.WriteTimeout)},
	} {
		if n.value < 0 {
			return c, fmt.Errorf("rest config: %s is negative", n.name)
		}
	}
	orText(&c.Title, "rackstate")
	orText(&c.Version, "1")
	orNumber(&c.MaxBody, 1<<20)
	orNumber(&c.BodyTimeout, 10*time.Second)
	orNumber(&c.MaxPage, 1000)
	orNumber(&c.MaxStreams, 256)
	orNumber(&c.Heartbeat, 15*time.Second)
	orNumber(&c.Poll, 2*time.Second)
	orNumber(&c.WriteTimeout, 10*time.Second)
	if c.Clock == nil {
		c.Clock = clock.New()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Feed == nil {
		c.Feed = NewFeed(nil)
	}
	return c, nil
}

func orText(s *string, v string) {
	if *s == "" {
		*s = v
	}
}

func orNumber[N ~int | ~int64](n *N, v N) {
	if *n == 0 {
		*n = v
	}
}
