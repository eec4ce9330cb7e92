package guests_test

import (
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
)

// TestPagesInChromium looks at every page.
func TestPagesInChromium(t *testing.T) {
	h, ds := busy(t, api.RoleOwner)
	one, blocked := "/guests/"+ds[0].MAC.String(), "/guests/"+ds[5].MAC.String()
	paneltest.Walk(t, h.Site, map[string]string{
		"guests-list": "/guests", "guests-waiting": "/guests/waiting", "guests-blocked": "/guests/blocked", "guests-no-match": "/guests?q=nobody",
		"guests-one": one, "guests-kick": one + "/kick", "guests-block": one + "/block", "guests-free": "/guests/" + ds[1].MAC.String(),
		"guests-waiting-one": "/guests/" + ds[4].MAC.String(), "guests-blocked-one": blocked, "guests-unblock": blocked + "/unblock",
	})
	paneltest.Walk(t, newHouse(t, api.RoleViewer).Site, map[string]string{"guests-none": "/guests", "guests-none-blocked": "/guests/blocked"})
}
