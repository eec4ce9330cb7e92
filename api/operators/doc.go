// Package operators keeps the people who run the hotspot, checks who they are,
// and keeps the sessions of their browsers.
//
// An operator is a record among the store's secrets, so backups carry it. Of
// the password there is an argon2id hash, made with as much work as this router
// does in half a second; one is computed at a time, so that guesses take no
// memory away from guests. The secret of an authenticator app is sealed with
// the device secret; recovery codes have 80 random bits, and a SHA-256 of each
// is kept.
//
// A session is 256 random bits in a cookie, of which the store has the SHA-256.
// It ends with the password that it began with, after 12 hours without use, and
// after 30 days. How long it was not used is measured by a clock that nobody
// sets: a router that learns the time does not sign its operator out.
//
// Only a person who is signed in as an owner, or the command line, manages
// operators; an API key or an access token never does. An owner's password is
// changed by that owner, who shows the old one, or on the command line, never
// by others over the network.
package operators
