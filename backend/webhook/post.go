package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	hooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/rackstate/rackstate/backend"
)

const (
	// maxAnswer is how many bytes of an answer are read, so that the connection can be used again; nothing is done with them. maxHeader bounds its header.
	maxAnswer = 4 << 10
	maxHeader = 16 << 10
	// userAgent says who calls.
	userAgent = "rackstate-webhook/1"
)

// DeliveryError is why a receiver did not take a transition over. It shows nothing of the address but the host, and nothing of the answer but its status.
type DeliveryError struct {
	// Position and ID name the transition and its event.
	Position uint64
	ID       string
	// Status is the receiver's answer, 0 when there was none.
	Status int
	// Err says what went wrong.
	Err error

	after time.Duration
}

// Error says which transition, and why.
func (e *DeliveryError) Error() string {
	return fmt.Sprintf("transition %d (%s): %s", e.Position, e.ID, e.Err)
}

// Unwrap returns the cause.
func (e *DeliveryError) Unwrap() error { return e.Err }

// RetryAfter is the pause that the receiver asks for.
func (e *DeliveryError) RetryAfter() time.Duration { return e.after }

// newClient makes the client that all subscribers share.
func newClient(cfg *Config, g *guard) *http.Client {
	dialer := &net.Dialer{ControlContext: g.control}
	transport := &http.Transport{
		DialContext: dialer.DialContext, ForceAttemptHTTP2: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
		MaxIdleConns: 100, MaxIdleConnsPerHost: 2, IdleConnTimeout: 90 * time.Second,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.RootCAs},
	}
	if cfg.Proxy != nil {
		// The proxy is the host's own, and decides where it goes; the guard would see nothing but the proxy.
		dialer.ControlContext = nil
		transport.Proxy = http.ProxyURL(cfg.Proxy)
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// post tells one subscriber of one transition. nil means that it was taken over.
func (s *Sender) post(ctx context.Context, to *subscription, t backend.Transition) error {
	id, body, err := envelope(s.cfg.Source, t)
	if err != nil {
		return err
	}
	failure := &DeliveryError{Position: t.Position, ID: id}
	ctx, cancel := s.clock.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.address.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	if err := sign(req.Header, to.signers, id, s.clock.Now(), body); err != nil {
		return err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", userAgent)
	resp, err := s.client.Do(req)
	if err != nil {
		var shown *url.Error // its text has the whole address
		if errors.As(err, &shown) {
			err = shown.Err
		}
		failure.Err = fmt.Errorf("%s: %w", to.target(), err)
		return failure
	}
	status, header := resp.StatusCode, resp.Header
	discard(resp)
	if status >= 200 && status < 300 {
		return nil
	}
	failure.Status, failure.after = status, s.pauseAsked(status, header)
	failure.Err = fmt.Errorf("%s answered %s", to.target(), statusText(status))
	return failure
}

// sign sets the headers of the Standard Webhooks specification.
func sign(h http.Header, signers []*hooks.Webhook, id string, at time.Time, body []byte) error {
	all := make([]string, len(signers))
	for i, signer := range signers {
		one, err := signer.Sign(id, at, body)
		if err != nil {
			return fmt.Errorf("sign %s: %w", id, err)
		}
		all[i] = one
	}
	h.Set(hooks.HeaderWebhookID, id)
	h.Set(hooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(hooks.HeaderWebhookSignature, strings.Join(all, " "))
	return nil
}

// discard reads a short answer, which lets the connection be used again, and breaks off a long one. What it says does not matter any more, nor whether it comes to its end.
func discard(resp *http.Response) {
	if resp.ContentLength >= 0 && resp.ContentLength <= maxAnswer {
		_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	}
	_ = resp.Body.Close()
}

// pauseAsked is how long a receiver asks to be left alone. One that says that it is gone is asked as seldom as possible.
func (s *Sender) pauseAsked(status int, h http.Header) time.Duration {
	if status == http.StatusGone {
		return s.cfg.BackoffMax
	}
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return at.Sub(s.clock.Now())
	}
	return 0
}

func statusText(status int) string {
	text := fmt.Sprintf("%d %s", status, http.StatusText(status))
	if status >= 300 && status < 400 {
		return text + "; redirects are not followed, the subscription must name the new address"
	}
	return text
}
