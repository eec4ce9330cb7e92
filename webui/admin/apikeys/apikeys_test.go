package apikeys_test

import (
	"log/slog"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/keys"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/webui/admin/apikeys"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, apikeys.Files) }

// house is the pages with real keys.
type house struct {
	*paneltest.Site
	keys  *keys.Keys
	fresh bool
}

func newHouse(t *testing.T, role api.Role) *house {
	t.Helper()
	secret, err := keys.LoadOrCreateSecret(filepath.Join(t.TempDir(), "secret"))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{fresh: true}
	h.keys, err = keys.New(keys.Config{Store: hotspottest.NewStore(), Secret: secret, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Now: func() (time.Time, bool) { return h.Now, true }})
	if err != nil {
		t.Fatal(err)
	}
	h.Site = paneltest.Serve(t, role, apikeys.New(apikeys.Config{Keys: h.keys, Fresh: func(*api.Principal) bool { return h.fresh }}))
	return h
}

// only returns the one key that there is.
func (h *house) only(t *testing.T) api.Key {
	t.Helper()
	all, err := h.keys.List(t.Context(), h.By)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d keys, %v", len(all), err)
	}
	return all[0]
}

var secretText = regexp.MustCompile(`vs_[A-Z2-7]{52}`)

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

// make makes a key and returns its page's address.
func (h *house) make(t *testing.T, pairs ...string) string {
	t.Helper()
	a := h.Post(t, "/settings/api/new", form(append([]string{"label", "till", "expires", "One Week", "scopes", "vouchers"}, pairs...)...))
	if a.Status != 303 {
		t.Fatalf("%d: %s", a.Status, a.Body)
	}
	return a.Header.Get("Location")
}

// opens checks whether a key opens something.
func (h *house) opens(t *testing.T, key string) bool {
	t.Helper()
	_, err := h.keys.Check(t.Context(), key, netip.MustParseAddr("192.168.1.7"))
	return err == nil
}

// TestMake makes a key, and looks at it.
func TestMake(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	if a := h.Get(t, "/settings/api"); a.Status != 200 || !strings.Contains(a.Body, "No API keys yet") {
		t.Fatalf("%d: %s", a.Status, a.Body)
	}
	if a := h.Get(t, "/settings/api/new?label=till+at+the+bar"); !strings.Contains(a.Body, `value="till at the bar"`) {
		t.Errorf("the name is not taken along: %s", a.Body)
	}
	page := h.make(t)
	a := h.Get(t, page)
	secret := secretText.FindString(a.Body)
	if secret == "" || !strings.Contains(a.Body, "Copy the key now") || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the key is not shown: %s", a.Body)
	}
	for _, path := range []string{page, "/settings/api", page + "/delete", page} {
		if b := h.Get(t, path).Body; secretText.MatchString(b) || strings.Contains(b, secret[10:]) {
			t.Errorf("%s shows the key again", path)
		}
	}
	k := h.only(t)
	if k.Label != "till" || len(k.Scopes) != 1 || !k.Expires.Equal(h.Now.AddDate(0, 0, 7)) || k.Viewable {
		t.Errorf("%+v", k)
	}
	if !h.opens(t, secret) {
		t.Error("the key does not open anything")
	}
	list := h.Get(t, "/settings/api").Body
	for _, want := range []string{"till", k.Prefix, "from 192.168.1.7", "vouchers"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list does not tell %q", want)
		}
	}
	if strings.Contains(list, ">View<") {
		t.Error("a key that is not viewable can be viewed")
	}
	if a := h.Get(t, page+"/key"); a.Status != 403 || secretText.MatchString(a.Body) {
		t.Errorf("viewing it: %d", a.Status)
	}
	if a := h.Post(t, page, form("label", "bar")); a.Status != 303 || h.only(t).Label != "bar" {
		t.Errorf("renaming: %d", a.Status)
	}
}

