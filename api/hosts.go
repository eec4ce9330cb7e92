package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// AllowHosts answers only requests made for an IP address, for localhost, or
// for a name that is known, which is asked in small letters and without a
// trailing dot. A page on the internet that makes its own name point at the
// router (DNS rebinding) arrives with that name and is refused.
func AllowHosts(known func(name string) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := normalHost(r.Host)
		if _, err := netip.ParseAddr(h); err != nil && h != "localhost" && !known(h) {
			WriteFailure(w, http.StatusMisdirectedRequest, "Wrong host",
				"this device is not known by the name in the address; use its IP address, or add the name to lan.names in its configuration")
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
