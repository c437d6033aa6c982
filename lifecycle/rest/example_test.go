package rest_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/lifecycle/rest"
)

// A handler over a controller, and one call.
func Example() {
	ctx := context.Background()
	kind, err := crateKind() // a kind of yours
	if err != nil {
		log.Fatal(err)
	}
	feed := rest.NewFeed(nil)
	ctl, err := lifecycle.NewController(ctx, memory.New(), lifecycle.Config{Observer: feed}, kind)
	if err != nil {
		log.Fatal(err)
	}
	// In a program only the digest is in the configuration.
	tokens, err := rest.NewStaticTokens(nil, rest.Token{Name: "alice", SHA256: rest.DigestToken("a long random text"), Scopes: []rest.Scope{rest.Read, rest.Write}})
	if err != nil {
		log.Fatal(err)
	}
	handler, err := rest.New(ctl, rest.Config{Authorizer: tokens, Feed: feed})
	if err != nil {
		log.Fatal(err)
	}
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/objects/crate/unknown", nil)
	req.Header.Set("Authorization", "Bearer a long random text")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, req) // a program serves it with rest.NewServer
	fmt.Println(answer.Code)
	fmt.Print(answer.Body)
	// Output:
	// 404
	// {"type":"urn:rackstate:problem:not-found","title":"Not found","status":404,"detail":"there is no crate/unknown"}
}
