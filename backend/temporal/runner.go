package temporal

import (
	"cmp"
	"context"
	"fmt"

	"github.com/hashicorp/go-multierror"
	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
)

// TaskQueue is where workers and clients meet unless they agree on another one.
const TaskQueue = "rackstate"

// WorkflowID is the id of the workflow that owns a rack. Temporal runs one workflow of an id at a time.
func WorkflowID(rack string) string { return "rack-" + rack }

// Register gives a worker RackWorkflow and what it needs.
func Register(r worker.Registry, ctl *lifecycle.Controller) {
	r.RegisterWorkflow(RackWorkflow)
	r.RegisterActivityWithOptions(NewActivities(ctl).StepRack, activity.RegisterOptions{Name: stepActivity})
}

// RunnerConfig says how a Runner starts workflows. The zero value is right.
type RunnerConfig struct {
	// TaskQueue is that of the workers. Default: TaskQueue.
	TaskQueue string
	// Options are those of new workflows.
	Options RackOptions
}

// Runner starts and wakes the workflows of racks. It holds nothing but a client: any number of processes may have one. It is safe for concurrent use.
type Runner struct {
	client client.Client
	cfg    RunnerConfig
}

// NewRunner makes a Runner. It does not own the client.
func NewRunner(c client.Client, cfg RunnerConfig) *Runner {
	cfg.TaskQueue = cmp.Or(cfg.TaskQueue, TaskQueue)
	return &Runner{client: c, cfg: cfg}
}

func (r *Runner) start(rack string) (client.StartWorkflowOptions, RackInput) {
	return client.StartWorkflowOptions{
		ID: WorkflowID(rack), TaskQueue: r.cfg.TaskQueue,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
	}, RackInput{Rack: rack, RackOptions: r.cfg.Options}
}

// Start starts the workflows of racks; those that run are left alone. The error is a *multierror.Error that names those that could not be started.
func (r *Runner) Start(ctx context.Context, racks ...string) error {
	var problems *multierror.Error
	for _, rack := range racks {
		opts, in := r.start(rack)
		if _, err := r.client.ExecuteWorkflow(ctx, opts, RackWorkflow, in); err != nil {
			problems = multierror.Append(problems, fmt.Errorf("start the workflow of rack %s: %w", rack, err))
		}
	}
	return problems.ErrorOrNil()
}

// StartAll starts the workflows of all racks of a store, as a host does when it begins. The errors are those of the store and of Start.
func (r *Runner) StartAll(ctx context.Context, store backend.Store) error {
	records, err := store.List(ctx, backend.Query{})
	if err != nil {
		return fmt.Errorf("list racks: %w", err)
	}
	var racks []string
	for i := range records { // in the order of racks
		if len(racks) == 0 || racks[len(racks)-1] != records[i].Rack {
			racks = append(racks, records[i].Rack)
		}
	}
	return r.Start(ctx, racks...)
}

// Wake has the workflows of racks look at them now, and starts those that do not run. The error is a *multierror.Error that names those that were not reached; they look by themselves when
// something is due.
func (r *Runner) Wake(ctx context.Context, racks ...string) error {
	var problems *multierror.Error
	for _, rack := range racks {
		opts, in := r.start(rack)
		if _, err := r.client.SignalWithStartWorkflow(ctx, opts.ID, WakeSignal, nil, opts, RackWorkflow, in); err != nil {
			problems = multierror.Append(problems, fmt.Errorf("wake rack %s: %w", rack, err))
		}
	}
	return problems.ErrorOrNil()
}

// Status asks the workflow of a rack what it does. It needs a worker that runs. The error is what the server said.
func (r *Runner) Status(ctx context.Context, rack string) (Status, error) {
	var s Status
	answer, err := r.client.QueryWorkflow(ctx, WorkflowID(rack), "", StatusQuery)
	if err == nil {
		err = answer.Get(&s)
	}
	if err != nil {
		return Status{}, fmt.Errorf("ask for the status of rack %s: %w", rack, err)
	}
	return s, nil
}
