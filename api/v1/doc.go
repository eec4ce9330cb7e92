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
// The handler does no authentication: whoever serves it decides who may reach
// it. On the control socket, being able to open the socket is the permission.
package v1
