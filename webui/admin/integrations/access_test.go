package integrations_test

import (
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/action"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

// TestAccess goes through what seed 004 lists for the page.
func TestAccess(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	if a := h.Get(t, "/integrations"); a.Status != 303 || a.Header.Get("Location") != "/integrations/api" {
		t.Errorf("the first page: %d", a.Status)
	}
	key, err := h.keys.DeviceKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := h.Get(t, "/integrations/api").Body
	for _, want := range []string{"Enable API POST Method", "Enable API GET Method", "Current API Endpoint", h.URL + "/api/", "Cloud API Endpoint", "Not set up yet",
		"API Key", "not since it was made", "API Documentation", "/api/v1/docs", "&quot;$KEY&quot;"} {
		if !strings.Contains(b, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(b, key) || regexp.MustCompile(`id="(post|get)"[^>]* checked`).MatchString(b) {
		t.Error("the key is shown, or a method is on")
	}
	if st := h.service.Settings(); st.APIPost || st.APIGet {
		t.Error("a method is on")
	}
	for _, c := range []struct {
		form      url.Values
		post, get bool
	}{{form("post", "on"), true, false}, {form("post", "on", "get", "on"), true, true}, {form("get", "on"), false, true}, {form(), false, false}} {
		if a := h.Post(t, "/integrations/api", c.form); a.Status != 303 {
			t.Fatalf("%d: %s", a.Status, a.Body)
		}
		if st := h.service.Settings(); st.APIPost != c.post || st.APIGet != c.get {
			t.Errorf("%v: post %v, get %v", c.form, st.APIPost, st.APIGet)
		}
		b := h.Get(t, "/integrations/api").Body
		if regexp.MustCompile(`id="post"[^>]* checked`).MatchString(b) != c.post || regexp.MustCompile(`id="get"[^>]* checked`).MatchString(b) != c.get ||
			strings.Contains(b, "curl -G") != c.get {
			t.Errorf("%v: the page shows something else", c.form)
		}
	}
}

func TestDeviceKey(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	key, err := h.keys.DeviceKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.keys.Check(t.Context(), key, home); err != nil {
		t.Fatal(err)
	}
	h.fresh = false
	for _, path := range []string{"/integrations/api/key", "/integrations/api/regenerate"} {
		if a := h.Get(t, path); a.Status != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/confirm?next="+url.QueryEscape(path)) || strings.Contains(a.Body, key) {
			t.Errorf("%s without the password: %d", path, a.Status)
		}
	}
	if a := h.Post(t, "/integrations/api/regenerate", nil); !strings.HasPrefix(a.Header.Get("Location"), "/confirm") {
		t.Errorf("a new key without the password: %d", a.Status)
	}
	h.fresh = true
	b := h.Get(t, "/integrations/api/key").Body
	if strings.Count(b, key) != 1+len(api.Actions()) || strings.Contains(b, "$KEY") || !strings.Contains(b, "from 192.168.1.7") {
		t.Errorf("the key is there %d times", strings.Count(b, key))
	}
	if b := h.Get(t, "/integrations/api").Body; strings.Contains(b, key) {
		t.Error("the key is on the page without being asked for")
	}
	if b := h.Get(t, "/integrations/api/regenerate").Body; !strings.Contains(b, "is refused from that moment") || !strings.Contains(b, "The key was last used") {
		t.Error("what breaks is not said")
	}
	if now, err := h.keys.DeviceKey(t.Context()); err != nil || now != key {
		t.Fatal("asking replaces the key")
	}
	a := h.Post(t, "/integrations/api/regenerate", nil)
	if a.Status != 303 || a.Header.Get("Location") != "/integrations/api/key" {
		t.Errorf("%d to %s", a.Status, a.Header.Get("Location"))
	}
	next, err := h.keys.DeviceKey(t.Context())
	if err != nil || next == key {
		t.Fatal("the key is the same")
	}
	if _, err := h.keys.Check(t.Context(), key, home); err == nil {
		t.Error("the old key still opens something")
	}
	if b := h.Get(t, "/integrations/api/key").Body; !strings.Contains(b, next) || !strings.Contains(b, "The new key is in force") {
		t.Error("the new key is not shown")
	}
}

var curl = regexp.MustCompile(`<code id="(post|get)-([a-z_]+)" dir="ltr">([^<]*)</code>`)

// TestCurl runs every example of the page against the API itself.
func TestCurl(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	if err := h.service.SetSettings(t.Context(), map[string]string{"api.post": "on", "api.get": "on"}); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(action.New(action.Config{Service: h.service, Keys: h.keys, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}))
	t.Cleanup(srv.Close)
	key, err := h.keys.DeviceKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/integrations/api", "/integrations/api/key"} {
		found := curl.FindAllStringSubmatch(h.Get(t, path).Body, -1)
		if len(found) != 2*len(api.Actions()) {
			t.Fatalf("%s has %d examples", path, len(found))
		}
		// In the page's order a voucher is made, removed, and made and removed again.
		for _, m := range found {
			command := strings.ReplaceAll(html.UnescapeString(m[3]), h.URL, srv.URL)
			cmd := exec.CommandContext(t.Context(), "sh", "-c", command+" -s -S --noproxy '*'")
			cmd.Env = append(cmd.Environ(), "KEY="+key)
			out, err := cmd.CombinedOutput()
			answer := string(out)
			want := map[string]string{"create_voucher": `{"message":"User added successfully"`, "remove_voucher": `{"message":"User `}[m[2]]
			if m[1] == "get" && m[2] == "create_voucher" {
				want = `{"message":"Username already exists"` // the example before made it
			}
			if m[1] == "get" && m[2] == "remove_voucher" {
				want = `{"message":"Username doesn't exist"`
			}
			if want == "" {
				want = `{"`
			}
			if err != nil || !strings.HasPrefix(strings.ReplaceAll(answer, ": ", ":"), want) || strings.Contains(answer, "An error occurred") {
				t.Errorf("%s by %s: %v, %s: %s", m[2], m[1], err, command, answer)
			}
		}
	}
}

// TestHostileHost: an address that is none does not get into the examples.
func TestHostileHost(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	for host, want := range map[string]string{"192.168.1.1:8080": "http://192.168.1.1:8080/api/", "[fd00::1]": "http://[fd00::1]/api/", "router.lan": "http://router.lan/api/",
		"a'$(reboot)": "http://ROUTER/api/", "a;b": "http://ROUTER/api/"} {
		r := httptest.NewRequest(http.MethodGet, "/integrations/api", nil)
		r.Host = host
		r.AddCookie(h.Cookie())
		w := httptest.NewRecorder()
		h.Panel.ServeHTTP(w, r)
		if got := html.UnescapeString(w.Body.String()); !strings.Contains(got, `<code id="local" dir="ltr">`+want+`</code>`) || strings.Contains(got, "reboot") {
			t.Errorf("%s: want %s", host, want)
		}
	}
}

// TestRoles tries every page as those who may less.
func TestRoles(t *testing.T) {
	for _, role := range []api.Role{api.RoleManager, api.RoleViewer} {
		h := newHouse(t, role)
		hook, _, err := h.hooks.Add(t.Context(), api.NewWebhook{URL: "http://127.0.0.1:1/"})
		if err != nil {
			t.Fatal(err)
		}
		key, err := h.keys.DeviceKey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		looks := map[string]bool{"/integrations": true, "/integrations/api": true, "/integrations/cloud": true, "/integrations/webhooks": true, "/integrations/webhooks/{id}": true}
		for _, p := range h.Panel.Pages() {
			path := strings.ReplaceAll(p.Path, "{id}", hook.ID.String())
			var a paneltest.Answer
			if p.Method == "GET" {
				a = h.Get(t, path)
			} else {
				a = h.Post(t, path, form("post", "on", "url", "http://127.0.0.1:2/", "types", "guest.login", "enabled", "off"))
			}
			may := role == api.RoleViewer && p.Method == "GET" && looks[p.Path]
			if (a.Status == 403) == may || strings.Contains(a.Body, key) {
				t.Errorf("%s, %s %s: %d", role, p.Method, path, a.Status)
			}
			if may && (strings.Contains(a.Body, `method="post" action="/integrations`) || strings.Contains(a.Body, "/regenerate")) {
				t.Errorf("%s is offered what is refused on %s", role, path)
			}
		}
		if now, err := h.keys.DeviceKey(t.Context()); err != nil || now != key || h.service.Settings().APIPost {
			t.Error("something was changed")
		}
		if all, err := h.hooks.List(t.Context()); err != nil || len(all) != 1 || !all[0].Enabled || all[0].URL != "http://127.0.0.1:1/" {
			t.Error("a webhook was changed")
		}
	}
}

// TestUse switches the API on, looks at the key and replaces it, with the
// panel's script and without.
func TestUse(t *testing.T) {
	for name, off := range map[string]bool{"script": false, "no script": true} {
		t.Run(name, func(t *testing.T) {
			h, c := newHouse(t, api.RoleOwner), browser.Start(t, "")
			h.SignIn(t, c)
			at := func(script string) { t.Helper(); browser.Until(t, c, script) }
			click := func(selector string) { t.Helper(); c.Do(t, browser.Click(selector)) }
			c.Do(t, browser.Command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: off}),
				browser.Look(1280, "dark"), chromedp.Navigate(h.URL+"/integrations"))
			at(`location.pathname === "/integrations/api" && document.getElementById("post")?.checked === false`)
			click("#post")
			click("main form button")
			at(`document.getElementById("said")?.textContent.includes("Saved") && document.getElementById("post")?.checked`)
			if st := h.service.Settings(); !st.APIPost || st.APIGet {
				t.Errorf("%+v", st)
			}
			click("#key a.button")
			at(`location.pathname === "/integrations/api/key" && document.getElementById("device-key")?.textContent.length === 40`)
			old := browser.Ask(t, c, chromedp.Evaluate[string](`document.getElementById("device-key").textContent`))
			if !off {
				browser.ClickUntil(t, c, "[data-copy=device-key]", `document.getElementById("device-key-said").textContent === "Copied."`)
			}
			click("#reference details summary")
			at(`document.getElementById("post-create_voucher").checkVisibility()`)
			for _, fault := range c.Audit(t) {
				t.Error(fault)
			}
			click("#key .buttons a:not(.button)")
			at(`location.pathname === "/integrations/api/regenerate" && document.querySelector("button.bad")`)
			click("button.bad")
			at(`location.pathname === "/integrations/api/key" && document.getElementById("device-key")?.textContent.length === 40 && document.getElementById("device-key").textContent !== "` + old + `"`)
			for _, said := range c.Heard() {
				t.Errorf("console: %s", said)
			}
		})
	}
}
