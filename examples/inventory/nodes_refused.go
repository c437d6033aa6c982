package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/rackstate/rackstate/lifecycle/rest"
	"github.com/rackstate/rackstate/machine/service"
)

// fail turns an error of the service into the problem that a client sees. A refusal says in which state the node is, why it refuses, to which states it can be moved now, and what keeps it
// from the others.
func (a *api) fail(ctx context.Context, err error, who string) *rest.Problem {
	var r *service.RefusedError
	if !errors.As(err, &r) {
		return rest.Fail(a.nodes.Controller(), err)
	}
	p := rest.NewProblem(problemOf(r), "")
	p.State = r.From
	for _, why := range r.Why {
		p.Reasons = append(p.Reasons, why.Error())
	}
	if errors.Is(r, service.ErrUnknownState) {
		p.Known = a.nodes.Definition().StateNames()
	}
	if errors.Is(r, service.ErrUnknownNode) {
		p.Detail = "there is no node " + r.Node
		return p
	}
	p.Detail = r.Error()
	if moves, err := a.nodes.Permitted(ctx, r.Node, who); err == nil {
		p.Permitted, p.Detail = possible(moves), p.Detail+blocked(moves, r.To)
	}
	return p
}

// problemOf is the decision that a client has to take. What can be decided without looking at the node goes first.
func problemOf(r *service.RefusedError) rest.ProblemType {
	for _, c := range [...]struct {
		why error
		t   rest.ProblemType
	}{
		{service.ErrUnknownNode, rest.TypeNotFound},
		{service.ErrKeyReused, rest.TypeKeyReused},
		{service.ErrUnknownState, rest.TypeInvalid},
		{service.ErrVersion, rest.TypePrecondition},
		{service.ErrNotInTable, rest.TypeNotPermitted},
	} {
		if errors.Is(r, c.why) {
			return c.t
		}
	}
	return rest.TypeRejected
}

// possible lists the states to which a node can be moved now.
func possible(moves []service.PermittedMove) []string {
	out := []string{}
	for i := range moves {
		if moves[i].Possible {
			out = append(out, moves[i].To)
		}
	}
	return slices.Compact(out)
}

// blocked says why other moves of the table are not possible now.
func blocked(moves []service.PermittedMove, asked string) string {
	var out []string
	for i := range moves {
		if m := &moves[i]; !m.Possible && m.To != asked {
			out = append(out, m.To+": "+strings.Join(m.Why, ", "))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "; not now " + strings.Join(out, "; ")
}
