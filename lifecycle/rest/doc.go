// Package rest serves a lifecycle.Controller over HTTP: objects, their history, what they wait for, what may be asked of them, and a stream of what
// happens. It knows no kind: what it serves of racks, machines or nodes is what they declared to the engine.
//
//	feed := rest.NewFeed(nil)
//	ctl, err := lifecycle.NewController(ctx, store, lifecycle.Config{Observer: feed}, kinds...)
//	tokens, err := rest.NewStaticTokens(nil, rest.Token{Name: "alice", SHA256: digest, Scopes: []rest.Scope{rest.Read, rest.Write}})
//	handler, err := rest.New(ctl, rest.Config{Authorizer: tokens, Feed: feed})
//	server := rest.NewServer(":8080", handler)
//
// # Why huma
//
// The OpenAPI document must say what the code does. Huma builds the document and the validation of every parameter and body from the same Go types, so the two
// cannot differ; it speaks OpenAPI 3.1 and problem details, works on the mux of the standard library, and brings no other dependency. The alternatives either generate Go
// from a document written by hand, or documents from comments that no compiler reads.
//
// # Routes
//
// Everything is under /v1; the document is at /openapi.json and says the rest. Lists are paged: a page that has a next cursor is not the last one, even when it is
// short. Cursors are opaque and stay valid while objects come and go: what is there during all pages is seen exactly once.
//
// # Errors
//
// Every error is a problem (RFC 9457). Its type is one of the Type constants; they never change their meaning.
//
// # Who asks
//
// An Authorizer turns a request into an Identity with scopes. What is posted carries the name of the identity as its initiator. Only an identity with the scope ActAs may
// name somebody else, for a gateway that has asked its users itself.
//
// # Doing something once
//
// A post of a request may carry an Idempotency-Key. The id of the request is made of the key and the identity, and kept by the store with the request: the same
// post sent again returns the request as it is by then, with the header Idempotent-Replayed; the key with something else in it is refused. A refused post leaves nothing, so it may
// be sent again with the same key.
//
// # What the host adds
//
// Routes of its own, by Config.Register: they have the same authorisation, problems and document. Plans, by Config.Planner. The parameters of requests, by
// Config.Params: without them a kind decodes what it knows of the parameters and passes over the rest, and a typing error in the scope of a maintenance would
// mean the whole rack.
//
// # Following
//
// GET /v1/events streams history rows as server-sent events whose ids are positions in the store's history. The history is what is read, and the observer only
// says when to look: order and completeness come from the store. A client that was cut off sends the last id it saw and misses nothing.
//
// # The page
//
// At / is a web page: racks as elevations, what each object waits for, its history and its place in the table, live. It is static, reads this API with the token that
// its user types in, loads nothing from elsewhere, and can be left out with Config.NoPage.
package rest
