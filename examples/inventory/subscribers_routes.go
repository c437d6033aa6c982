package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/webhook"
	"github.com/rackstate/rackstate/lifecycle/rest"
)

// SubscriberPath is the part of a path that names a subscriber.
type SubscriberPath struct {
	Name string `path:"name" minLength:"1" maxLength:"200" doc:"The name of the subscriber." example:"ticketing"`
}

// SubscriberFilter selects what a subscriber is told of. What is absent selects everything.
type SubscriberFilter struct {
	Kinds   []backend.Kind `json:"kinds,omitempty" nullable:"false" maxItems:"16" doc:"Kinds of objects." example:"[\"node\"]"`
	Racks   []string       `json:"racks,omitempty" nullable:"false" maxItems:"1000" doc:"Racks, with what is inside them."`
	Entered []string       `json:"entered,omitempty" nullable:"false" maxItems:"64" doc:"States that are entered."`
	Left    []string       `json:"left,omitempty" nullable:"false" maxItems:"64" doc:"States that are left."`
}

// NewSubscriber is a subscriber that is to be added or replaced.
type NewSubscriber struct {
	URL     string   `json:"url" minLength:"1" maxLength:"2048" doc:"Where events are posted. It is never shown but for its host." example:"http://127.0.0.1:9000/"`
	Secrets []string `json:"secrets,omitempty" nullable:"false" maxItems:"4" maxLength:"256" doc:"Sign the events; whsec_ and 24 to 64 bytes in base64. Never shown. Absent: those that it has."`
	FromNow bool     `json:"from_now,omitempty" doc:"One whose name was never used begins with what comes, not with the oldest row of the history."`
	SubscriberFilter
}

// ShownSubscriber is a subscriber, and how far it has come.
type ShownSubscriber struct {
	webhook.Status
	SubscriberFilter
}

type putSubscriberInput struct {
	SubscriberPath
	Body NewSubscriber
}

type subscriberOutput struct {
	Status int
	Body   ShownSubscriber
}

type subscribersOutput struct {
	Body struct {
		Subscribers []ShownSubscriber `json:"subscribers" nullable:"false"`
	}
}

type replayInput struct {
	SubscriberPath
	Body struct {
		After uint64 `json:"after" doc:"The position behind which it goes on: what lies behind is delivered again, what lies before is left out."`
	}
}

type nameInput struct{ SubscriberPath }

func (a *api) registerSubscribers(h huma.API) {
	const path = "/v1/subscribers/{name}"
	huma.Register(h, operation("list-subscribers", http.MethodGet, "/v1/subscribers", tagSubscribers, "List subscribers", "And how far each has come."), a.listSubscribers)
	huma.Register(h, operation("get-subscriber", http.MethodGet, path, tagSubscribers, "Get a subscriber", "", notFound), a.getSubscriber)
	put := operation("put-subscriber", http.MethodPut, path, tagSubscribers, "Add or replace a subscriber", "It goes on where a subscriber of that name was. Its address must be public, or allowed by the server.")
	huma.Register(h, put, a.putSubscriber)
	answers := h.OpenAPI().Paths[path].Put.Responses
	answers["201"] = &huma.Response{Description: "It is new.", Content: answers["200"].Content}
	huma.Register(h, operation("delete-subscriber", http.MethodDelete, path, tagSubscribers, "Remove a subscriber", "How far it has come is remembered.", notFound), a.deleteSubscriber)
	huma.Register(h, operation("replay-subscriber", http.MethodPost, path+"/replay", tagSubscribers, "Deliver again", "Or leave out what a receiver never takes.", notFound), a.replaySubscriber)
	huma.Register(h, operation("retry-subscriber", http.MethodPost, path+"/retry", tagSubscribers, "Try again now", "Ends the pause after a failure.", notFound), a.retrySubscriber)
}

