// Package api holds what every HTTP surface of the router shares: writing
// JSON, reading bounded bodies, who is calling and what the caller may do, the
// limit on wrong credentials, the request log, and a server with limits fit
// for a small machine.
//
// The surfaces themselves are in the packages below this one; they do not
// import one another.
package api
