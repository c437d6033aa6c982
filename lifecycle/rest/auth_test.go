package rest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/lifecycle/rest"
)

// unread is a body that must not be read.
type unread struct{ testing.TB }

func (u unread) Read([]byte) (int, error) {
	u.Error("the body is read before it is known who asks")
	return 0, io.EOF
}

// pathOf fills the parameters of a template.
func pathOf(template string) string {
	return strings.NewReplacer("{kind}", "crate", "{id}", "a", "{request}", "r", "{type}", "t", "{owner}", "walt", "{source}", "walt").Replace(template)
}

func TestEveryOperationAsksForATokenWithItsScope(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.create("A1", "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // a stream must end
	try := func(o operation, token string) answer {
		var body io.Reader
		if o.spec["requestBody"] != nil {
			body = strings.NewReader("")
			if token == "" || token == badToken || token == noScope {
				body = unread{t}
			}
		}
		req := httptest.NewRequestWithContext(ctx, o.method, pathOf(o.path), body)
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		return r.send(req)
	}
	guarded := 0
	for _, o := range r.doc.operations() {
		scopes := list(o.spec["security"].([]any)[0].(map[string]any), "bearer")
		if len(scopes) == 0 {
			assert.Equal(t, "/healthz", o.path, "a public operation")
			assert.NotEqual(t, http.StatusUnauthorized, try(o, "").Status, o.id())
			continue
		}
		guarded++
		scope := scopes[0].(string)
		if o.method == http.MethodGet {
			assert.Equal(t, "read", scope, o.id())
		} else {
			assert.Equal(t, "write", scope, o.id())
		}
		none := try(o, "")
		assert.Equal(t, http.StatusUnauthorized, none.Status, o.id())
		assert.Equal(t, `Bearer realm="rackstate"`, none.Header.Get("WWW-Authenticate"), o.id())
		assert.Equal(t, rest.TypeUnauthenticated, none.problem(t).Type, o.id())
		bad := try(o, badToken)
		assert.Equal(t, http.StatusUnauthorized, bad.Status, o.id())
		assert.Contains(t, bad.Header.Get("WWW-Authenticate"), `error="invalid_token"`, o.id())
		lacking := try(o, noScope)
		assert.Equal(t, http.StatusForbidden, lacking.Status, o.id())
		assert.Equal(t, rest.TypeForbidden, lacking.problem(t).Type, o.id())
		assert.Contains(t, lacking.Header.Get("WWW-Authenticate"), `scope="`+scope+`"`, o.id())
		reader := try(o, readToken)
		assert.Equal(t, scope == "write", reader.Status == http.StatusForbidden, "%s: a reader got %d", o.id(), reader.Status)
		writer := try(o, writeToken)
		assert.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, writer.Status, "%s: a writer", o.id())
	}
	assert.GreaterOrEqual(t, guarded, 24, "the operations of the document")
}

