package webhooks

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// The bounds of a secret, and how long those made here are, in bytes.
const (
	minSecret, maxSecret = 24, 64
	newSecretSize        = 32
)

const secretPrefix = "whsec_"

// secretText is a secret as people have it.
func secretText(secret []byte) string {
	return secretPrefix + base64.StdEncoding.EncodeToString(secret)
}

// parseSecret reads what secretText wrote.
func parseSecret(s string) ([]byte, error) {
	text, ok := strings.CutPrefix(s, secretPrefix)
	if !ok || len(text) > base64.StdEncoding.EncodedLen(maxSecret) {
		return nil, errSecret()
	}
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") || len(b) < minSecret || len(b) > maxSecret {
		return nil, errSecret()
	}
	return b, nil
}

func errSecret() error {
	return hotspot.Invalid("secret", "must be %s and the base64 of %d to %d bytes; leave it out for a random one", secretPrefix, minSecret, maxSecret)
}

func newSecret() []byte {
	b := make([]byte, newSecretSize)
	_, _ = rand.Read(b) // never fails
	return b
}

// sign returns the value of webhook-signature: one signature for each secret.
func sign(id string, at time.Time, body []byte, secrets ...[]byte) string {
	var out []string
	for _, s := range secrets {
		h := hmac.New(sha256.New, s)
		h.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		h.Write(body)
		out = append(out, "v1,"+base64.StdEncoding.EncodeToString(h.Sum(nil)))
	}
	return strings.Join(out, " ")
}
