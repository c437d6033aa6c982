package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFlagsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	require.NoError(t, os.WriteFile(broken, []byte("name: n\ninitial: a\nstates: [a]\ntransitions: [{from: a, to: b}]\n"), 0o600))
	db := filepath.Join(t.TempDir(), "racks.db")
	for want, args := range map[string][]string{
		"-speed must be":             {"-db", db, "-speed", "-1"},
		"unexpected argument":        {"-db", db, "now"},
		"-webhook-net":               {"-db", db, "-webhook-net", "localhost"},
		"at least 16 bytes":          {"-db", db, "-read-token", "short"},
		"must differ":                {"-db", db, "-read-token", "0123456789abcdef", "-write-token", "0123456789abcdef"},
		"no-such-site.yaml":          {"-db", db, "-site", "no-such-site.yaml"},
		"no-such-definition.yaml":    {"-db", db, "-definition", "no-such-definition.yaml"},
		"broken.yaml:4:":             {"-db", db, "-definition", broken},
		"listen tcp":                 {"-db", db, "-addr", "127.0.0.1:99999"},
		`unexpected argument "x"`:    {"receive", "x"},
		"must be whsec_ and base64":  {"receive", "-secret", "whsec_?"},
		"flag provided but not defi": {"receive", "-db", db},
	} {
		var out bytes.Buffer
		assert.ErrorContains(t, run(t.Context(), args, &out), want)
	}
}

func TestTokensAndSecretsThatNobodyGaveAreMadeAtRandomAndPrinted(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	over, stop := context.WithCancel(t.Context())
	stop()
	for range 2 {
		var out bytes.Buffer
		require.NoError(t, run(over, []string{"receive", "-addr", "127.0.0.1:0"}, &out))
		made := regexp.MustCompile(`whsec_\S{44}`).FindString(out.String())
		_, err := newReceiver(made, &out)
		require.NoError(t, err)
		tok, err := newTokens("", "")
		require.NoError(t, err)
		for _, s := range []string{made, tok.read, tok.write} {
			assert.False(t, seen[s])
			assert.GreaterOrEqual(t, len(s), 26)
			seen[s] = true
		}
	}
}

func TestAServerOnADatabaseThatIsInUseDoesNotStart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var out bytes.Buffer
	require.Error(t, run(t.Context(), []string{"-db", r.db, "-addr", "127.0.0.1:0"}, &out))
	r.move("r1-node-1", "maintenance", "the first one is not disturbed")
}

func TestAListOfSubscribersThatCannotBeReadIsNamed(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "racks.db")
	for text, want := range map[string]string{
		"[{": "unexpected end",
		`[{"name":"a","url":"http://10.0.0.1/","secrets":["` + secret + `"]}]`: "-webhook-net",
	} {
		require.NoError(t, os.WriteFile(db+".subscribers", []byte(text), 0o600))
		var out bytes.Buffer
		err := run(t.Context(), []string{"-db", db, "-addr", "127.0.0.1:0"}, &out)
		require.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, db+".subscribers")
		assert.NotContains(t, err.Error(), secret)
	}
}
