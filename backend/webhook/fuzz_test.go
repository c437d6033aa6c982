package webhook_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	hooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/rackstate/rackstate/backend"
	"github.com/rackstate/rackstate/backend/memory"
	"github.com/rackstate/rackstate/backend/webhook"
)

// FuzzSubscriber: a subscriber is refused without showing what may be secret, or has an address that can be called and a key that receivers understand.
func FuzzSubscriber(f *testing.F) {
	good := newSecret(1).Reveal()
	for _, address := range []string{
		"https://hooks.example/token", "https://hooks.example:8443/?a=b", "http://hooks.example/", "https://10.0.0.1/", "https://[::1]/", "https://[fe80::1%25eth0]/", "https://user:pass@hooks.example/",
		"https://hooks.example:99999/", "https://hooks.example:/", "https:opaque", "https:///x", "https://h/#f", "https://0x7f000001/", "https://127.1/", "https://[::ffff:127.0.0.1]/", "https://\xff/", "https://a b/",
		"HTTPS://HOOKS.EXAMPLE", "https://%31%32%37.0.0.1/", "https://hooks.example\\@127.0.0.1/", "https://①②⑦.0.0.1/",
	} {
		f.Add("s", address, good, "Ready")
	}
	for _, secret := range []string{"", "whsec_", "whsec_!", strings.Replace(good, "=", "\n=", 1), good + "=", "whsec_" + strings.Repeat("A", 400)} {
		f.Add("s", "https://hooks.example/token", secret, "Maintenance/")
	}
	f.Add("", "", "", "")
	f.Add(strings.Repeat("n", 300), "https://x/", good, "/")
	f.Add("\xff\x7f", "https://x/", good, "a//b")
	f.Fuzz(func(t *testing.T, name, address, secret, state string) {
		sender, err := webhook.New(memory.New(), webhook.Config{Source: "/x", Clock: clock.NewMock()})
		require.NoError(t, err)
		sub := webhook.Subscriber{Name: name, URL: address, Secrets: []backend.Secret{backend.NewSecret(secret)}, Filter: webhook.Filter{Entered: []string{state}}}
		err = sender.Subscribe(t.Context(), sub)
		all, statusErr := sender.Status(t.Context())
		require.NoError(t, statusErr)
		if err != nil {
			require.ErrorIs(t, err, webhook.ErrInvalid)
			require.Empty(t, all)
			text := strings.ReplaceAll(err.Error(), strconv.Quote(name), "")
			if len(secret) > 20 && !strings.Contains(strconv.Quote(state), secret) {
				require.NotContains(t, text, secret)
			}
			return
		}
		require.Len(t, all, 1)
		u, err := url.Parse(address)
		require.NoError(t, err)
		require.Equal(t, "https://"+u.Host, all[0].Target, "the rest of the address may be secret")
		if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
			require.False(t, addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast() || addr.IsUnspecified() || addr.IsMulticast(), "%s", addr)
		}
		_, err = http.NewRequestWithContext(t.Context(), http.MethodPost, u.String(), nil)
		require.NoError(t, err)
		if text := u.Port(); text != "" {
			port, err := strconv.ParseUint(text, 10, 16)
			require.NoError(t, err, "there is no such port")
			require.Positive(t, port)
		}
		raw, err := json.Marshal(all)
		require.NoError(t, err)
		require.NotContains(t, string(raw), secret)

		signer, err := hooks.NewWebhook(secret)
		require.NoError(t, err, "receivers read the same key")
		signature, err := signer.Sign("msg", time.Unix(1, 0), []byte("{}"))
		require.NoError(t, err)
		require.NotEmpty(t, signature)
		require.True(t, sub.Filter.Match(backend.Transition{From: "", To: state}))
	})
}

// FuzzAnswer: whatever is behind the address and whatever the receiver answers, the event arrives once and signed, or the failure says no more than the status, and the next attempt comes
// within the bounds.
func FuzzAnswer(f *testing.F) {
	for _, after := range []string{"", "7", "-7", "99999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "soon", "1e9", " 3", "+5"} {
		f.Add("/token?a=b", uint16(503), after, []byte("no"))
	}
	for _, status := range []uint16{0, 100, 200, 204, 299, 301, 308, 404, 410, 429, 500, 599, 999} {
		f.Add("/%2e%2e//x y", status, "", []byte(strings.Repeat("x", 5000)))
	}
	var status int
	var after string
	var answer []byte
	var bodies [][]byte
	var header http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies, header = append(bodies, body), r.Header
		w.Header().Set("Retry-After", after)
		w.Header().Set("Location", "http://169.254.169.254/")
		w.WriteHeader(status)
		_, _ = w.Write(answer)
	}))
	f.Cleanup(func() { http.DefaultClient.CloseIdleConnections(); server.Close() })
	f.Fuzz(func(t *testing.T, suffix string, code uint16, wait string, text []byte) {
		if strings.ContainsFunc(wait, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Skip("no header")
		}
		status, after, answer, bodies = 200+int(code)%400, wait, text, nil
		y := newYard(t)
		sub := webhook.Subscriber{Name: "s", URL: server.URL + "/" + suffix, Secrets: []backend.Secret{newSecret(1)}}
		if err := y.Subscribe(t.Context(), sub); err != nil {
			require.ErrorIs(t, err, webhook.ErrInvalid)
			return
		}
		y.move("a")
		n, err := y.Deliver(t.Context(), "s")
		require.Len(t, bodies, 1, "%v", err)
		signer, bad := hooks.NewWebhook(newSecret(1).Reveal())
		require.NoError(t, bad)
		require.NoError(t, signer.VerifyIgnoringTimestamp(bodies[0], header))
		if status < 300 {
			require.NoError(t, err)
			require.Equal(t, 1, n)
			return
		}
		var failed *webhook.DeliveryError
		require.True(t, errors.As(err, &failed))
		require.Equal(t, status, failed.Status)
		require.Less(t, len(err.Error()), 400)
		st := y.status("s")
		require.Equal(t, 1, st.Failures)
		pause := st.NextTry.Sub(y.clock.Now())
		require.Positive(t, pause)
		require.LessOrEqual(t, pause, 11*time.Minute)
	})
}
