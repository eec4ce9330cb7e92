package operators

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// The parameters of RFC 6238 that every authenticator app knows.
const (
	totpStep   = 30 // seconds
	totpDigits = 6
	totpSecret = 20 // bytes
	// totpSlack is by how many steps the app's clock may be off.
	totpSlack = 1

	recoveryCodes = 8
	recoveryBytes = 10 // 80 bits: 16 characters
)

func totpEncoding() *base32.Encoding { return base32.StdEncoding.WithPadding(base32.NoPadding) }

// totpCode is the code of a step.
func totpCode(secret []byte, step int64) string {
	m := hmac.New(sha1.New, secret)
	_ = binary.Write(m, binary.BigEndian, step) // never fails
	sum := m.Sum(nil)
	at := sum[len(sum)-1] & 15
	n := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
	return fmt.Sprintf("%0*d", totpDigits, n%1_000_000)
}

// checkTOTP returns the step of a code that is right now, and that is later
// than the last one used: a code counts once.
func checkTOTP(secret []byte, code string, now time.Time, last int64) (step int64, ok bool) {
	code = strings.Map(func(r rune) rune {
		if r == ' ' {
			return -1
		}
		return r
	}, code)
	present := now.Unix() / totpStep
	for s := present - totpSlack; s <= present+totpSlack; s++ {
		if subtle.ConstantTimeCompare([]byte(totpCode(secret, s)), []byte(code)) == 1 && s > last {
			step, ok = s, true
		}
	}
	return step, ok
}

func newTOTPSecret() []byte {
	b := make([]byte, totpSecret)
	_, _ = rand.Read(b) // never fails
	return b
}

// totpURI is what an authenticator app reads from a QR code.
func totpURI(secret []byte, issuer, email string) string {
	if issuer = strings.ReplaceAll(issuer, ":", " "); issuer == "" {
		issuer = "Vouchsafe"
	}
	// Spaces are %20 here: some apps show a plus as it is.
	return "otpauth://totp/" + url.PathEscape(issuer) + ":" + url.PathEscape(email) +
		"?secret=" + totpEncoding().EncodeToString(secret) + "&issuer=" + url.PathEscape(issuer)
}

// newRecovery makes recovery codes, and the hashes of them.
func newRecovery() (codes []string, hashes [][]byte) {
	for range recoveryCodes {
		b := make([]byte, recoveryBytes)
		_, _ = rand.Read(b) // never fails
		s := totpEncoding().EncodeToString(b)
		code := s[:4] + "-" + s[4:8] + "-" + s[8:12] + "-" + s[12:]
		hash, _ := recoveryHash(code)
		codes, hashes = append(codes, code), append(hashes, hash)
	}
	return codes, hashes
}

// recoveryHash is the hash of a recovery code; ok is false of what is none.
func recoveryHash(code string) (hash []byte, ok bool) {
	if len(code) > 64 {
		return nil, false
	}
	code = strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(code))
	if b, err := totpEncoding().DecodeString(code); err != nil || len(b) != recoveryBytes || strings.ContainsAny(code, "\r\n") {
		return nil, false
	}
	sum := sha256.Sum256([]byte(code))
	return sum[:], true
}

// findRecovery returns which of some hashes a code has; -1: none.
func findRecovery(hashes [][]byte, code string) int {
	hash, ok := recoveryHash(code)
	if !ok {
		return -1
	}
	found := -1
	for i, h := range hashes {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(h, hash), i, found)
	}
	return found
}
