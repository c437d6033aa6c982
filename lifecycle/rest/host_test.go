package rest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/lifecycle/rest"
)

type moveInput struct {
	ID   string `path:"id"`
	Body struct {
		Trigger string `json:"trigger"`
	}
}

type moveOutput struct {
	Body struct {
		Who string `json:"who"`
	}
}

// register adds what a host adds: a move by hand, and handlers that fail.
func register(ctl func() *lifecycle.Controller) func(huma.API) {
	return func(api huma.API) {
		huma.Register(api, huma.Operation{OperationID: "move-crate", Method: http.MethodPost, Path: "/v1/crates/{id}/moves", Errors: []int{404, 409}}, func(ctx context.Context, in *moveInput) (*moveOutput, error) {
			err := ctl().Apply(ctx, func(tx *lifecycle.Tx) error { return tx.Fire(crateRef(in.ID), lifecycle.Fire(in.Body.Trigger)) })
			if err != nil {
				return nil, rest.Fail(ctl(), err)
			}
			out := &moveOutput{}
			out.Body.Who = rest.IdentityFrom(ctx).Name
			return out, nil
		})
		fails := func(id, path string, err error) {
			huma.Register(api, huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Errors: []int{http.StatusTeapot}}, func(context.Context, *struct{}) (*moveOutput, error) {
				if err == nil {
					panic("of " + secretKey[:4])
				}
				return nil, err
			})
		}
		fails("fail", "/v1/fail", errors.New("disk sda1 is full"))
		fails("teapot", "/v1/teapot", huma.NewError(http.StatusTeapot, "short and stout"))
		fails("panics", "/v1/panic", nil)
		huma.Register(api, huma.Operation{OperationID: "motd", Method: http.MethodGet, Path: "/v1/motd", Security: rest.Public()}, func(context.Context, *struct{}) (*moveOutput, error) {
			return &moveOutput{}, nil
		})
	}
}

func TestRoutesOfTheHostHaveTheSameAuthorisationProblemsAndDocument(t *testing.T) {
	t.Parallel()
	var r *rig
	r = newRig(t, func(c *rest.Config) { c.Register = register(func() *lifecycle.Controller { return r.ctl }) })
	r.create("A1", "a")
	const path = "/v1/crates/a/moves"
	assert.Equal(t, http.StatusUnauthorized, r.call(http.MethodPost, path, "", `{"trigger":"Jam"}`).Status)
	assert.Equal(t, http.StatusForbidden, r.call(http.MethodPost, path, readToken, `{"trigger":"Jam"}`).Status)
	a := r.call(http.MethodPost, path, writeToken, `{"trigger":"Freed"}`)
	assert.Equal(t, http.StatusConflict, a.Status, "%s", a.Body)
	assert.Equal(t, rest.TypeNotPermitted, a.problem(t).Type)
	assert.Equal(t, []string{"Begin", "Jam", "Scrap"}, a.problem(t).Permitted)
	a = r.call(http.MethodPost, path, writeToken, `{"trigger":"Jam"}`)
	assert.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	assert.Contains(t, string(a.Body), "walt")
	assert.Equal(t, "Stuck", get[rest.Object](r, "/v1/objects/crate/a").State)

	a = r.call(http.MethodGet, "/v1/fail", readToken, "")
	assert.Equal(t, http.StatusInternalServerError, a.Status)
	assert.NotContains(t, string(a.Body), "sda1")
	assert.Contains(t, r.log.String(), "disk sda1 is full")
	a = r.call(http.MethodGet, "/v1/teapot", readToken, "")
	assert.Equal(t, http.StatusTeapot, a.Status)
	assert.Equal(t, "short and stout", a.problem(t).Detail)
	a = r.call(http.MethodGet, "/v1/panic", readToken, "")
	assert.Equal(t, http.StatusInternalServerError, a.Status)
	assert.Equal(t, rest.TypeInternal, a.problem(t).Type)
	assert.Contains(t, r.log.String(), "handler panicked")
	assert.Equal(t, http.StatusOK, r.call(http.MethodGet, "/v1/motd", "", "").Status)
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	kind, err := crateKind()
	require.NoError(t, err)
	ctl, err := lifecycle.NewController(t.Context(), memory.New(), lifecycle.Config{}, kind)
	require.NoError(t, err)
	get := func(path string) func(huma.API) {
		return func(api huma.API) {
			huma.Register(api, huma.Operation{OperationID: "x", Method: http.MethodGet, Path: path}, func(context.Context, *struct{}) (*moveOutput, error) { return nil, nil })
		}
	}
	for want, cfg := range map[string]rest.Config{
		"Authorizer is missing":    {},
		"MaxPage is negative":      {Authorizer: tokens(t), MaxPage: -1},
		"must be a struct":         {Authorizer: tokens(t), Params: []rest.Params{{Kind: kindCrate, Type: "pack", Value: 7}}},
		"there is no such request": {Authorizer: tokens(t), Params: []rest.Params{{Kind: kindCrate, Type: "x", Value: packParams{}}}},
		"rest: register routes: ":  {Authorizer: tokens(t), Register: get("/v1/objects")},
		"duplicate operation ID: get-kin": {Authorizer: tokens(t), Register: func(api huma.API) {
			api.OpenAPI().AddOperation(&huma.Operation{OperationID: "get-kind", Method: "GET", Path: "/q"})
		}},
	} {
		h, err := rest.New(ctl, cfg)
		require.ErrorContains(t, err, want)
		assert.Nil(t, h)
	}
}

