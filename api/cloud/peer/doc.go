// Package peer is how relays of one domain pass requests on to one another.
//
// # The wire
//
// A relay connects to another one's peer port by TLS 1.3 and HTTP/2. Each shows a
// certificate of the authority of nodes, which names it ([Identity]); routers'
// certificates are of another authority, and are refused. Connections stay, a few
// for each relay, and are pinged. GET /hello is answered with nothing.
//
// A request for a router is passed on as it is, to /api/, with the router's id,
// the client's address and the id of the relay that it is for ([Call]). The other
// relay sends it to that router by a connection that the router has made to it, or
// to nobody: it never passes it on again. Its answer says what became of the
// request ([Outcome]), so that the first relay knows whether it may be tried
// elsewhere. What has no outcome may have been done.
//
// POST /moved says that a router is at the caller from now on. The answer comes
// when the relay that is asked has no request to it under way that the router
// could miss.
package peer
