package service_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine/service"
)

const site = `
name: node
initial: in_service
states: [in_service, maintenance, rma]
transitions:
  - {from: in_service, to: maintenance, require: [note]}
  - {from: maintenance, to: in_service, guard: health.ok}
  - {from: maintenance, to: rma, initiators: [ops]}
  - {from: rma, to: maintenance, after: 6w}
`

// A site's definition is loaded and enforced.
func ExampleService() {
	ctx := context.Background()
	clk := clock.NewMock()
	clk.Set(time.Date(2025, 6, 18, 16, 44, 0, 0, time.UTC))

	def, err := service.Parse([]byte(site), "site.yaml")
	if err != nil {
		fmt.Println(err) // every problem with its line
		return
	}
	svc, err := service.Open(ctx, memory.New(), def, service.Config{}, lifecycle.Config{Clock: clk})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err = svc.Create(ctx, service.NewNode{ID: "n1", Metadata: map[string]string{"gpu": "gb200"}, Initiator: "ann"}); err != nil {
		fmt.Println(err)
		return
	}

	_, err = svc.Transition(ctx, "n1", "rma", service.Move{Initiator: "ann"})
	var refused *service.RefusedError
	if errors.As(err, &refused) {
		fmt.Println(err)
		fmt.Println("possible:", refused.Possible, "not in the table:", errors.Is(err, service.ErrNotInTable))
	}
	if _, err = svc.Transition(ctx, "n1", "maintenance", service.Move{Initiator: "ann", Note: "fan 3 is loud"}); err != nil {
		fmt.Println(err)
		return
	}

	node, err := svc.Get(ctx, "n1")
	if err != nil {
		fmt.Println(err)
		return
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	_ = out.Encode(node)
	// Output:
	// node n1 cannot move from in_service to rma: the definition has no such transition (possible now: maintenance)
	// possible: [maintenance] not in the table: true
	// {
	//   "id": "n1",
	//   "metadata": {
	//     "gpu": "gb200"
	//   },
	//   "current_state": "maintenance",
	//   "state_history": [
	//     {
	//       "from": "",
	//       "to": "in_service",
	//       "timestamp": "2025-06-18T16:44:00Z",
	//       "initiator": "ann",
	//       "note": ""
	//     },
	//     {
	//       "from": "in_service",
	//       "to": "maintenance",
	//       "timestamp": "2025-06-18T16:44:00Z",
	//       "initiator": "ann",
	//       "note": "fan 3 is loud"
	//     }
	//   ]
	// }
}
