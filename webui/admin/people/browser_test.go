package people_test

import (
	"fmt"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

// TestPagesInChromium looks at every page.
func TestPagesInChromium(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	paneltest.Walk(t, h.Site, map[string]string{"people-none": "/users"})
	anna := h.crowd(t)
	for i, s := range pagetest.Hostile {
		h.add(t, hotspot.User{Method: hotspot.MethodFacebook, Key: fmt.Sprint(i), Name: s, Email: s, Comments: [3]string{s, s, s}, Created: now, LastLogin: now})
	}
	page := fmt.Sprintf("/users/email-%d", anna.ID)
	paneltest.Walk(t, h.Site, map[string]string{
		"people-list": "/users?method=email", "people-hostile": "/users?method=facebook", "people-no-match": "/users?method=free&q=nobody",
		"people-person": page, "people-known": "/users/anna@example.org",
		"people-delete": page + "/delete", "people-find": "/users/find", "people-retention": "/users/retention?preset=short",
	})
}
