package cloud

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Account owns routers.
type Account struct {
	ID      string    `json:"id"` // 8 characters of a-z 0-9; "prefix" in the account API
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	// Usage is how many routers are enrolled.
	Usage   int      `json:"usage"`
	License *License `json:"license,omitempty"` // nil: one router
}

// Limit is how many routers an account may enrol.
func (a Account) Limit(now time.Time) int {
	if a.License == nil || a.License.Expired(now) {
		return 1
	}
	return a.License.Limit
}

// Token is what opens an account. The token itself is not kept.
type Token struct {
	Account string    `json:"account"`
	Name    string    `json:"name"`
	Expires time.Time `json:"expires"` // zero: never
}

// Router is a router that has enrolled.
type Router struct {
	ID      string    `json:"id"`
	Account string    `json:"account"`
	Prefix  string    `json:"prefix"` // of its host
	Name    string    `json:"name"`
	Version string    `json:"version"`
	Created time.Time `json:"created"`
	// Fingerprint is the SHA-256 of its certificate, hexadecimal.
	Fingerprint string    `json:"fingerprint"`
	LastSeen    time.Time `json:"last_seen"`
}

// claim lets one router enrol.
type claim struct {
	Account string    `json:"account"`
	Expires time.Time `json:"expires"`
}

// Keys of records. What is secret stands in them as its hash.
func accountKey(id string) string           { return "account/" + id }
func tokenKey(token string) string          { return "token/" + hash(token) }
func tokenNameKey(account, n string) string { return "tokens/" + account + "/" + n }
func routerKey(id string) string            { return "router/" + id }
func prefixKey(prefix string) string        { return "prefix/" + prefix }
func ownedKey(account, router string) string {
	return "owned/" + account + "/" + router
}
func openClaimKey(account, claim string) string {
	return "claims/" + account + "/" + claim
}
func claimKey(code string) string   { return "claim/" + hash(code) }
func licenseKeyOf(id string) string { return "license/" + id }
func secretKey(name string) string  { return "secret/" + name }

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// letters is base32 as people type it.
var letters = base32.StdEncoding.WithPadding(base32.NoPadding)

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// newToken returns a token: 140 random bits in groups of 8-4-4-4-8.
func newToken() string {
	s := letters.EncodeToString(random(18))[:28]
	return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
}

// newClaim returns a claim code: 80 random bits in groups of four.
func newClaim() string {
	s := letters.EncodeToString(random(10))
	return strings.Join([]string{s[:4], s[4:8], s[8:12], s[12:]}, "-")
}

// tidyCode reads a claim code as people type it.
func tidyCode(code string) string {
	if len(code) > 64 {
		return ""
	}
	s := strings.Map(func(r rune) rune {
		switch {
		case r == '0':
			return 'O'
		case r == '1':
			return 'I'
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z' || r >= '2' && r <= '7':
			return r
		}
		return -1
	}, code)
	if len(s) != 16 {
		return ""
	}
	return strings.Join([]string{s[:4], s[4:8], s[8:12], s[12:]}, "-")
}

// newPrefix returns a host's prefix: 10 hexadecimal digits.
func newPrefix() string { return hex.EncodeToString(random(5)) }

// newID returns 8 characters of a-z and 2-7.
func newID() string { return strings.ToLower(letters.EncodeToString(random(5))) }

// record reads a record as JSON into v. It reports whether there is one.
func (a *Accounts) record(ctx context.Context, key string, v any) (Entry, bool, error) {
	e, err := a.cfg.Store.Get(ctx, key)
	if err != nil {
		return e, false, fmt.Errorf("relay's records: %w", err)
	}
	if e.Revision == 0 {
		return e, false, nil
	}
	if err := json.Unmarshal(e.Value, v); err != nil {
		return e, false, fmt.Errorf("the record %s is damaged: %w", key, err)
	}
	return e, true, nil
}

// entry makes a record of v.
func entry(key string, v any) Entry {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // types of ours, without anything that could fail
	}
	return Entry{Key: key, Value: b}
}
