package webhook_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/backend/webhook"
)

func TestASubscriberThatCannotBeServedIsRefusedWithAllReasonsAndNoSecret(t *testing.T) {
	t.Parallel()
	sender, err := webhook.New(memory.New(), webhook.Config{Source: "/x"})
	require.NoError(t, err)
	good := webhook.Subscriber{Name: "s", URL: "https://hooks.example/tok-en", Secrets: []backend.Secret{newSecret(1)}}
	require.NoError(t, sender.Subscribe(t.Context(), good))
	short := "whsec_" + base64.StdEncoding.EncodeToString([]byte("hush"))
	for want, change := range map[string]func(*webhook.Subscriber){
		"its name must have 1 to 200 bytes":         func(s *webhook.Subscriber) { s.Name = "" },
		"and no control characters":                 func(s *webhook.Subscriber) { s.Name = "a\nb" },
		"its URL cannot be read":                    func(s *webhook.Subscriber) { s.URL = "https://tok-en:x%" },
		"its URL begins with http, must begin":      func(s *webhook.Subscriber) { s.URL = "http://hooks.example/tok-en" },
		"its URL must begin with https":             func(s *webhook.Subscriber) { s.URL = "file:///tok-en" },
		"its URL holds a user name":                 func(s *webhook.Subscriber) { s.URL = "https://ann:tok-en@hooks.example/" },
		"its URL names no host":                     func(s *webhook.Subscriber) { s.URL = "https:///tok-en" },
		"its URL names a port that does not":        func(s *webhook.Subscriber) { s.URL = "https://hooks.example:65536/tok-en" },
		"its URL has a space in its query":          func(s *webhook.Subscriber) { s.URL = "https://hooks.example/?tok-en= " },
		"its URL has a fragment":                    func(s *webhook.Subscriber) { s.URL = "https://hooks.example/#tok-en" },
		"its URL has 3021 bytes":                    func(s *webhook.Subscriber) { s.URL = "https://hooks.example" + strings.Repeat("/", 3000) },
		"192.168.0.1: the address is not public":    func(s *webhook.Subscriber) { s.URL = "https://192.168.0.1/tok-en" },
		"127.0.0.1: the address is not":             func(s *webhook.Subscriber) { s.URL = "https://127.0.0.1:8443/" },
		"::ffff:93.184.216.34: the address is not":  func(s *webhook.Subscriber) { s.URL = "https://[::ffff:93.184.216.34]/" },
		"fe80::1: the address is not":               func(s *webhook.Subscriber) { s.URL = "https://[fe80::1%25eth0]/" },
		"it has 0 secrets, must have 1 to 4":        func(s *webhook.Subscriber) { s.Secrets = nil },
		`secret 1: it does not begin with "whsec_"`: func(s *webhook.Subscriber) { s.Secrets = []backend.Secret{backend.NewSecret("tok-en")} },
		"secret 2: it is not base64":                func(s *webhook.Subscriber) { s.Secrets = append(s.Secrets, backend.NewSecret("whsec_tok-en!")) },
		"secret 1: it has 4 bytes, must have 24":    func(s *webhook.Subscriber) { s.Secrets = []backend.Secret{backend.NewSecret(short)} },
		`its filter has the state "Maintenance/"`:   func(s *webhook.Subscriber) { s.Filter.Entered = []string{"Maintenance/"} },
		`its filter has the state "", must be`:      func(s *webhook.Subscriber) { s.Filter.Left = []string{""} },
		"5 errors occurred": func(s *webhook.Subscriber) {
			*s = webhook.Subscriber{URL: "gopher://tok-en", Secrets: []backend.Secret{{}}, Filter: webhook.Filter{Entered: []string{""}, Left: []string{"/"}}}
		},
	} {
		sub := good
		change(&sub)
		err := sender.Subscribe(t.Context(), sub)
		require.ErrorIs(t, err, webhook.ErrInvalid, want)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "tok-en")
		assert.NotContains(t, err.Error(), short)
	}
	all, err := sender.Status(t.Context())
	require.NoError(t, err)
	assert.Len(t, all, 1, "the one before stays as it was")
	text := fmt.Sprintf("%v %+v %#v", good, good, all)
	assert.NotContains(t, text, strings.TrimPrefix(newSecret(1).Reveal(), "whsec_"))
	assert.NotContains(t, fmt.Sprintf("%+v", all), "tok-en")
}

