package sitesim

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
)

const racksAtOnce = 20

func TestWorkersBringManyRacksUpAtTheSameTime(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHall(racksAtOnce, open(t))
			h.run(t, allReady(racksAtOnce))
			got, err := states(t.Context(), h.store)
			require.NoError(t, err)
			assert.Equal(t, ready(racksAtOnce), got)
			assert.NoError(t, settled(t.Context(), h.store, h.hardware))
		})
	}
}

func TestAManagerThatIsStoppedHalfWayIsContinuedByTheNext(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHall(racksAtOnce, open(t))
			rows := 0
			for range 4 {
				h.runFor(t, 150)
				history, err := h.store.History(t.Context(), backend.HistoryQuery{})
				require.NoError(t, err)
				require.Greater(t, len(history), rows)
				rows = len(history)
				require.NoError(t, consistent(t.Context(), h.store))
				require.NoError(t, onceOnly(h.hardware))
			}
			half, err := states(t.Context(), h.store)
			require.NoError(t, err)
			require.NotEqual(t, ready(racksAtOnce), half)

			h.run(t, allReady(racksAtOnce))
			got, err := states(t.Context(), h.store)
			require.NoError(t, err)
			assert.Equal(t, ready(racksAtOnce), got)
			assert.NoError(t, settled(t.Context(), h.store, h.hardware))
		})
	}
}
