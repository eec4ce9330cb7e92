package entry_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

func (h *house) setting(key string) string {
	h.Helper()
	v, err := h.service.Setting(key)
	h.fine(err)
	return v
}

// setUp makes the owner, as somebody who unpacks the router does.
func (v *visitor) setUp() *visitor {
	v.Helper()
	return v.get("/").at("/setup").post("/setup", "email", mail, "password", password, "password_again", password).at("/setup/venue")
}

// TestFirstRun goes through all steps.
func TestFirstRun(t *testing.T) {
	h := newHouse(t)
	v := h.visitor().setUp()
	if who := h.who(v.cookie()); who == nil || who.Role != api.RoleOwner {
		t.Fatalf("%+v", who)
	}
	v.has(`value="Guest Wi-Fi"`, "Europe/Rome; local time: today at 17:04", "Guest network", "br-guest is up: 192.168.0.1/24",
		"Problem", "is the cable in", "Look at it", "a check of tomorrow", "Unknown")
	v.post("/setup/venue", "venue.name", "Café Trieste").at("/setup/logins").has("Café Trieste", "With a voucher")
	v.post("/setup/logins", "login.voucher", "on", "login.free", "on").at("/setup/vouchers").has(`value="10"`, `<option value="1 day" selected>`)
	v.post("/setup/vouchers", "count", "10", "valid_for", "7 days")
	if v.page.status != http.StatusOK || !strings.HasPrefix(v.page.path, "/setup/done?ids=") {
		t.Fatalf("at %s", v.page.path)
	}
	v.has("10 vouchers are ready")
	made, _, err := h.service.FindVouchers(t.Context(), hotspot.VoucherQuery{Limit: 100})
	h.fine(err)
	if len(made) != 10 || made[0].ValidFor.String() != "7 days" {
		t.Fatalf("%d vouchers, %+v", len(made), made[0])
	}
	to := regexp.MustCompile(`href="(/print\?ids=[^"]+)"`).FindStringSubmatch(v.page.body)
	if to == nil {
		t.Fatalf("no link to print: %s", said(v.page.body))
	}
	v.get(to[1]).has("1%2C2%2C3%2C4%2C5%2C6%2C7%2C8%2C9%2C10")
	for key, want := range map[string]string{"venue.name": "Café Trieste", "login.voucher": "on", "login.free": "on", "voucher.valid_for": "1 day"} {
		if got := h.setting(key); got != want {
			t.Errorf("%s is %q", key, got)
		}
	}
	if trail := h.trail(); !slices.Contains(trail, "first run operator.created "+mail) || !strings.Contains(strings.Join(trail, "; "), mail+" setting") {
		t.Errorf("%q", trail)
	}
}

// TestFirstRunRefuses: what cannot be used is said at its field, and what was
// typed is still there, but for passwords.
func TestFirstRunRefuses(t *testing.T) {
	h := newHouse(t)
	v := h.visitor().get("/setup")
	for _, step := range []struct{ email, password, again, text string }{
		{"ada", password, password, "Enter an e-mail address such as anna@example.com."},
		{mail, "short", "short", "This password cannot be used"},
		{mail, "password123", "password123", "This password cannot be used"},
		{mail, mail, mail, "This password cannot be used"},
		{mail, password, wrong, "It is not the same as the first."},
		{"", "", "", "This password cannot be used"},
	} {
		v.post("/setup", "email", step.email, "password", step.password, "password_again", step.again)
		v.refused(http.StatusUnprocessableEntity, step.text).has(`value="`+step.email+`"`, `aria-invalid="true"`).hides()
	}
	if empty, err := h.people.Empty(t.Context()); err != nil || !empty {
		t.Fatal("somebody is an operator", err)
	}
	v.setUp()
	v.post("/setup/venue", "venue.name", strings.Repeat("x", 101)).refused(http.StatusUnprocessableEntity, "At most 100 characters")
	v.get("/setup/logins").post("/setup/logins").refused(http.StatusUnprocessableEntity, "Choose at least one way")
	if h.setting("login.voucher") != "on" {
		t.Error("nobody can log in")
	}
	v.get("/setup/vouchers")
	for _, count := range []string{"0", "-1", "201", "ten", "", "1e3"} {
		v.post("/setup/vouchers", "count", count, "valid_for", "1 day").refused(http.StatusUnprocessableEntity, "Enter a number from 1 to 200.")
	}
	v.post("/setup/vouchers", "count", "3", "valid_for", "31 days").refused(http.StatusUnprocessableEntity, "Choose one from the list.").has(`value="3"`)
	if made, _, err := h.service.FindVouchers(t.Context(), hotspot.VoucherQuery{Limit: 1}); err != nil || len(made) > 0 {
		t.Errorf("%+v, %v", made, err)
	}
}

