package journey

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/rackstate/rackstate/backend/temporal"
)

// WorkflowID is the id of the journey of a node. Temporal runs one workflow of an id at a time, so a node is on one journey at most.
func WorkflowID(node string) string { return "return-to-service-" + node }

// Client starts journeys and talks to them. It is safe for concurrent use.
type Client struct {
	client client.Client
	queue  string
}

// NewClient makes a Client for journeys whose workers listen on a task queue; an empty one is temporal.TaskQueue. It does not own the Temporal client.
func NewClient(c client.Client, taskQueue string) *Client {
	return &Client{client: c, queue: cmp.Or(taskQueue, temporal.TaskQueue)}
}

// Start begins a journey. The error wraps ErrUnderWay when the node is on one, or is what the server said.
func (c *Client) Start(ctx context.Context, in Input) error {
	opts := client.StartWorkflowOptions{ID: WorkflowID(in.Node), TaskQueue: c.queue, WorkflowExecutionErrorWhenAlreadyStarted: true}
	_, err := c.client.ExecuteWorkflow(ctx, opts, ReturnToServiceWorkflow, in)
	var running *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &running) {
		return fmt.Errorf("node %s: %w", in.Node, ErrUnderWay)
	}
	if err != nil {
		return fmt.Errorf("start the journey of node %s: %w", in.Node, err)
	}
	return nil
}

// Wait waits until the journey of a node has ended. The error is that of the journey, see AsStopped.
func (c *Client) Wait(ctx context.Context, node string) (Result, error) {
	var res Result
	err := c.client.GetWorkflow(ctx, WorkflowID(node), "").Get(ctx, &res)
	return res, err
}

// Status asks the journey of a node where it is. It needs a worker that runs, and answers for a journey that has ended too. The error is what the server said.
func (c *Client) Status(ctx context.Context, node string) (Status, error) {
	var s Status
	answer, err := c.client.QueryWorkflow(ctx, WorkflowID(node), "", StatusQuery)
	if err == nil {
		err = answer.Get(&s)
	}
	if err != nil {
		return Status{}, fmt.Errorf("ask for the journey of node %s: %w", node, err)
	}
	return s, nil
}

// Returned says that the vendor has returned a node.
func (c *Client) Returned(ctx context.Context, node string, r Return) error {
	return c.tell(ctx, node, ReturnedSignal, r)
}

// Look has the journey of a node look at it now, for those who have moved it by hand and do not want to wait.
func (c *Client) Look(ctx context.Context, node string) error {
	return c.tell(ctx, node, LookSignal, nil)
}

func (c *Client) tell(ctx context.Context, node, signal string, content any) error {
	if err := c.client.SignalWorkflow(ctx, WorkflowID(node), "", signal, content); err != nil {
		return fmt.Errorf("tell the journey of node %s (%s): %w", node, signal, err)
	}
	return nil
}

// Cancel ends the journey of a node, see ReturnToServiceWorkflow for where that leaves it.
func (c *Client) Cancel(ctx context.Context, node string) error {
	if err := c.client.CancelWorkflow(ctx, WorkflowID(node), ""); err != nil {
		return fmt.Errorf("cancel the journey of node %s: %w", node, err)
	}
	return nil
}
