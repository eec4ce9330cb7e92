package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func TestLogin(t *testing.T) {
	for _, path := range []string{"/login", "/free"} {
		t.Run(path, func(t *testing.T) {
			v := newVenue(t)
			w := v.post(path, url.Values{"code": {"  k7mpq2\t"}, "passcode": {"secret "}, "u": {"http://example.com/a"}})
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/status?u=http%3A%2F%2Fexample.com%2Fa" {
				t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
			}
			if !v.online || len(v.forms) != 1 || v.forms[0].Get("code") != "k7mpq2" || v.forms[0].Get("passcode") != "secret" {
				t.Errorf("online %v, forms %q", v.online, v.forms)
			}
			// A second tap is no second attempt.
			if w := v.post(path, typed); w.Code != http.StatusSeeOther || len(v.forms) != 1 {
				t.Errorf("second tap: %d, %d forms", w.Code, len(v.forms))
			}
			if c := w.Result().Cookies(); len(c) > 0 {
				t.Errorf("cookies %v", c)
			}
		})
	}
}

// TestRefusals: every refusal has a message of its own, the code typed is kept,
// the passcode is not, and nothing of an error's text is shown.
func TestRefusals(t *testing.T) {
	later := noon.Add(3 * time.Hour)
	seen := map[string]string{}
	for _, c := range []struct {
		err  error
		want string
	}{
		{&hotspot.Error{Code: hotspot.CodeUnknownCode}, "do not know this code"},
		{&hotspot.Error{Code: hotspot.CodeTimeUsed}, "time of this voucher is used up."},
		{&hotspot.Error{Code: hotspot.CodeTimeUsed, When: noon.Add(-time.Hour)}, "time of this voucher is used up (since today at 11:00)."},
		{&hotspot.Error{Code: hotspot.CodeDownloadUsed}, "download allowance of this voucher is used up"},
		{&hotspot.Error{Code: hotspot.CodeUploadUsed}, "upload allowance of this voucher is used up"},
		{&hotspot.Error{Code: hotspot.CodeNotYetValid, When: later}, "not valid before today at 15:00"},
		{&hotspot.Error{Code: hotspot.CodeNotYetValid}, "not valid yet"},
		{&hotspot.Error{Code: hotspot.CodeOtherDevice}, "belongs to another device"},
		{&hotspot.Error{Code: hotspot.CodeDisabled}, "has been disabled"},
		{&hotspot.Error{Code: hotspot.CodeMethodOff}, "switched off"},
		{&hotspot.Error{Code: hotspot.CodeTryLater, When: later}, "try again in 3 hours"},
		{&hotspot.Error{Code: hotspot.CodeTryLater}, "Wait a little"},
		{&hotspot.Error{Code: hotspot.CodeInvalid}, "does not look right"},
		{&hotspot.Error{Code: hotspot.CodeUnavailable}, "busy just now"},
		{errors.New("disk on fire"), "wrong on our side"},
	} {
		e := c.err
		var d *hotspot.Error
		if errors.As(e, &d) {
			d.Text, d.Err = "text-for-programs", errors.New("cause-for-the-log")
			e = fmt.Errorf("claim: %w", d)
		}
		v := newVenue(t, func(v *venue) { v.refusal = e })
		body := v.post("/login", typed).Body.String()
		got := between(body, `role="alert"><p>`, "</p>")
		if !strings.Contains(got, c.want) {
			t.Errorf("%v: the guest reads %q, want %q", c.err, got, c.want)
		}
		if other, dup := seen[got]; dup {
			t.Errorf("%v and %v are told alike: %q", c.err, other, got)
		}
		seen[got] = c.want
		if !strings.Contains(body, `value="K7MPQ2"`) || !strings.Contains(body, `aria-describedby="refusal"`) {
			t.Errorf("%v: the code is not kept, or not linked to the message:\n%s", c.err, body)
		}
		for _, leak := range []string{"secret-one", "text-for-programs", "cause-for-the-log", "fire"} {
			if strings.Contains(body, leak) {
				t.Errorf("%v: the page has %q", c.err, leak)
			}
		}
		if v.online {
			t.Errorf("%v: let in", c.err)
		}
	}
}