func TestACredentialIsABearerTokenAndOnlyOne(t *testing.T) {
	t.Parallel()
	anonymousReads, err := rest.NewStaticTokens([]rest.Scope{rest.Read}, rest.Token{Name: "walt", SHA256: rest.DigestToken(writeToken), Scopes: []rest.Scope{rest.Write}})
	require.NoError(t, err)
	for _, c := range []struct {
		name    string
		headers []string
		want    rest.Identity
		err     error
	}{
		{name: "none", want: rest.Identity{Scopes: []rest.Scope{rest.Read}}},
		{name: "valid", headers: []string{"Bearer " + writeToken}, want: rest.Identity{Name: "walt", Scopes: []rest.Scope{rest.Write}}},
		{name: "scheme in another case", headers: []string{"bearer " + writeToken}, want: rest.Identity{Name: "walt", Scopes: []rest.Scope{rest.Write}}},
		{name: "other scheme", headers: []string{"Basic " + writeToken}, err: rest.ErrBadCredential},
		{name: "no token", headers: []string{"Bearer"}, err: rest.ErrBadCredential},
		{name: "empty header", headers: []string{""}, err: rest.ErrBadCredential},
		{name: "part of a token", headers: []string{"Bearer " + writeToken[:8]}, err: rest.ErrBadCredential},
		{name: "two headers", headers: []string{"Bearer " + writeToken, "Bearer " + writeToken}, err: rest.ErrBadCredential},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			req.Header["Authorization"] = c.headers
			if c.headers == nil {
				req.Header.Del("Authorization")
			}
			got, err := anonymousReads.Authorize(t.Context(), req)
			require.ErrorIs(t, err, c.err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestTokensThatCannotWorkAreRefusedAllTogether(t *testing.T) {
	t.Parallel()
	digest := rest.DigestToken("x")
	_, err := rest.NewStaticTokens([]rest.Scope{"look"},
		rest.Token{Name: "a", SHA256: digest, Scopes: []rest.Scope{rest.Read}},
		rest.Token{SHA256: digest, Scopes: []rest.Scope{"admin"}},
		rest.Token{Name: "c", SHA256: rest.DigestToken("y")})
	require.Error(t, err)
	for _, want := range []string{`anonymous: scope "look" is not known`, "token 2 (): it has no name", "token 2 (): another token has the same digest", `token 2 (): scope "admin" is not known`, "token 3 (c): it has no scope"} {
		require.ErrorContains(t, err, want)
	}
	assert.NotContains(t, err.Error(), string(digest[:]))
}

type brokenAuthorizer struct{}

func (brokenAuthorizer) Authorize(context.Context, *http.Request) (rest.Identity, error) {
	return rest.Identity{}, errors.New("directory ldap-7 refused the password of the server")
}

func TestAnAuthorizerThatFailsIsNotShown(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *rest.Config) { c.Authorizer = brokenAuthorizer{} })
	a := r.call(http.MethodGet, "/v1/objects", "", "")
	assert.Equal(t, http.StatusServiceUnavailable, a.Status)
	assert.NotContains(t, string(a.Body), "ldap-7")
	assert.Contains(t, r.log.String(), "ldap-7")
}

func TestNobodySpeaksForSomebodyElseWithoutTheScope(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, method, path, body string
	}{
		{"initiator", http.MethodPost, "/v1/objects/crate/a/requests", `{"type":"pack","initiator":"alice"}`},
		{"initiator of many", http.MethodPost, "/v1/requests", `{"on":["crate/a"],"type":"pack","initiator":"alice"}`},
		{"owner of a hold", http.MethodPut, "/v1/objects/crate/a/holds/look/alice", `{"reason":"mine"}`},
		{"release of a hold", http.MethodDelete, "/v1/objects/crate/a/holds/look/alice", ""},
		{"health", http.MethodPut, "/v1/objects/crate/a/health/alice", `{"alerts":[]}`},
		{"health taken back", http.MethodDelete, "/v1/objects/crate/a/health/alice", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.create("A1", "a")
			a := r.call(c.method, c.path, writeToken, c.body)
			require.Equal(t, http.StatusForbidden, a.Status, "%s", a.Body)
			assert.Contains(t, a.problem(t).Detail, "walt may not speak for alice")
			before := get[rest.Object](r, "/v1/objects/crate/a").Version
			assert.Equal(t, uint64(2), before, "nothing was written")
			if c.name == "release of a hold" {
				r.call(http.MethodPut, c.path, adminToken, `{"reason":"hers"}`)
			}
			assert.Less(t, r.call(c.method, c.path, adminToken, c.body).Status, 300, "a gateway may")
		})
	}
}

func TestTheInitiatorIsWhoPosted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.create("A1", "a", "b")
	for id, c := range map[string]struct{ token, body, want string }{
		"a": {writeToken, `{"type":"pack","reference":"T-1","initiator":"walt"}`, "walt (T-1)"},
		"b": {adminToken, `{"type":"pack","initiator":"alice"}`, "alice"},
	} {
		a := r.call(http.MethodPost, "/v1/objects/crate/"+id+"/requests", c.token, c.body)
		require.Equal(t, http.StatusAccepted, a.Status, "%s", a.Body)
		r.settle()
		rows := get[rest.HistoryPage](r, "/v1/objects/crate/"+id+"/history?order=newest").Transitions
		assert.Equal(t, c.want, rows[0].Initiator)
	}
}
