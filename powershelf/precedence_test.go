package powershelf_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

func TestACancelledOperationHasNotFailedAlthoughTheDriverCouldNotDoIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, &shelves{absent: true}, nil)
	b.settle()
	req, err := b.ask(backend.ActionPowerOff)
	require.NoError(t, err)
	_, err = b.ctl.Step(t.Context(), p1, b.now) // takes the request up
	require.NoError(t, err)
	require.NoError(t, b.ctl.CancelRequest(t.Context(), p1, req.ID, "bob"))
	b.settle()
	require.Equal(t, backend.RequestCancelled, b.request(req.ID).State)
	require.True(t, b.shelf().Ready())
}

func TestAPowerStateThatIsThereAtTheDeadlineCounts(t *testing.T) {
	t.Parallel()
	hw := &shelves{power: backend.PowerOn, stuck: true}
	b := newBench(t, hw, nil)
	b.settle()
	req, err := b.ask(backend.ActionPowerOff)
	require.NoError(t, err)
	b.settle()
	hw.power = backend.PowerOff
	b.now = b.now.Add(time.Hour) // nobody looked meanwhile
	b.settle()
	require.Equal(t, backend.RequestFinished, b.request(req.ID).State)
	require.True(t, b.shelf().Ready())
}

func TestAPowerStateThatCannotBeReadIsNotAwaitedBeyondTheDeadline(t *testing.T) {
	t.Parallel()
	hw := &shelves{power: backend.PowerOn}
	b := newBench(t, hw, nil)
	b.settle()
	hw.observe = errors.New("connection reset")
	req, err := b.ask(backend.ActionPowerOff)
	require.NoError(t, err)
	b.pass(9 * time.Minute)
	require.Equal(t, backend.RequestStarted, b.request(req.ID).State)
	b.pass(2 * time.Minute)
	require.Equal(t, backend.RequestFailed, b.request(req.ID).State)
	require.True(t, b.shelf().Failed())
	require.Contains(t, b.shelf().Cause, "was not observed within 10m")
}
