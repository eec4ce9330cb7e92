// Package entry is how people get into the operator's panel: signing in and out,
// the password once more before what matters, the first run of a new router, and
// each operator's own account.
//
// It decides nothing. Who may sign in, how often somebody may try, and what a
// password must be like are rules of the operators' keeper; what settings and
// vouchers may be, of the hotspot's.
//
// A cookie that a browser brings is never given back: signing in, a code, and
// the password entered again each make a new one. Where to go on after that
// comes from the address, and leads to a page of this host or to the first page.
package entry
