package api_test

import (
	"crypto/tls"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

func TestRoles(t *testing.T) {
	// may: what a role opens; then whether it may only read.
	for role, want := range map[api.Role]string{
		api.RoleOwner:   "vouchers users live keys settings all",
		api.RoleManager: "vouchers live",
		api.RoleViewer:  "vouchers users live settings (read)",
		"nobody":        " (read)",
		"":              " (read)",
	} {
		scopes, readOnly := role.Grant()
		p := &api.Principal{Scopes: scopes}
		var got []string
		for _, s := range []api.Scope{api.ScopeVouchers, api.ScopeUsers, api.ScopeLive, api.ScopeKeys, api.ScopeSettings, api.ScopeAll} {
			if p.May(s) {
				got = append(got, string(s))
			}
		}
		text := strings.Join(got, " ")
		if readOnly {
			text += " (read)"
		}
		if text != want {
			t.Errorf("%s: %q, want %q", role, text, want)
		}
	}
	for _, s := range []string{"", "Owner", "root", "owner "} {
		if _, err := api.ParseRole(s); hotspot.CodeOf(err) != hotspot.CodeInvalid {
			t.Errorf("%q: %v", s, err)
		}
	}
	if r, err := api.ParseRole("manager"); r != api.RoleManager || err != nil {
		t.Errorf("%v %v", r, err)
	}
}

func TestSessionCookie(t *testing.T) {
	for _, secure := range []bool{false, true} {
		r := httptest.NewRequest("GET", "/", nil)
		if secure {
			r.TLS = &tls.ConnectionState{}
		}
		w := httptest.NewRecorder()
		api.SetSessionCookie(w, r, "value")
		set := w.Header().Get("Set-Cookie")
		if !strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=Lax") || strings.Contains(set, "Secure") != secure ||
			strings.HasPrefix(set, "__Host-") != secure || !strings.Contains(set, "Path=/;") || strings.Contains(set, "Domain") {
			t.Errorf("secure %v: %s", secure, set)
		}
		r.Header.Set("Cookie", strings.Split(set, ";")[0])
		if got := api.SessionCookie(r); got != "value" {
			t.Errorf("%q", got)
		}
		r.Header.Add("Cookie", strings.Split(set, "=")[0]+"=other")
		if got := api.SessionCookie(r); got != "" {
			t.Errorf("of two cookies, %q counts", got)
		}
		w = httptest.NewRecorder()
		if api.SetSessionCookie(w, r, ""); !strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0") {
			t.Errorf("%s", w.Header())
		}
	}
}

func TestActor(t *testing.T) {
	if a := (*api.Principal)(nil).Actor(); a.Kind != hotspot.ActorSystem {
		t.Errorf("%+v", a)
	}
	id := api.NewID()
	p := &api.Principal{Kind: api.CallerOperator, ID: id, Name: "Ada", Role: api.RoleManager, From: netip.MustParseAddr("10.0.0.1"), Token: true}
	got := hotspot.ActorOf(api.WithPrincipal(t.Context(), p))
	want := hotspot.Actor{Kind: hotspot.ActorOperator, ID: id.String(), Name: "Ada", Role: "manager", Addr: p.From, Token: true}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if a := hotspot.ActorOf(api.WithPrincipal(t.Context(), api.Local())); a.Kind != hotspot.ActorLocal || a.ID != "" {
		t.Errorf("%+v", a)
	}
}

func TestForgive(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	l := api.NewFailureLimiter(api.LimiterConfig{Burst: 2, Every: 10 * time.Second, Now: func() time.Time { return now }})
	a := netip.MustParseAddr("10.0.0.1")
	l.Forgive(a)
	l.Fail(a)
	l.Fail(a)
	if l.Wait(a) == 0 {
		t.Error("two failures are not counted")
	}
	l.Forgive(a)
	if l.Wait(a) != 0 {
		t.Error("one was not forgiven")
	}
	l.Forgive(a)
	l.Forgive(a)
	if l.Len() != 0 {
		t.Errorf("%d remembered", l.Len())
	}
}
