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
// implementation for a single relay; see the packages below this one.
//
// # The relay
//
// [Relay] takes connections on one port. The name that a connection asks for
// (SNI) tells tunnels of routers from clients. A router's certificate is one
// that the relay has signed when the router enrolled, and its fingerprint must
// be the one on record at every handshake: what is removed is refused at once.
package cloud
