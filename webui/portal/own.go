package portal

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// ownership says how a Host header relates to the portal.
type ownership struct {
	here      bool // it is this portal
	elsewhere bool // it is this router, at another port
}

// own judges a Host header. It is also the guard against DNS rebinding: no
// page is served under a name that is not ours.
func (p *portal) own(hostport string) ownership {
	host, port := splitHost(hostport)
	if !p.isOwnHost(host) {
		return ownership{}
	}
	if port == "" {
		port = "80"
	}
	here := port == strconv.Itoa(int(p.cfg.Port))
	return ownership{here: here, elsewhere: !here}
}

func (p *portal) isOwnHost(host string) bool {
	if host == "" {
		return false
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return slices.Contains(p.cfg.Addresses(), a.Unmap().WithZone(""))
	}
	host = strings.TrimSuffix(host, ".")
	return slices.ContainsFunc(p.cfg.Names, func(n string) bool { return strings.EqualFold(n, host) })
}

// splitHost splits "host", "host:port", "[v6]" and "[v6]:port" without
// judging either part.
func splitHost(s string) (host, port string) {
	if h, ok := strings.CutSuffix(s, "]"); ok && strings.HasPrefix(h, "[") {
		return h[1:], ""
	}
	if host, port, err := net.SplitHostPort(s); err == nil {
		return host, port
	}
	return s, ""
}

// base is the address to send a guest to, as "http://host:port": of the family
// of the connection, and the address that the guest reached if it is ours.
func (p *portal) base(r *http.Request) (string, bool) {
	addrs := p.cfg.Addresses()
	local := localAddr(r)
	if local.IsValid() && slices.Contains(addrs, local) {
		return p.origin(local), true
	}
	if !local.IsValid() {
		local = p.cfg.ClientAddr(r)
	}
	for _, a := range addrs {
		if a.Is4() == local.Is4() {
			return p.origin(a), true
		}
	}
	if len(addrs) > 0 {
		return p.origin(addrs[0]), true
	}
	return "", false
}

func (p *portal) origin(a netip.Addr) string {
	if p.cfg.Port == 80 {
		if a.Is6() {
			return "http://[" + a.String() + "]"
		}
		return "http://" + a.String()
	}
	return "http://" + netip.AddrPortFrom(a, p.cfg.Port).String()
}

// localAddr is our end of the connection.
func localAddr(r *http.Request) netip.Addr {
	a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return netip.Addr{}
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}
