package machine

import (
	"fmt"
	"slices"

	"github.com/hashicorp/go-multierror"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// The types of request of a machine, besides lifecycle.TypeReprovision and lifecycle.ForceDelete.
const (
	// TypeAssign gives the machine to a tenant. Its parameters are Assign.
	TypeAssign = "assign"
	// TypeVerifySKU has the machine compared with its SKU once more.
	TypeVerifySKU = "verify_sku"
	// TypeValidate has the machine tested.
	TypeValidate = "validate"
	// TypeRelease takes the machine away from its tenant. It is taken in every state that a tenant can have it in, and worked on as soon as it can be.
	TypeRelease = "release"
	// TypeDPUReprovision has the DPUs of the machine installed anew.
	TypeDPUReprovision = "dpu_reprovision"
	// TypeMeasure has the host prove anew what it runs.
	TypeMeasure = "measure"
	// TypeRecover sends a failed machine back to the state that repeats the failed step.
	TypeRecover = "recover"
)

// Assign are the parameters of an assign request.
type Assign struct {
	// Tenant says who gets the machine. Empty: the initiator.
	Tenant string `json:"tenant,omitempty"`
}

func names(states ...State) []string {
	out := make([]string, len(states))
	for i, s := range states {
		out[i] = string(s)
	}
	return out
}

var requestTypes = []lifecycle.RequestType[Machine]{
	{Type: lifecycle.TypeReprovision, Doc: "bring the firmware of the machine up to date; a newer request takes the place of a pending one", Accept: acceptReprovision},
	{Type: TypeAssign, Doc: "give the machine to a tenant", In: names(Ready), Accept: acceptAssign},
	{Type: TypeRelease, Doc: "take the machine away from its tenant and clean it", In: names(Assigned), Accept: acceptRelease},
	{Type: TypeVerifySKU, Doc: "compare the machine with its SKU once more", In: names(Ready, BomValidatingSkuVerificationFailed), Accept: acceptIn(Ready, BomValidatingSkuVerificationFailed)},
	{Type: TypeValidate, Doc: "test the machine", In: names(Ready, Failed), Accept: acceptValidate},
	{Type: TypeDPUReprovision, Doc: "install the DPUs of the machine anew", In: names(Ready), Accept: acceptDPUReprovision},
	{Type: TypeMeasure, Doc: "have the host prove anew what it runs", In: names(Ready), Accept: acceptIn(Ready)},
	{Type: TypeRecover, Doc: "send a failed machine back to the state that repeats the failed step", In: names(Failed, AssignedFailed), Accept: acceptIn(Failed, AssignedFailed)},
	{Type: lifecycle.ForceDelete, Doc: "delete the machine whatever it is doing, its tenant or not", Accept: acceptForceDelete},
}

// acceptReprovision takes a request in every state; it is worked on when the machine gets to where one begins. Of two pending ones the newer counts.
func acceptReprovision(tx *lifecycle.Tx, m *Machine, req *backend.Request) error {
	if _, err := lifecycle.Params[lifecycle.Reprovision](req); err != nil {
		return err
	}
	for _, old := range tx.Requests(m.Ref(), lifecycle.TypeReprovision) {
		if old.State != backend.RequestPending || old.ID == req.ID {
			continue
		}
		if err := tx.End(m.Ref(), old.ID, backend.RequestSuperseded, fmt.Sprintf("superseded by %s of %s", req.ID, req.Initiator)); err != nil {
			return err
		}
	}
	return nil
}

func acceptAssign(tx *lifecycle.Tx, m *Machine, req *backend.Request) error {
	var problems *multierror.Error
	if _, err := lifecycle.Params[Assign](req); err != nil {
		problems = multierror.Append(problems, err)
	}
	if err := acceptIn(Ready)(tx, m, req); err != nil {
		problems = multierror.Append(problems, err)
	}
	if err := m.allocatable(); err != nil {
		problems = multierror.Append(problems, err)
	}
	return problems.ErrorOrNil()
}

// allocatable says why the machine must not be given to a tenant.
func (m *Machine) allocatable() error {
	for _, a := range m.EffectiveAlerts() {
		if a.Has(lifecycle.PreventAllocations) {
			return fmt.Errorf("machine %s: alert %s of %s forbids allocation: %s", m.ID(), a.ID, a.Source, a.Message)
		}
	}
	return nil
}

// acceptIn takes one request of a type at a time, in these states.
func acceptIn(in ...State) func(*lifecycle.Tx, *Machine, *backend.Request) error {
	return func(tx *lifecycle.Tx, m *Machine, req *backend.Request) error {
		var problems *multierror.Error
		if !slices.Contains(in, State(m.State())) {
			problems = multierror.Append(problems, fmt.Errorf("machine %s is in %s; %s is accepted in %v", m.ID(), m.State(), req.Type, in))
		}
		if open := tx.Requests(m.Ref(), req.Type); len(open) > 0 {
			problems = multierror.Append(problems, fmt.Errorf("request %s (%s) of machine %s is %s already", open[0].ID, req.Type, m.ID(), open[0].State))
		}
		return problems.ErrorOrNil()
	}
}

// acceptValidate takes a request in Ready, and from a machine that failed its tests.
func acceptValidate(tx *lifecycle.Tx, m *Machine, req *backend.Request) error {
	if State(m.State()) == Failed && m.Cause != CauseMachineValidation {
		return fmt.Errorf("machine %s failed over %s; a validation leads out of %s only", m.ID(), m.Cause, CauseMachineValidation)
	}
	return acceptIn(Ready, Failed)(tx, m, req)
}

// acceptRelease takes a request from a machine that has a tenant, whatever it is doing for them.
func acceptRelease(tx *lifecycle.Tx, m *Machine, req *backend.Request) error {
	var problems *multierror.Error
	if !m.Tenanted() {
		problems = multierror.Append(problems, fmt.Errorf("machine %s is in %s and has no tenant; %s is accepted in %s", m.ID(), m.State(), TypeRelease, Assigned))
	}
	if open := tx.Requests(m.Ref(), TypeRelease); len(open) > 0 {
		problems = multierror.Append(problems, fmt.Errorf("request %s (%s) of machine %s is %s already", open[0].ID, TypeRelease, m.ID(), open[0].State))
	}
	return problems.ErrorOrNil()
}

// acceptDPUReprovision takes a request from a machine that has DPUs.
func acceptDPUReprovision(tx *lifecycle.Tx, m *Machine, req *backend.Request) error {
	if m.DPUs == 0 {
		return fmt.Errorf("machine %s has no DPUs", m.ID())
	}
	return acceptIn(Ready)(tx, m, req)
}

// acceptForceDelete marks the machine: the engine acts on a mark in every state, also under holds and where this version has no handler.
func acceptForceDelete(tx *lifecycle.Tx, m *Machine, req *backend.Request) error {
	m.Deletion = &lifecycle.Deletion{At: tx.Now(), Initiator: req.Initiator, Force: true}
	return nil
}

// acceptDelete refuses to delete a machine from under its tenant.
func acceptDelete(_ *lifecycle.Tx, m *Machine, mark lifecycle.Deletion) error {
	if m.Tenanted() && !mark.Force {
		return fmt.Errorf("machine %s is in %s and has a tenant; release it first, or force the deletion", m.ID(), m.State())
	}
	return nil
}

// Approve records that the tenant of a machine agrees to the reprovision that is pending or comes next. The error wraps backend.ErrNotFound, or
// lifecycle.ErrNotPermitted when the machine has no tenant.
func Approve(tx *lifecycle.Tx, on backend.Ref) error {
	m, err := lifecycle.Edit[Machine](tx, on)
	if err != nil {
		return fmt.Errorf("approve: %w", err)
	}
	if !m.Tenanted() {
		return fmt.Errorf("approve a reprovision of %s: it is in %s and has no tenant: %w", on, m.State(), lifecycle.ErrNotPermitted)
	}
	m.TenantApproved = true
	return nil
}