// TestVouchersOnce: a form that is sent twice makes vouchers once.
func TestVouchersOnce(t *testing.T) {
	h := newHouse(t)
	v := h.visitor().setUp().get("/setup/vouchers")
	form := regexp.MustCompile(`action="(/setup/vouchers\?once=[0-9a-f]+)"`).FindStringSubmatch(v.page.body)
	if form == nil {
		t.Fatal(said(v.page.body))
	}
	answers := make(chan string)
	for range 2 {
		r := v.form(form[1], "count", "10", "valid_for", "1 day")
		go func() {
			resp, err := v.client.Do(r)
			if err != nil {
				answers <- err.Error()
				return
			}
			resp.Body.Close()
			answers <- resp.Header.Get("Location")
		}()
	}
	if a, b := <-answers, <-answers; a != b || !strings.HasPrefix(a, "/setup/done?ids=1%2C2") {
		t.Errorf("%s and %s", a, b)
	}
	for range 20 {
		v.get("/setup/vouchers")
		v.post(regexp.MustCompile(`/setup/vouchers\?once=[0-9a-f]+`).FindString(v.page.body), "count", "1", "valid_for", "1 day")
	}
	if made, _, err := h.service.FindVouchers(t.Context(), hotspot.VoucherQuery{Limit: 100}); err != nil || len(made) != 30 {
		t.Errorf("%d vouchers, %v", len(made), err)
	}
}

// TestFirstRunOnce: once there is an owner, nobody else becomes one this way.
func TestFirstRunOnce(t *testing.T) {
	h := newHouse(t)
	late := h.visitor().get("/setup")
	v := h.visitor().setUp()
	late.post("/setup", "email", "eve@example.com", "password", password, "password_again", password).at("/sign-in")
	v.get("/setup").at("/")
	for _, path := range []string{"/setup/venue", "/setup/logins", "/setup/vouchers", "/setup/done"} {
		h.visitor().get(path).at("/sign-in?next=" + strings.ReplaceAll(path, "/", "%2F"))
	}
	h.add("max@example.com", api.RoleManager)
	manager := h.in("max@example.com")
	for _, path := range []string{"/setup/venue", "/setup/logins", "/setup/vouchers", "/setup/done"} {
		manager.get(path).refused(http.StatusForbidden, "not for your role")
	}
	manager.get("/").post("/setup/venue", "venue.name", "Max’s").refused(http.StatusForbidden, "not for your role")
	if list, err := h.people.List(t.Context(), api.Local()); err != nil || len(list) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestFirstRunSurvives a cut of power after each step: what was done is done,
// and one goes on where one was.
func TestFirstRunSurvives(t *testing.T) {
	h := newHouse(t)
	v := h.visitor().setUp()
	h.start()
	v.get("/setup/venue").at("/setup/venue").post("/setup/venue", "venue.name", "Café Trieste").at("/setup/logins")
	h.start()
	v.get("/setup/venue").has("Café Trieste") // back works
	v.get("/setup/logins").has("Skip the rest").post("/setup/logins", "login.free", "on").at("/setup/vouchers")
	h.start()
	v.get("/setup/vouchers").post("/setup/vouchers", "count", "2", "valid_for", "always")
	done := v.page.path
	h.start()
	v.get(done).at(done).has("2 vouchers are ready")
	if h.setting("login.voucher") != "off" || h.setting("login.free") != "on" || h.setting("venue.name") != "Café Trieste" {
		t.Error("something was lost")
	}
	for _, ids := range []string{"", "x", "1,2,x", "1,,2", strings.Repeat("1,", 300) + "1", strings.Repeat("9", 30), `1"><script>`} {
		v.get("/setup/done").get("/setup/done?ids=" + strings.NewReplacer(`"`, "%22", "<", "%3C", ">", "%3E").Replace(ids)).has("Everything is saved").lacks("/print?")
	}
}
