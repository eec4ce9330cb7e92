package daemon

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
)

// TestRenewalsAreQuiet: an open page that renews itself fills no log; the page of
// the log would have news of itself for ever. Whoever asks, and whoever is not
// signed in, is logged.
func TestRenewalsAreQuiet(t *testing.T) {
	var log bytes.Buffer
	d := openDaemon(t, slog.New(slog.NewTextHandler(&log, nil)))
	h := d.lanHandler(d.restAPI())
	_, err := d.people.Create(t.Context(), api.Local(), api.NewOperator{Email: "owner@example.com", Role: api.RoleOwner, Password: panelPassword})
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := d.people.Open(t.Context(), api.SignIn{Email: "owner@example.com", Password: panelPassword})
	if err != nil {
		t.Fatal(err)
	}
	logged := func(path, cookie, renews string) bool {
		t.Helper()
		log.Reset()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://router.lan"+path, nil)
		w := httptest.NewRecorder()
		api.SetSessionCookie(w, r, cookie)
		r.AddCookie(w.Result().Cookies()[0])
		r.Header.Set("X-Refresh", renews)
		h.ServeHTTP(httptest.NewRecorder(), r)
		return strings.Contains(log.String(), "path="+path+" ")
	}
	for _, tc := range []struct {
		path, cookie, renews string
		want                 bool
	}{
		{"/settings/logs", ticket.Cookie, "", true},
		{"/settings/logs", ticket.Cookie, "1", false},
		{"/guests", ticket.Cookie, "1", false},
		{"/guests", "", "1", true},
		{"/nothing", ticket.Cookie, "1", true},
		{"/api/v1/vouchers", ticket.Cookie, "1", true},
	} {
		if got := logged(tc.path, tc.cookie, tc.renews); got != tc.want {
			t.Errorf("%+v: logged %t", tc, got)
		}
	}
}
