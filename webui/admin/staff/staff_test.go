package staff_test

import (
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/operators"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/admin/staff"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, staff.Files) }

const password = "rain falls on tin"

// box seals nothing: what it is given is secret enough in a test.
type box struct{}

func (box) Seal(plain []byte) []byte           { return append([]byte("sealed:"), plain...) }
func (box) Open(sealed []byte) ([]byte, error) { return sealed[len("sealed:"):], nil }

// house is the pages with real operators, one of whom is signed in.
type house struct {
	*testing.T
	*paneltest.Site
	people *operators.Operators

	mu   sync.Mutex // guards mono
	mono time.Duration
}

// later lets time go by.
func (h *house) later(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mono += d
}

func newHouse(t *testing.T, role api.Role) *house {
	t.Helper()
	h := &house{T: t, mono: time.Hour}
	h.people = operators.New(operators.Config{Store: hotspottest.NewStore(), Sealer: box{}, Now: func() (time.Time, bool) { return h.Now, true },
		Mono: func() time.Duration { h.mu.Lock(); defer h.mu.Unlock(); return h.mono }, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), MaxMemory: 4 << 10})
	h.Site = paneltest.Serve(t, role, staff.New(staff.Config{Operators: h.people}))
	h.add("ada@example.com", api.RoleOwner)
	who := "ada@example.com"
	if role != api.RoleOwner {
		who = string(role) + "@example.com"
		h.add(who, role)
	}
	*h.By = *h.signIn(who, "Firefox 140")
	return h
}

func (h *house) add(email string, role api.Role) api.Operator {
	h.Helper()
	o, err := h.people.Create(h.Context(), api.Local(), api.NewOperator{Email: email, Role: role, Password: password})
	if err != nil {
		h.Fatal(err)
	}
	return o
}

// signIn signs somebody in to another browser.
func (h *house) signIn(email, agent string) *api.Principal {
	h.Helper()
	ticket, err := h.people.Open(h.Context(), api.SignIn{Email: email, Password: password, From: netip.MustParseAddr("192.168.1.20"), Agent: agent})
	if err != nil {
		h.Fatal(err)
	}
	return ticket.Principal
}

// get returns an operator, or nil.
func (h *house) get(email string) *api.Operator {
	h.Helper()
	all, err := h.people.List(h.Context(), api.Local())
	if err != nil {
		h.Fatal(err)
	}
	for i := range all {
		if all[i].Email == email {
			return &all[i]
		}
	}
	return nil
}

func (h *house) path(email string) string { return "/operators/" + h.get(email).ID.String() }

// post sends a form and fails the test if it is not taken.
func (h *house) post(path string, pairs ...string) {
	h.Helper()
	if a := h.Post(h, path, form(pairs...)); a.Status != 303 || strings.HasPrefix(a.Header.Get("Location"), "/confirm") {
		h.Fatalf("%s: %d to %s: %s", path, a.Status, a.Header.Get("Location"), a.Body)
	}
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

// TestLife walks an operator's whole life.
func TestLife(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	h.post("/operators/new", "email", "Bob@Example.com", "name", "Bob", "role", "manager", "password", password)
	b := h.Get(t, "/operators").Body
	for _, want := range []string{"Bob may sign in now", "bob@example.com", "Manager", "ada@example.com", ">you<", "from 192.168.1.20", "What each role may do"} {
		if !strings.Contains(b, want) {
			t.Errorf("the list does not tell %q", want)
		}
	}
	page := h.path("bob@example.com")
	h.post(page+"/name", "name", "Robert")
	h.post(page+"/role", "role", "viewer")
	if o := h.get("bob@example.com"); o.Name != "Robert" || o.Role != api.RoleViewer {
		t.Errorf("%+v", o)
	}
	bob := h.signIn("bob@example.com", "Safari on a phone")
	h.signIn("bob@example.com", "Chrome")
	b = h.Get(t, page).Body
	if !strings.Contains(b, "Safari on a phone") || !strings.Contains(b, "End all sessions") {
		t.Error("the sessions are not listed")
	}
	h.post(page+"/sessions", "session", bob.Session.String())
	if h.get("bob@example.com").Sessions != 1 || !bob.Revoked() {
		t.Error("the session goes on")
	}
	h.signIn("bob@example.com", "Edge")
	h.post(page+"/sessions", "session", "all")
	if h.get("bob@example.com").Sessions != 0 {
		t.Error("sessions go on")
	}
	h.post(page+"/password", "password", "another good one")
	if _, err := h.people.SignIn(t.Context(), "bob@example.com", password, netip.Addr{}); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("the old password: %v", err)
	}
	if !strings.Contains(h.Get(t, page+"/remove").Body, "programs that use them are locked out") {
		t.Error("the question is not asked")
	}
	h.post(page + "/remove")
	if h.get("bob@example.com") != nil || h.Get(t, page).Status != 404 {
		t.Error("the operator is still there")
	}
}

