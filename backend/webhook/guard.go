package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// ErrForbidden says that an address is not public, and not allowed by Config.Networks.
var ErrForbidden = errors.New("the address is not public and not allowed")

// guard decides which addresses may be called.
type guard struct {
	http     bool
	networks []netip.Prefix
}

// reserved are the networks that lie among public addresses and are not public. Beside them are what netip knows: loopback, private, link-local, multicast, unspecified.
var reserved = prefixes(
	"0.0.0.0/8",       // this network
	"100.64.0.0/10",   // between a carrier and its customers
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // relays of IPv6, given up
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"240.0.0.0/4",     // never assigned, and broadcast
	"2001::/23",       // protocol assignments; Teredo carries an IPv4 address inside
	"2001:db8::/32",   // documentation
	"2002::/16",       // carries an IPv4 address inside
	"3fff::/20",       // documentation
)

// globalIPv6 holds all public addresses of IPv6. What lies outside is local, or carries an IPv4 address inside.
var globalIPv6 = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}

// check says why an address must not be called.
func (g *guard) check(addr netip.Addr) error {
	addr = addr.WithZone("")
	plain := addr.Unmap()
	holds := func(p netip.Prefix) bool { return p.Contains(plain) || p.Contains(addr) }
	switch {
	case slices.ContainsFunc(g.networks, holds):
		return nil
	case addr.Is4In6(), !plain.IsGlobalUnicast(), plain.IsPrivate(), plain.Is6() && !globalIPv6.Contains(plain), slices.ContainsFunc(reserved, holds):
		return fmt.Errorf("%s: %w", addr, ErrForbidden)
	}
	return nil
}

// control checks the address of every connection just before it is made. A name was resolved by then, so that one which changes its mind between a check and the call gains
// nothing.
func (g *guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%q: %w", address, ErrForbidden)
	}
	return g.check(to.Addr())
}
