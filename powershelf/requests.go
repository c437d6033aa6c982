package powershelf

import (
	"context"
	"fmt"

	"github.com/hashicorp/go-multierror"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Maintenance are the parameters of a maintenance request.
type Maintenance struct {
	// Operation is backend.ActionPowerOn or backend.ActionPowerOff.
	Operation backend.PowerAction `json:"operation"`
}

var requestTypes = []lifecycle.RequestType[PowerShelf]{
	{Type: lifecycle.TypeMaintenance, Doc: "switch the shelf on, or off by force", In: []string{string(Ready), string(Error)}, Accept: acceptMaintenance},
	{Type: lifecycle.ForceDelete, Doc: "delete the shelf whatever it is doing", Accept: acceptForceDelete},
}

func acceptMaintenance(tx *lifecycle.Tx, p *PowerShelf, req *backend.Request) error {
	var problems *multierror.Error
	params, err := lifecycle.Params[Maintenance](req)
	if err != nil {
		problems = multierror.Append(problems, err)
	} else if params.Operation != backend.ActionPowerOn && params.Operation != backend.ActionPowerOff {
		problems = multierror.Append(problems, fmt.Errorf("operation %q is not known; use %s or %s", params.Operation, backend.ActionPowerOn, backend.ActionPowerOff))
	}
	if s := State(p.State()); s != Ready && s != Error {
		problems = multierror.Append(problems, fmt.Errorf("power shelf %s is in %s; maintenance is accepted in %s and %s", p.ID(), s, Ready, Error))
	}
	if open := tx.Requests(p.Ref(), lifecycle.TypeMaintenance); len(open) > 0 {
		problems = multierror.Append(problems, fmt.Errorf("maintenance request %s of power shelf %s is %s already", open[0].ID, p.ID(), open[0].State))
	}
	return problems.ErrorOrNil()
}

func acceptForceDelete(tx *lifecycle.Tx, p *PowerShelf, req *backend.Request) error {
	p.Deletion = &lifecycle.Deletion{At: tx.Now(), Initiator: req.Initiator, Force: true}
	return nil
}

// MaintenanceRequest asks for one operation on one shelf or on many.
type MaintenanceRequest struct {
	// ID is the request's id. Empty: one is made.
	ID string
	// Shelves are the ids of the shelves.
	Shelves []string
	// Operation is backend.ActionPowerOn or backend.ActionPowerOff.
	Operation backend.PowerAction
	// User and Reference say who asks; see lifecycle.InitiatorText.
	User, Reference string
	// Limit is the largest number of shelves allowed. Default: DefaultRequestLimit.
	Limit int
}

// RequestMaintenance posts the same operation to all shelves in one atomic commit, or to none: an unknown shelf, one that is marked deleted, too many or no
// shelves, or an unspecified operation refuse the whole call. The error wraps lifecycle.ErrRejected and lists all problems.
func RequestMaintenance(ctx context.Context, c *lifecycle.Controller, r MaintenanceRequest) ([]backend.Request, error) {
	if r.Limit == 0 {
		r.Limit = DefaultRequestLimit
	}
	if len(r.Shelves) > r.Limit {
		return nil, &lifecycle.RejectedError{Type: lifecycle.TypeMaintenance, Err: fmt.Errorf("%d power shelves are named, at most %d are allowed in one call", len(r.Shelves), r.Limit)}
	}
	refs := make([]backend.Ref, len(r.Shelves))
	for i, id := range r.Shelves {
		refs[i] = Ref(id)
	}
	return c.Request(ctx, lifecycle.NewRequest{
		ID: r.ID, Type: lifecycle.TypeMaintenance, Initiator: lifecycle.InitiatorText(r.User, r.Reference),
		Reference: r.Reference, Params: Maintenance{Operation: r.Operation},
	}, refs...)
}
