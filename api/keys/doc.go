// Package keys keeps the credentials of the API's callers.
//
// The device key is the one that the action API's clients send as api-key. It
// can be shown again, so it is not hashed but sealed with the device secret,
// 32 random bytes in a file of their own beside the store: somebody who gets
// hold of the store alone, such as a backup, does not have the key.
//
// # When the secret is lost
//
// A store without its secret (a backup restored on another device, a deleted
// file) has a sealed key that nothing can open. The key is then not replaced
// by itself: every client still holds the old one, and a silent change would
// look like a wrong key to all of them with nobody knowing why. Instead
// [Keys.DeviceKey] and [Keys.Check] return [ErrUnreadable], whose text names
// the remedy: put the secret file back, or make a new key with `vouchsafe key
// regenerate` and give it to the clients. Guests are not affected meanwhile.
package keys
