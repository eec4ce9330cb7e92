// Package v1 is the REST API under /api/v1 and its Go client.
//
// The command line is the client's first user: it speaks to a running daemon
// over the control socket ([DialUnix]), or, when none runs, to the same handler
// in its own process ([InProcess]). Every rule is the service's; this package
// translates between it and JSON.
//
// Amounts are bytes, times are RFC 3339 in the venue's zone, lengths of time
// are whole seconds or the spelling that settings and vouchers use. What does
// not apply is null. Lists that can be long are read page by page with a
// cursor. Errors are RFC 9457 problems that carry a hotspot.Code, from which
// the client makes the *hotspot.Error again.
//
// Every operation is registered with the access that it needs: a scope, and
// whether it writes. [API.For] finds out who calls, by any of several kinds of
// credentials. On the control socket, being able to open it is the credential.
package v1
