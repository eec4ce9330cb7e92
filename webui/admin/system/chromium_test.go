package system_test

import (
	"net/url"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
)

// TestPagesInChromium looks at every page.
func TestPagesInChromium(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	h.Post(t, "/settings/network/examination", nil)
	h.done.Wait()
	h.Post(t, "/settings/backup/snapshots/a", url.Values{"restore": {"1"}})
	h.do(func() { h.settings.VoucherTakeover, h.settings.SessionMax = true, 90e9 })
	paneltest.Walk(t, h.Site, map[string]string{
		"system-settings": "/settings", "system-network": "/settings/network", "system-backup": "/settings/backup",
		"system-restore": "/settings/backup/restore?id=070000000000000000000000", "system-clock": "/settings/clock", "system-logs": "/settings/logs?level=warn",
		"system-about": "/settings/about", "system-support": "/settings/support"})
	h = newHouse(t, api.RoleViewer)
	h.do(func() { h.clock.Believed, h.clock.By, h.clock.Since = false, "", nil })
	paneltest.Walk(t, h.Site, map[string]string{"system-viewer": "/settings", "system-viewer-network": "/settings/network", "system-doubted": "/settings/clock"})
}
