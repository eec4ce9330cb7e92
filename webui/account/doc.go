// Package account is the page of a cloud account, in the panel's style: the
// account's routers, its API tokens and its licence. The relay serves it on
// https://api.<domain>/ beside the account API, and it can do nothing that the
// API cannot.
//
// # Who is signed in
//
// One signs in with an API token. What the browser then keeps is that token,
// sealed with a secret of the relay, in a cookie that no script can read and
// that is sent over HTTPS to this host only. The relay keeps nothing: any of its
// nodes can read the cookie, and a token that is removed or expires ends what was
// signed in with it at once.
//
// Routers' owners decide what hosts of the same domain answer, so the browser's
// notion of the same site is worth nothing here: the cookie's name begins with
// __Host-, forms carry a token made from the cookie, and requests of other
// origins are refused.
package account
