package entry_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
)

func TestName(t *testing.T) {
	h := newHouse(t)
	op := h.add(mail, api.RoleViewer)
	v := h.in(mail).get("/account").has(mail, "Viewer: looks and changes nothing")
	v.post("/account/name", "name", " Ada <script>alert(1)</script> ").at("/account").has("The name is saved.")
	now, err := h.people.Get(t.Context(), api.Local(), op.ID)
	h.fine(err)
	if now.Name != "Ada <script>alert(1)</script>" {
		t.Errorf("%q", now.Name)
	}
	v.get("/account").lacks("The name is saved.")
	v.post("/account/name", "name", strings.Repeat("x", 65)).refused(http.StatusUnprocessableEntity, "At most 64 characters").has(strings.Repeat("x", 65))
}

// TestPassword: another password ends all other sessions, and not this one.
func TestPassword(t *testing.T) {
	h := newHouse(t)
	h.add(mail, api.RoleManager)
	v, other := h.in(mail), h.in(mail)
	v.get("/account").has("Sign out all others").get("/account/password")
	for _, step := range []struct{ password, again, text string }{
		{"short", "short", "This password cannot be used"}, {mail, mail, "This password cannot be used"}, {"a good long one", "a good lang one", "It is not the same as the first."},
	} {
		v.post("/account/password", "password", step.password, "password_again", step.again).refused(http.StatusUnprocessableEntity, step.text).hides()
	}
	v.post("/account/password", "password", "a good long one", "password_again", "a good long one").at("/account").has("The password is changed.").lacks("Sign out all others")
	other.get("/account").at("/sign-in?next=%2Faccount")
	other.post("/sign-in", "email", mail, "password", password).refused(http.StatusUnprocessableEntity, "not right")
	other.post("/sign-in", "email", mail, "password", "a good long one").at("/")
}

func TestSessions(t *testing.T) {
	h := newHouse(t)
	h.add(mail, api.RoleOwner)
	h.add("max@example.com", api.RoleOwner)
	phone := h.visitor()
	phone.get("/sign-in")
	r := phone.form("/sign-in", "email", mail, "password", password)
	r.Header.Set("User-Agent", "Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36")
	phone.do(r).at("/")
	h.clock.Pass(time.Hour)
	tablet, v, max := h.in(mail), h.in(mail), h.in("max@example.com")
	v.get("/account").has("Chrome, Android", "Firefox, Linux", "this one", "127.0.0.1", "today at 17:04", "today at 18:04")

	all, err := h.people.Sessions(t.Context(), h.who(v.cookie()), h.who(v.cookie()).ID)
	h.fine(err)
	if len(all) != 3 {
		t.Fatalf("%+v", all)
	}
	foreign := h.who(max.cookie()).Session.String()
	for _, id := range []string{foreign, "x", "000000000000000000000000", strings.Repeat("f", 24)} {
		v.get("/account").post("/account/sessions", "session", id).refused(http.StatusNotFound, "It does not exist any more")
	}
	v.get("/account").post("/account/sessions", "session", h.who(phone.cookie()).Session.String()).at("/account").has("1 browser is signed out.")
	phone.get("/account").at("/sign-in?next=%2Faccount")
	tablet.get("/account").at("/account")
	v.get("/account").post("/account/sessions").at("/account").has("1 browser is signed out.")
	tablet.get("/account").at("/sign-in?next=%2Faccount")
	max.get("/account").at("/account")
	v.post("/account/sessions").at("/account").has("0 browsers are signed out.")
}
