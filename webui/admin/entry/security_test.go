package entry_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/operators"
)

// TestFixation: a cookie that somebody has put into the browser is not the one
// of the session that begins.
func TestFixation(t *testing.T) {
	h := newHouse(t)
	planted := strings.Repeat("A", 43)
	v := h.visitor()
	v.setCookie(planted)
	v.setUp()
	if v.cookie() == planted || h.who(planted) != nil {
		t.Error("the first run keeps the cookie")
	}
	eve := h.add("eve@example.com", api.RoleManager)
	hers := h.in("eve@example.com")
	ada := h.visitor()
	ada.setCookie(hers.cookie())
	// The browser is signed in as somebody else; Ada signs out, and in as herself.
	ada.get("/").post("/sign-out").post("/sign-in", "email", mail, "password", password).at("/")
	if who := h.who(hers.cookie()); who != nil {
		t.Errorf("Eve's cookie opens the panel as %s", who.Name)
	}
	if who := h.who(ada.cookie()); who == nil || who.ID == eve.ID {
		t.Errorf("%+v", who)
	}
}

// forms are all forms, with what they need.
var forms = [][]string{
	{"/sign-out"}, {"/confirm", "password", password},
	{"/setup/venue", "venue.name", "Eve’s"}, {"/setup/logins", "login.free", "on"}, {"/setup/vouchers", "count", "1", "valid_for", "1 day"},
	{"/account/name", "name", "Eve"}, {"/account/password", "password", "chosen by eve", "password_again", "chosen by eve"},
	{"/account/totp", "code", "000000"}, {"/account/recovery"}, {"/account/totp/off"}, {"/account/sessions"},
}

