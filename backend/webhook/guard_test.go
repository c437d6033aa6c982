package webhook

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend/memory"
)

func TestOnlyPublicAddressesAreCalled(t *testing.T) {
	t.Parallel()
	g := &guard{}
	for what, addresses := range map[string][]string{
		"loopback":          {"127.0.0.1", "127.255.255.254", "::1"},
		"private":           {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12:3456::1"},
		"link-local":        {"169.254.169.254", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1"},
		"multicast":         {"224.0.0.1", "239.1.1.1", "ff02::1", "ff0e::1"},
		"unspecified":       {"0.0.0.0", "0.1.2.3", "::"},
		"broadcast":         {"255.255.255.255", "240.0.0.1"},
		"carrier":           {"100.64.0.1", "100.127.255.255"},
		"IPv4 mapped":       {"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:93.184.216.34"},
		"IPv4 inside IPv6":  {"::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"},
		"documentation":     {"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"},
		"benchmark, others": {"198.18.0.1", "198.19.255.255", "192.0.0.1", "192.88.99.1", "100::1", "5f00::1"},
	} {
		for _, text := range addresses {
			addr := netip.MustParseAddr(text)
			require.ErrorIs(t, g.check(addr), ErrForbidden, "%s %s", what, text)
			require.ErrorIs(t, g.control(t.Context(), "tcp", netip.AddrPortFrom(addr, 443).String(), nil), ErrForbidden, "%s %s", what, text)
		}
	}
	for _, text := range []string{"93.184.216.34", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "198.17.0.1", "2606:4700:4700::1111", "2a00:1450::1"} {
		require.NoError(t, g.check(netip.MustParseAddr(text)), text)
	}
	require.ErrorIs(t, g.control(t.Context(), "unix", "/run/docker.sock", nil), ErrForbidden)
}

func TestANetworkCanBeAllowed(t *testing.T) {
	t.Parallel()
	g := &guard{networks: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd00::/8")}}
	for _, text := range []string{"10.20.30.40", "::ffff:10.20.30.40", "fd12::1"} {
		require.NoError(t, g.check(netip.MustParseAddr(text)), text)
	}
	for _, text := range []string{"10.21.0.1", "127.0.0.1", "::ffff:10.21.0.1", "fc00::1"} {
		require.ErrorIs(t, g.check(netip.MustParseAddr(text)), ErrForbidden, text)
	}
}

// aClient is the client that subscribers share, over the given networks.
func aClient(t *testing.T, change func(*Config)) *http.Client {
	t.Helper()
	cfg := Config{Source: "/x", HTTP: true}
	if change != nil {
		change(&cfg)
	}
	s, err := New(memory.New(), cfg)
	require.NoError(t, err)
	t.Cleanup(s.client.CloseIdleConnections)
	return s.client
}

func TestANameThatLeadsInsideIsRefusedWhenItIsCalled(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = func(net.Conn, http.ConnState) { calls.Add(1) }
	server.Start()
	defer server.Close()
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	for _, host := range []string{"localhost", "127.0.0.1", "[::ffff:127.0.0.1]"} {
		_, err = aClient(t, nil).Post("http://"+host+":"+u.Port(), "", nil) //nolint:bodyclose // there is none
		require.ErrorIs(t, err, ErrForbidden, host)
	}
	assert.Zero(t, calls.Load(), "not even a connection was made")
}

func TestANameThatChangesItsMindBetweenTwoCallsGainsNothing(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	// The guard is asked with every address that a name resolves to, whatever it resolved to before. The first answer is allowed here, as a public one is.
	client := aClient(t, func(c *Config) { c.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} })
	transport := client.Transport.(*http.Transport)
	dial, target := transport.DialContext, "127.0.0.1"
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial(ctx, network, net.JoinHostPort(target, u.Port()))
	}
	transport.DisableKeepAlives = true
	resp, err := client.Post("http://rebind.example:"+u.Port(), "", nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	target = "127.0.0.2"
	_, err = client.Post("http://rebind.example:"+u.Port(), "", nil) //nolint:bodyclose // there is none
	require.ErrorIs(t, err, ErrForbidden)
}

func TestNoProxyIsTakenFromTheEnvironment(t *testing.T) {
	t.Parallel()
	transport := aClient(t, nil).Transport.(*http.Transport)
	assert.Nil(t, transport.Proxy)
	assert.NotNil(t, transport.TLSClientConfig)
	assert.False(t, transport.TLSClientConfig.InsecureSkipVerify)
}

func TestAProxyThatIsSetIsAskedForEverything(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.Host }))
	defer proxy.Close()
	client := aClient(t, func(c *Config) {
		var err error
		c.Proxy, err = url.Parse(proxy.URL)
		require.NoError(t, err)
	})
	resp, err := client.Post("http://hooks.example/x", "", nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, "hooks.example", <-asked)
}

func TestTheDefaultsAreBounded(t *testing.T) {
	t.Parallel()
	c := Config{Source: "/x"}.withDefaults()
	require.NoError(t, c.validate())
	assert.Equal(t, []time.Duration{15 * time.Second, time.Second, 10 * time.Minute, time.Hour}, []time.Duration{c.Timeout, c.BackoffMin, c.BackoffMax, c.DeadAfter})
	err := Config{Source: "%zz", BackoffMin: -1, Timeout: -1, Batch: -1, BackoffMax: -2, DeadAfter: -1}.validate()
	for _, want := range []string{"the Source \"%zz\" is no URI", "BackoffMin is -1ns", "Timeout is -1ns", "Batch is -1", "greater than BackoffMax", "DeadAfter is -1ns"} {
		require.ErrorContains(t, err, want)
	}
	require.ErrorContains(t, Config{}.withDefaults().validate(), "the Source is empty")
	assert.False(t, errors.Is(err, ErrInvalid))
}
