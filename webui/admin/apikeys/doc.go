// Package apikeys is the panel's page of API keys: one for each program that
// uses the hotspot's APIs. What a key may be, and who sees which, are rules of
// the keys' keeper; the pages ask and show.
//
// A key is shown once, on the page that follows its making, and not when that is
// reloaded. One that was made viewable is shown again to whoever has entered the
// password a short while ago; making keys needs that, too.
package apikeys
