package entry_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
)

// TestOpenPageIsNoUse: a page that is left open renews itself, and its session
// ends all the same; whoever does something goes on.
func TestOpenPageIsNoUse(t *testing.T) {
	h := newHouse(t)
	h.add(mail, api.RoleOwner)
	for name, tc := range map[string]struct {
		header, value string
		goesOn        bool
	}{
		"somebody clicks":       {"Accept", "text/html", true},
		"the page renews":       {api.RefreshHeader, "1", false},
		"it waits for an event": {"Accept", "text/event-stream", false},
	} {
		v := h.in(mail)
		for range 13 {
			h.clock.Pass(time.Hour)
			r := v.request(http.MethodGet, "/vouchers", nil)
			r.Header.Set(tc.header, tc.value)
			v.do(r)
		}
		v.get("/vouchers")
		if on := v.page.path == "/vouchers"; on != tc.goesOn {
			t.Errorf("%s: after 13 hours the session goes on: %t (%s)", name, on, v.page.path)
		}
	}
}
