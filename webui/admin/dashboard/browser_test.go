package dashboard_test

import (
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
)

// TestPagesInChromium looks at the page in all its states.
func TestPagesInChromium(t *testing.T) {
	h := busy(t, api.RoleOwner)
	paneltest.Walk(t, h.Site, map[string]string{"dashboard": "/", "dashboard-month": "/?top=30"})
	h.troubled()
	paneltest.Walk(t, h.Site, map[string]string{"dashboard-troubled": "/"})
	paneltest.Walk(t, newHouse(t, api.RoleManager).Site, map[string]string{"dashboard-new": "/"})
}

// troubled lets things need a look.
func (h *house) troubled() {
	h.found[1] = api.Finding{Check: "uplink", Verdict: "problem", Found: hotspot.Textf("eth0 has no carrier"), Remedy: hotspot.Textf("plug the cable in")}
	h.found[6] = api.Finding{Check: "memory", Verdict: "warning", Found: hotspot.Textf("only 6 MB of 64 MB memory are available"), Remedy: hotspot.Textf("stop what is not needed, or set limits.memory")}
	h.found = append(h.found, api.Finding{Check: "random numbers", Verdict: "warning", Found: hotspot.Textf("there are few"), Remedy: hotspot.Textf("wait a minute")})
	h.notices = hotspot.Texts{hotspot.Textf("the store was restored from the snapshot of 2026-07-13")}
}