// TestRefusedByRules: the rules may refuse what the method accepted.
func TestRefusedByRules(t *testing.T) {
	for code, want := range map[hotspot.Code]string{
		hotspot.CodeOtherDevice: "belongs to another device",
		hotspot.CodeNotFound:    "do not know this code", // removed meanwhile
		hotspot.CodeTimeUsed:    "used up",
	} {
		v := newVenue(t)
		v.login = func(hotspot.Host, hotspot.Claim) (hotspot.GuestStatus, error) {
			return hotspot.GuestStatus{}, &hotspot.Error{Code: code}
		}
		w := v.post("/login", typed)
		if got := between(w.Body.String(), `role="alert"><p>`, "</p>"); w.Code != http.StatusOK || !strings.Contains(got, want) {
			t.Errorf("%s: %d %q", code, w.Code, got)
		}
	}
}

// TestWaitIsByTheLimitersClock: the house's time may be years away from it.
func TestWaitIsByTheLimitersClock(t *testing.T) {
	v := newVenue(t, func(v *venue) {
		v.refusal = &hotspot.Error{Code: hotspot.CodeTryLater, When: noon.Add(25 * time.Second)}
	})
	v.now, v.believed = time.Unix(0, 0), false
	if got := between(v.post("/login", typed).Body.String(), `role="alert"><p>`, "</p>"); !strings.Contains(got, "in less than a minute") {
		t.Errorf("the guest reads %q", got)
	}
}

func TestFreeRefusals(t *testing.T) {
	for code, want := range map[hotspot.Code]string{
		hotspot.CodeTimeUsed:     "Your free time is used up. You can connect again from today at 15:00.",
		hotspot.CodeDownloadUsed: "Your free download allowance is used up. You can connect again from today at 15:00.",
		hotspot.CodeUploadUsed:   "Your free upload allowance is used up. You can connect again from today at 15:00.",
	} {
		v := newVenue(t, func(v *venue) { v.refusal = &hotspot.Error{Code: code, When: noon.Add(3 * time.Hour)} })
		if got := between(v.post("/free", url.Values{}).Body.String(), `role="alert"><p>`, "</p>"); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}

// TestWhyOffline: each end of a session is told on both pages.
func TestWhyOffline(t *testing.T) {
	seen := map[string]bool{}
	for _, code := range []hotspot.Code{"time_used", "download_used", "upload_used", "not_yet_valid", "disabled", "idle", "session_timeout", "kicked", "removed", "replaced", "never heard of"} {
		v := newVenue(t, func(v *venue) { v.why = &hotspot.Error{Code: code, Text: "text-for-programs"} })
		welcome := between(v.get("/welcome").Body.String(), `role="status"><p>`, "</p>")
		status := between(v.get("/status").Body.String(), "</h1> <p>", "</p>")
		if welcome == "" || welcome != status || seen[welcome] || strings.Contains(welcome, "programs") {
			t.Errorf("%s: welcome says %q, status %q", code, welcome, status)
		}
		seen[welcome] = true
	}
}

func TestEmptyCodeIsNoAttempt(t *testing.T) {
	v := newVenue(t)
	body := v.post("/login", url.Values{"code": {"  "}, "passcode": {"x"}}).Body.String()
	if len(v.forms) != 0 || !strings.Contains(body, "Enter the code") {
		t.Errorf("%d attempts, page %s", len(v.forms), body)
	}
	if strings.Count(body, "aria-invalid") != 1 {
		t.Error("not just the code is marked as wrong")
	}
}

func TestMethodOff(t *testing.T) {
	v := newVenue(t, func(v *venue) { v.settings.LoginVoucher = false })
	w := v.post("/login", typed)
	if len(v.forms) != 0 || v.online || !strings.Contains(w.Body.String(), "switched off") || strings.Contains(w.Body.String(), `action="/login"`) {
		t.Errorf("%d attempts, page %s", len(v.forms), w.Body)
	}
}

func TestLogout(t *testing.T) {
	v := newVenue(t, func(v *venue) { v.online = true })
	w := v.post("/logout", url.Values{})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/welcome?bye=1" || v.online {
		t.Errorf("%d to %q, online %v", w.Code, w.Header().Get("Location"), v.online)
	}
	v.logout = func(hotspot.MAC) error { return hotspot.ErrUnavailable }
	if w := v.post("/logout", url.Values{}); w.Code != http.StatusServiceUnavailable {
		t.Errorf("failing logout: %d", w.Code)
	}
}