// shown returns all subscribers.
func (a *api) shown(ctx context.Context) ([]ShownSubscriber, error) {
	all, err := a.subscribers.sender.Status(ctx)
	if err != nil {
		return nil, rest.Fail(a.nodes.Controller(), err)
	}
	out := []ShownSubscriber{}
	for _, st := range all {
		if one, there := a.subscribers.get(st.Name); there {
			out = append(out, ShownSubscriber{st, SubscriberFilter{one.Kinds, one.Racks, one.Entered, one.Left}})
		}
	}
	return out, nil
}

func (a *api) show(ctx context.Context, name string) (*subscriberOutput, error) {
	all, err := a.shown(ctx)
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		if one.Name == name {
			return &subscriberOutput{Status: http.StatusOK, Body: one}, nil
		}
	}
	p := rest.NewProblem(rest.TypeNotFound, "there is no subscriber "+name)
	p.Known = []string{}
	for _, one := range all {
		p.Known = append(p.Known, one.Name)
	}
	return nil, p
}

func (a *api) listSubscribers(ctx context.Context, _ *struct{}) (*subscribersOutput, error) {
	all, err := a.shown(ctx)
	if err != nil {
		return nil, err
	}
	out := &subscribersOutput{}
	out.Body.Subscribers = all
	return out, nil
}

func (a *api) getSubscriber(ctx context.Context, in *nameInput) (*subscriberOutput, error) {
	return a.show(ctx, in.Name)
}

func (a *api) putSubscriber(ctx context.Context, in *putSubscriberInput) (*subscriberOutput, error) {
	b := &in.Body
	var known []string
	for _, k := range a.nodes.Controller().Kinds() {
		known = append(known, string(k.Name()))
	}
	for _, k := range b.Kinds {
		if !slices.Contains(known, string(k)) {
			return nil, invalid("body.kinds", "there is no such kind", known...)
		}
	}
	isNew, err := a.subscribers.put(ctx, subscription{
		Name: in.Name, URL: b.URL, Secrets: b.Secrets, Kinds: b.Kinds, Racks: b.Racks, Entered: b.Entered, Left: b.Left,
	}, b.FromNow)
	switch {
	case errors.Is(err, errNoSecret):
		return nil, invalid("body.secrets", err.Error()+": whsec_ and 24 to 64 bytes in base64")
	case errors.Is(err, webhook.ErrInvalid), errors.Is(err, webhook.ErrForbidden): // the text shows neither secret nor address
		return nil, invalid("body", err.Error())
	case err != nil:
		return nil, rest.Fail(a.nodes.Controller(), err)
	}
	out, err := a.show(ctx, in.Name)
	if err == nil && isNew {
		out.Status = http.StatusCreated
	}
	return out, err
}

func (a *api) deleteSubscriber(ctx context.Context, in *nameInput) (*struct{}, error) {
	there, err := a.subscribers.remove(in.Name)
	switch {
	case err != nil:
		return nil, rest.Fail(a.nodes.Controller(), err)
	case !there:
		_, err = a.show(ctx, in.Name)
	}
	return nil, err
}

func (a *api) replaySubscriber(ctx context.Context, in *replayInput) (*subscriberOutput, error) {
	out, err := a.show(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	if last := out.Body.Cursor + out.Body.Lag; in.Body.After > last {
		return nil, invalid("body.after", fmt.Sprintf("the history ends at position %d", last))
	}
	if err := a.subscribers.sender.Replay(ctx, in.Name, in.Body.After); err != nil {
		return nil, rest.Fail(a.nodes.Controller(), err)
	}
	return a.show(ctx, in.Name)
}

func (a *api) retrySubscriber(ctx context.Context, in *nameInput) (*subscriberOutput, error) {
	if err := a.subscribers.sender.Retry(in.Name); err != nil && !errors.Is(err, backend.ErrNotFound) {
		return nil, rest.Fail(a.nodes.Controller(), err)
	}
	return a.show(ctx, in.Name)
}
