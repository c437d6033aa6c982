package postgres

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/rackstate/rackstate/backend"
)

// wrote makes a plan that has written objects of machines.
func wrote(ids ...string) *plan {
	p := newPlan()
	for i, id := range ids {
		p.written = append(p.written, &object{ref: backend.Ref{Kind: backend.KindMachine, ID: id}, version: uint64(i) + 1})
	}
	return p
}

// told is what a watch tells after it heard payloads.
func told(payloads []string) []backend.Change {
	var n news
	for _, payload := range payloads {
		n.hear(payload)
	}
	return n.changes()
}

func TestWhatIsAnnouncedIsToldOrEverythingIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := newPlan()
		var want []backend.Change
		refs := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) backend.Ref {
			return backend.Ref{Kind: backend.Kind(rapid.String().Draw(t, "kind")), ID: rapid.String().Draw(t, "id")}
		}), 1, 50, rapid.ID[backend.Ref]).Draw(t, "refs")
		for i, ref := range refs {
			p.written = append(p.written, &object{ref: ref, version: uint64(i) << 40})
			want = append(want, backend.Change{Ref: ref, Version: uint64(i) << 40})
		}
		payloads := p.notes()
		for _, payload := range payloads {
			if len(payload) > notePayload {
				t.Fatalf("a payload of %d bytes", len(payload))
			}
		}
		got := map[backend.Ref]uint64{}
		for _, c := range told(payloads) {
			got[c.Ref] = c.Version
		}
		if len(got) == 0 {
			return // everything: right for each of them
		}
		for _, c := range want {
			if v, found := got[c.Ref]; !found || v != c.Version {
				t.Fatalf("%q is told with version %d, %t; want %d", c.Ref, v, found, c.Version)
			}
		}
	})
}

func TestManyObjectsTakeManyNotificationsAndTooManyStandForEverything(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		objects int
		all     bool
	}{{1, false}, {300, false}, {2048, false}, {9000, false}, {20_000, true}} {
		ids := make([]string, c.objects)
		for i := range ids {
			ids[i] = fmt.Sprintf("rack-%04d-tray-%02d", i/36, i%36)
		}
		payloads := wrote(ids...).notes()
		assert.LessOrEqual(t, len(payloads), noteCount, c.objects)
		if c.all {
			assert.Equal(t, []string{""}, payloads, c.objects)
			assert.Empty(t, told(payloads))
			continue
		}
		assert.Len(t, told(payloads), c.objects)
	}
}

func TestNamesThatFitNoLineStandForEverything(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"two\nlines", strings.Repeat("x", notePayload)} {
		assert.Equal(t, []string{""}, wrote("a", id, "b").notes())
	}
	slash := wrote("a")
	slash.written[0].ref.Kind = "a/b"
	assert.Equal(t, []string{""}, slash.notes())
}

func TestWhatIsNotUnderstoodStandsForEverything(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{"", "x machine/a", "1", "1 machine", "1 machine/a\n", "-1 machine/a", "99999999999999999999999 machine/a"} {
		assert.Empty(t, told([]string{"1 machine/a", payload}), "%q", payload)
	}
}

func TestNewsOfOneObjectAreToldOnceWithTheNewestVersion(t *testing.T) {
	t.Parallel()
	got := told([]string{"1 rack/b\n7 machine/a", "9 machine/a", "8 machine/a\n1 machine/c d/e"})
	want := []backend.Change{
		{Ref: backend.Ref{Kind: "machine", ID: "a"}, Version: 9},
		{Ref: backend.Ref{Kind: "machine", ID: "c d/e"}, Version: 1},
		{Ref: backend.Ref{Kind: "rack", ID: "b"}, Version: 1},
	}
	assert.Empty(t, cmp.Diff(want, got))
	var n news
	for i := range maxNews + 1 {
		n.hear(fmt.Sprintf("1 machine/%d", i))
	}
	assert.Empty(t, n.changes(), "more than it keeps")
}
