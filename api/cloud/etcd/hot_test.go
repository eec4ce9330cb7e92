package etcd

import "testing"

// TestAccountsAreAsked: a token opens an account, and the account's record is read
// from etcd each time. So a token that has been removed opens nothing at a relay
// that has not heard of it: it cannot ask, either.
func TestAccountsAreAsked(t *testing.T) {
	for key, want := range map[string]bool{"account/abcde234": false, "claim/x": false, "router/x": true, "prefix/0123456789": true, "token/x": true} {
		if hot(key) != want {
			t.Errorf("%s: kept in memory: %v", key, !want)
		}
	}
}
