package lifecycle

import (
	"context"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestADeadlineIsSeenByThoseWhoAskAndThoseWhoWait(t *testing.T) {
	t.Parallel()
	clk := clock.NewMock()
	d := withDeadline(t.Context(), clk, time.Minute)
	defer d.stop()
	end, ok := d.Deadline()
	assert.True(t, ok)
	assert.Equal(t, clk.Now().Add(time.Minute), end)
	clk.Add(time.Minute - time.Nanosecond)
	require.NoError(t, d.Err())
	clk.Add(time.Nanosecond)
	require.ErrorIs(t, d.Err(), context.DeadlineExceeded)
	<-d.Done()
	require.ErrorIs(t, d.Err(), context.DeadlineExceeded)
}

func TestADeadlineMakesNoTimerUnlessSomebodyWaits(t *testing.T) {
	t.Parallel()
	clk := clock.NewMock()
	began := clk.Now()
	d := withDeadline(t.Context(), clk, time.Minute)
	require.NoError(t, d.Err())
	assert.Equal(t, began, clk.WaitForAllTimers(), "there is none to wait for")
	done := d.Done()
	assert.Equal(t, began.Add(time.Minute), clk.WaitForAllTimers())
	<-done
	d.stop()
}

func TestADeadlineEndsWithItsParent(t *testing.T) {
	t.Parallel()
	type key struct{}
	clk := clock.NewMock()
	parent, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "kept"))
	d := withDeadline(parent, clk, time.Minute)
	waited := withDeadline(parent, clk, time.Minute)
	defer waited.stop()
	done := waited.Done()
	assert.Equal(t, "kept", d.Value(key{}))
	cancel()
	require.ErrorIs(t, d.Err(), context.Canceled)
	<-done
	require.ErrorIs(t, waited.Err(), context.Canceled)
	sooner, cancel := clk.WithTimeout(t.Context(), time.Second)
	defer cancel()
	end, ok := withDeadline(sooner, clk, time.Minute).Deadline()
	assert.True(t, ok)
	assert.Equal(t, clk.Now().Add(time.Second), end)
}

func TestThoseWhoStillWaitAreToldWhenThePassIsOver(t *testing.T) {
	t.Parallel()
	d := withDeadline(t.Context(), clock.NewMock(), time.Minute)
	done := d.Done()
	d.stop()
	<-done
	require.ErrorIs(t, d.Err(), context.Canceled)
}
