package rest

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rackstate/rackstate/lifecycle"
)

type labelsInput struct {
	RefPath
	IfMatch string             `header:"If-Match" maxLength:"256" doc:"Change only if the object has this ETag."`
	Body    map[string]*string `contentType:"application/merge-patch+json" maxProperties:"64" doc:"A JSON merge patch: a text sets a label, null removes it."`
}

// NewHold is a hold that is to be placed.
type NewHold struct {
	Reason  string    `json:"reason" minLength:"1" maxLength:"1024" doc:"Why, for people."`
	Expires time.Time `json:"expires,omitzero" doc:"When it ends by itself. Absent: never."`
}

// HoldPath is the part of a path that names a hold on an object.
type HoldPath struct {
	RefPath
	Type  string `path:"type" maxLength:"64" doc:"The type of the hold." example:"investigation"`
	Owner string `path:"owner" maxLength:"256" doc:"Its owner: the name of the identity. Somebody else only with the scope act_as." example:"alice"`
}

type placeHoldInput struct {
	HoldPath
	Body NewHold
}

type releaseHoldInput struct{ HoldPath }

func (h *Handler) registerEdits() {
	refusals := []ProblemType{TypeNotFound, TypeUnknownKind, TypeRejected, TypeConflict, TypeBroken}
	labels := operation("patch-labels", http.MethodPatch, "/v1/objects/{kind}/{id}/labels", tagObjects, "Set and remove labels",
		"All in one commit. With If-Match, only if nobody wrote the object meanwhile.", Needs(Write), append(refusals, TypePrecondition)...)
	huma.Register(h.api, labels, h.patchLabels)
	huma.Register(h.api, operation("put-hold", http.MethodPut, "/v1/objects/{kind}/{id}/holds/{type}/{owner}", tagObjects, "Place a hold",
		"The engine leaves a held object alone: no hardware action, and the clock of its state stands still. An owner has one hold of each type; placing it again replaces it.",
		Needs(Write), refusals...), h.putHold)
	huma.Register(h.api, operation("release-hold", http.MethodDelete, "/v1/objects/{kind}/{id}/holds/{type}/{owner}", tagObjects, "Release a hold", "", Needs(Write), refusals...), h.releaseHold)
}

func (h *Handler) patchLabels(ctx context.Context, in *labelsInput) (*objectOutput, error) {
	ref, _, err := h.live(in.RefPath)
	if err != nil {
		return nil, err
	}
	var problems []FieldProblem
	for key, value := range in.Body {
		if len(key) == 0 || len(key) > 256 || value != nil && len(*value) > 4096 {
			problems = append(problems, FieldProblem{Location: "body", Message: "a label has a key of 1 to 256 bytes, and a value of up to 4096"})
		}
	}
	if len(problems) > 0 {
		p := newProblem(TypeInvalid, "the labels are not valid")
		p.Errors = problems[:1]
		return nil, p
	}
	return h.edit(ctx, ref, func(tx *lifecycle.Tx) error {
		o, err := tx.Object(ref)
		if err != nil {
			return err
		}
		if err := matched(in.IfMatch, o); err != nil {
			return err
		}
		labels := maps.Clone(o.Labels)
		if labels == nil {
			labels = map[string]string{}
		}
		for key, value := range in.Body {
			if value == nil {
				delete(labels, key)
			} else {
				labels[key] = *value
			}
		}
		o.Labels = labels
		if len(labels) == 0 {
			o.Labels = nil
		}
		return nil
	})
}

func (h *Handler) putHold(ctx context.Context, in *placeHoldInput) (*objectOutput, error) {
	ref, _, err := h.live(in.RefPath)
	if err != nil {
		return nil, err
	}
	owner, err := speaksFor(IdentityFrom(ctx), in.Owner)
	if err != nil {
		return nil, err
	}
	if err := h.ctl.PlaceHold(ctx, ref, lifecycle.Hold{Type: in.Type, Owner: owner, Reason: in.Body.Reason, Expires: in.Body.Expires}); err != nil {
		return nil, Fail(h.ctl, err)
	}
	return h.show(ctx, ref)
}

func (h *Handler) releaseHold(ctx context.Context, in *releaseHoldInput) (*objectOutput, error) {
	ref, x, err := h.live(in.RefPath)
	if err != nil {
		return nil, err
	}
	owner, err := speaksFor(IdentityFrom(ctx), in.Owner)
	if err != nil {
		return nil, err
	}
	if x.Broken == nil && !slices.ContainsFunc(x.Holds, func(o lifecycle.Hold) bool { return o.Type == in.Type && o.Owner == owner }) {
		return nil, newProblem(TypeNotFound, "there is no hold "+in.Type+" of "+owner+" on "+ref.String())
	}
	if err := h.ctl.ReleaseHold(ctx, ref, in.Type, owner); err != nil {
		return nil, Fail(h.ctl, err)
	}
	return h.show(ctx, ref)
}
