package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// Scope is something that an identity may do.
type Scope string

// The scopes.
const (
	// Read allows to see everything that the API shows.
	Read Scope = "read"
	// Write allows to post, change, cancel and delete. It includes Read.
	Write Scope = "write"
	// ActAs allows to name somebody else as initiator or as owner of a hold. It includes nothing else.
	ActAs Scope = "act_as"
)

// Identity is who makes a request.
type Identity struct {
	// Name is recorded as initiator of everything that the identity does. Empty: nobody in particular; it is recorded as "anonymous".
	Name string
	// Scopes is what the identity may do.
	Scopes []Scope
}

// anonymous is how an identity without a name is recorded.
const anonymous = "anonymous"

func (i Identity) initiator() string {
	if i.Name == "" {
		return anonymous
	}
	return i.Name
}

// May reports whether the identity has a scope.
func (i Identity) May(s Scope) bool {
	return slices.Contains(i.Scopes, s) || s == Read && slices.Contains(i.Scopes, Write)
}

// Decisions of an Authorizer, one sentinel each.
var (
	// ErrUnauthenticated: the request carries no credential, and needs one.
	ErrUnauthenticated = errors.New("no credential")
	// ErrBadCredential: the request carries a credential that is not valid.
	ErrBadCredential = errors.New("credential is not valid")
)

// Authorizer says who makes a request. It is asked once for every request to a route that is not public, before anything of the body is read, and must be safe for
// concurrent use.
type Authorizer interface {
	// Authorize returns the identity. The error wraps ErrUnauthenticated or ErrBadCredential; any other says that nobody can tell now. Its text is logged and never shown
	// to the client.
	Authorize(ctx context.Context, r *http.Request) (Identity, error)
}

type identityKey struct{}

// IdentityFrom returns who makes the request that a handler of Config.Register works on.
func IdentityFrom(ctx context.Context) Identity {
	id, _ := ctx.Value(identityKey{}).(Identity)
	return id
}

// schemeName is the name of the security scheme in the document.
const schemeName = "bearer"

// Needs is the Security of an operation that needs a scope. An operation without Security needs Read when its method is GET, and Write otherwise.
func Needs(s Scope) []map[string][]string { return []map[string][]string{{schemeName: {string(s)}}} }

// Public is the Security of an operation that anybody may call.
func Public() []map[string][]string { return []map[string][]string{{}} }

// needed returns the scope that an operation needs, and false if it is public.
func needed(op *huma.Operation) (Scope, bool) {
	if len(op.Security) == 1 && len(op.Security[0]) == 0 {
		return "", false
	}
	for _, s := range op.Security {
		if scopes := s[schemeName]; len(scopes) > 0 {
			return Scope(scopes[0]), true
		}
	}
	if op.Method == http.MethodGet || op.Method == http.MethodHead {
		return Read, true
	}
	return Write, true
}

// authorize returns the identity of a request, or the problem that is its answer.
func (h *Handler) authorize(r *http.Request, scope Scope) (Identity, *Problem) {
	id, err := h.cfg.Authorizer.Authorize(r.Context(), r)
	switch {
	case errors.Is(err, ErrUnauthenticated):
		p := newProblem(TypeUnauthenticated, "send a bearer token in the Authorization header")
		return id, p.header("WWW-Authenticate", `Bearer realm="rackstate"`)
	case errors.Is(err, ErrBadCredential):
		p := newProblem(TypeUnauthenticated, "the credential is not valid")
		return id, p.header("WWW-Authenticate", `Bearer realm="rackstate", error="invalid_token"`)
	case err != nil:
		h.logError(r.Context(), "nobody can tell who asks", err)
		return id, newProblem(TypeUnavailable, "nobody can tell now who you are; try again").header("Retry-After", "5")
	case !id.May(scope):
		p := newProblem(TypeForbidden, fmt.Sprintf("%s needs the scope %s", id.initiator(), scope))
		return id, p.header("WWW-Authenticate", fmt.Sprintf(`Bearer realm="rackstate", error="insufficient_scope", scope="%s"`, scope))
	}
	return id, nil
}

// speaksFor returns the initiator of what an identity posts: itself, or whom it names if it may.
func speaksFor(id Identity, named string) (string, error) {
	switch {
	case named == "" || named == id.initiator():
		return id.initiator(), nil
	case id.May(ActAs):
		return named, nil
	}
	return "", newProblem(TypeForbidden, fmt.Sprintf("%s may not speak for %s: that needs the scope %s", id.initiator(), named, ActAs))
}
