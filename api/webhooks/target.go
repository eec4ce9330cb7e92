package webhooks

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// maxURL bounds the address of an endpoint.
const maxURL = 500

// parseURL checks the address of an endpoint.
func parseURL(s string) (*url.URL, error) {
	bad := func(format string, args ...any) (*url.URL, error) {
		return nil, hotspot.Invalid("url", format, args...)
	}
	if s == "" || len(s) > maxURL {
		return bad("must have 1 to %d characters", maxURL)
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f {
			return bad("must not have spaces or characters beyond ASCII; write them in percent or punycode form")
		}
	}
	u, err := url.Parse(s)
	if err != nil {
		return bad("is not an address such as https://example.com/hook")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return bad("must begin with https:// (or http://, to a private address)")
	case u.User != nil:
		return bad("must not have a name or password in it; the signature shows who sends")
	case u.Fragment != "" || strings.HasSuffix(s, "#"):
		return bad("must not have a fragment")
	case u.Hostname() == "" || strings.Contains(u.Hostname(), "%"):
		return bad("must name a host")
	}
	if p := u.Port(); p != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return bad("the port must be from 1 to 65535")
		}
	}
	return u, nil
}

// Local is what webhooks must not reach.
type Local struct {
	Own    []netip.Addr   // the router's addresses
	Guests []netip.Prefix // the guest network
}

// guard decides whether a webhook may go to an address.
type guard struct {
	local   func() Local
	allowed func() bool // by the setting webhook.local
}

// Prefixes in which an IPv4 address hides: it counts.
var (
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
	sixTo = netip.MustParsePrefix("2002::/16")
)

// never are addresses that no server has.
var never = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("fec0::/10"),
}

// plainAddr takes an IPv4 address out of an IPv6 one.
func plainAddr(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case sixTo.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return a
}

// check refuses an address. plain: the connection would not be encrypted.
func (g guard) check(a netip.Addr, plain bool) error {
	a = plainAddr(a)
	if what := g.reserved(a); what != nil {
		if !g.allowed() {
			return hotspot.Worded("%s is %s: webhooks do not go there unless the setting webhook.local is on", a, what)
		}
		return nil
	}
	if !a.IsGlobalUnicast() {
		return hotspot.Worded("%s is not the address of a server", a)
	}
	for _, p := range never {
		if p.Contains(a) {
			return hotspot.Worded("%s is not the address of a server", a)
		}
	}
	if plain && !a.IsPrivate() {
		return hotspot.Worded("%s is not a private address: write https:// to send there", a)
	}
	return nil
}

// reserved says what local thing an address is; nil: none.
func (g guard) reserved(a netip.Addr) *hotspot.Wording {
	switch {
	case a.IsLoopback():
		return hotspot.Worded("this router itself")
	case a.IsLinkLocalUnicast():
		return hotspot.Worded("a link-local address")
	}
	local := g.local()
	for _, own := range local.Own {
		if plainAddr(own) == a {
			return hotspot.Worded("this router itself")
		}
	}
	for _, p := range local.Guests {
		if p.Masked().Contains(a) {
			return hotspot.Worded("on the guest network")
		}
	}
	return nil
}

// plainKey marks the context of a request that is not encrypted.
type plainKey struct{}

// control is a dialer's ControlContext: it sees the very address that is
// connected to, so a name that means another one by now is no way around.
func (g guard) control(ctx context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	plain, _ := ctx.Value(plainKey{}).(bool)
	return g.check(ap.Addr(), plain)
}

// resolveWithin bounds the look-up of a name while an endpoint is made.
const resolveWithin = 3 * time.Second

// inspect checks where an endpoint would lead now. A name that cannot be
// looked up is a warning: it may be right later.
func (w *Webhooks) inspect(ctx context.Context, u *url.URL) (warning string, err error) {
	plain := u.Scheme == "http"
	var addrs []netip.Addr
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		addrs = []netip.Addr{a}
	} else {
		ctx, cancel := context.WithTimeout(ctx, resolveWithin)
		defer cancel()
		if addrs, err = w.cfg.Resolve(ctx, u.Hostname()); err != nil || len(addrs) == 0 {
			return "the name " + u.Hostname() + " cannot be looked up now", nil
		}
	}
	for _, a := range addrs {
		if err := w.guard.check(a, plain); err != nil {
			return "", hotspot.Invalid("url", "%s", err)
		}
	}
	if plain {
		warning = plainWarning
	}
	return warning, nil
}

const plainWarning = "http:// is not encrypted: whoever is on the way can read the events"

func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}
