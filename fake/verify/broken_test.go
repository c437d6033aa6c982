package verify_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/fake/verify"
)

// breach is a thing that is right and, a little different, wrong.
type breach struct {
	rule string
	// name says what is wrong.
	name string
	// opts are those of the checker.
	opts []verify.Option
	// play does the thing, wrong or right, on a stage of its own, and returns what was found.
	play func(s *stage, wrong bool) []error
}

// spoiled is a commit that is right until it is spoiled.
func spoiled(rule, name string, right func(s *stage) *backend.Commit, spoil func(k *backend.Commit)) breach {
	return breach{rule: rule, name: name, play: func(s *stage, wrong bool) []error {
		k := right(s)
		if wrong {
			spoil(k)
		}
		return s.commit(k)
	}}
}

// either is a world in which the same thing is right or wrong.
func either(rule, name string, play func(s *stage, wrong bool) []error) breach {
	return breach{rule: rule, name: name, play: play}
}

func breaches() []breach {
	var all []breach
	for _, list := range [][]breach{moveBreaches(), rowBreaches(), fenceBreaches(), keyBreaches(), requestBreaches(), waitBreaches(), deletionBreaches(), holdBreaches(), rackBreaches(), cycleBreaches()} {
		all = append(all, list...)
	}
	return all
}

func TestEachWrongIsReportedByItsRuleAndNoOther(t *testing.T) {
	t.Parallel()
	for _, b := range breaches() {
		t.Run(b.rule+"/"+b.name, func(t *testing.T) {
			t.Parallel()
			assert.Empty(t, b.play(newStage(t, b.opts...), false), "what is right breaks no rule")
			found := b.play(newStage(t, b.opts...), true)
			assert.Equal(t, []string{b.rule}, rulesOf(t, found), "%v", found)
		})
	}
}

func TestEveryRuleCanBeBrokenAndIsSoByATest(t *testing.T) {
	t.Parallel()
	tested := map[string]bool{}
	for _, b := range breaches() {
		tested[b.rule] = true
	}
	seen := map[string]bool{}
	for _, r := range verify.Rules() {
		assert.True(t, tested[r.Name], "no test breaks the rule %q", r.Name)
		assert.False(t, seen[r.Name], "two rules are called %q", r.Name)
		seen[r.Name] = true
		functions := 0
		for _, set := range []bool{r.Commit != nil, r.Look != nil, r.Call != nil, r.Idle != nil} {
			if set {
				functions++
			}
		}
		assert.Equal(t, 1, functions, r.Name)
	}
}

// key is a key of an action.
func key(actor backend.Ref, transitions int, action string) string {
	return fmt.Sprintf("%s#%d/%s/0", actor, transitions, action)
}

func devicesOf(refs []backend.Ref) []backend.Device {
	var out []backend.Device
	for _, ref := range refs {
		out = append(out, backend.Device{Ref: ref, Rack: "r1"})
	}
	return out
}
