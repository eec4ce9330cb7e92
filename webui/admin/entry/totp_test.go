package entry_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
)

// code is what an authenticator app shows now.
func (h *house) code(secret string) string { return h.codeAt(secret, 0) }

// wrongCode is one that no app shows that has the secret, nor one whose clock is off.
func (h *house) wrongCode(secret string) string {
	near := map[string]bool{}
	for steps := int64(-4); steps <= 4; steps++ {
		near[h.codeAt(secret, steps)] = true
	}
	for n := 0; ; n++ {
		if code := fmt.Sprintf("%06d", n); !near[code] {
			return code
		}
	}
}

// codeAt is what an app shows some steps of 30 seconds from now, after RFC 6238.
func (h *house) codeAt(secret string, steps int64) string {
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(secret, " ", ""))
	h.fine(err)
	now, _ := h.service.Now()
	m := hmac.New(sha1.New, key)
	h.fine(binary.Write(m, binary.BigEndian, now.Unix()/30+steps))
	sum := m.Sum(nil)
	at := sum[19] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1_000_000)
}

var (
	secrets   = regexp.MustCompile(`<code id="secret"[^>]*>([A-Z2-7 ]+)</code>`)
	codesThat = regexp.MustCompile(`[A-Z2-7]{4}(-[A-Z2-7]{4}){3}`)
)

// secure sets an authenticator app up, as somebody who looks at the pages.
func (v *visitor) secure() (secret string, recovery []string) {
	v.Helper()
	v.get("/account/totp").at("/account/totp").has("<svg", "<path d=")
	m := secrets.FindStringSubmatch(v.page.body)
	if m == nil {
		v.Fatalf("no secret: %s", said(v.page.body))
	}
	v.post("/account/totp", "code", v.code(m[1])).at("/account/totp").has("Your recovery codes")
	recovery = codesThat.FindAllString(v.page.body, -1)
	if len(recovery) != 8 {
		v.Fatalf("codes: %q", recovery)
	}
	return m[1], recovery
}

func TestTOTP(t *testing.T) {
	h := newHouse(t)
	op := h.add(mail, api.RoleManager)
	v := h.in(mail)
	v.get("/account").has("Set it up", "Off")
	v.get("/account/totp")
	first := secrets.FindStringSubmatch(v.page.body)[1]
	v.post("/account/totp", "code", "123").refused(http.StatusUnprocessableEntity, "This is not the code that the app shows now.")
	if again := secrets.FindStringSubmatch(v.page.body); again == nil || again[1] != first {
		t.Fatal("a mistyped code shows another secret")
	}
	secret, recovery := v.secure()
	if secret != first {
		t.Error("the secret changed")
	}
	// What is shown once is gone when the page is loaded again.
	v.get("/account/totp").lacks(recovery[0]).has("A code is asked for after the password.", "8 recovery codes are left.")
	v.get("/account").has("On", "Turn it off")

	v.get("/account/totp").post("/account/recovery").at("/account/totp")
	renewed := codesThat.FindAllString(v.page.body, -1)
	if len(renewed) != 8 || renewed[0] == recovery[0] {
		t.Errorf("%q", renewed)
	}
	v.get("/account/totp/off").has("Turn the authenticator app off?").post("/account/totp/off").at("/account").has("No code is asked for any more.")
	if now, err := h.people.Get(t.Context(), api.Local(), op.ID); err != nil || now.TOTP {
		t.Errorf("%+v, %v", now, err)
	}
	h.in(mail)
}

// TestTOTPNeedsThePassword: whoever finds a browser open changes nothing that
// one signs in with.
func TestTOTPNeedsThePassword(t *testing.T) {
	h := newHouse(t)
	h.add(mail, api.RoleOwner)
	v := h.in(mail)
	v.get("/account/totp")
	h.clock.Pass(16 * time.Minute)
	for _, path := range []string{"/account/totp", "/account/totp/off", "/account/password"} {
		v.get(path)
		if !strings.HasPrefix(v.page.path, "/confirm?next=") {
			t.Errorf("%s is open: at %s", path, v.page.path)
		}
	}
	for _, path := range []string{"/account/totp", "/account/recovery", "/account/totp/off"} {
		v.get("/account").post(path, "code", "000000")
		if v.page.path != "/confirm?next=%2Faccount" {
			t.Errorf("%s is taken: at %s, %d", path, v.page.path, v.page.status)
		}
	}
	v.get("/account").post("/account/password", "password", "another long one", "password_again", "another long one")
	if v.page.path != "/confirm?next=%2Faccount" {
		t.Errorf("the password is changed: at %s", v.page.path)
	}
}

// TestTOTPWithoutTime: codes depend on the time.
func TestTOTPWithoutTime(t *testing.T) {
	h := newHouse(t)
	h.clock.Reboot(time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), "boot-2")
	h.start()
	h.add(mail, api.RoleOwner)
	h.in(mail).get("/account/totp").refused(http.StatusServiceUnavailable, "The router does not know the time yet")
}
