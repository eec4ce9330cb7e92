package printing

import (
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
)

// TestPagesInChromium looks at every page.
func TestPagesInChromium(t *testing.T) {
	h := newHouse(t, api.RoleOwner, 30)
	h.logo(t)
	paneltest.Walk(t, h.Site, map[string]string{
		"printing-choose":   "/print",
		"printing-none":     "/print?q=nobody",
		"printing-preview":  "/print?ids=1-30",
		"printing-roll":     "/print?ids=1-3&layout=roll58",
		"printing-settings": "/print/settings",
	})
}
