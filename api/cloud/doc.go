// Package cloud is the relay: it makes routers that nobody can connect to
// reachable at https://<prefix>.<domain>/api/, and serves the account API at
// https://api.<domain>/v1/.
//
// # Rules and records
//
// [Accounts] has the rules: accounts, their tokens and licences, routers, and
// the codes with which routers enrol. What it keeps are small JSON records in a
// [Store], which knows nothing of them: keys with revisions, and transactions
// that take place only if what was read is still so. There is one
// implementation for a single relay and one for several; see the packages below
// this one. [Copy] takes the records of one store to another.
//
// # The relay
//
// [Relay] takes connections on one port. The name that a connection asks for
// (SNI) tells tunnels of routers from clients. A router's certificate is one
// that the relay has signed when the router enrolled, and its fingerprint must
// be the one on record at every handshake: what is removed is refused at once.
//
// # Several relays
//
// A [Registry] says which relay has a router. Any of them serves any router's
// host: it asks the router's relay, by the package peer, which asks the router or
// nobody. A request is tried elsewhere only as long as it is certain that no router
// got it. The newest link of a router counts: the relay that has it notes it, lets
// the relay before let go, and greets the router after that, so that a router that
// is asked to move loses nothing.
package cloud
