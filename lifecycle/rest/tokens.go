package rest

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Token is a bearer token that StaticTokens accepts. Only its digest is kept, so neither the configuration nor the memory of the process holds the token itself.
type Token struct {
	// Name is the name of the identity.
	Name string
	// SHA256 is the digest of the token; see DigestToken. Make tokens of at least 128 random bits: a digest without salt does not protect a guessable one.
	SHA256 [sha256.Size]byte
	// Scopes is what the identity may do.
	Scopes []Scope
}

// DigestToken returns the digest of a token.
func DigestToken(token string) [sha256.Size]byte { return sha256.Sum256([]byte(token)) }

// StaticTokens is an Authorizer over a fixed list of bearer tokens. It compares digests in constant time, always all of them.
type StaticTokens struct {
	tokens    []Token
	anonymous []Scope
}

// NewStaticTokens returns an Authorizer. anonymous are the scopes of requests without an Authorization header, nil for none. The error reports tokens without a name or
// scope, unknown scopes, and tokens that are given twice.
func NewStaticTokens(anonymous []Scope, tokens ...Token) (*StaticTokens, error) {
	var problems []error
	known := []Scope{Read, Write, ActAs}
	check := func(who string, scopes []Scope) {
		for _, s := range scopes {
			if !slices.Contains(known, s) {
				problems = append(problems, fmt.Errorf("%s: scope %q is not known; use %v", who, s, known))
			}
		}
	}
	check("anonymous", anonymous)
	for i, t := range tokens {
		who := fmt.Sprintf("token %d (%s)", i+1, t.Name)
		if t.Name == "" {
			problems = append(problems, fmt.Errorf("%s: it has no name", who))
		}
		if len(t.Scopes) == 0 {
			problems = append(problems, fmt.Errorf("%s: it has no scope", who))
		}
		if slices.ContainsFunc(tokens[:i], func(o Token) bool { return o.SHA256 == t.SHA256 }) {
			problems = append(problems, fmt.Errorf("%s: another token has the same digest", who))
		}
		check(who, t.Scopes)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("static tokens: %w", err)
	}
	return &StaticTokens{tokens: slices.Clone(tokens), anonymous: slices.Clone(anonymous)}, nil
}

// Authorize looks at the Authorization header. See Authorizer.
func (s *StaticTokens) Authorize(_ context.Context, r *http.Request) (Identity, error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		if len(s.anonymous) == 0 {
			return Identity{}, ErrUnauthenticated
		}
		return Identity{Scopes: s.anonymous}, nil
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return Identity{}, ErrBadCredential
	}
	digest := DigestToken(strings.TrimSpace(token))
	found := -1
	for i := range s.tokens { // no early end: the time says nothing about which token is near
		same := subtle.ConstantTimeCompare(digest[:], s.tokens[i].SHA256[:])
		found = subtle.ConstantTimeSelect(same, i, found)
	}
	if found < 0 {
		return Identity{}, ErrBadCredential
	}
	return Identity{Name: s.tokens[found].Name, Scopes: s.tokens[found].Scopes}, nil
}