// TestOwners: what an owner signs in with is the owner's own, and somebody must
// stay.
func TestOwners(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	own := h.path("ada@example.com")
	b := h.Get(t, own).Body
	if !strings.Contains(b, "There is no other owner") || !strings.Contains(b, `href="/account"`) || strings.Contains(b, own+"/role") || strings.Contains(b, own+"/remove") || strings.Contains(b, own+"/password") {
		t.Error("the last owner is offered what is refused")
	}
	for path, pairs := range map[string][]string{"/role": {"role", "viewer"}, "/remove": nil} {
		if a := h.Post(t, own+path, form(pairs...)); a.Status != 403 {
			t.Errorf("%s of the last owner: %d", path, a.Status)
		}
	}
	h.add("eve@example.com", api.RoleOwner)
	eve := h.path("eve@example.com")
	if b := h.Get(t, eve).Body; strings.Contains(b, eve+"/password") || !strings.Contains(b, "is changed by that owner") {
		t.Error("another owner's password is offered")
	}
	for path, pairs := range map[string][]string{"/password": {"password", "another good one"}, "/totp": nil} {
		if a := h.Post(t, eve+path, form(pairs...)); a.Status != 403 {
			t.Errorf("%s of another owner: %d", path, a.Status)
		}
	}
	h.post(eve+"/role", "role", "manager")
	h.post(eve+"/role", "role", "owner")
	h.post(own + "/remove")
	if h.get("ada@example.com") != nil || !h.By.Revoked() {
		t.Error("who was removed is still in")
	}
}

// TestPassword: what matters is done by whoever has just entered the password.
func TestPassword(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	h.add("bob@example.com", api.RoleManager)
	page := h.path("bob@example.com")
	h.later(time.Hour)
	for _, path := range []string{"/operators/new", page + "/remove"} {
		if a := h.Get(t, path); a.Status != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/confirm?next=") {
			t.Errorf("GET %s: %d", path, a.Status)
		}
	}
	for path, pairs := range map[string][]string{"/operators/new": {"email", "x@example.com", "role", "owner", "password", password},
		page + "/role": {"role", "owner"}, page + "/password": {"password", "another good one"}, page + "/totp": nil, page + "/remove": nil} {
		if a := h.Post(t, path, form(pairs...)); a.Status != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/confirm") {
			t.Errorf("POST %s: %d", path, a.Status)
		}
	}
	if o := h.get("bob@example.com"); o == nil || o.Role != api.RoleManager || h.get("x@example.com") != nil {
		t.Error("something was changed")
	}
}

