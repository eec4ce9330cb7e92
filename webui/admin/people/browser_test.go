package people_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

// TestDeletingInChromium walks as an operator does: from the search to the person,
// to the question, and to the end of it.
func TestDeletingInChromium(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	anna := h.crowd(t)
	c := browser.Start(t, "")
	h.SignIn(t, c)
	c.Do(t, browser.Look(390, "light"), chromedp.Navigate(h.URL+"/users"))
	c.Do(t, browser.Type("#q", "anna\r"))
	browser.Until(t, c, `document.querySelectorAll("tbody tr").length === 1`)
	c.Do(t, browser.Click("thead th a"))
	browser.Until(t, c, `location.search.includes("dir=up") && location.search.includes("q=anna")`)
	c.Do(t, browser.Click("tbody td a"))
	browser.Until(t, c, `document.querySelector("a.button.bad") !== null`)
	c.Do(t, browser.Click("a.button.bad"))
	browser.Until(t, c, `document.querySelector("#word") !== null`)
	c.Do(t, browser.Type("#word", "Delete"), browser.Click("form button.bad"))
	browser.Until(t, c, `document.querySelector(".note.good") !== null`)
	if _, err := h.User(t.Context(), anna); !errors.Is(err, hotspot.ErrNotFound) {
		t.Errorf("she is still there: %v", err)
	}
	for _, said := range c.Heard() {
		t.Errorf("console: %s", said)
	}
}

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
