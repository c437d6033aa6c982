package rest

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// HealthReport is everything that a source has to say about an object.
type HealthReport struct {
	Alerts []Alert `json:"alerts" nullable:"false" maxItems:"256" doc:"All of it. Empty: nothing any more."`
}

// HealthPath is the part of a path that names what a source says of an object.
type HealthPath struct {
	RefPath
	Source string `path:"source" maxLength:"256" doc:"Who reports: the name of the identity. Somebody else only with the scope act_as." example:"thermal-monitor"`
}

type putHealthInput struct {
	HealthPath
	Override bool `query:"override" doc:"This report counts in place of all others, until it is deleted."`
	Body     HealthReport
}

type deleteHealthInput struct{ HealthPath }

func (h *Handler) registerHealth() {
	refusals := []ProblemType{TypeNotFound, TypeUnknownKind, TypeConflict, TypeBroken}
	huma.Register(h.api, operation("put-health", http.MethodPut, "/v1/objects/{kind}/{id}/health/{source}", tagObjects, "Report the health of an object",
		"Replaces what the source said before.", Needs(Write), refusals...),
		func(ctx context.Context, in *putHealthInput) (*objectOutput, error) {
			return h.report(ctx, in.HealthPath, in.Body.Alerts, func(tx *lifecycle.Tx, o *lifecycle.Object, source string, alerts []lifecycle.Alert) {
				if in.Override {
					o.ReplaceHealth(source, tx.Now(), alerts...)
				} else {
					o.Report(source, alerts...)
				}
			})
		})
	huma.Register(h.api, operation("delete-health", http.MethodDelete, "/v1/objects/{kind}/{id}/health/{source}", tagObjects, "Take a health report back",
		"Also one that overrides the others. A source that has said nothing is no error.", Needs(Write), refusals...),
		func(ctx context.Context, in *deleteHealthInput) (*objectOutput, error) {
			return h.report(ctx, in.HealthPath, nil, func(_ *lifecycle.Tx, o *lifecycle.Object, source string, _ []lifecycle.Alert) {
				o.Report(source)
				o.ClearReplacedHealth(source)
			})
		})
}

// report edits what a source says. The engine reports under names of its own, and nobody else may take that back: hence the scope.
func (h *Handler) report(ctx context.Context, in HealthPath, list []Alert, edit func(*lifecycle.Tx, *lifecycle.Object, string, []lifecycle.Alert)) (*objectOutput, error) {
	ref, _, err := h.live(in.RefPath)
	if err != nil {
		return nil, err
	}
	source, err := speaksFor(IdentityFrom(ctx), in.Source)
	if err != nil {
		return nil, err
	}
	alerts, err := alertsFrom(list, source)
	if err != nil {
		return nil, err
	}
	return h.edit(ctx, ref, func(tx *lifecycle.Tx) error {
		o, err := tx.Object(ref)
		if err != nil {
			return err
		}
		edit(tx, o, source, alerts)
		return nil
	})
}

func alertsFrom(list []Alert, source string) ([]lifecycle.Alert, error) {
	alerts := make([]lifecycle.Alert, len(list))
	for i, a := range list {
		if a.Source != "" && a.Source != source {
			return nil, invalid("body.alerts", "an alert names another source than the path; leave it out")
		}
		if slices.ContainsFunc(list[:i], func(o Alert) bool { return o.ID == a.ID && o.Target == a.Target }) {
			return nil, invalid("body.alerts", "two alerts have the same id and target")
		}
		alerts[i] = lifecycle.Alert{ID: a.ID, Source: source, Target: a.Target, Message: a.Message}
		for _, c := range a.Classifications {
			alerts[i].Classifications = append(alerts[i].Classifications, lifecycle.Classification(c))
		}
	}
	return alerts, nil
}

// edit changes an object and shows it as it is then.
func (h *Handler) edit(ctx context.Context, ref backend.Ref, f func(*lifecycle.Tx) error) (*objectOutput, error) {
	if err := h.ctl.Apply(ctx, f); err != nil {
		return nil, Fail(h.ctl, err)
	}
	return h.show(ctx, ref)
}