func TestAFilterSelectsByKindRackAndWhatIsEnteredOrLeft(t *testing.T) {
	t.Parallel()
	row := func(from, to string) backend.Transition {
		return backend.Transition{Ref: backend.Ref{Kind: backend.KindMachine, ID: "m"}, Rack: "r", From: from, To: to}
	}
	down := []string{"Maintenance", "Error"}
	for name, c := range map[string]struct {
		filter webhook.Filter
		row    backend.Transition
		want   bool
	}{
		"everything":                {webhook.Filter{}, row("A", "B"), true},
		"its kind":                  {webhook.Filter{Kinds: []backend.Kind{"rack", "machine"}}, row("A", "B"), true},
		"another kind":              {webhook.Filter{Kinds: []backend.Kind{"rack"}}, row("A", "B"), false},
		"its rack":                  {webhook.Filter{Racks: []string{"q", "r"}}, row("A", "B"), true},
		"another rack":              {webhook.Filter{Racks: []string{"q"}}, row("A", "B"), false},
		"enters a path":             {webhook.Filter{Entered: down}, row("Ready", "Maintenance/Start"), true},
		"enters a state":            {webhook.Filter{Entered: down}, row("Ready", "Error"), true},
		"goes on inside a path":     {webhook.Filter{Entered: down}, row("Maintenance/A", "Maintenance/B"), false},
		"goes from path to path":    {webhook.Filter{Entered: down}, row("Maintenance/A", "Error"), true},
		"enters something like it":  {webhook.Filter{Entered: down}, row("Ready", "MaintenanceHold"), false},
		"leaves":                    {webhook.Filter{Entered: down}, row("Error", "Ready"), false},
		"is created":                {webhook.Filter{Entered: []string{"Ready"}}, row("", "Ready"), true},
		"leaves a path":             {webhook.Filter{Left: down}, row("Maintenance/B", "Ready"), true},
		"is deleted in a path":      {webhook.Filter{Left: down}, row("Error", ""), true},
		"does not leave":            {webhook.Filter{Left: down}, row("Ready", "Error"), false},
		"either":                    {webhook.Filter{Entered: []string{"Error"}, Left: []string{"Error"}}, row("Error", "Ready"), true},
		"enters, but not this rack": {webhook.Filter{Racks: []string{"q"}, Entered: down}, row("Ready", "Error"), false},
	} {
		assert.Equal(t, c.want, c.filter.Match(c.row), name)
	}
}

func TestWhatAFilterLeavesOutIsDoneWith(t *testing.T) {
	t.Parallel()
	y, r := newYard(t), newReceiver(t)
	y.subscribe("s", r.URL, func(s *webhook.Subscriber) {
		s.Filter = webhook.Filter{Racks: []string{"A"}, Entered: []string{"Error"}}
	})
	for i, state := range []string{"Ready", "Error", "Ready", "Error", "Ready"} {
		y.enter(backend.Ref{Kind: backend.KindMachine, ID: "a"}, "A", state)
		y.enter(backend.Ref{Kind: backend.KindMachine, ID: "b"}, "B", state)
		if i == 3 {
			r.refuse(500)
			_, err := y.Deliver(t.Context(), "s")
			require.Error(t, err)
			r.set(nil)
		}
	}
	y.drain("s")
	assert.Equal(t, []string{"a 2", "a 4"}, r.steps())
	assert.Equal(t, uint64(10), y.status("s").Cursor)
	_, err := y.Deliver(context.WithoutCancel(t.Context()), "nobody")
	require.ErrorIs(t, err, backend.ErrNotFound)
}
