// Package keys keeps the credentials of the API's callers, and serves
// /api/token and /api/apikey. docs/api.md is their public documentation.
//
// The device key is the one that the action API's clients send as api-key. It
// can be shown again, so it is not hashed but sealed with the device secret,
// 32 random bytes in a file of their own beside the store: somebody who gets
// hold of the store alone, such as a backup, does not have the key.
//
// Named keys are one per integration, with scopes and an expiry. They have 260
// random bits, so a plain SHA-512 of each is kept, which cannot be guessed
// from; those that were made viewable are kept sealed besides. Each is a
// record of its own among the store's secrets. All are held in memory, and a
// check compares with every one of them in constant time.
//
// Access tokens are JWTs, signed with a key derived from the device secret,
// and are not kept. A token names what it was issued for, and is refused once
// that is gone, or once its epoch has passed ([Keys.EndTokens]).
//
// When a credential was last used is in memory at once, and stored by
// [Keys.Uses] in transactions that take place anyhow.
//
// # When the secret is lost
//
// A store without its secret (a backup restored on another device, a deleted
// file) has a sealed device key that nothing can open. The key is then not
// replaced by itself: every client still holds the old one, and a silent
// change would look like a wrong key to all of them with nobody knowing why.
// Instead [Keys.DeviceKey] and [Keys.Check] return an error that is
// [ErrUnreadable] and names the remedy: put the secret file back, or make a new key with
// `vouchsafe key regenerate` and give it to the clients. Named keys go on
// working, though none can be shown; access tokens issued before are refused.
// Guests are not affected meanwhile.
package keys
