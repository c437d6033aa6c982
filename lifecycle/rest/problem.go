package rest

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// ProblemType says what a problem is about. The URIs are stable: a client decides by them.
type ProblemType string

// The problem types, one for each decision that a client can take.
const (
	// TypeMalformed: the request cannot be read. Correct it.
	TypeMalformed ProblemType = "urn:rackstate:problem:malformed"
	// TypeInvalid: a parameter or the body is not as the document says. Correct it.
	TypeInvalid ProblemType = "urn:rackstate:problem:invalid"
	// TypeUnauthenticated: send a valid credential.
	TypeUnauthenticated ProblemType = "urn:rackstate:problem:unauthenticated"
	// TypeForbidden: the identity lacks a scope.
	TypeForbidden ProblemType = "urn:rackstate:problem:forbidden"
	// TypeNotFound: there is no such thing.
	TypeNotFound ProblemType = "urn:rackstate:problem:not-found"
	// TypeNoRoute: the API has no such path.
	TypeNoRoute ProblemType = "urn:rackstate:problem:no-route"
	// TypeMethod: the path has no such method. Allow lists those that it has.
	TypeMethod ProblemType = "urn:rackstate:problem:method-not-allowed"
	// TypeUnknownKind: the controller has no such kind. Member known lists those that it has.
	TypeUnknownKind ProblemType = "urn:rackstate:problem:unknown-kind"
	// TypeUnknownRequest: the kind has no such type of request. Member known lists those that it has.
	TypeUnknownRequest ProblemType = "urn:rackstate:problem:unknown-request-type"
	// TypeRejected: the object refuses what was asked, in the state in which it is. Member reasons says why, accepts and permitted say what it would take.
	TypeRejected ProblemType = "urn:rackstate:problem:rejected"
	// TypeNotPermitted: the table has no such move from the object's state. Member permitted lists those that it has.
	TypeNotPermitted ProblemType = "urn:rackstate:problem:not-permitted"
	// TypePrecondition: the object has another version than If-Match says. Read it again and decide again.
	TypePrecondition ProblemType = "urn:rackstate:problem:precondition-failed"
	// TypeConflict: others wrote first, many times. Try again.
	TypeConflict ProblemType = "urn:rackstate:problem:conflict"
	// TypeExists: a thing of that name exists already.
	TypeExists ProblemType = "urn:rackstate:problem:exists"
	// TypeKeyReused: the idempotency key was used for something else. Use another one.
	TypeKeyReused ProblemType = "urn:rackstate:problem:idempotency-key-reused"
	// TypeTooLarge: the body is larger than the limit.
	TypeTooLarge ProblemType = "urn:rackstate:problem:too-large"
	// TypeTimeout: the body did not arrive in time.
	TypeTimeout ProblemType = "urn:rackstate:problem:timeout"
	// TypeMediaType: the body is of a type that is not read here.
	TypeMediaType ProblemType = "urn:rackstate:problem:unsupported-media-type"
	// TypeBroken: the object's record cannot be understood. A person must repair, migrate or purge it.
	TypeBroken ProblemType = "urn:rackstate:problem:broken-record"
	// TypeNotImplemented: this server has no such function.
	TypeNotImplemented ProblemType = "urn:rackstate:problem:not-implemented"
	// TypeUnavailable: not now. Try again.
	TypeUnavailable ProblemType = "urn:rackstate:problem:unavailable"
	// TypeInternal: a mistake of the server. The log says more.
	TypeInternal ProblemType = "urn:rackstate:problem:internal"
)

// problemInfo holds the status and title of each type.
func problemInfo(t ProblemType) (status int, title string) {
	switch t {
	case TypeMalformed:
		return http.StatusBadRequest, "The request cannot be read"
	case TypeInvalid:
		return http.StatusUnprocessableEntity, "The request is not valid"
	case TypeUnauthenticated:
		return http.StatusUnauthorized, "A valid credential is needed"
	case TypeForbidden:
		return http.StatusForbidden, "A scope is missing"
	case TypeNotFound:
		return http.StatusNotFound, "Not found"
	case TypeNoRoute:
		return http.StatusNotFound, "No such path"
	case TypeMethod:
		return http.StatusMethodNotAllowed, "No such method here"
	case TypeUnknownKind:
		return http.StatusNotFound, "Unknown kind"
	case TypeUnknownRequest:
		return http.StatusUnprocessableEntity, "Unknown type of request"
	case TypeRejected:
		return http.StatusConflict, "The object refuses"
	case TypeNotPermitted:
		return http.StatusConflict, "Not permitted in this state"
	case TypePrecondition:
		return http.StatusPreconditionFailed, "The object has another version"
	case TypeConflict:
		return http.StatusConflict, "Others wrote first"
	case TypeExists:
		return http.StatusConflict, "Exists already"
	case TypeKeyReused:
		return http.StatusUnprocessableEntity, "The idempotency key was used for something else"
	case TypeTooLarge:
		return http.StatusRequestEntityTooLarge, "The body is too large"
	case TypeTimeout:
		return http.StatusRequestTimeout, "The body did not arrive in time"
	case TypeMediaType:
		return http.StatusUnsupportedMediaType, "The body is of a type that is not read here"
	case TypeBroken:
		return http.StatusConflict, "The record cannot be understood"
	case TypeNotImplemented:
		return http.StatusNotImplemented, "This server has no such function"
	case TypeUnavailable:
		return http.StatusServiceUnavailable, "Not now"
	default:
		return http.StatusInternalServerError, "A mistake of the server"
	}
}

