package api

import (
	"net/http"
	"net/netip"
)

// Peer returns the address of the client at the other end of the connection,
// or an invalid address when it has none (a control socket).
//
// Forwarded headers mean nothing here: anybody can write them. A tunnel that
// knows the client by other means sets the request's RemoteAddr.
func Peer(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}
