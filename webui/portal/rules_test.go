package portal

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/hotspot/login"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
)

// place is the portal over the real rules and login methods.
type place struct {
	t       *testing.T
	service *hotspot.Service
	clock   *hotspottest.Clock
	handler http.Handler
}

func newPlace(t *testing.T, settings map[string]string) *place {
	t.Helper()
	p := &place{t: t, clock: hotspottest.NewClock(time.Date(2026, 7, 14, 15, 0, 0, 0, time.UTC))}
	hosts, log := &hotspottest.Hosts{}, slog.New(slog.NewTextHandler(t.Output(), nil))
	hosts.Put(hotspot.Host{MAC: guestMAC, Addrs: []netip.Addr{guest4}})
	p.service = hotspot.New(hotspot.Config{Store: hotspottest.NewStore(), Gate: memory.New(memory.Now(p.clock.Mono)), Hosts: hosts, Clock: p.clock,
		Rand: rand.Reader, Log: log, Zone: time.UTC})
	if err := p.service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.service.SetSettings(t.Context(), settings); err != nil {
		t.Fatal(err)
	}
	var methods []Method
	for _, m := range login.Methods(p.service, login.NewLimiter(func() time.Time { return noon })) {
		methods = append(methods, m)
	}
	var err error
	p.handler, err = New(Config{Service: p.service, Methods: methods, Log: log, Port: 2050, Addresses: func() []netip.Addr { return []netip.Addr{portal4} }})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// post sends a form and returns the answer; let in, it leads to the status.
func (p *place) post(path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, origin4+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin4)
	r.RemoteAddr = netip.AddrPortFrom(guest4, 40123).String()
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return w
}

func (p *place) refused(path string, form url.Values, why string) {
	p.t.Helper()
	if w := p.post(path, form); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), why) {
		p.t.Errorf("%s %v: %d, want %q in %s", path, form, w.Code, why, w.Body)
	}
}

// TestEmailFromFormToList is a guest's way from the form into the operator's
// list of addresses, past everything that an operator can ask for.
func TestEmailFromFormToList(t *testing.T) {
	p := newPlace(t, map[string]string{"login.email": "on", "portal.terms": "Be kind.", "portal.terms_accept": "on", "portal.consent": "May we write?",
		"portal.field1": "Room", "portal.field1_required": "on", "portal.field3": "Table", "portal.password": "open sesame"})
	const evil = `<script>alert(1)</script>`
	form := url.Values{"email": {"Anna@Example.com"}, "name": {"Anna " + evil}, "comments1": {"unasked"}, "comments2": {evil}, "consent": {"1"}}
	p.refused("/email", form, "Please accept the terms of use")
	form.Set("terms", "1")
	p.refused("/email", form, "Enter the venue password")
	form.Set("venue_password", "Open Sesame")
	p.refused("/email", form, "not the right venue password")
	form.Set("venue_password", "open sesame")
	p.refused("/email", form, "fill in the marked field")
	form.Set("comments", "12")
	form.Set("email", "anna@example")
	p.refused("/email", form, "does not look like an e-mail address")
	form.Set("email", "Anna@Example.com")
	if w := p.post("/email", form); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/status" {
		t.Fatalf("%d to %q: %s", w.Code, w.Header().Get("Location"), w.Body)
	}
	all, err := p.service.Users(t.Context(), hotspot.MethodEmail, 0, 10)
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	if u := all[0]; u.Key != "anna@example.com" || u.Name != "Anna "+evil || u.Comments != [3]string{"12", "", evil} || !u.Marketing || u.Verified || u.MAC != guestMAC {
		t.Errorf("%+v", u)
	}
	r := httptest.NewRequest(http.MethodGet, origin4+"/status", nil)
	r.RemoteAddr = netip.AddrPortFrom(guest4, 40123).String()
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	if body := w.Body.String(); !strings.Contains(body, "anna@example.com") || strings.Contains(body, "<script>") {
		t.Errorf("status %s", body)
	}
}

// TestPasswordGuesses: the portal tells one who guesses the venue's password to
// wait, whatever the form.
func TestPasswordGuesses(t *testing.T) {
	p := newPlace(t, map[string]string{"login.free": "on", "login.email": "on", "portal.password": "open sesame"})
	for i := range 8 {
		p.refused([]string{"/free", "/email", "/login"}[i%3], url.Values{"venue_password": {"guess"}, "code": {"x"}}, "not the right venue password")
	}
	p.refused("/free", url.Values{"venue_password": {"open sesame"}}, "Too many attempts")
}
