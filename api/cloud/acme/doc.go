// Package acme gets the relay's certificate from a certificate authority, and
// renews it: one for *.<domain>, by ACME's DNS-01 challenge. Never one for each
// name, since the public logs of certificates would tell everybody the routers'
// prefixes.
//
// The certificate, its key and the account at the authority are records of a
// cloud.Store, so that several relays share them. One of them renews, under a
// lock; the others find the new certificate there.
package acme
