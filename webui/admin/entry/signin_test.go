package entry_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
)

func TestSignInAndOut(t *testing.T) {
	h := newHouse(t)
	h.add(mail, api.RoleManager)
	v := h.visitor()
	v.get("/vouchers?page=2").at("/sign-in?next=%2Fvouchers%3Fpage%3D2")
	v.post(v.page.path, "email", " ADA@example.com", "password", password).at("/vouchers?page=2").has(mail)
	v.get("/sign-in?next=%2Fprint").at("/print") // is in already
	kept := v.cookie()
	v.post("/sign-out").at("/sign-in?after=out").has("You are signed out.")
	if v.cookie() != "" || h.who(kept) != nil {
		t.Error("the cookie still opens the panel")
	}
	stolen := h.visitor()
	stolen.setCookie(kept)
	stolen.get("/vouchers").at("/sign-in?next=%2Fvouchers")
	if got := strings.Join(h.trail(), "; "); !strings.HasSuffix(got, mail+" session.begun "+mail+"; "+mail+" session.ended "+mail) {
		t.Log(got)
	}
}

// TestWrongPassword: nobody learns whether the address or the password is wrong.
func TestWrongPassword(t *testing.T) {
	h := newHouse(t)
	h.add(mail, api.RoleOwner)
	var bodies []string
	for _, email := range []string{mail, "nobody@example.com"} {
		v := h.visitor()
		v.get("/sign-in").post("/sign-in", "email", email, "password", wrong)
		v.refused(http.StatusUnprocessableEntity, "The e-mail address or the password is not right.").hides().lacks(wrong).has(`value="` + email + `"`)
		if v.cookie() != "" {
			t.Errorf("%s gets a cookie", email)
		}
		bodies = append(bodies, strings.ReplaceAll(v.page.body, email, "X"))
	}
	if bodies[0] != bodies[1] {
		t.Error("the pages differ")
	}
}

// TestSpaces: every character of a password counts, also those at its ends.
func TestSpaces(t *testing.T) {
	h := newHouse(t)
	_, err := h.people.Create(t.Context(), api.Local(), api.NewOperator{Email: mail, Role: api.RoleOwner, Password: "  two at each end  "})
	h.fine(err)
	v := h.visitor().get("/sign-in")
	v.post("/sign-in", "email", mail, "password", "two at each end").refused(http.StatusUnprocessableEntity, "not right")
	v.post("/sign-in", "email", mail, "password", "  two at each end  ").at("/")
}

// TestTooManyPasswords: whoever guesses is told to wait, and how long.
func TestTooManyPasswords(t *testing.T) {
	h := newHouse(t)
	h.add(mail, api.RoleOwner)
	v := h.visitor().get("/sign-in")
	for range 5 {
		v.post("/sign-in", "email", mail, "password", wrong).refused(http.StatusUnprocessableEntity, "not right")
	}
	v.post("/sign-in", "email", mail, "password", password).refused(http.StatusTooManyRequests, "Try again in 12 seconds.")
	if got := v.page.header.Get("Retry-After"); got != "12" {
		t.Errorf("Retry-After: %q", got)
	}
	v.get("/sign-in?lang=ar").post("/sign-in?lang=ar", "email", mail, "password", wrong).refused(http.StatusTooManyRequests, "بعد 12 ثانية")
	h.clock.Pass(13 * time.Second)
	v.post("/sign-in", "email", mail, "password", password).at("/")
}

func TestCode(t *testing.T) {
	h := newHouse(t)
	h.add(mail, api.RoleOwner)
	owner := h.in(mail)
	secret, recovery := owner.secure()

	v := h.visitor()
	v.get("/sign-in/code").at("/sign-in")
	v.get("/sign-in?next=%2Fvouchers").post("/sign-in?next=%2Fvouchers", "email", mail, "password", password).at("/sign-in/code?next=%2Fvouchers")
	half := v.cookie()
	if h.who(half) != nil {
		t.Fatal("the password alone opens the panel")
	}
	v.get("/vouchers").at("/sign-in?next=%2Fvouchers")
	v.get("/sign-in/code?next=%2Fvouchers").post(v.page.path, "code", h.wrongCode(secret)).refused(http.StatusUnprocessableEntity, "This code is not right.")
	h.clock.Pass(time.Minute)
	v.post(v.page.path, "code", h.code(secret)).at("/vouchers")
	if v.cookie() == half || h.who(half) != nil {
		t.Error("the cookie is that of before the code")
	}

	v = h.visitor()
	v.get("/sign-in").post("/sign-in", "email", mail, "password", password).at("/sign-in/code")
	v.post("/sign-in/code", "code", " "+strings.ToLower(recovery[3])+" ").at("/")
	v.get("/account").has("7 recovery codes are left.")
}

// TestTooManyCodes: a password is good for a handful of codes, and an account
// for so many in a while.
func TestTooManyCodes(t *testing.T) {
	h := newHouse(t)
	h.add(mail, api.RoleOwner)
	secret, recovery := h.in(mail).secure()
	h.clock.Pass(time.Minute)
	tried := 0
	for round := range 4 {
		v := h.visitor()
		v.get("/sign-in").post("/sign-in", "email", mail, "password", password)
		if v.page.path != "/sign-in/code" {
			t.Fatalf("round %d: at %s", round, v.page.path)
		}
		for v.page.path == "/sign-in/code" && v.page.status != http.StatusTooManyRequests {
			v.post("/sign-in/code", "code", h.wrongCode(secret))
			tried++
			h.clock.Pass(12 * time.Second) // the address is let try again
		}
		if v.page.status == http.StatusTooManyRequests {
			v.has("There were too many attempts.")
			v.post("/sign-in/code", "code", h.code(secret)).refused(http.StatusTooManyRequests, "Try again in")
			break
		}
		v.at("/sign-in?after=code").has("too many wrong codes")
	}
	if tried > 11 {
		t.Errorf("%d codes could be tried", tried)
	}
	h.clock.Pass(time.Minute)
	v := h.visitor()
	v.get("/sign-in").post("/sign-in", "email", mail, "password", password).post("/sign-in/code", "code", recovery[0]).at("/")
}

func TestConfirm(t *testing.T) {
	h := newHouse(t)
	h.add(mail, api.RoleViewer)
	v := h.in(mail)
	v.get("/account/password").at("/account/password")
	h.clock.Pass(16 * time.Minute)
	v.get("/account/password").at("/confirm?next=%2Faccount%2Fpassword").has(`value="`+mail+`"`, `autocomplete="username"`)
	before := v.cookie()
	v.post(v.page.path, "password", wrong).refused(http.StatusUnprocessableEntity, "The password is not right.")
	v.post(v.page.path, "password", password).at("/account/password")
	if v.cookie() == before || h.who(before) != nil {
		t.Error("the cookie is the same as before")
	}
	if who := h.who(v.cookie()); who == nil || !h.people.Fresh(who) {
		t.Error("nothing is confirmed")
	}
	for range 5 {
		v.get("/confirm").post("/confirm", "password", wrong)
	}
	v.get("/confirm").post("/confirm", "password", password).refused(http.StatusTooManyRequests, "Try again in")
}
