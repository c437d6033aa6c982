package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/benbjohnson/clock"

	"github.com/rackstate/rackstate/backend"
)

// Site is a simulated site in another process. It is a [backend.Driver] and safe for concurrent use.
type Site struct {
	http *http.Client
	pace Pace
}

// Dial connects to the process that serves the socket, and asks it for the pace of time.
func Dial(ctx context.Context, socket string) (*Site, error) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	s := &Site{http: &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 64, DisableCompression: true}}}
	if err := s.message(ctx, http.MethodGet, "pace", nil, &s.pace); err != nil {
		return nil, fmt.Errorf("remote: %s: %w", socket, err)
	}
	return s, nil
}

// Close closes the connections that no call uses.
func (s *Site) Close() { s.http.CloseIdleConnections() }

// Pace is the time of the site.
func (s *Site) Pace() Pace { return s.pace }

// Clock returns a clock that shows the time of the site, see [Pace.Clock].
func (s *Site) Clock(ctx context.Context) clock.Clock { return s.pace.Clock(ctx) }

// Capabilities returns those that are passed on.
func (s *Site) Capabilities() backend.Capabilities {
	return backend.Capabilities{
		Power: s, Reset: s, Shelf: s, Inventory: s, Firmware: s, SwitchImage: s, Certificates: s, Fabric: s, Platform: s, Agent: s, SKU: s, Validation: s,
	}
}

// message sends one message and reads the answer.
func (s *Site) message(ctx context.Context, method, name string, body []byte, to any) (err error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://site/"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	raw, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return err
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s", res.Status, raw)
	}
	return json.Unmarshal(raw, to)
}

// ask calls a function of the other side. Where no connection comes about nothing was done; any other broken message leaves that open.
func ask[T any](ctx context.Context, s *Site, name string, q call) (value T, err error) {
	body, err := json.Marshal(q)
	if err != nil {
		return value, backend.NotDone(err)
	}
	var got answer
	if err := s.message(ctx, http.MethodPost, name, body, &got); err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			return value, backend.NotDone(fmt.Errorf("%s: %w", name, err))
		}
		return value, backend.MaybeDone(fmt.Errorf("%s: %w", name, err))
	}
	if len(got.Value) > 0 {
		if err := json.Unmarshal(got.Value, &value); err != nil {
			return value, backend.MaybeDone(fmt.Errorf("%s: %w", name, err))
		}
	}
	return value, got.Err.unpack()
}

// order calls a function that answers nothing.
func order(ctx context.Context, s *Site, name string, q call) error {
	_, err := ask[struct{}](ctx, s, name, q)
	return err
}