// TestForeignForms: a form without the token of this session changes nothing,
// nor does one that another site made the browser send.
func TestForeignForms(t *testing.T) {
	h := newHouse(t)
	h.add(mail, api.RoleOwner)
	h.add("eve@example.com", api.RoleOwner)
	v, eve := h.in(mail), h.in("eve@example.com")
	rows := len(h.trail())
	v.get("/account")
	mine := v.token()
	eve.get("/account")
	tokens := map[string]string{"none": "", "made up": strings.Repeat("A", len(mine)), "cut": mine[:len(mine)-2],
		"another session's": eve.token(), "not masked": operators.FormToken(v.cookie())}
	for _, f := range forms {
		for name, token := range tokens {
			form := url.Values{"token": {token}}
			for i := 1; i < len(f); i += 2 {
				form.Set(f[i], f[i+1])
			}
			r := v.request(http.MethodPost, f[0], strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", v.url)
			if v.do(r); v.page.status != http.StatusForbidden {
				t.Errorf("%s with the token %s: %d", f[0], name, v.page.status)
			}
		}
		for _, header := range [][2]string{{"Origin", "http://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
			v.get("/account")
			r := v.form(f[0], f[1:]...)
			r.Header.Set(header[0], header[1])
			if v.do(r); v.page.status != http.StatusForbidden {
				t.Errorf("%s with %s: %d", f[0], header, v.page.status)
			}
		}
		v.get("/account")
		r := v.form(f[0], f[1:]...)
		r.Header.Set("Content-Type", "text/plain")
		if v.do(r); v.page.status != http.StatusBadRequest {
			t.Errorf("%s as plain text: %d", f[0], v.page.status)
		}
	}
	if got := h.trail(); len(got) != rows {
		t.Errorf("something was changed: %q", got[rows:])
	}
}

// TestForeignSignIn: another site signs nobody in (to an account of its own),
// and makes nobody the owner of a new router.
func TestForeignSignIn(t *testing.T) {
	h := newHouse(t)
	v := h.visitor()
	foreign := func(path string, fields ...string) {
		t.Helper()
		for _, header := range [][2]string{{"Origin", "http://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}} {
			r := v.form(path, fields...)
			r.Header.Set(header[0], header[1])
			if v.do(r); v.page.status != http.StatusForbidden || v.cookie() != "" {
				t.Errorf("%s with %s: %d", path, header, v.page.status)
			}
		}
	}
	foreign("/setup", "email", mail, "password", password, "password_again", password)
	if empty, err := h.people.Empty(t.Context()); err != nil || !empty {
		t.Fatal("another site made an owner", err)
	}
	h.add(mail, api.RoleOwner)
	foreign("/sign-in", "email", mail, "password", password)
	foreign("/sign-in/code", "code", "000000")
}

// TestOpenRedirects: nobody is led off the router.
func TestOpenRedirects(t *testing.T) {
	h := newHouse(t)
	h.add(mail, api.RoleOwner)
	for _, next := range []string{
		"//evil.example", "///evil.example", "/\\evil.example", "\\/evil.example", "\\\\evil.example", "https://evil.example", "https:evil.example",
		"HTTPS:/evil.example", "javascript:alert(1)", "data:text/html,x", "http:///evil.example", "/%2Fevil.example", "/%5Cevil.example", "/%09/evil.example",
		"/\t/evil.example", "\t//evil.example", " //evil.example", "/\n/evil.example", "evil.example", "@evil.example", "?//evil.example", "#//evil.example",
		"//ada@evil.example/", "/" + strings.Repeat("x", 3000), "\x00//evil.example", "%2F%2Fevil.example", "/./../evil\x7f",
	} {
		for _, way := range []string{"/sign-in", "/confirm"} {
			v := h.visitor()
			if way == "/confirm" {
				v = h.in(mail)
			}
			to := way + "?next=" + url.QueryEscape(next)
			v.get(to)
			if strings.Contains(v.page.body, `href="//`) || strings.Contains(v.page.body, `action="//`) {
				t.Errorf("%q is in the page", next)
			}
			v.post(to, "email", mail, "password", password)
			if v.page.status != http.StatusOK || v.page.path != "/" {
				t.Errorf("%s, %q: at %s, %d", way, next, v.page.path, v.page.status)
			}
		}
	}
	v := h.visitor()
	v.get("/sign-in?next=%2Fvouchers%3Fq%3Da%2520b%26q%3Dc&lang=it").post(v.page.path, "email", mail, "password", password).at("/vouchers?lang=it&q=a+b&q=c")
}

// TestHeaders: no page can be framed, kept, or have a script that is not ours.
func TestHeaders(t *testing.T) {
	h := newHouse(t)
	v := h.visitor()
	check := func() {
		t.Helper()
		for name, want := range map[string]string{"X-Frame-Options": "DENY", "Content-Security-Policy": "frame-ancestors 'none'", "Cache-Control": "no-store",
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"} {
			if got := v.page.header.Get(name); !strings.Contains(got, want) {
				t.Errorf("%s: %s: %q", v.page.path, name, got)
			}
		}
		if csp := v.page.header.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || !strings.HasPrefix(csp, "default-src 'none'") {
			t.Errorf("%s: %q", v.page.path, csp)
		}
	}
	v.get("/setup")
	check()
	v.setUp()
	for _, path := range []string{"/setup/venue", "/setup/logins", "/setup/vouchers", "/setup/done?ids=1", "/account", "/account/password", "/account/totp", "/account/totp/off", "/confirm"} {
		v.get(path)
		check()
	}
	r := v.form("/sign-out")
	resp, err := v.client.Do(r)
	h.fine(err)
	resp.Body.Close()
	cookies := resp.Cookies()
	if len(cookies) != 1 || cookies[0].MaxAge >= 0 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode || cookies[0].Path != "/" {
		t.Errorf("%+v", cookies)
	}
	v.get("/sign-in")
	check()
	v.post("/sign-in", "email", mail, "password", wrong)
	check()
}

// TestStolenHalf: what a browser has between password and code opens nothing
// else, and no code of another operator finishes it.
func TestStolenHalf(t *testing.T) {
	h := newHouse(t)
	h.add(mail, api.RoleOwner)
	h.add("eve@example.com", api.RoleOwner)
	h.in(mail).secure()
	secret, recovery := h.in("eve@example.com").secure()
	v := h.visitor()
	v.get("/sign-in").post("/sign-in", "email", mail, "password", password).at("/sign-in/code")
	for _, f := range forms {
		v.post(f[0], f[1:]...)
		if !strings.HasPrefix(v.page.path, "/sign-in") {
			t.Errorf("%s: at %s", f[0], v.page.path)
		}
	}
	for _, code := range []string{h.code(secret), recovery[0], ""} {
		v.get("/sign-in/code").post("/sign-in/code", "code", code).refused(http.StatusUnprocessableEntity, "This code is not right.")
	}
}

// TestOwnAccountOnly: nobody reaches another's account through their own pages:
// no form says whose it is.
func TestOwnAccountOnly(t *testing.T) {
	h := newHouse(t)
	ada := h.add(mail, api.RoleOwner)
	h.add("eve@example.com", api.RoleViewer)
	v := h.in("eve@example.com")
	id := ada.ID.String()
	v.get("/account").post("/account/name", "name", "Eve", "id", id, "operator", id)
	v.get("/account/password").post("/account/password", "password", "chosen by eve", "password_again", "chosen by eve", "id", id, "email", mail).at("/account")
	h.in(mail)
	v.get("/account").post("/account/name?id="+id, "name", "Eve").at("/account")
	if now, err := h.people.Get(t.Context(), api.Local(), ada.ID); err != nil || now.Name != "" || now.Role != api.RoleOwner {
		t.Errorf("%+v, %v", now, err)
	}
}