// TestFormsThatAreRefused: what is not a small form of our own page gets an
// error page and never reaches a method.
func TestFormsThatAreRefused(t *testing.T) {
	const ours, kind = origin4, "application/x-www-form-urlencoded"
	for _, c := range []struct {
		name, origin, kind, body string
		status                   int
	}{
		{"another site", "http://evil.example", kind, "code=a", http.StatusForbidden},
		{"another port", "http://192.168.0.1:8080", kind, "code=a", http.StatusForbidden},
		{"a secret origin", "null", kind, "code=a", http.StatusForbidden},
		{"another scheme", "https://192.168.0.1:2050", kind, "code=a", http.StatusForbidden},
		{"JSON", ours, "application/json", `{"code":"a"}`, http.StatusUnsupportedMediaType},
		{"multipart", ours, "multipart/form-data; boundary=x", "--x--", http.StatusUnsupportedMediaType},
		{"no type", ours, "", "code=a", http.StatusUnsupportedMediaType},
		{"too long", ours, kind, "code=" + strings.Repeat("a", maxBody), http.StatusRequestEntityTooLarge},
		{"1 MB", ours, kind, strings.Repeat("a=b&", 1<<18), http.StatusRequestEntityTooLarge},
		{"bad escape", ours, kind, "code=%zz", http.StatusBadRequest},
	} {
		for _, path := range []string{"/login", "/free", "/logout"} {
			t.Run(c.name+path, func(t *testing.T) {
				v := newVenue(t)
				v.logout = nil
				r := httptest.NewRequest(http.MethodPost, origin4+path, strings.NewReader(c.body))
				r.Header.Set("Origin", c.origin)
				if c.kind != "" {
					r.Header.Set("Content-Type", c.kind)
				}
				w := v.send(r)
				if w.Code != c.status || len(v.forms) > 0 || !strings.Contains(w.Body.String(), `href="/welcome"`) {
					t.Errorf("status %d, want %d; %d attempts", w.Code, c.status, len(v.forms))
				}
			})
		}
	}
}

// TestOldBrowsersWithoutOrigin: the header is checked if it is there.
func TestOldBrowsersWithoutOrigin(t *testing.T) {
	v := newVenue(t)
	r := httptest.NewRequest(http.MethodPost, origin4+"/login", strings.NewReader("code=a&passcode=b"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	if w := v.send(r); w.Code != http.StatusSeeOther {
		t.Errorf("status %d", w.Code)
	}
}

// TestUnknownDevice: a device that is not on the guest network gets an
// explanation everywhere and reaches nothing.
func TestUnknownDevice(t *testing.T) {
	for _, path := range []string{"/welcome", "/status"} {
		r := httptest.NewRequest(http.MethodGet, origin4+path, nil)
		r.RemoteAddr = "203.0.113.9:1000"
		if w := newVenue(t).send(r); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "cannot see your device") {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for _, path := range []string{"/login", "/free", "/logout"} {
		v := newVenue(t, func(v *venue) {
			v.logout = nil
			v.identify = func(netip.Addr) (hotspot.Host, error) { return hotspot.Host{}, hotspot.ErrUnknownDevice }
		})
		if w := v.post(path, typed); w.Code != http.StatusForbidden || len(v.forms) > 0 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func between(s, from, to string) string {
	_, s, ok := strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	if !ok {
		return ""
	}
	return s
}

// TestBlockedDevice: every page says so, and a form that is sent all the same is
// no attempt.
func TestBlockedDevice(t *testing.T) {
	v := newVenue(t, func(v *venue) { v.why = hotspot.ErrBlocked })
	for name, w := range map[string]*httptest.ResponseRecorder{
		"welcome": v.get("/welcome"), "status": v.get("/status"), "login": v.post("/login", typed), "free": v.post("/free", url.Values{}),
	} {
		if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, "has been blocked") || strings.Contains(body, "<form") {
			t.Errorf("%s: %d %s", name, w.Code, body)
		}
	}
	if len(v.forms) != 0 {
		t.Errorf("%d attempts", len(v.forms))
	}
	v = newVenue(t, func(v *venue) { v.refusal = hotspot.ErrBlocked }) // in the midst of a login
	if body := v.post("/login", typed).Body.String(); !strings.Contains(body, "has been blocked") {
		t.Error(body)
	}
}
