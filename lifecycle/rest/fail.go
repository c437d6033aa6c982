package rest

import (
	"context"
	"errors"

	"github.com/hashicorp/go-multierror"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Fail turns an error of a controller into the problem that a client sees. A refusal says in which state the object is and what it would take. Handlers of
// Config.Register use it, so that their errors look like those of this package.
func Fail(ctl *lifecycle.Controller, err error) *Problem {
	var (
		own      *Problem
		trigger  *lifecycle.TriggerError
		rejected *lifecycle.RejectedError
	)
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &rejected):
		if list, ok := err.(*multierror.Error); ok { //nolint:errorlint // a list inside of a refusal is its reasons
			return refusedByMany(list)
		}
		return refused(ctl, rejected)
	case errors.As(err, &trigger):
		p := newProblem(TypeNotPermitted, trigger.Error())
		p.State, p.Permitted = trigger.State, trigger.Permitted
		return p
	case errors.Is(err, lifecycle.ErrUnknownState), errors.Is(err, backend.ErrCorrupt):
		return newProblem(TypeBroken, err.Error())
	case errors.Is(err, lifecycle.ErrUnknownKind):
		return unknownKind(ctl, err.Error())
	case errors.Is(err, backend.ErrNotFound):
		return newProblem(TypeNotFound, err.Error())
	case errors.Is(err, backend.ErrExists):
		return newProblem(TypeExists, err.Error())
	case errors.Is(err, backend.ErrConflict):
		return newProblem(TypeConflict, "others wrote the object first, many times; try again").header("Retry-After", "1")
	case errors.Is(err, backend.ErrBadRef):
		return newProblem(TypeInvalid, err.Error())
	case errors.Is(err, backend.ErrClosed), errors.Is(err, backend.ErrNotCommitted), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		p := newProblem(TypeUnavailable, "the server cannot do it now; try again").header("Retry-After", "1")
		p.cause = err
		return p
	}
	p := newProblem(TypeInternal, seeLog)
	p.cause = err
	return p
}

func refused(ctl *lifecycle.Controller, r *lifecycle.RejectedError) *Problem {
	p := newProblem(TypeRejected, r.Error())
	p.Reasons = reasons(r.Err)
	x, err := ctl.Explain(r.Ref)
	if err != nil {
		return p
	}
	if x.Broken != nil {
		return newProblem(TypeBroken, x.Broken.Error())
	}
	p.State, p.Accepts, p.Permitted = x.State, x.Accepts, x.Triggers
	return p
}

func refusedByMany(many *multierror.Error) *Problem {
	p := newProblem(TypeRejected, "some of the objects refuse, so none was asked")
	for _, one := range many.Errors {
		var r *lifecycle.RejectedError
		if errors.As(one, &r) {
			p.Objects = append(p.Objects, Refusal{Ref: r.Ref.String(), Reasons: reasons(r.Err)})
		}
	}
	return p
}

// reasons takes a list of errors apart.
func reasons(err error) []string {
	var many *multierror.Error
	if !errors.As(err, &many) {
		return []string{err.Error()}
	}
	var out []string
	for _, one := range many.Errors {
		out = append(out, reasons(one)...)
	}
	return out
}

func unknownKind(ctl *lifecycle.Controller, detail string) *Problem {
	p := newProblem(TypeUnknownKind, detail)
	for _, k := range ctl.Kinds() {
		p.Known = append(p.Known, string(k.Name()))
	}
	return p
}
