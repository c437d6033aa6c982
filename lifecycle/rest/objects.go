package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

type listObjectsInput struct {
	PageQuery
	Kind  string   `query:"kind" maxLength:"64" doc:"Only objects of this kind."`
	Rack  string   `query:"rack" maxLength:"256" doc:"Only this rack and what is inside it."`
	State string   `query:"state" maxLength:"256" doc:"Only objects in this state or in a sub-state of it."`
	Label []string `query:"label,explode" maxItems:"16" maxLength:"512" doc:"Only objects with this label: key=value, or key for any value. May be repeated; all must hold."`
}

func (in *listObjectsInput) filter() string { return digest(in.Kind, in.Rack, in.State, in.Label) }

func (in *listObjectsInput) selects(o *lifecycle.Object) bool {
	if in.Kind != "" && string(o.Ref().Kind) != in.Kind || in.Rack != "" && o.Rack() != in.Rack || in.State != "" && !o.In(in.State) {
		return false
	}
	for _, l := range in.Label {
		key, want, exact := strings.Cut(l, "=")
		if v, there := o.Labels[key]; !there || exact && v != want {
			return false
		}
	}
	return true
}

// ObjectPage is a page of a list of objects.
type ObjectPage struct {
	Now     time.Time `json:"now" doc:"The controller's time, which the clocks of states are about."`
	Objects []Object  `json:"objects" nullable:"false" doc:"In the order of rack, kind and id."`
	Next    string    `json:"next,omitempty" doc:"The cursor of the next page. Absent: this is the last one."`
}

type listObjectsOutput struct{ Body ObjectPage }

// objectKey is the place of an object in the list of all.
type objectKey struct {
	Rack string       `json:"r"`
	Kind backend.Kind `json:"k"`
	ID   string       `json:"i"`
}

func keyOf(o *lifecycle.Object) objectKey {
	return objectKey{Rack: o.Rack(), Kind: o.Ref().Kind, ID: o.ID()}
}

func (k objectKey) compare(o objectKey) int {
	return cmp.Or(strings.Compare(k.Rack, o.Rack), strings.Compare(string(k.Kind), string(o.Kind)), strings.Compare(k.ID, o.ID))
}

// RefPath is the part of a path that names an object.
type RefPath struct {
	Kind string `path:"kind" maxLength:"64" doc:"The kind of the object." example:"rack"`
	ID   string `path:"id" maxLength:"256" doc:"The id of the object." example:"A12"`
}

// ref returns the reference, or the problem of one that can name nothing.
func (h *Handler) ref(in RefPath) (backend.Ref, error) {
	if _, err := h.knownKind(in.Kind); err != nil {
		return backend.Ref{}, err
	}
	if err := backend.CheckID(in.ID); err != nil {
		return backend.Ref{}, invalid("path.id", err.Error())
	}
	return backend.Ref{Kind: backend.Kind(in.Kind), ID: in.ID}, nil
}

// live returns the reference of an object that is there, and what the engine says of it.
func (h *Handler) live(in RefPath) (backend.Ref, *lifecycle.Explanation, error) {
	ref, err := h.ref(in)
	if err != nil {
		return ref, nil, err
	}
	x, err := h.ctl.Explain(ref)
	if err != nil {
		return ref, nil, newProblem(TypeNotFound, "there is no "+ref.String())
	}
	return ref, x, nil
}

type refInput struct{ RefPath }

type objectOutput struct {
	ETag string `header:"ETag" doc:"The version, for If-Match."`
	Body Object
}

type deleteInput struct {
	RefPath
	Force   bool   `query:"force" doc:"Do not wait for the work in flight, nor for tenants."`
	IfMatch string `header:"If-Match" maxLength:"256" doc:"Delete only if the object has this ETag."`
}

func (h *Handler) registerObjects() {
	huma.Register(h.api, operation("list-objects", http.MethodGet, "/v1/objects", tagObjects, "List objects",
		"A page may be empty although it has a next.", Needs(Read), TypeUnknownKind), h.listObjects)
	huma.Register(h.api, operation("get-object", http.MethodGet, "/v1/objects/{kind}/{id}", tagObjects, "Get an object",
		"With everything that its kind keeps.", Needs(Read), TypeNotFound, TypeUnknownKind),
		func(ctx context.Context, in *refInput) (*objectOutput, error) {
			ref, _, err := h.live(in.RefPath)
			if err != nil {
				return nil, err
			}
			return h.show(ctx, ref)
		})
	del := operation("delete-object", http.MethodDelete, "/v1/objects/{kind}/{id}", tagObjects, "Delete an object",
		"Marks it for deletion. It goes when its table lets it; marking it again is allowed.", Needs(Write),
		TypeNotFound, TypeUnknownKind, TypeRejected, TypePrecondition, TypeConflict, TypeBroken)
	del.DefaultStatus = http.StatusAccepted
	huma.Register(h.api, del, h.deleteObject)
}

