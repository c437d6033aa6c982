package lifecycle_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

var errShort = errors.New("short circuit")

// failing is a handler that fails until its count is used up, and then moves on.
func failing(times int, err error, then lifecycle.Outcome) lifecycle.Handler[lamp] {
	return func(_ context.Context, l *lamp, _ *lifecycle.Env) (lifecycle.Outcome, error) {
		l.Lumen++ // an edit of a pass that fails must not be kept
		if times == 0 {
			return then, nil
		}
		times--
		return lifecycle.Fire(switchOn), err
	}
}

func TestAnErrorIsRecordedAndChangesNothingElse(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{dark: failing(-1, errShort, lifecycle.Nothing())}))
	s.create(newLamp("a"))
	res := s.step(lampRef("a"))
	want := backend.Outcome{Kind: backend.OutcomeError, Reason: "short circuit", At: begin}
	assert.Equal(t, want, res.Outcome)
	assert.Equal(t, want, s.store.record(t, lampRef("a")).Outcome)
	assert.Nil(t, res.Transition)
	assert.Equal(t, "Dark", s.lamp("a").State())
	assert.Zero(t, s.lamp("a").Lumen)
	before := len(s.store.committed())
	s.clock.Add(time.Minute)
	assert.Equal(t, want, s.step(lampRef("a")).Outcome, "the same error again is the same outcome, since the first time")
	assert.Len(t, s.store.committed(), before, "and is not written again")
}

func TestTheTimeToTheNextTryDoublesBetweenItsBounds(t *testing.T) {
	t.Parallel()
	cfg := lifecycle.Config{BackoffMin: 2 * time.Second, BackoffMax: 20 * time.Second, Resync: time.Hour}
	s := newSiteWith(t, newTap(), cfg, lampKind(t, lampHandlers{dark: failing(7, errShort, lifecycle.Nothing())}))
	s.create(newLamp("a"))
	for i, want := range []time.Duration{2, 4, 8, 16, 20, 20, 20} {
		res := s.step(lampRef("a"))
		require.Equal(t, backend.OutcomeError, res.Outcome.Kind)
		after := res.Next.Sub(s.clock.Now())
		assert.InDelta(t, want*time.Second, after, float64(want*time.Second)/10, "failure %d", i+1)
		steps, _ := s.settle()
		assert.Zero(t, steps, "it is left alone until then")
		s.clock.Set(res.Next)
	}
	s.step(lampRef("a"))
	assert.Equal(t, backend.OutcomeNothing, s.outcome(lampRef("a")).Kind)
}

func TestASuccessfulPassEndsTheBackoff(t *testing.T) {
	t.Parallel()
	fail := true
	s := newSite(t, lampKind(t, lampHandlers{dark: func(context.Context, *lamp, *lifecycle.Env) (lifecycle.Outcome, error) {
		if fail {
			return lifecycle.Outcome{}, errShort
		}
		return lifecycle.Nothing(), nil
	}}))
	s.create(newLamp("a"))
	for range 5 {
		s.step(lampRef("a"))
	}
	fail = false
	s.step(lampRef("a"))
	fail = true
	after := s.step(lampRef("a")).Next.Sub(begin)
	assert.InDelta(t, time.Second, after, float64(time.Second)/10, "it begins at the lower bound again")
}

func TestAWakeUpTriesAgainAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{dark: failing(8, errShort, lifecycle.Fire(switchOn))}))
	s.create(newLamp("a"))
	for range 8 {
		s.step(lampRef("a"))
	}
	steps, next := s.settle()
	assert.Zero(t, steps)
	assert.True(t, next.After(begin.Add(time.Minute)), "it is deep in its backoff")
	s.Wake(lampRef("a"))
	s.settle()
	assert.Equal(t, []string{"Dark", "Warming"}, s.visited(lampRef("a")))
}

func TestAPanicIsAnErrorOfThatObjectAlone(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	cfg := lifecycle.Config{Logger: slog.New(slog.NewTextHandler(&text, nil))}
	s := newSiteWith(t, newTap(), cfg, lampKind(t, lampHandlers{dark: func(_ context.Context, l *lamp, _ *lifecycle.Env) (lifecycle.Outcome, error) {
		if l.ID() == "b" {
			l.Sockets = []string{"lost"}
			panic("no filament")
		}
		return lifecycle.Fire(switchOn), nil
	}}))
	s.create(newLamp("a"), newLamp("b"), newLamp("c"))
	s.settle()
	for _, id := range []string{"a", "c"} {
		assert.Equal(t, "Warming", s.lamp(id).State())
	}
	b := s.lamp("b")
	assert.Equal(t, "Dark", b.State())
	assert.Empty(t, b.Sockets)
	out := s.outcome(lampRef("b"))
	assert.Equal(t, backend.OutcomeError, out.Kind)
	assert.Equal(t, lifecycle.ErrHandlerPanic.Error()+": no filament", out.Reason)
	assert.Contains(t, text.String(), "failure_test.go", "the log has the stack")
}

