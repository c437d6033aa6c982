package nvswitch

import (
	"fmt"
	"slices"

	"github.com/hashicorp/go-multierror"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

// Operation is what an operator can have done with a switch. The strings are stored and public; they must not change.
type Operation string

// The operations.
const (
	// OpPowerOn switches it on.
	OpPowerOn Operation = "PowerOn"
	// OpPowerOff switches it off by force.
	OpPowerOff Operation = "PowerOff"
	// OpReset restarts it by force.
	OpReset Operation = "Reset"
	// OpReconfigureCertificate installs a new service certificate.
	OpReconfigureCertificate Operation = "ReconfigureCertificate"
)

// Maintenance are the parameters of a maintenance request (lifecycle.TypeMaintenance).
type Maintenance struct {
	// Operation is what shall be done.
	Operation Operation `json:"operation"`
}

// state returns the state in which the operation is done.
func (op Operation) state() (State, bool) {
	switch op {
	case OpPowerOn:
		return PoweringOn, true
	case OpPowerOff:
		return PoweringOff, true
	case OpReset:
		return Resetting, true
	case OpReconfigureCertificate:
		return NewCertificateStart, true
	default:
		return "", false
	}
}

var requestTypes = []lifecycle.RequestType[Switch]{
	{Type: lifecycle.TypeMaintenance, Doc: "switch the switch on or off, restart it, or give it a new certificate", In: []string{string(Ready), string(Error)}, Accept: acceptMaintenance},
	{Type: lifecycle.TypeReprovision, Doc: "wait for the steps of a maintenance cycle; only its rack asks for it", Accept: acceptReprovision},
	{Type: lifecycle.ForceDelete, Doc: "delete the switch whatever it is doing", Accept: acceptForceDelete},
}

func acceptMaintenance(tx *lifecycle.Tx, s *Switch, req *backend.Request) error {
	var problems *multierror.Error
	params, err := lifecycle.Params[Maintenance](req)
	if err != nil {
		problems = multierror.Append(problems, err)
	} else if _, ok := params.Operation.state(); !ok {
		problems = multierror.Append(problems, fmt.Errorf("operation %q is not known; use %s, %s, %s or %s",
			params.Operation, OpPowerOn, OpPowerOff, OpReset, OpReconfigureCertificate))
	}
	if !s.Ready() && !s.Failed() {
		problems = multierror.Append(problems, fmt.Errorf("switch %s is in %s; maintenance is accepted in %s and %s", s.ID(), s.State(), Ready, Error))
	}
	if open := tx.Requests(s.Ref(), lifecycle.TypeMaintenance); len(open) > 0 {
		problems = multierror.Append(problems, fmt.Errorf("maintenance request %s of switch %s is %s already", open[0].ID, s.ID(), open[0].State))
	}
	return problems.ErrorOrNil()
}

// acceptReprovision takes requests of racks only, in any state: the switch gets to it when it is Ready or in Error. One that has not been started yet is
// superseded, because a rack is in one cycle at a time.
func acceptReprovision(tx *lifecycle.Tx, s *Switch, req *backend.Request) error {
	var problems *multierror.Error
	if !lifecycle.FromRack(req) {
		problems = multierror.Append(problems, fmt.Errorf("only its rack reprovisions switch %s, and %q is no rack; ask for maintenance of the rack", s.ID(), req.Initiator))
	}
	params, err := lifecycle.Params[lifecycle.Reprovision](req)
	if err != nil {
		problems = multierror.Append(problems, err)
	}
	for _, step := range params.Await {
		if !slices.ContainsFunc(activities, func(a activity) bool { return a.step == step }) {
			problems = multierror.Append(problems, fmt.Errorf("step %q is not known; use %s, %s or %s",
				step, lifecycle.StepFirmware, lifecycle.StepNVOS, lifecycle.StepNMXC))
		}
	}
	if problems.ErrorOrNil() != nil {
		return problems
	}
	for _, old := range tx.Requests(s.Ref(), lifecycle.TypeReprovision) {
		if old.State != backend.RequestPending {
			continue
		}
		if err := tx.End(s.Ref(), old.ID, backend.RequestSuperseded, "request "+req.ID+" of "+req.Initiator+" took its place"); err != nil {
			return err
		}
	}
	return nil
}

func acceptForceDelete(tx *lifecycle.Tx, s *Switch, req *backend.Request) error {
	s.Deletion = &lifecycle.Deletion{At: tx.Now(), Initiator: req.Initiator, Force: true}
	return nil
}
