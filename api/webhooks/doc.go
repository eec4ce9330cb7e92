// Package webhooks tells other programs of events by HTTP, signed as Standard
// Webhooks 1.0 has it. docs/webhooks.md is its public documentation.
//
// An event is in the store by the time that what it tells of is (see
// [hotspot.Event]). [Webhooks.Run] sends what waits, one request at a time to
// each endpoint. What became of it is in memory, and stored by
// [Webhooks.Uses] in transactions that take place anyhow: after a power cut, some
// events are sent again, with the same id.
//
// Endpoints are records among the store's secrets; their own secrets are sealed.
//
// Where a webhook goes is decided by whoever may change settings. So that this
// does not open what only the router itself can reach, the address of every
// connection is checked as it is made ([guard]), and redirects are not followed.
package webhooks