func (h *Handler) listObjects(_ context.Context, in *listObjectsInput) (*listObjectsOutput, error) {
	if in.Kind != "" {
		if _, err := h.knownKind(in.Kind); err != nil {
			return nil, err
		}
	}
	after, err := parseCursor[objectKey](in.Cursor, in.filter())
	if err != nil {
		return nil, err
	}
	out := &listObjectsOutput{Body: ObjectPage{Now: h.ctl.Now(), Objects: []Object{}}}
	limit, last, more := h.limit(in.PageQuery), objectKey{}, false
	h.ctl.Visit(func(o *lifecycle.Object) {
		switch {
		case more || after != nil && keyOf(o).compare(*after) <= 0 || !in.selects(o):
		case len(out.Body.Objects) == limit:
			more = true
		default:
			out.Body.Objects, last = append(out.Body.Objects, h.listed(o)), keyOf(o)
		}
	})
	if more {
		out.Body.Next = cursor[objectKey]{Filter: in.filter(), Last: last}.String()
	}
	return out, nil
}

// listed shows an object without its fields.
func (h *Handler) listed(o *lifecycle.Object) Object {
	x, err := h.ctl.Explain(o.Ref())
	if err != nil { // gone since
		return h.objectOf(o, backend.Outcome{})
	}
	out := h.objectOf(o, x.Outcome)
	if x.Broken != nil {
		out.Broken = x.Broken.Error()
	}
	return out
}

// errSeen ends a look at an object without writing anything.
var errSeen = errors.New("seen")

// show returns an object with all its fields.
func (h *Handler) show(ctx context.Context, ref backend.Ref) (*objectOutput, error) {
	var out Object
	err := h.ctl.Apply(ctx, func(tx *lifecycle.Tx) error {
		e, err := tx.Entity(ref)
		if err != nil {
			return err
		}
		outcome, err := h.ctl.Outcome(ref)
		if err != nil {
			return err
		}
		out = h.objectOf(e.Base(), outcome)
		if out.Fields, err = fieldsOf(e); err != nil {
			return err
		}
		return errSeen
	})
	switch {
	case errors.Is(err, errSeen):
	case errors.Is(err, lifecycle.ErrUnknownState), errors.Is(err, backend.ErrCorrupt):
		if out, err = h.showBroken(ctx, ref, err); err != nil {
			return nil, Fail(h.ctl, err)
		}
	default:
		return nil, Fail(h.ctl, err)
	}
	return &objectOutput{ETag: etag(out.Version), Body: out}, nil
}

// showBroken shows what is known of an object whose record cannot be understood.
func (h *Handler) showBroken(ctx context.Context, ref backend.Ref, why error) (Object, error) {
	rec, err := h.ctl.Store().Get(ctx, ref)
	if err != nil {
		return Object{}, err
	}
	return Object{
		Ref: ref.String(), Kind: string(ref.Kind), ID: ref.ID, Rack: rec.Rack, State: rec.State, Class: unknownClass, Since: rec.Since, Version: rec.Version,
		Transitions: rec.Transitions, Outcome: outcomeOf(rec.Outcome), Broken: why.Error(),
	}, nil
}

// engineFields are the members of an encoded object that the engine keeps: Object shows them already.
func engineFields() []string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[lifecycle.Object]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); f.IsExported() && name != "" {
			names = append(names, name)
		}
	}
	return names
}

// fieldsOf encodes what a kind keeps of an object beside what the engine does.
func fieldsOf(e lifecycle.Entity) (json.RawMessage, error) {
	raw, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", e.Base().Ref(), err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("encode %s: %w", e.Base().Ref(), err)
	}
	for _, name := range engineFields() {
		delete(all, name)
	}
	return json.Marshal(all)
}

func (h *Handler) deleteObject(ctx context.Context, in *deleteInput) (*objectOutput, error) {
	ref, _, err := h.live(in.RefPath)
	if err != nil {
		return nil, err
	}
	return h.edit(ctx, ref, func(tx *lifecycle.Tx) error {
		o, err := tx.Object(ref)
		if err != nil {
			return err
		}
		if err := matched(in.IfMatch, o); err != nil {
			return err
		}
		return tx.Delete(ref, IdentityFrom(ctx).initiator(), in.Force)
	})
}

func etag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// matched refuses a change when the object has none of the ETags of an If-Match header. It is asked inside of the transaction, which fails when the version moves.
func matched(header string, o *lifecycle.Object) error {
	if header == "" || header == "*" {
		return nil
	}
	for _, tag := range strings.Split(header, ",") { // a weak tag never matches: RFC 9110, 13.1.1
		if strings.TrimSpace(tag) == etag(o.Version()) {
			return nil
		}
	}
	return newProblem(TypePrecondition, fmt.Sprintf("%s has the ETag %s, not %s", o.Ref(), etag(o.Version()), header)).header("ETag", etag(o.Version()))
}
