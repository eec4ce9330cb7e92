package integrations_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
)

// TestCloud goes from a router that nobody reaches to one that has left again.
func TestCloud(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	has := func(path string, words ...string) {
		t.Helper()
		a := h.Get(t, path)
		for _, word := range words {
			if a.Status != 200 || !strings.Contains(a.Body, word) {
				t.Errorf("%s: %d without %q", path, a.Status, word)
			}
		}
	}
	goes := func(path, to string, pairs ...string) {
		t.Helper()
		if a := h.Post(t, path, form(pairs...)); a.Status != http.StatusSeeOther || a.Header.Get("Location") != to {
			t.Errorf("%s: %d to %q", path, a.Status, a.Header.Get("Location"))
		}
	}
	has("/integrations/api", "Not set up yet", `href="/integrations/cloud"`)
	has("/integrations/cloud", "Claim code", "Hotel Meridian")
	if a := h.Post(t, "/integrations/cloud", form("domain", "cloud.test", "code", "WRONG", "name", "<Lobby>")); a.Status != http.StatusUnprocessableEntity ||
		!strings.Contains(a.Body, "The claim code is wrong.") || !strings.Contains(a.Body, "&lt;Lobby&gt;") || !strings.Contains(a.Body, `value="WRONG"`) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	h.fresh = false
	goes("/integrations/cloud", "/confirm", "domain", "cloud.test", "code", "A")
	h.fresh = true
	goes("/integrations/cloud", "/integrations/cloud", "domain", "cloud.test", "code", "A", "name", "Lobby")
	has("/integrations/cloud", "https://2b080b3af6.cloud.test/api/", "Connected", "connects.", "Turn off")
	has("/integrations/api", "https://2b080b3af6.cloud.test/api/", "Manage")
	goes("/integrations/cloud/switch", "/integrations/cloud", "on", "off")
	has("/integrations/cloud", "Turn on")
	has("/integrations/cloud/rotate", "Another address")
	goes("/integrations/cloud/rotate", "/integrations/cloud")
	has("/integrations/cloud", "https://0123456789.cloud.test/api/")
	has("/integrations/cloud/leave", "Leave the account")
	goes("/integrations/cloud/leave", "/integrations/cloud")
	has("/integrations/cloud", "Not set up yet")
	if a := h.Post(t, "/integrations/cloud/switch", form("on", "on")); a.Status != http.StatusNotFound {
		t.Errorf("switched without an account: %d", a.Status)
	}
	for _, role := range []api.Role{api.RoleViewer, api.RoleManager} {
		h := newHouse(t, role)
		for _, path := range []string{"", "/switch", "/rotate", "/leave"} {
			if a := h.Post(t, "/integrations/cloud"+path, form("domain", "cloud.test", "code", "A")); a.Status != http.StatusForbidden {
				t.Errorf("%s as %s: %d", path, role, a.Status)
			}
		}
		if a := h.Get(t, "/integrations/cloud"); role == api.RoleViewer && (a.Status != 200 || strings.Contains(a.Body, `name="code"`)) {
			t.Errorf("a viewer: %d", a.Status)
		}
	}
}

// TestCloudInChromium looks at the pages before and after.
func TestCloudInChromium(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	paneltest.Walk(t, h.Site, map[string]string{"cloud-none": "/integrations/cloud"})
	if err := h.cloud.Enrol(t.Context(), api.NewEnrolment{Domain: "cloud.example.com", Code: "A"}); err != nil {
		t.Fatal(err)
	}
	paneltest.Walk(t, h.Site, map[string]string{"cloud-up": "/integrations/cloud", "cloud-leave": "/integrations/cloud/leave", "cloud-api": "/integrations/api"})
}
