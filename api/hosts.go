package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// AllowHosts answers only requests made for an IP address, for localhost, or
// for one of the given names. A page on the internet that makes its own name
// point at the router (DNS rebinding) arrives with that name and is refused.
func AllowHosts(names []string, next http.Handler) http.Handler {
	allowed := map[string]bool{"localhost": true}
	for _, n := range names {
		allowed[normalHost(n)] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := normalHost(r.Host)
		if _, err := netip.ParseAddr(h); err != nil && !allowed[h] {
			WriteFailure(w, http.StatusMisdirectedRequest, "Wrong host",
				"this device is not known by the name in the address; use its IP address")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// normalHost strips the port, brackets, the zone and a trailing dot.
func normalHost(h string) string {
	if name, _, err := net.SplitHostPort(h); err == nil {
		h = name
	}
	h = strings.TrimSuffix(strings.TrimPrefix(h, "["), "]")
	return strings.ToLower(strings.TrimSuffix(h, "."))
}
