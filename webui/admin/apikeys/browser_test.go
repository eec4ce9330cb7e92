package apikeys_test

import (
	"net/netip"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
)

// TestPagesInChromium looks at every page.
func TestPagesInChromium(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	page := h.make(t, "label", "x", "scopes", "live", "viewable", "on")
	paneltest.Walk(t, h.Site, map[string]string{"apikeys-one": page, "apikeys-view": page + "/key", "apikeys-delete": page + "/delete",
		"apikeys-new": "/settings/api/new?label=till+at+the+bar"})
	_, secret, err := h.keys.Create(t.Context(), h.By, api.NewKey{Label: "Hotelsoftware der Rezeption, Zweigstelle", Expires: "Never",
		Scopes: []api.Scope{api.ScopeVouchers, api.ScopeUsers, api.ScopeLive, api.ScopeKeys, api.ScopeSettings}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.keys.Check(t.Context(), secret, netip.MustParseAddr("fd00:1234:5678:9abc:def0:1234:5678:9abc")); err != nil {
		t.Fatal(err)
	}
	paneltest.Walk(t, h.Site, map[string]string{"apikeys-list": "/settings/api"})
	paneltest.Walk(t, newHouse(t, api.RoleOwner).Site, map[string]string{"apikeys-none": "/settings/api"})
}
