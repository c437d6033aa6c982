package service_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/lifecycle"
	"github.com/rackstate/rackstate/machine/service"
)

const timely = `
name: timely
initial: up
states: [up, drain, {name: burn_in, doc: it is tried}, {name: sick}]
transitions:
  - {from: up, to: drain}
  - {from: drain, to: up}
  - {from: drain, to: burn_in, after: 1d, guard: labels.ready == "yes", initiators: [nobody], require: [note]}
  - {from: drain, to: sick, after: 2d}
  - {from: [burn_in, sick], to: up}
`

func TestTheEngineTakesATransitionWhenItsTimeHasCome(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, store backend.Store) {
		r := newRig(t, store).open(parse(t, timely)).create("n1")
		r.setLabel("ready", "yes")
		r.move("drain", "ann", "")
		r.settle()
		assert.Equal(t, "waits for 1d in drain to be over, which then moves to burn_in, or 2d in drain to be over, which then moves to sick", r.reason())
		r.pass(day - time.Microsecond)
		require.Equal(t, "drain", r.node().State())
		r.pass(time.Microsecond)
		last := r.last()
		assert.Equal(t, "burn_in", last.To, "an automatic move obeys the guard, and no other rule")
		assert.Equal(t, epoch.Add(day), last.At, "to the microsecond")
		assert.Equal(t, "controller", last.Initiator)
		assert.Equal(t, "after 1d in drain", last.Note)
		assert.Equal(t, "to_burn_in", last.Trigger)
		assert.Equal(t, uint64(4), r.doc().Version, "created, labelled, drained, moved")
	})
}

func TestTheEngineLooksAgainWhenTheTimeIsOverAndNotBefore(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New())
	kind, err := service.NewKind(parse(t, timely), service.Config{})
	require.NoError(t, err)
	ctl, err := lifecycle.NewController(t.Context(), r.store, lifecycle.Config{Clock: r.clock, Resync: 100 * day}, kind.Kind)
	require.NoError(t, err)
	r.Service, err = service.New(t.Context(), ctl, kind)
	require.NoError(t, err)
	r.create("n1").move("drain", "ann", "")
	assert.Equal(t, epoch.Add(day), r.settle())
	r.clock.Set(epoch.Add(day))
	assert.Equal(t, epoch.Add(2*day), r.settle(), "the guard is false, the other time is next")
	assert.Equal(t, `waits for the guard of the move to burn_in (labels.ready == "yes"), or 2d in drain to be over, which then moves to sick: 1d are over`, r.reason())
	r.setLabel("ready", "yes")
	r.settle()
	assert.Equal(t, "burn_in", r.node().State(), "an event is enough")
}

func TestTheLaterTimeComesWhenTheGuardOfTheEarlierOneNeverHolds(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(parse(t, timely)).create("n1")
	r.move("drain", "ann", "")
	r.pass(3 * day)
	assert.Equal(t, []string{"up", "drain", "sick"}, r.way())
	assert.Equal(t, epoch.Add(2*day), r.last().At)
}

func TestTimeUnderAHoldOfTheNodeDoesNotCount(t *testing.T) {
	t.Parallel()
	r := newRig(t, memory.New()).open(parse(t, timely)).create("n1")
	r.move("drain", "ann", "")
	r.pass(12 * time.Hour)
	require.NoError(t, r.Controller().PlaceHold(t.Context(), service.Ref("n1"), lifecycle.Hold{Type: "person", Owner: "ann", Reason: "I look at it", Expires: r.clock.Now().Add(10 * day)}))
	permitted, err := r.Permitted(t.Context(), "n1", "")
	require.NoError(t, err)
	assert.Zero(t, permitted[2].AutomaticAt)
	r.pass(11 * day)
	assert.Equal(t, "drain", r.node().State())
	r.pass(day)
	assert.Equal(t, epoch.Add(12*day), r.last().At)
}

const acting = `
name: acting
initial: up
states: [up, {name: update, sla: 1h}, down]
transitions:
  - {from: up, to: update, action: {name: flash, on_success: up, on_failure: down}}
  - {from: update, to: up, guard: labels.blocked != "yes", initiators: [nobody]}
  - {from: update, to: down, after: 4h}
  - {from: down, to: up}
`

func TestAnActionRunsAndMovesTheNodeAtItsEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end      service.Progress
		to, note string
	}{
		"well":    {service.Succeeded("version 7"), "up", "flash succeeded: version 7"},
		"badly":   {service.Failed("no power"), "down", "flash failed: no power"},
		"wordily": {service.Succeeded(""), "up", "flash succeeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stores(t, func(t *testing.T, store backend.Store) {
				looks := 0
				a := &scripted{
					start: func(run service.Run) (service.Progress, error) {
						assert.Equal(t, service.Ref("n1"), run.Node)
						assert.Equal(t, "ann", run.Initiator)
						assert.Equal(t, "CVE-1", run.Note)
						return service.Running("submitted", 10*time.Minute).Remember("job-1"), nil
					},
					check: func(run service.Run) (service.Progress, error) {
						assert.Equal(t, "job-1", run.Job)
						if looks++; looks < 3 {
							return service.Running("writing", 10*time.Minute), nil
						}
						return c.end, nil
					},
				}
				r := newRig(t, store).with("flash", a).open(parse(t, acting)).create("n1")
				r.move("update", "ann", "CVE-1")
				r.settle()
				assert.Equal(t, "waits for the end of action flash, or 4h in update to be over, which then moves to down: submitted", r.reason())
				r.open(parse(t, acting)) // a restart in between
				r.pass(time.Hour)
				last := r.last()
				assert.Equal(t, c.to, last.To)
				assert.Equal(t, "action:flash", last.Initiator)
				assert.Equal(t, c.note, last.Note)
				for _, k := range a.keys {
					assert.Equal(t, "node/n1#2/flash", k, "one key for all of it")
				}
				assert.Empty(t, a.cancelled)
				assert.Nil(t, r.node().Run)
				r.move(map[string]string{"up": "update", "down": "up"}[c.to], "ann", "")
			})
		})
	}
}

