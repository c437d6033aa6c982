package lifecycle_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

var (
	hot = lifecycle.Alert{ID: "hot", Message: "98 degrees", Classifications: []lifecycle.Classification{lifecycle.PreventAllocations}}
	dim = lifecycle.Alert{ID: "dim", Classifications: []lifecycle.Classification{lifecycle.StopReboot}}
)

// by is an alert of a source.
func by(source string, a lifecycle.Alert) lifecycle.Alert {
	a.Source = source
	return a
}

func TestAReplacingReportOverridesAllOthersWhileItStands(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	ref := lampRef("a")
	require.NoError(t, s.ReportHealth(t.Context(), ref, "sensor", hot))
	assert.False(t, s.lamp("a").Healthy())

	s.clock.Add(time.Minute)
	require.NoError(t, s.ReplaceHealth(t.Context(), ref, "ann"))
	l := s.lamp("a")
	assert.True(t, l.Healthy(), "an empty one says that all is well")
	assert.Empty(t, l.EffectiveAlerts())
	assert.Equal(t, []lifecycle.Alert{by("sensor", hot)}, l.Alerts, "what others say is underneath")

	s.clock.Add(time.Minute)
	require.NoError(t, s.ReplaceHealth(t.Context(), ref, "ann", dim))
	l = s.lamp("a")
	assert.True(t, l.HasAlert(lifecycle.StopReboot))
	assert.False(t, l.HasAlert(lifecycle.PreventAllocations))
	assert.Equal(t, &lifecycle.HealthReport{Source: "ann", Since: begin.Add(time.Minute), Alerts: []lifecycle.Alert{by("ann", dim)}}, l.Replacing, "ann overrides since then")

	require.NoError(t, s.ReportHealth(t.Context(), ref, "person", dim))
	require.NoError(t, s.ReportHealth(t.Context(), ref, "sensor"))
	s.restart()
	assert.Equal(t, []lifecycle.Alert{by("ann", dim)}, s.lamp("a").EffectiveAlerts())
	require.NoError(t, s.ClearReplacedHealth(t.Context(), ref, "ann"))
	l = s.lamp("a")
	assert.Equal(t, []lifecycle.Alert{by("person", dim)}, l.EffectiveAlerts(), "what was merged meanwhile counts again")
	assert.Nil(t, l.Replacing)
	data, err := json.Marshal(l)
	require.NoError(t, err)
	assert.NotContains(t, string(data), "replacing")
}

func TestTheLastReplacingReportWinsAndOnlyItsSourceEndsIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	ref := lampRef("a")
	require.ErrorIs(t, s.ClearReplacedHealth(t.Context(), ref, "ann"), backend.ErrNotFound)
	require.NoError(t, s.ReplaceHealth(t.Context(), ref, "ann", hot))
	s.clock.Add(time.Minute)
	require.NoError(t, s.ReplaceHealth(t.Context(), ref, "bob"))
	assert.Equal(t, begin.Add(time.Minute), s.lamp("a").Replacing.Since)
	err := s.ClearReplacedHealth(t.Context(), ref, "ann")
	require.ErrorIs(t, err, backend.ErrNotFound)
	require.ErrorContains(t, err, "a report of bob since 2026-01-01T00:01:00Z overrides the others, not one of ann")
	assert.True(t, s.lamp("a").Healthy())
	require.ErrorIs(t, s.ReplaceHealth(t.Context(), ref, ""), lifecycle.ErrRejected)
	require.ErrorIs(t, s.ReplaceHealth(t.Context(), lampRef("ghost"), "ann"), backend.ErrNotFound)
	require.ErrorIs(t, s.ClearReplacedHealth(t.Context(), lampRef("ghost"), "ann"), backend.ErrNotFound)
	version := s.lamp("a").Version()
	s.clock.Add(time.Minute)
	require.NoError(t, s.ReplaceHealth(t.Context(), ref, "bob"))
	assert.Equal(t, version, s.lamp("a").Version(), "the same report again is no news")
}

func TestAReplacingReportExcludesFromTheSLAAndIncludesAgain(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, newTap(), rare, lampKind(t, lampHandlers{dark: always[lamp](lifecycle.Fire(switchOn))}))
	s.create(newLamp("a"))
	s.settle()
	excluded := lifecycle.Alert{ID: "repair", Classifications: []lifecycle.Classification{lifecycle.ExcludeFromSLA}}
	require.NoError(t, s.ReportHealth(t.Context(), lampRef("a"), "sensor", excluded))
	s.after(2 * warmingSLA)
	require.Empty(t, s.overdue())
	require.NoError(t, s.ReplaceHealth(t.Context(), lampRef("a"), "ann"))
	s.settle()
	assert.Len(t, s.overdue(), 1, "ann's report does not exclude it")
	require.NoError(t, s.ClearReplacedHealth(t.Context(), lampRef("a"), "ann"))
	s.settle()
	assert.False(t, s.outcome(lampRef("a")).OverSLA)
}

func TestACopyOfAnObjectSharesNoReplacingReport(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	require.NoError(t, s.ReplaceHealth(t.Context(), lampRef("a"), "ann", hot))
	copied := s.lamp("a")
	copied.Replacing.Source, copied.Replacing.Alerts[0].ID = "evil", "evil"
	assert.Equal(t, "ann", s.lamp("a").Replacing.Source)
	assert.Equal(t, "hot", s.lamp("a").Replacing.Alerts[0].ID)
}

func TestAnExplanationShowsTheAlertsThatCountAndHowManyDoNot(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil))
	s.create(newLamp("a"))
	require.NoError(t, s.ReportHealth(t.Context(), lampRef("a"), "sensor", hot, dim))
	require.NoError(t, s.ReplaceHealth(t.Context(), lampRef("a"), "ann", lifecycle.Alert{ID: "fine", Message: "I have looked"}))
	x, err := s.Explain(lampRef("a"))
	require.NoError(t, err)
	assert.Contains(t, x.String(), "\nhealth    a report of ann since 2026-01-01T00:00:00Z overrides 2 others\nalert     fine from ann: I have looked []\n")
	assert.NotContains(t, x.String(), "98 degrees")
	assert.Equal(t, []lifecycle.Alert{by("sensor", hot), by("sensor", dim)}, x.Overridden)
	require.NoError(t, s.ClearReplacedHealth(t.Context(), lampRef("a"), "ann"))
	x, err = s.Explain(lampRef("a"))
	require.NoError(t, err)
	assert.NotContains(t, x.String(), "\nhealth ")
	assert.Contains(t, x.String(), "98 degrees")
}
