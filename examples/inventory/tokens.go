package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"github.com/rackstate/rackstate/lifecycle/rest"
)

// minToken is the shortest token that is taken, in bytes.
const minToken = 16

// tokens are the two that the server takes. Nothing but their digests is kept, except of those that it has made itself and has to print.
type tokens struct {
	authorizer rest.Authorizer
	// read and write are how a person names them in a shell.
	read, write string
}

// newTokens takes the tokens of the flags, else those of the environment, else makes some.
//
// All writers share one token, so it has the scope act_as: whoever holds it may say for whom it acts, as a workflow engine does. A server with a token for each person and program gives
// that scope to nobody but gateways.
func newTokens(read, write string) (tokens, error) {
	var t tokens
	read, t.read = choose(read, readVar)
	write, t.write = choose(write, writeVar)
	if len(read) < minToken || len(write) < minToken {
		return t, fmt.Errorf("tokens must have at least %d bytes", minToken)
	}
	if read == write {
		return t, errors.New("the tokens for reading and for writing must differ")
	}
	var err error
	t.authorizer, err = rest.NewStaticTokens(nil,
		rest.Token{Name: "viewer", SHA256: rest.DigestToken(read), Scopes: []rest.Scope{rest.Read}},
		rest.Token{Name: "operator", SHA256: rest.DigestToken(write), Scopes: []rest.Scope{rest.Write, rest.ActAs}},
	)
	return t, err
}

// choose returns a token, and what a shell calls it: a token that somebody gave is never printed.
func choose(given, variable string) (token, shown string) {
	if token = cmp.Or(given, os.Getenv(variable)); token != "" {
		return token, "$" + variable
	}
	token = rand.Text()
	return token, token
}
