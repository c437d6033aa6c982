package webhook_test

import (
	"crypto/x509"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/webhook"
)

func TestAReceiverMustProveWhoItIs(t *testing.T) {
	t.Parallel()
	r := &receiver{secret: newSecret(1)}
	r.Server = httptest.NewTLSServer(r)
	defer r.Close()
	plain := func(c *webhook.Config) { c.HTTP = false }
	y := newYard(t, plain)
	y.subscribe("s", r.URL)
	y.move("m")
	_, err := y.Deliver(t.Context(), "s")
	require.ErrorContains(t, err, "certificate signed by unknown authority")
	assert.Empty(t, r.steps())

	y.restart(plain, func(c *webhook.Config) {
		c.RootCAs = x509.NewCertPool()
		c.RootCAs.AddCert(r.Certificate())
	})
	y.subscribe("s", r.URL)
	y.drain("s")
	assert.Equal(t, []string{"m 1"}, r.steps())
	require.ErrorIs(t, y.Subscribe(t.Context(), webhook.Subscriber{Name: "p", URL: "http://127.0.0.1/", Secrets: []backend.Secret{newSecret(1)}}), webhook.ErrInvalid)
}
