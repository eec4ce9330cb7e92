package account

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// cookieName is one that other hosts of the domain cannot set (RFC 6265bis,
// section 4.1.3.2).
const cookieName = "__Host-account"

// sessionFor is how long one stays signed in.
const sessionFor = 12 * time.Hour

// sealer makes cookies and form tokens.
type sealer struct {
	aead cipher.AEAD
	key  []byte // of form tokens
}

func newSealer(secret []byte) (*sealer, error) {
	if len(secret) != 32 {
		return nil, fmt.Errorf("the secret has %d bytes, not 32", len(secret))
	}
	derive := func(what string) []byte {
		m := hmac.New(sha256.New, secret)
		_, _ = m.Write([]byte(what)) // never fails
		return m.Sum(nil)
	}
	block, err := aes.NewCipher(derive("cookies"))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &sealer{aead, derive("forms")}, err
}

// seal makes a cookie's value of a token.
func (s *sealer) seal(token string, now time.Time) string {
	plain := binary.BigEndian.AppendUint64(nil, uint64(now.Add(sessionFor).Unix()))
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, append(plain, token...), nil))
}

// open returns the token in a cookie's value, if it is ours and not over.
func (s *sealer) open(value string, now time.Time) (token string, ok bool) {
	// The decoder skips line ends.
	if len(value) > 400 || strings.ContainsAny(value, "\r\n") {
		return "", false
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil {
		return "", false
	}
	plain, err := s.aead.Open(nil, nil, sealed, nil)
	if err != nil || len(plain) < 8 {
		return "", false
	}
	left := time.Unix(int64(binary.BigEndian.Uint64(plain)), 0).Sub(now)
	return string(plain[8:]), left > 0 && left <= sessionFor
}

func (s *sealer) formToken(cookie string) string {
	m := hmac.New(sha256.New, s.key)
	_, _ = m.Write([]byte(cookie)) // never fails
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func (s *sealer) isForm(cookie, token string) bool {
	return hmac.Equal([]byte(s.formToken(cookie)), []byte(token))
}

func (q *request) setCookie(value string, seconds int) {
	http.SetCookie(q.w, &http.Cookie{Name: cookieName, Value: value, Path: "/", MaxAge: seconds, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// forget takes the cookie from the browser, if it has one.
func (q *request) forget() {
	if _, err := q.Cookie(cookieName); err == nil {
		q.setCookie("", -1)
	}
}

func (q *request) askSignIn() {
	if q.signedIn {
		q.goTo("/")
		return
	}
	q.showSignIn(http.StatusOK, "")
}

func (q *request) showSignIn(status int, wrong string) {
	q.show(status, q.t("account.sign_in"), formCard(q.t("account.sign_in"), &parts.FormView{To: q.to("/sign-in"),
		Submit: parts.ButtonView{Text: q.t("account.sign_in")}, StreamFields: parts.Fields(&parts.FieldView{ID: "token", Name: "account_token",
			Label: q.t("account.token"), Type: "password", Autocomplete: "current-password", MaxLength: 64, Required: true, Error: wrong})},
		q.t("account.sign_in.intro")))
}

func (q *request) signIn() {
	token := q.form.Get("account_token")
	_, err := q.p.cfg.Service.Open(q.Context(), token)
	switch {
	case err != nil && q.p.cfg.Status(err) == http.StatusUnauthorized:
		q.signedIn = false
		q.showSignIn(http.StatusUnprocessableEntity, q.t("account.sign_in.wrong"))
	case err != nil:
		q.fail(err)
	default:
		q.setCookie(q.p.sealed.seal(token, q.p.cfg.Now()), int(sessionFor/time.Second))
		q.goTo("/")
	}
}

func (q *request) signOut() {
	q.forget()
	q.goTo("/sign-in")
}
