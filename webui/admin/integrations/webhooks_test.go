package integrations_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/integrations"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
)

var hookSecret = regexp.MustCompile(`whsec_[A-Za-z0-9+/=]{20,}`)

func TestEventsHaveWords(t *testing.T) {
	b, err := webui.TextFile(integrations.Files, "en")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Text map[string]string }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	want := []string{}
	for _, e := range hotspot.EventTypes() {
		want = append(want, "event."+string(e), "event_help."+string(e))
	}
	for _, a := range api.Actions() {
		want = append(want, "action."+a.Name, "group."+string(a.Scope))
		for _, p := range a.Params {
			key := "param." + p.Name
			if p.Required {
				key += "." + a.Name
			}
			want = append(want, key)
		}
	}
	for _, key := range want {
		if file.Text["integrations."+key] == "" {
			t.Errorf("there is no text %q", key)
		}
	}
}

// TestWebhook walks a webhook's whole life.
func TestWebhook(t *testing.T) {
	h, to := newHouse(t, api.RoleOwner), newReceiver(t)
	if b := h.Get(t, "/integrations/webhooks").Body; !strings.Contains(b, "No webhooks yet") || !strings.Contains(b, "/integrations/webhooks/new") {
		t.Error("an empty list does not say what to do")
	}
	a := h.Post(t, "/integrations/webhooks/new", form("url", to.URL, "description", "CRM", "types", "guest.login", "types", "guest.logout"))
	page := a.Header.Get("Location")
	if a.Status != 303 || !strings.HasPrefix(page, "/integrations/webhooks/") {
		t.Fatalf("%d: %s", a.Status, a.Body)
	}
	b := h.Get(t, page).Body
	secret := hookSecret.FindString(b)
	if secret == "" || !strings.Contains(b, "guest logs in, guest logs out") {
		t.Errorf("no secret, or other types: %s", b)
	}
	for _, path := range []string{page, "/integrations/webhooks", page + "/edit"} {
		if hookSecret.MatchString(h.Get(t, path).Body) {
			t.Errorf("%s shows the secret again", path)
		}
	}
	if a := h.Post(t, page+"/test", nil); a.Status != 303 || len(to.got) != 1 || !strings.Contains(to.got[0], "test.ping") {
		t.Errorf("a test: %d, %q", a.Status, to.got)
	}
	if b := h.Get(t, page).Body; !strings.Contains(b, "The receiver answered 204") || !strings.Contains(b, "delivered 204") || !strings.Contains(b, "test.ping") {
		t.Errorf("the test is not told of: %s", b)
	}
	to.answer(http.StatusInternalServerError)
	h.Post(t, page+"/test", nil)
	if b := h.Get(t, page).Body; !strings.Contains(b, "The test was not delivered") || !strings.Contains(b, "failed 500") {
		t.Errorf("the failure is not told of: %s", b)
	}
	for _, state := range []string{"off", "on"} {
		h.Post(t, page+"/state", form("enabled", state))
		if got := h.hook(t); got.Enabled != (state == "on") {
			t.Errorf("%s: %+v", state, got)
		}
	}
	if a := h.Post(t, page+"/edit", form("url", to.URL+"/x", "description", "till", "types", "guest.login")); a.Status != 303 {
		t.Fatalf("%d: %s", a.Status, a.Body)
	}
	if got := h.hook(t); got.URL != to.URL+"/x" || got.Description != "till" || len(got.Types) != 1 {
		t.Errorf("%+v", got)
	}
	h.Post(t, page+"/rotate", nil)
	b = h.Get(t, page).Body
	if next := hookSecret.FindString(b); next == "" || next == secret || !strings.Contains(b, "Old secret") {
		t.Errorf("no new secret: %q", next)
	}
	if !strings.Contains(h.Get(t, page+"/remove").Body, "What waits for it is dropped") {
		t.Error("the question is not asked")
	}
	if a := h.Post(t, page+"/remove", nil); a.Status != 303 || h.Get(t, page).Status != 404 {
		t.Errorf("removing: %d", a.Status)
	}
}

// hook returns the one webhook that there is.
func (h *house) hook(t *testing.T) api.Webhook {
	t.Helper()
	all, err := h.hooks.List(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("%d webhooks, %v", len(all), err)
	}
	return all[0]
}

