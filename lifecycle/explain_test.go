package lifecycle_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/lifecycle"
)

func TestAnExplanationSaysWhatAPersonMustKnow(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, lampHandlers{
		dark:    always[lamp](lifecycle.Fire(switchOn)),
		warming: always[lamp](lifecycle.Wait("heat", "12 degrees", 20*time.Second)),
	}, asking))
	s.create(newLamp("a"))
	s.settle()
	s.ask(lifecycle.NewRequest{ID: "q", Type: lightRequest, Initiator: "ann"}, lampRef("a"))
	alert := lifecycle.Alert{ID: "hot", Message: "98 degrees", Classifications: []lifecycle.Classification{lifecycle.PreventAllocations}}
	require.NoError(t, s.ReportHealth(t.Context(), lampRef("a"), "sensor", alert))
	s.after(4 * time.Minute)
	x, err := s.Explain(lampRef("a"))
	require.NoError(t, err)
	assert.Equal(t, "Warming", x.State)
	assert.Equal(t, 4*time.Minute, x.Elapsed)
	assert.Equal(t, []string{"Warm", "Blow", "Discarded"}, x.Triggers)
	assert.Equal(t, []string{"paint", "light", "force_delete"}, x.Accepts)
	assert.Equal(t, strings.Join([]string{
		"object    lamp/a",
		"state     Warming since 2026-01-01T00:00:00Z (4m0s)",
		"meaning   not bright yet",
		"outcome   waits for heat: 12 degrees",
		"SLA       10m0s, 6m0s left",
		"deadline  1h30m0s by default, then it fails",
		"alert     hot from sensor: 98 degrees [PreventAllocations]",
		"request   light q (pending) by ann since 2026-01-01T00:00:00Z",
		"next look 2026-01-01T00:04:20Z",
		"permits   Warm, Blow, Discarded",
		"accepts   paint, light, force_delete",
		"",
	}, "\n"), x.String())
	s.after(7 * time.Minute)
	s.hold(service)
	x, err = s.Explain(lampRef("a"))
	require.NoError(t, err)
	assert.Contains(t, x.String(), "SLA       10m0s, exceeded\n")
	assert.Contains(t, x.String(), "hold      service by ann (the ladder leans on it)\n")
	x.Holds[0].Owner = "nobody"
	assert.Equal(t, "ann", s.lamp("a").Holds[0].Owner, "what it hands out is a copy")
	_, err = s.Explain(lampRef("ghost"))
	require.ErrorIs(t, err, backend.ErrNotFound)
}

func TestAnExplanationSaysWhyThereIsNoDeadline(t *testing.T) {
	t.Parallel()
	s := newSite(t, lampKind(t, nil, declare(lifecycle.StateInfo[lampState]{State: dark, Class: lifecycle.Waiting, NoDeadline: "nobody hurries", Doc: "off"})))
	s.create(newLamp("a"))
	x, err := s.Explain(lampRef("a"))
	require.NoError(t, err)
	assert.Contains(t, x.String(), "deadline  none: nobody hurries\n")
}