func TestABrokenRecordIsShownAndNotTouched(t *testing.T) {
	t.Parallel()
	store := memory.New()
	for id, rec := range map[string]backend.Record{"melted": {State: "Melted", Data: []byte(`{}`)}, "torn": {State: "Idle", Data: []byte(`{"packed":"many"}`)}} {
		rec.Ref, rec.Rack, rec.Transitions = crateRef(id), "A1", 1
		row := &backend.Transition{Ref: rec.Ref, Rack: "A1", Seq: 1, To: rec.State, Trigger: "Made", Initiator: "test"}
		results, err := store.Commit(t.Context(), []backend.Commit{{Writes: []backend.Write{{Record: rec, Transition: row}}}})
		require.NoError(t, err)
		require.NoError(t, results[0])
	}
	r := newRigOn(t, store)
	for _, o := range get[rest.ObjectPage](r, "/v1/objects").Objects {
		assert.NotEmpty(t, o.Broken, o.Ref)
	}
	for _, id := range []string{"melted", "torn"} {
		path := "/v1/objects/crate/" + id
		o := get[rest.Object](r, path)
		assert.Equal(t, "unknown", o.Class)
		assert.Equal(t, "A1", o.Rack)
		assert.NotEmpty(t, o.Broken)
		assert.NotEmpty(t, get[rest.Explanation](r, path+"/explain").Broken)
		get[rest.Permitted](r, path+"/permitted")
		for _, c := range [][3]string{
			{http.MethodPost, path + "/requests", `{"type":"pack"}`},
			{http.MethodPatch, path + "/labels", `{"a":"b"}`},
			{http.MethodPut, path + "/holds/look/walt", `{"reason":"x"}`},
			{http.MethodDelete, path + "/holds/look/walt", ""},
			{http.MethodPut, path + "/health/walt", `{"alerts":[]}`},
			{http.MethodDelete, path, ""},
		} {
			a := r.call(c[0], c[1], writeToken, c[2])
			assert.Equal(t, http.StatusConflict, a.Status, "%v: %s", c, a.Body)
			assert.Equal(t, rest.TypeBroken, a.problem(t).Type, "%v: %s", c, a.Body)
		}
	}
}

func TestTheServerSaysWhenItsStoreDoesNotAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.create("A1", "a")
	assert.Equal(t, http.StatusOK, r.call(http.MethodGet, "/healthz", "", "").Status)
	require.NoError(t, r.store.Close())
	for _, path := range []string{"/healthz", "/v1/history", "/v1/objects/crate/a/history", "/v1/objects/crate/a/requests", "/v1/requests/x", "/v1/events"} {
		a := r.call(http.MethodGet, path, readToken, "")
		assert.Equal(t, http.StatusServiceUnavailable, a.Status, path)
		assert.Equal(t, rest.TypeUnavailable, a.problem(t).Type, path)
		assert.NotEmpty(t, a.Header.Get("Retry-After"), path)
	}
	a := r.call(http.MethodPatch, "/v1/objects/crate/a/labels", writeToken, `{"a":"b"}`)
	assert.Equal(t, http.StatusServiceUnavailable, a.Status, "%s", a.Body)
}
