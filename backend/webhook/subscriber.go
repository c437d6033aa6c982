package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/go-multierror"
	hooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/rackstate/rackstate/backend"
)

// ErrInvalid says that a subscriber cannot be served as it is given. Nothing was changed; the text says all that is wrong.
var ErrInvalid = errors.New("invalid subscriber")

// Subscriber is somebody who is told of transitions.
type Subscriber struct {
	// Name names it, and its cursor in the store: a subscriber that comes again under its name goes on where it was.
	Name string
	// URL is where events are posted. It holds no user name and no password; whatever else it holds is shown to nobody but for its scheme and host.
	URL string
	// Secrets sign the events, in the form "whsec_" and 24 to 64 bytes in base64. To change a secret without a gap, sign with the new and the old one until the receiver knows the new one.
	Secrets []backend.Secret
	// Filter selects what it is told of. The zero value selects everything.
	Filter Filter
	// FromNow has a subscriber whose name was never used begin with what comes, not with the oldest row of the history.
	FromNow bool
}

// Filter selects transitions. Each field that is not empty must hold.
type Filter struct {
	// Kinds and Racks list what objects may be of, and may belong to.
	Kinds []backend.Kind
	Racks []string
	// Entered and Left list states, or paths of states as in [backend.Query]: a transition must enter one of the first from outside, or leave one of the second. With both given either
	// suffices.
	Entered, Left []string
}

// Match reports whether the filter selects a transition.
func (f Filter) Match(t backend.Transition) bool {
	switch {
	case len(f.Kinds) > 0 && !slices.Contains(f.Kinds, t.Ref.Kind):
		return false
	case len(f.Racks) > 0 && !slices.Contains(f.Racks, t.Rack):
		return false
	case len(f.Entered) == 0 && len(f.Left) == 0:
		return true
	}
	return crosses(f.Entered, t.From, t.To) || crosses(f.Left, t.To, t.From)
}

// crosses reports whether a path holds one state and not the other.
func crosses(paths []string, outside, inside string) bool {
	return slices.ContainsFunc(paths, func(p string) bool { return below(inside, p) && !below(outside, p) })
}

func below(state, path string) bool {
	return state == path || strings.HasPrefix(state, path) && state[len(path)] == '/'
}

// Bounds of what a subscriber may give.
const (
	maxURL     = 2048
	maxName    = 200
	maxSecrets = 4
	minKey     = 24
	maxKey     = 64
)

// check reports everything that is wrong with a subscriber, and returns the address and the signers.
func (s Subscriber) check(g *guard) (*url.URL, []*hooks.Webhook, error) {
	var problems *multierror.Error
	if s.Name == "" || len(s.Name) > maxName || strings.ContainsFunc(s.Name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		problems = multierror.Append(problems, fmt.Errorf("its name must have 1 to %d bytes and no control characters", maxName))
	}
	address, err := checkURL(s.URL, g)
	if err != nil {
		problems = multierror.Append(problems, err)
	}
	if n := len(s.Secrets); n < 1 || n > maxSecrets {
		problems = multierror.Append(problems, fmt.Errorf("it has %d secrets, must have 1 to %d", n, maxSecrets))
	}
	signers := make([]*hooks.Webhook, 0, len(s.Secrets))
	for i, secret := range s.Secrets {
		signer, err := signerOf(secret)
		if err != nil {
			problems = multierror.Append(problems, fmt.Errorf("secret %d: %w", i+1, err))
		}
		signers = append(signers, signer)
	}
	for _, path := range slices.Concat(s.Filter.Entered, s.Filter.Left) {
		if path == "" || strings.HasSuffix(path, "/") {
			problems = multierror.Append(problems, fmt.Errorf("its filter has the state %q, must be a state or a path without a slash at its end", path))
		}
	}
	if problems != nil {
		return nil, nil, fmt.Errorf("%w %q: %w", ErrInvalid, s.Name, problems)
	}
	return address, signers, nil
}

// checkURL reads an address. Errors do not show it: it may hold a token.
func checkURL(text string, g *guard) (*url.URL, error) {
	if len(text) > maxURL {
		return nil, fmt.Errorf("its URL has %d bytes, more than %d", len(text), maxURL)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("its URL cannot be read")
	case u.Scheme == "http" && !g.http:
		return nil, errors.New("its URL begins with http, must begin with https")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("its URL must begin with https")
	case u.User != nil:
		return nil, errors.New("its URL holds a user name; the signature says who calls")
	case u.Hostname() == "" || u.Opaque != "":
		return nil, errors.New("its URL names no host")
	case !validPort(u.Port()):
		return nil, errors.New("its URL names a port that does not exist")
	case strings.Contains(u.RawQuery, " "): // it is sent as it is, and no server could read the request
		return nil, errors.New("its URL has a space in its query; write %20")
	case u.Fragment != "":
		return nil, errors.New("its URL has a fragment, which is never sent")
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		if err := g.check(addr); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// validPort reports whether there is such a port. None is that of the scheme.
func validPort(text string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return text == "" || err == nil && port > 0
}

// signerOf makes a signer of a secret. Errors do not show it.
func signerOf(secret backend.Secret) (*hooks.Webhook, error) {
	text, found := strings.CutPrefix(secret.Reveal(), "whsec_")
	key, err := base64.StdEncoding.DecodeString(text)
	switch {
	case !found:
		return nil, errors.New(`it does not begin with "whsec_"`)
	case err != nil:
		return nil, errors.New("it is not base64")
	case len(key) < minKey || len(key) > maxKey:
		return nil, fmt.Errorf("it has %d bytes, must have %d to %d", len(key), minKey, maxKey)
	}
	return hooks.NewWebhookRaw(key)
}