func TestAnActionThatFailsToAnswerIsAskedAgainAndDoesNotHoldUpTheTime(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(service.Run) (service.Progress, error){
		"an error": func(service.Run) (service.Progress, error) { return service.Progress{}, assert.AnError },
		"a panic":  func(service.Run) (service.Progress, error) { panic("boom") },
		"nothing":  func(service.Run) (service.Progress, error) { return service.Progress{}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &scripted{start: start}
			r := newRig(t, memory.New()).with("flash", a).open(parse(t, acting)).create("n1")
			r.move("update", "ann", "")
			r.settle()
			out, err := r.Controller().Outcome(service.Ref("n1"))
			require.NoError(t, err)
			assert.Equal(t, backend.OutcomeError, out.Kind)
			assert.Contains(t, out.Reason, "action flash")
			r.pass(5 * time.Hour)
			assert.Equal(t, []string{"up", "update", "down"}, r.way())
			assert.Less(t, r.last().At.Sub(epoch), 4*time.Hour+5*time.Minute)
			assert.Greater(t, len(a.keys), 2)
			assert.Equal(t, []string{"node/n1#2/flash"}, a.cancelled, "it may have begun")
		})
	}
}

func TestAnActionIsToldWhenItsNodeLeavesBeforeTheEnd(t *testing.T) {
	t.Parallel()
	a := &scripted{start: func(service.Run) (service.Progress, error) { return service.Running("", 0), nil }}
	a.check = a.start
	r := newRig(t, memory.New()).with("flash", a).open(parse(t, acting)).create("n1")
	r.move("update", "ann", "")
	r.settle()
	r.move("down", "ann", "enough")
	assert.Empty(t, a.cancelled)
	assert.Len(t, r.node().Abandoned, 1, "on record before anybody is told")
	r.settle()
	assert.Equal(t, []string{"node/n1#2/flash"}, a.cancelled)
	assert.Empty(t, r.node().Abandoned)

	r.move("up", "ann", "")
	r.move("update", "ann", "")
	r.settle()
	require.NoError(t, r.Controller().Delete(t.Context(), service.Ref("n1"), "ann", false))
	r.settle()
	assert.Equal(t, []string{"node/n1#2/flash", "node/n1#5/flash"}, a.cancelled, "a deletion is no end either")
}

func TestTheMoveAfterAnActionWaitsForItsGuard(t *testing.T) {
	t.Parallel()
	a := instant()
	r := newRig(t, memory.New()).with("flash", a).open(parse(t, acting)).create("n1")
	r.setLabel("blocked", "yes")
	r.move("update", "ann", "")
	r.settle()
	require.Equal(t, "update", r.node().State())
	assert.Contains(t, r.reason(), `the guard of the move to up (labels.blocked != "yes")`)
	r.pass(time.Hour)
	assert.Len(t, a.keys, 1, "the action has ended and is not asked again")
	r.setLabel("blocked", "no")
	r.settle()
	assert.Equal(t, "up", r.node().State())
}

func TestAFailureThatNoMoveFollowsIsAnAlertUntilTheNodeMoves(t *testing.T) {
	t.Parallel()
	a := &scripted{start: func(service.Run) (service.Progress, error) { return service.Failed("no power"), nil }}
	r := newRig(t, memory.New()).with("flash", a).open(parse(t, `
name: n
initial: up
states: [up, {name: update, sla: 1h}]
transitions: [{from: up, to: update, action: flash}, {from: update, to: up}]
`)).create("n1")
	r.move("update", "ann", "")
	r.settle()
	require.Len(t, r.node().Alerts, 1)
	assert.Equal(t, "flash failed: no power", r.node().Alerts[0].Message)
	assert.Equal(t, "update", r.node().State())
	r.move("up", "ann", "")
	assert.Empty(t, r.node().Alerts)
}

func TestADefinitionWithAnUnregisteredActionIsRefused(t *testing.T) {
	t.Parallel()
	err := newRig(t, memory.New()).tryOpen(parse(t, acting))
	require.ErrorIs(t, err, service.ErrNoAction)
	require.EqualError(t, err, "definition acting: flash: no such action is registered; registered are [host_reprovision]")
	_, err = service.NewKind(&service.Definition{Name: "by hand"}, service.Config{})
	require.ErrorContains(t, err, "made by Load")
}

func TestANodeThatStaysTooLongIsReported(t *testing.T) {
	t.Parallel()
	a := &scripted{start: func(service.Run) (service.Progress, error) { return service.Running("", 0), nil }}
	a.check = a.start
	r := newRig(t, memory.New()).with("flash", a).open(parse(t, acting)).create("n1")
	r.move("update", "ann", "")
	r.pass(61 * time.Minute)
	out, err := r.Controller().Outcome(service.Ref("n1"))
	require.NoError(t, err)
	assert.True(t, out.OverSLA)
}