// TestEnd ends a key's access tokens, and then the key.
func TestEnd(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	page := h.make(t)
	secret := secretText.FindString(h.Get(t, page).Body)
	p, err := h.keys.Check(t.Context(), secret, netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := h.keys.IssueToken(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if a := h.Post(t, page+"/tokens", nil); a.Status != 303 {
		t.Errorf("ending tokens: %d", a.Status)
	}
	if _, _, err := h.keys.CheckToken(t.Context(), token, netip.Addr{}); err == nil {
		t.Error("the token still opens something")
	}
	if !strings.Contains(h.Get(t, page+"/delete").Body, "locked out at once") || !h.opens(t, secret) {
		t.Error("the question is not asked, or asking deletes")
	}
	if a := h.Post(t, page+"/delete", nil); a.Status != 303 || h.opens(t, secret) {
		t.Errorf("deleting: %d", a.Status)
	}
	if a := h.Get(t, "/settings/api"); !strings.Contains(a.Body, "The key is deleted") {
		t.Error("nothing is said of it")
	}
	if a := h.Get(t, page); a.Status != 404 {
		t.Errorf("the page of a deleted key: %d", a.Status)
	}
}

func TestViewable(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	page := h.make(t, "viewable", "on")
	secret := secretText.FindString(h.Get(t, page).Body)
	if b := h.Get(t, page).Body; secret == "" || secretText.MatchString(b) || !strings.Contains(b, ">View<") {
		t.Error("it is shown without being asked for, or not to be viewed")
	}
	if got := secretText.FindString(h.Get(t, page+"/key").Body); got != secret {
		t.Errorf("viewed: %q", got)
	}
	h.fresh = false
	for _, path := range []string{page + "/key", "/settings/api/new?label=x"} {
		a := h.Get(t, path)
		if to := a.Header.Get("Location"); a.Status != 303 || !strings.HasPrefix(to, "/confirm?next="+url.QueryEscape(path)) || secretText.MatchString(a.Body) {
			t.Errorf("%s without the password: %d to %s", path, a.Status, to)
		}
	}
	if a := h.Post(t, "/settings/api/new", form("label", "x", "scopes", "vouchers")); a.Status != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/confirm") {
		t.Errorf("making one without the password: %d", a.Status)
	}
	h.only(t)
}

// TestRefusals: what is wrong is said at its field, and what was typed is kept.
func TestRefusals(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	h.make(t)
	for name, c := range map[string]struct {
		form url.Values
		want string
	}{
		"no name":     {form("label", "", "scopes", "live"), `id="label-error">Enter a name`},
		"long name":   {form("label", strings.Repeat("x", 65), "scopes", "live"), `id="label-error">Enter a name`},
		"same name":   {form("label", "TILL", "scopes", "live"), `id="label-error">Another of your keys`},
		"no scopes":   {form("label", "x"), `id="scopes-error">Choose at least one`},
		"odd scope":   {form("label", "x", "scopes", "all"), `id="scopes-error">Choose at least one`},
		"odd expiry":  {form("label", "x", "scopes", "live", "expires", "two fortnights"), `id="expires-error">Choose how long`},
		"odd control": {form("label", "a\x00b", "scopes", "live"), `id="label-error">Enter a name`},
	} {
		a := h.Post(t, "/settings/api/new", c.form)
		if a.Status != 422 || !strings.Contains(a.Body, c.want) {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
		if c.form.Has("scopes") && c.form.Get("scopes") == "live" && !regexp.MustCompile(`id="scope-live"[^>]* checked`).MatchString(a.Body) {
			t.Errorf("%s: what was chosen is lost", name)
		}
	}
	k := h.only(t)
	a := h.Post(t, "/settings/api/"+k.ID.String(), form("label", ""))
	if a.Status != 422 || !strings.Contains(a.Body, "Enter a name") {
		t.Errorf("renaming to nothing: %d", a.Status)
	}
	for _, id := range []string{"x", strings.Repeat("0", 24), strings.Repeat("a", 24), "..%2f"} {
		if a := h.Get(t, "/settings/api/"+id); a.Status != 404 {
			t.Errorf("a key %s: %d", id, a.Status)
		}
	}
}

// TestOthersKeys: an operator sees own keys, and no other's.
func TestOthersKeys(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	page := h.make(t)
	h.By.ID, h.By.Owner = api.ID{7}, api.ID{7}
	if b := h.Get(t, "/settings/api").Body; strings.Contains(b, ">till<") {
		t.Error("another owner's key is listed")
	}
	for _, path := range []string{page, page + "/delete", page + "/key"} {
		if a := h.Get(t, path); a.Status != 404 {
			t.Errorf("GET %s: %d", path, a.Status)
		}
	}
	for _, path := range []string{page, page + "/delete", page + "/tokens"} {
		if a := h.Post(t, path, form("label", "mine")); a.Status != 404 {
			t.Errorf("POST %s: %d", path, a.Status)
		}
	}
}

// TestRoles: nobody but an owner gets at keys.
func TestRoles(t *testing.T) {
	for _, role := range []api.Role{api.RoleManager, api.RoleViewer} {
		h := newHouse(t, role)
		for _, p := range h.Panel.Pages() {
			path := strings.ReplaceAll(p.Path, "{id}", strings.Repeat("a", 24))
			status := 0
			if p.Method == "GET" {
				status = h.Get(t, path).Status
			} else {
				status = h.Post(t, path, form("label", "x", "scopes", "vouchers")).Status
			}
			if status != 403 {
				t.Errorf("%s may %s %s: %d", role, p.Method, path, status)
			}
		}
	}
}

// TestHostileLabels: a name is text wherever it is shown.
func TestHostileLabels(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	const label = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`
	h.By.Name = label
	page := h.make(t, "label", "")
	h.Post(t, page, form("label", label))
	for _, path := range []string{"/settings/api", page, page + "/delete", "/settings/api/new?label=" + url.QueryEscape(label)} {
		if b := h.Get(t, path).Body; strings.Contains(b, "<script>") || strings.Contains(b, "<img src=x") || !strings.Contains(b, "&lt;script&gt;") {
			t.Errorf("%s: %s", path, b)
		}
	}
}
