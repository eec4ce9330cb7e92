// Package tunnel lets a relay on the internet reach a handler on a router that
// nobody can connect to: the router connects, and then serves HTTP/2 on the
// connection that it has made.
//
// # The wire
//
// The router connects by TCP, if need be through an HTTP proxy (RFC 9110,
// section 9.3.6), and begins TLS 1.3 (RFC 8446) with the protocol "h2" and a
// client certificate. The name that it asks for (SNI) is that of the relay's end
// for tunnels. From then on it is the server of an HTTP/2 connection (RFC 9113)
// and the relay is its client. A stream's window is 576 KiB and the
// connection's 2 MiB, so that a reader that stalls costs the relay little. The
// router pings after 11.5 s of silence and gives up 4 s later. The relay answers,
// and does not ping: it gives up after 15.5 s in which nothing came, having asked
// something after 13 s.
//
// The relay's first request on a connection is a POST to [ControlPath] with a
// [Hello] as JSON: where the router is reached. Later ones say how long a
// round trip takes, and that the router shall connect anew, since this relay is
// about to stop: the router makes the new connection before it ends the old one.
// Every other request is one for the handler.
//
// Both ends are here; the package knows nothing of what is served.
package tunnel