func TestAHandlerThatTakesTooLongHasItsContextEnded(t *testing.T) {
	t.Parallel()
	inside := make(chan struct{})
	cfg := lifecycle.Config{HandlerTimeout: 40 * time.Second}
	s := newSiteWith(t, newTap(), cfg, lampKind(t, lampHandlers{dark: func(ctx context.Context, _ *lamp, _ *lifecycle.Env) (lifecycle.Outcome, error) {
		ended := ctx.Done() // before the test moves the clock: its timer begins here
		close(inside)
		<-ended
		return lifecycle.Outcome{}, ctx.Err()
	}}))
	s.create(newLamp("a"))
	done := make(chan lifecycle.StepResult)
	go func() {
		res, err := s.Step(t.Context(), lampRef("a"), begin)
		assert.NoError(t, err)
		done <- res
	}()
	<-inside
	s.clock.Add(39 * time.Second)
	select {
	case <-done:
		require.Fail(t, "it ended too early")
	default:
	}
	s.clock.Add(time.Second)
	res := <-done
	assert.Equal(t, backend.OutcomeError, res.Outcome.Kind)
	assert.Contains(t, res.Outcome.Reason, lifecycle.ErrHandlerOverdue.Error()+" (40s)")
	assert.Equal(t, "Dark", s.lamp("a").State())
}

func TestAStateWithoutAHandlerIsReportedAndNotSteppedOver(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{dark: always[lamp](lifecycle.Fire(switchOn))}, func(d *lampDefinition) { delete(d.Handlers, warming) }))
	s.create(newLamp("a"))
	s.settle()
	out := s.outcome(lampRef("a"))
	assert.Equal(t, backend.OutcomeError, out.Kind)
	assert.Equal(t, "lamp/a in Warming: "+lifecycle.ErrUnhandledState.Error(), out.Reason)
	assert.Equal(t, []string{"Dark", "Warming"}, s.visited(lampRef("a")))
	require.NoError(t, s.Delete(t.Context(), lampRef("a"), "janitor", false))
	s.settle()
	assert.Equal(t, []string{"Dark", "Warming", "Scrapping", ""}, s.visited(lampRef("a")), "it can be deleted all the same")
}

func TestAnErrorCountsAgainstTheSLA(t *testing.T) {
	t.Parallel()
	h := lampHandlers{dark: always[lamp](lifecycle.Fire(switchOn)), warming: failing(-1, errShort, lifecycle.Nothing())}
	s := newSite(t, lampKind(t, h))
	s.create(newLamp("a"))
	s.settle()
	assert.False(t, s.outcome(lampRef("a")).OverSLA)
	s.after(warmingSLA + time.Second)
	out := s.outcome(lampRef("a"))
	assert.True(t, out.OverSLA)
	assert.Equal(t, begin, out.At, "it fails since the beginning")
	over, _, _ := s.seen.told()
	assert.Equal(t, []overdue{{ref: lampRef("a"), state: "Warming", elapsed: warmingSLA + time.Second}}, over)
}

func TestAnObjectThatCannotBeEncodedIsAnErrorAndKeepsItsRecord(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{dark: func(_ context.Context, l *lamp, _ *lifecycle.Env) (lifecycle.Outcome, error) {
		l.Watts = math.NaN()
		return lifecycle.Fire(switchOn), nil
	}}))
	s.create(newLamp("a"))
	out := s.step(lampRef("a")).Outcome
	assert.Equal(t, backend.OutcomeError, out.Kind)
	assert.Contains(t, out.Reason, "encode lamp/a: json: unsupported value: NaN")
	assert.Equal(t, []string{"Dark"}, s.visited(lampRef("a")))
	assert.Equal(t, "{}", string(s.store.record(t, lampRef("a")).Data))
}

func TestAWakeUpDuringAPassIsNotLost(t *testing.T) {
	t.Parallel()
	calls := 0
	var s *site
	s = newSite(t, lampKind(t, lampHandlers{dark: func(context.Context, *lamp, *lifecycle.Env) (lifecycle.Outcome, error) {
		if calls++; calls == 1 {
			s.Wake(lampRef("a"))
		}
		return lifecycle.Nothing(), nil
	}}))
	s.create(newLamp("a"))
	s.settle()
	assert.Equal(t, 2, calls)
}

func TestTheLogTellsTransitionsFailuresAndExceededSLAs(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	cfg := lifecycle.Config{Logger: slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	h := lampHandlers{dark: always[lamp](lifecycle.Fire(switchOn).By("ann").Because("dusk")), warming: failing(-1, errShort, lifecycle.Nothing())}
	s := newSiteWith(t, newTap(), cfg, lampKind(t, h))
	s.create(newLamp("a"))
	s.settle()
	s.after(warmingSLA + time.Second)
	for _, want := range []string{
		"msg=transition object=lamp/a rack=r from=Dark to=Warming trigger=SwitchOn initiator=ann note=dusk",
		`msg="pass failed" object=lamp/a error="short circuit"`,
		`msg="over its SLA" object=lamp/a state=Warming clock=shared sla=10m0s elapsed=10m1s outcome="short circuit"`,
	} {
		assert.Contains(t, text.String(), want)
	}
}