func TestWebhookRefusals(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	for name, c := range map[string]struct {
		form url.Values
		want string
	}{
		"no address":    {form("url", "", "types", "guest.login"), `id="url-error">This address cannot be used`},
		"script":        {form("url", "javascript:alert(1)", "types", "guest.login"), `id="url-error">This address cannot be used`},
		"credentials":   {form("url", "https://a:b@example.com/", "types", "guest.login"), `id="url-error">This address cannot be used`},
		"no types":      {form("url", "http://127.0.0.1:1/"), `id="types-error">choose at least`},
		"odd type":      {form("url", "http://127.0.0.1:1/", "types", "guest.eaten"), `id="types-error">`},
		"description":   {form("url", "http://127.0.0.1:1/", "types", "guest.login", "description", strings.Repeat("x", 101)), `id="description-error">Enter at most`},
		"control bytes": {form("url", "http://127.0.0.1:1/", "types", "guest.login", "description", "a\x01b"), `id="description-error">Enter at most`},
	} {
		a := h.Post(t, "/integrations/webhooks/new", c.form)
		if a.Status != 422 || !strings.Contains(a.Body, c.want) {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	for i := range 9 {
		a := h.Post(t, "/integrations/webhooks/new", form("url", "http://127.0.0.1:1/", "types", "guest.login"))
		if (a.Status == 303) != (i < 8) || i == 8 && (a.Status != 422 || !strings.Contains(a.Body, "which is the most")) {
			t.Errorf("webhook %d: %d", i, a.Status)
		}
	}
	for _, id := range []string{"x", strings.Repeat("0", 24), strings.Repeat("a", 24)} {
		for _, path := range []string{"", "/edit", "/rotate", "/remove"} {
			if a := h.Get(t, "/integrations/webhooks/"+id+path); a.Status != 404 {
				t.Errorf("%s%s: %d", id, path, a.Status)
			}
		}
		for _, path := range []string{"/edit", "/rotate", "/remove", "/test", "/state"} {
			if a := h.Post(t, "/integrations/webhooks/"+id+path, form("url", "http://127.0.0.1:1/", "types", "guest.login")); a.Status != 404 {
				t.Errorf("POST %s%s: %d", id, path, a.Status)
			}
		}
	}
}

// TestWebhookPassword: a webhook sends what happens here to somebody else, so
// the password is asked for.
func TestWebhookPassword(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	hook, _, err := h.hooks.Add(t.Context(), api.NewWebhook{URL: "http://127.0.0.1:1/"})
	if err != nil {
		t.Fatal(err)
	}
	h.fresh = false
	page := "/integrations/webhooks/" + hook.ID.String()
	for _, path := range []string{"/integrations/webhooks/new", page + "/edit", page + "/rotate"} {
		for _, a := range []paneltest.Answer{h.Get(t, path), h.Post(t, path, form("url", "http://127.0.0.1:2/", "types", "guest.login"))} {
			if a.Status != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/confirm") {
				t.Errorf("%s: %d", path, a.Status)
			}
		}
	}
	if got := h.hook(t); got.URL != "http://127.0.0.1:1/" || !got.OldSecretUntil.IsZero() {
		t.Errorf("%+v", got)
	}
}

// TestHostileWebhook: a description and an address are text wherever they are
// shown.
func TestHostileWebhook(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`
	a := h.Post(t, "/integrations/webhooks/new", form("url", `http://127.0.0.1:1/?"><script>alert(3)</script>`, "description", hostile, "types", "device.seen"))
	if a.Status != 303 {
		t.Fatalf("%d: %s", a.Status, a.Body)
	}
	page := a.Header.Get("Location")
	for _, path := range []string{page, "/integrations/webhooks", page + "/edit", page + "/rotate", page + "/remove"} {
		if b := h.Get(t, path).Body; strings.Contains(b, "<script>alert") || strings.Contains(b, "<img src=x") || !strings.Contains(b, "&lt;script&gt;") {
			t.Errorf("%s: %s", path, b)
		}
	}
}

// TestPagesInChromium looks at every page.
func TestPagesInChromium(t *testing.T) {
	h, to := newHouse(t, api.RoleOwner), newReceiver(t)
	paneltest.Walk(t, h.Site, map[string]string{"webhooks-none": "/integrations/webhooks", "webhooks-new": "/integrations/webhooks/new",
		"integrations-regenerate": "/integrations/api/regenerate", "integrations-api": "/integrations/api"})
	if err := h.service.SetSettings(t.Context(), map[string]string{"api.post": "on", "api.get": "on"}); err != nil {
		t.Fatal(err)
	}
	hook, _, err := h.hooks.Add(t.Context(), api.NewWebhook{URL: to.URL + "/a/long/path/that/goes/on/and/on/and/on?with=a&query=too", Description: "Gästeverwaltung der Zentrale"})
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{204, 500, 404} {
		to.answer(status)
		if _, err := h.hooks.Test(t.Context(), hook.ID); err != nil {
			t.Fatal(err)
		}
	}
	page := "/integrations/webhooks/" + hook.ID.String()
	paneltest.Walk(t, h.Site, map[string]string{"integrations-key": "/integrations/api/key", "webhooks": "/integrations/webhooks", "webhook": page,
		"webhook-edit": page + "/edit", "webhook-rotate": page + "/rotate", "webhook-remove": page + "/remove"})
	paneltest.Walk(t, newHouse(t, api.RoleViewer).Site, map[string]string{"integrations-viewer": "/integrations/api"})
}
