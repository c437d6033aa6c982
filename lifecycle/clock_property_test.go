package lifecycle_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rackstate/rackstate/lifecycle"
)

// tally is the naive model of both clocks: it counts second by second.
type tally struct {
	now, shared, step int
	holds             map[string]int // until which second each owner's hold stands; 0: for ever
}

func (m *tally) held() bool { return len(m.holds) > 0 }

// pass lets one second after the other go by.
func (m *tally) pass(seconds int) {
	for range seconds {
		if !m.held() {
			m.shared++
			m.step++
		}
		m.now++
		for owner, until := range m.holds {
			if until == m.now {
				delete(m.holds, owner)
			}
		}
	}
}

// enter is a move between two states.
func (m *tally) enter(from, to lampState) {
	m.step = 0
	glows := map[lampState]bool{white: true, red: true}
	if from != to && (!glows[from] || !glows[to]) {
		m.shared = 0
	}
}

// limits are the SLAs of the states in seconds: on the shared clock, and in the very state.
var limits = map[lampState][2]int{warming: {40, 0}, white: {60, 20}, red: {60, 30}}

func limited(d *lampDefinition) {
	for s, l := range limits {
		info := lifecycle.StateInfo[lampState]{State: s, Class: lifecycle.Working, SLA: time.Duration(l[0]) * time.Second, StepSLA: time.Duration(l[1]) * time.Second, Doc: "random"}
		if s != warming {
			info.Clock = glowing
		}
		declare(info)(d)
	}
	row(white, "Blink", white)(d)
}

// moves lists where each trigger of the walk leads.
var moves = map[lampState]map[lampTrigger]lampState{
	dark: {switchOn: warming}, warming: {warm: white}, white: {turn: red, switchOff: dark, "Blink": white}, red: {turn: white, switchOff: dark},
}

func TestBothClocksRunAsASecondBySecondCountOfHoldsAndMoves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		next, h := lifecycle.Nothing(), lampHandlers{}
		for s := range moves {
			h[s] = func(context.Context, *lamp, *lifecycle.Env) (lifecycle.Outcome, error) {
				out := next
				next = lifecycle.Nothing()
				return out, nil
			}
		}
		s := newSiteWith(t, newTap(), rare, lampKind(t, h, limited))
		s.create(newLamp("a"))
		m, state := &tally{holds: map[string]int{}}, dark
		someMove := func(rt *rapid.T) (lampTrigger, lampState) {
			on := rapid.SampledFrom([]lampTrigger{switchOn, warm, turn, turn, switchOff, "Blink"}).Filter(func(on lampTrigger) bool { return moves[state][on] != "" }).Draw(rt, "trigger")
			return on, moves[state][on]
		}
		owner := rapid.SampledFrom([]string{"ann", "bob"})
		settled := func() { // passes look at everything that is due, and at this moment
			s.step(lampRef("a"))
			s.settle()
			over := s.outcome(lampRef("a")).OverSLA
			l := limits[state]
			want := l[0] > 0 && m.shared > l[0] || l[1] > 0 && m.step > l[1]
			if !m.held() && over != want {
				rt.Fatalf("in %s after %d s and %d s in the state: over its SLA is %t", state, m.shared, m.step, over)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"time": func(rt *rapid.T) {
				d := rapid.IntRange(1, 45).Draw(rt, "seconds")
				s.clock.Set(begin.Add(time.Duration(m.now+d) * time.Second))
				m.pass(d)
			},
			"look": func(*rapid.T) { settled() },
			"hold": func(rt *rapid.T) {
				who, h := owner.Draw(rt, "owner"), service
				h.Owner = who
				m.holds[who] = 0
				if d := rapid.IntRange(0, 30).Draw(rt, "for"); d > 0 {
					m.holds[who] = m.now + d
					h.Expires = begin.Add(time.Duration(m.holds[who]) * time.Second)
				}
				s.hold(h)
			},
			"release": func(rt *rapid.T) {
				who := owner.Draw(rt, "owner")
				err := s.ReleaseHold(t.Context(), lampRef("a"), service.Type, who)
				if _, stood := m.holds[who]; stood != (err == nil) {
					rt.Fatalf("release of %s's hold: %v", who, err)
				}
				delete(m.holds, who)
			},
			"a host moves it": func(rt *rapid.T) {
				on, to := someMove(rt)
				require.NoError(rt, s.Apply(t.Context(), func(tx *lifecycle.Tx) error { return tx.Fire(lampRef("a"), lifecycle.Fire(on)) }))
				m.enter(state, to)
				state = to
			},
			"its handler moves it": func(rt *rapid.T) {
				on, to := someMove(rt)
				next = lifecycle.Fire(on)
				moved := s.step(lampRef("a")).Transition != nil
				if moved == m.held() {
					rt.Fatalf("held is %t, moved is %t", m.held(), moved)
				}
				if next = lifecycle.Nothing(); moved {
					m.enter(state, to)
					state = to
				}
			},
			"restart": func(*rapid.T) { s.restart() },
			"": func(rt *rapid.T) {
				l, now := s.lamp("a"), s.clock.Now()
				got, want := [2]time.Duration{l.Elapsed(now), l.ElapsedInState(now)}, [2]int{m.shared, m.step}
				if got != [2]time.Duration{time.Duration(want[0]) * time.Second, time.Duration(want[1]) * time.Second} {
					rt.Fatalf("in %s the clocks show %v, want %v s", l.State(), got, want)
				}
			},
		})
	})
}
