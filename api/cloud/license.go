package cloud

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// License says how many routers an account may enrol, and until when.
type License struct {
	ID      string `json:"id"`
	Limit   int    `json:"limit"`
	Expires int64  `json:"expires"` // Unix seconds; -1: never
}

// maxLimit is the most that a licence can allow.
const maxLimit = 1_000_000

// Expired reports whether a licence is over.
func (l License) Expired(now time.Time) bool { return l.Expires != -1 && now.Unix() >= l.Expires }

// IssueLicense signs a licence for so many routers. A zero time is never.
func IssueLicense(key ed25519.PrivateKey, limit int, expires time.Time) (string, error) {
	if limit < 1 || limit > maxLimit {
		return "", refuse(http.StatusUnprocessableEntity, "a licence is for 1 to %d routers", maxLimit)
	}
	l := License{ID: newID() + newID(), Limit: limit, Expires: -1}
	if !expires.IsZero() {
		l.Expires = expires.Unix()
	}
	body, err := json.Marshal(l)
	if err != nil {
		return "", err
	}
	enc := base64.RawURLEncoding
	return enc.EncodeToString(body) + "." + enc.EncodeToString(ed25519.Sign(key, body)), nil
}

// ReadLicense checks a licence. All that is wrong with it is a refusal.
func ReadLicense(key ed25519.PublicKey, text string, now time.Time) (License, error) {
	var l License
	bad := refuse(http.StatusUnprocessableEntity, "the licence is not one of this cloud's, or was not copied whole")
	head, tail, ok := strings.Cut(strings.TrimSpace(text), ".")
	if !ok || len(text) > 1024 {
		return l, bad
	}
	enc := base64.RawURLEncoding.Strict()
	body, err := enc.DecodeString(head)
	if err != nil {
		return l, bad
	}
	signature, err := enc.DecodeString(tail)
	if err != nil || !ed25519.Verify(key, body, signature) || json.Unmarshal(body, &l) != nil || l.ID == "" || l.Limit < 1 || l.Limit > maxLimit {
		return l, bad
	}
	if l.Expired(now) {
		return l, refuse(http.StatusUnprocessableEntity, "the licence has expired")
	}
	return l, nil
}