// Problem is an error as the client sees it: a problem detail of RFC 9457. A handler of Config.Register may return one as its error.
type Problem struct {
	Type      ProblemType    `json:"type" format:"uri" doc:"What the problem is about. Decide by this."`
	Title     string         `json:"title" doc:"The same for every problem of the type."`
	Status    int            `json:"status" minimum:"400" maximum:"599" doc:"The HTTP status."`
	Detail    string         `json:"detail,omitempty" doc:"What happened this time, for people."`
	Errors    []FieldProblem `json:"errors,omitempty" nullable:"false" doc:"The parts of the request that are not valid."`
	State     string         `json:"state,omitempty" doc:"The state of the object that refuses."`
	Reasons   []string       `json:"reasons,omitempty" nullable:"false" doc:"Why it refuses, all reasons."`
	Accepts   []string       `json:"accepts,omitempty" nullable:"false" doc:"The types of request that it takes now."`
	Permitted []string       `json:"permitted,omitempty" nullable:"false" doc:"The triggers that its table permits now."`
	Known     []string       `json:"known,omitempty" nullable:"false" doc:"The names that would be known."`
	Objects   []Refusal      `json:"objects,omitempty" nullable:"false" doc:"What each object says, when many were asked."`

	headers http.Header
	cause   error // for the log
}

// FieldProblem is a part of a request that is not valid. It never repeats the value, which may be secret.
type FieldProblem struct {
	Location string `json:"location,omitempty" doc:"Where, for example body.params or query.limit."`
	Message  string `json:"message" doc:"What is wrong, for people."`
}

// Refusal is why one object of many refuses.
type Refusal struct {
	Ref     string   `json:"ref" doc:"The object, as kind/id."`
	Reasons []string `json:"reasons" nullable:"false" doc:"Why it refuses, all reasons."`
}

func newProblem(t ProblemType, detail string) *Problem {
	status, title := problemInfo(t)
	return &Problem{Type: t, Title: title, Status: status, Detail: detail}
}

// NewProblem makes a problem for a handler of Config.Register.
func NewProblem(t ProblemType, detail string) *Problem { return newProblem(t, detail) }

func (p *Problem) header(name, value string) *Problem {
	if p.headers == nil {
		p.headers = http.Header{}
	}
	p.headers.Set(name, value)
	return p
}

// Error returns the title and the detail.
func (p *Problem) Error() string { return p.Title + ": " + p.Detail }

// GetStatus returns the HTTP status, for huma.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders returns the headers that go with the problem, for huma.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType makes JSON a problem detail, for huma.
func (*Problem) ContentType(string) string { return problemType }

const (
	problemType = "application/problem+json"
	seeLog      = "the log of the server says more"
)

// write sends the problem by itself, for what happens outside of huma.
func (p *Problem) write(w http.ResponseWriter) {
	for name, values := range p.headers {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone, or it is not
}

// translate turns the error that huma made of a request into a Problem, and logs what is a mistake of the server. Huma would repeat the values that are wrong, and the
// texts of errors; they may be secret.
func (h *Handler) translate(ctx huma.Context, _ string, body any) (any, error) {
	switch e := body.(type) {
	case *Problem:
		if e.cause != nil {
			h.logError(ctx.Context(), "request failed", e.cause)
		}
	case *huma.ErrorModel:
		p := newProblem(typeOf(e.Status), e.Detail)
		p.Status = e.Status
		for _, d := range e.Errors {
			if d != nil {
				p.Errors = append(p.Errors, FieldProblem{Location: d.Location, Message: d.Message})
			}
		}
		if p.Type == TypeInternal {
			h.logError(ctx.Context(), "request failed", fmt.Errorf("%s: %v", e.Detail, p.Errors))
			p.Detail, p.Errors = seeLog, nil
		}
		return p, nil
	}
	return body, nil
}

// typeOf is the type of an error that huma, or a handler of the host, made.
func typeOf(status int) ProblemType {
	switch status {
	case http.StatusBadRequest:
		return TypeMalformed
	case http.StatusUnauthorized:
		return TypeUnauthenticated
	case http.StatusForbidden:
		return TypeForbidden
	case http.StatusNotFound:
		return TypeNotFound
	case http.StatusConflict:
		return TypeConflict
	case http.StatusPreconditionFailed:
		return TypePrecondition
	case http.StatusRequestTimeout:
		return TypeTimeout
	case http.StatusRequestEntityTooLarge:
		return TypeTooLarge
	case http.StatusUnsupportedMediaType:
		return TypeMediaType
	case http.StatusNotImplemented:
		return TypeNotImplemented
	case http.StatusServiceUnavailable:
		return TypeUnavailable
	}
	if status < http.StatusInternalServerError {
		return TypeInvalid
	}
	return TypeInternal
}