func TestRefusals(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	h.add("bob@example.com", api.RoleManager)
	good := []string{"email", "new@example.com", "role", "viewer", "name", "New", "password", "a secret of mine"}
	for name, c := range map[string]struct{ field, value, want string }{
		"address": {"email", "nobody", `id="email-error">Enter an e-mail address`}, "taken": {"email", "BOB@example.com", `id="email-error">Another operator`},
		"role": {"role", "king", `id="role-error">Choose a role`}, "name": {"name", strings.Repeat("x", 65), `id="name-error">Enter at most`},
		"short": {"password", "short", `id="password-error">Choose another password`}, "common": {"password", "password123", `id="password-error">Choose another password`},
	} {
		f := form(good...)
		f.Set(c.field, c.value)
		a := h.Post(t, "/operators/new", f)
		if a.Status != 422 || !strings.Contains(a.Body, c.want) || strings.Contains(a.Body, "a secret of mine") {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	page := h.path("bob@example.com")
	for path, c := range map[string]struct {
		pairs []string
		want  string
	}{"/name": {[]string{"name", strings.Repeat("x", 65)}, `id="name-error"`}, "/role": {[]string{"role", "king"}, `id="role-error"`}, "/password": {[]string{"password", "short"}, `id="password-error"`}} {
		if a := h.Post(t, page+path, form(c.pairs...)); a.Status != 422 || !strings.Contains(a.Body, c.want) {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
	if a := h.Post(t, page+"/totp", nil); a.Status != 422 {
		t.Errorf("turning off what is not on: %d", a.Status)
	}
	for _, session := range []string{"", "x", strings.Repeat("0", 24), strings.Repeat("a", 24)} {
		if a := h.Post(t, page+"/sessions", form("session", session)); a.Status != 404 {
			t.Errorf("ending %q: %d", session, a.Status)
		}
	}
	for _, id := range []string{"x", strings.Repeat("0", 24), strings.Repeat("a", 24)} {
		if a := h.Get(t, "/operators/"+id); a.Status != 404 {
			t.Errorf("operator %s: %d", id, a.Status)
		}
	}
}

// TestRoles tries every page as those who may less, on others and on
// themselves: nobody gets more than an owner gave.
func TestRoles(t *testing.T) {
	for _, role := range []api.Role{api.RoleManager, api.RoleViewer} {
		h := newHouse(t, role)
		self := string(role) + "@example.com"
		for _, target := range []string{self, "ada@example.com"} {
			for _, p := range h.Panel.Pages() {
				path := strings.ReplaceAll(p.Path, "{id}", h.get(target).ID.String())
				var a paneltest.Answer
				if p.Method == "GET" {
					a = h.Get(t, path)
				} else {
					a = h.Post(t, path, form("email", "x@example.com", "role", "owner", "name", "King", "password", "another good one", "session", "all"))
				}
				if a.Status != 403 || strings.Contains(a.Body, "ada@example.com") {
					t.Errorf("%s, %s %s: %d", role, p.Method, path, a.Status)
				}
			}
		}
		if o := h.get(self); o.Role != role || o.Name != "" || h.get("ada@example.com").Role != api.RoleOwner || h.get("x@example.com") != nil {
			t.Errorf("%s changed something", role)
		}
	}
}

// TestHostileTexts: names and browsers are text wherever they are shown.
func TestHostileTexts(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	const hostile = `<script>alert(1)</script>"'><img src=x onerror=a>`
	h.post("/operators/new", "email", "bob@example.com", "name", hostile, "role", "viewer", "password", password)
	h.signIn("bob@example.com", hostile)
	page := h.path("bob@example.com")
	for _, path := range []string{"/operators", page, page + "/remove"} {
		if b := h.Get(t, path).Body; strings.Contains(b, "<script>alert") || strings.Contains(b, "<img src=x") || !strings.Contains(b, "&lt;script&gt;") {
			t.Errorf("%s: %s", path, b)
		}
	}
}

// TestPagesInChromium looks at every page.
func TestPagesInChromium(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	h.add("eve@example.com", api.RoleOwner)
	h.post("/operators/new", "email", "reception@hotel-meridian-am-hauptbahnhof.example", "name", "Reception", "role", "manager", "password", password)
	h.signIn("reception@hotel-meridian-am-hauptbahnhof.example", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile Safari")
	h.signIn("reception@hotel-meridian-am-hauptbahnhof.example", "Firefox 140")
	page := h.path("reception@hotel-meridian-am-hauptbahnhof.example")
	paneltest.Walk(t, h.Site, map[string]string{"operators": "/operators", "operators-new": "/operators/new", "operators-one": page, "operators-remove": page + "/remove",
		"operators-self": h.path("ada@example.com"), "operators-owner": h.path("eve@example.com")})
	paneltest.Walk(t, newHouse(t, api.RoleOwner).Site, map[string]string{"operators-last": "/operators"})
}
