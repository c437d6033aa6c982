package scenario_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/fake/scenario"
)

// many is a scenario of that many racks, each of which is due once.
func many(racks int, step string) string {
	var b strings.Builder
	b.WriteString("- name: many\n  given:\n    racks:\n")
	for i := range racks {
		fmt.Fprintf(&b, "      - {id: r%d}\n", i)
	}
	b.WriteString("  when:\n    - " + step + "\n  then: {states: {rack/r0: Ready}}\n")
	return b.String()
}

func TestAStabilizeFailsAfterAThousandPasses(t *testing.T) {
	t.Parallel()
	run(t, many(1000, "stabilize: all"))
	_, err := runOne(t, many(1001, "stabilize: all"))
	require.ErrorContains(t, err, "when, step 1 (stabilize): objects are still due after 1000 passes without time passing\nhistory:")
	run(t, many(1001, "run: 1s"))
}

func TestACrashThatWaitsForACallThatIsNeverMadeIsNoticed(t *testing.T) {
	t.Parallel()
	const text = "- name: a crash\n  given: {racks: [{id: r1}]}\n  when: [{crash: after-call SetPower}, {run: 1m}]\n  then: {states: {rack/r1: Ready}}\n"
	_, err := runOne(t, text)
	require.ErrorContains(t, err, "crash after-call SetPower: expected the call is made, found it was not made")
}

func TestJobsThatNobodyBeganCannotBeChanged(t *testing.T) {
	t.Parallel()
	_, err := runOne(t, site+"  when: [{jobs: {on: rack/r1, devices: {m1: running}}}]\n  then: {states: {rack/r1: Ready}}\n")
	require.ErrorContains(t, err, "when, step 1 (jobs): no job of m1 was begun or given; name the activity")
}

func TestARequestOfAStepIsMadeWhenTheStepIsTaken(t *testing.T) {
	t.Parallel()
	const text = site + "  when: [{advance: 1m}, {request: {id: q1, on: machine/m1, type: validate, at: %s}}]\n  then: {requests: {q1: pending}}\n"
	run(t, fmt.Sprintf(text, "1m"))
	_, err := runOne(t, fmt.Sprintf(text, "0s"))
	require.ErrorContains(t, err, "when, step 2 (request): request q1 is made now, at 1m0s, and not at 0s")
}

func TestARequestThatNobodyUnderstandsIsRejectedByItsObject(t *testing.T) {
	t.Parallel()
	run(t, site+"  when: [{request: {id: q1, on: switch/s1, type: polish}}, {discover: {kind: machine, id: m2}}]\n"+
		"  then: {rejected: [{mentions: [switch, polish]}, {mentions: [m2, expected]}], requests: {q1: rejected}}\n")
}

func TestWhatProductionRefusesToLoadIsRefused(t *testing.T) {
	t.Parallel()
	_, err := runOne(t, "- name: a\n  given:\n    settings: {deadlines: {completed: -1m}}\n    racks: [{id: r1}]\n  then: {states: {rack/r1: Ready}}\n")
	require.ErrorContains(t, err, "given: ")
	require.ErrorContains(t, err, "Deadlines.Completed")
}

// broken is a store of which one method fails.
type broken struct {
	backend.Store
	method string
}

var errDisk = errors.New("disk on fire")

func (b broken) History(ctx context.Context, q backend.HistoryQuery) ([]backend.Transition, error) {
	if b.method == "History" {
		return nil, errDisk
	}
	return b.Store.History(ctx, q)
}

func (b broken) Get(ctx context.Context, ref backend.Ref) (*backend.Record, error) {
	if b.method == "Get" {
		return nil, errDisk
	}
	return b.Store.Get(ctx, ref)
}

func (b broken) Requests(ctx context.Context, q backend.RequestQuery) ([]backend.Request, error) {
	if b.method == "Requests" && !q.OpenOnly {
		return nil, errDisk
	}
	return b.Store.Requests(ctx, q)
}

func (b broken) List(ctx context.Context, q backend.Query) ([]backend.Record, error) {
	if b.method == "List" {
		return nil, errDisk
	}
	return b.Store.List(ctx, q)
}

func (b broken) Commit(ctx context.Context, batch []backend.Commit) ([]error, error) {
	if b.method == "Commit" {
		return nil, errDisk
	}
	return b.Store.Commit(ctx, batch)
}

// A store that fails must not look like a world in which what is expected is not there.
func TestAStoreThatFailsIsReported(t *testing.T) {
	t.Parallel()
	list, err := scenario.Parse("x.yaml", []byte(site+"  when: [{reconcile: rack/r1}]\n  then: {gone: [machine/m1], requests: {}, posted: [], history: {rack/r1: [Ready]}}\n"))
	require.NoError(t, err)
	for _, method := range []string{"History", "Get", "Requests", "List", "Commit"} {
		_, err := scenario.Run(t.Context(), list[0], broken{Store: memory.New(), method: method})
		require.ErrorContains(t, err, errDisk.Error(), method)
	}
}
