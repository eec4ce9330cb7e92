package loginpage_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"mime/multipart"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"crypto/rand"
	"log/slog"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/hotspot/login"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
	"github.com/vouchsafe/vouchsafe/webui/admin/loginpage"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
	"github.com/vouchsafe/vouchsafe/webui/portal"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, loginpage.Files) }

// house is the pages over the real rules, and the portal itself.
type house struct {
	*paneltest.Site
	t     *testing.T
	store *hotspottest.Store
	*hotspot.Service
}

func newHouse(t *testing.T, role api.Role) *house {
	t.Helper()
	h := &house{t: t, store: hotspottest.NewStore()}
	clock := hotspottest.NewClock(time.Date(2026, 7, 14, 15, 0, 0, 0, time.UTC))
	h.Service = hotspot.New(hotspot.Config{Store: h.store, Gate: memory.New(memory.Now(clock.Mono)), Hosts: &hotspottest.Hosts{},
		Clock: clock, Rand: rand.Reader, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Zone: time.UTC})
	if err := h.Service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var methods []portal.Method
	for _, m := range login.Methods(h.Service, login.NewLimiter(time.Now)) {
		methods = append(methods, m)
	}
	preview, err := portal.NewPreview(loginpage.PreviewPath, methods)
	if err != nil {
		t.Fatal(err)
	}
	h.Site = paneltest.Serve(t, role, loginpage.New(loginpage.Config{Service: h.Service, Preview: preview}))
	return h
}

// page gets a page that must be there.
func (h *house) page(path string) string {
	h.t.Helper()
	a := h.Get(h.t, path)
	if a.Status != 200 {
		h.t.Fatalf("%s: %d", path, a.Status)
	}
	return a.Body
}

// post sends a form and wants a status.
func (h *house) post(path string, want int, pairs ...string) string {
	h.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	a := h.Post(h.t, path, form)
	if a.Status != want {
		h.t.Errorf("POST %s %v: %d, want %d: %s", path, form, a.Status, want, a.Body)
	}
	return a.Body
}

func (h *house) want(values map[string]string) {
	h.t.Helper()
	for key, want := range values {
		if got := h.Settings().Value(key); got != want {
			h.t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

// TestSave saves each part.
func TestSave(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	h.post("/login-page/methods", 303, "login.order", "free,voucher,email", "login.free", "on", "login.email", "on", "portal.consent", "May we\r\nwrite?")
	h.post("/login-page/texts", 303, "venue.name", "Harbour Café", "portal.title", "Hello", "portal.text", "One\r\ntwo", "portal.terms", "Be kind.", "portal.terms_accept", "on")
	h.post("/login-page/questions", 303, "portal.field1", "Room", "portal.field1_required", "on", "portal.field3", "Table")
	h.post("/login-page/look", 303, "portal.color", "#7A1FA2")
	h.post("/login-page/languages", 303, "portal.languages", "it", "portal.languages", "ar", "portal.language", "it")
	h.post("/login-page/access", 303, "portal.password", "open sesame")
	h.want(map[string]string{"login.order": "free,voucher,email,mobile,facebook", "login.voucher": "off", "login.free": "on", "login.email": "on",
		"portal.consent": "May we\nwrite?", "venue.name": "Harbour Café", "portal.title": "Hello", "portal.text": "One\ntwo", "portal.terms": "Be kind.",
		"portal.terms_accept": "on", "portal.field1": "Room", "portal.field1_required": "on", "portal.field2": "", "portal.field3": "Table",
		"portal.color": "#7a1fa2", "portal.languages": "it,ar", "portal.language": "it", "portal.password": "open sesame"})
	if body := h.page("/login-page/texts"); !strings.Contains(body, "Saved. Guests see it") || !strings.Contains(body, "One\ntwo</textarea>") {
		t.Error("nothing is said, or the texts are not those")
	}
	h.post("/login-page/languages", 303, "portal.languages", "it", "portal.languages", "ar", "portal.languages", "en", "portal.language", "en")
	h.want(map[string]string{"portal.languages": "all"})
	rows, err := h.Audit(t.Context(), 0, 100)
	if err != nil || len(rows) < 15 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		for _, c := range row.Changes {
			if strings.Contains(c.Old+c.New, "sesame") {
				t.Errorf("the audit log has the password: %+v", row)
			}
		}
	}
}

// TestAllOrNothing: a form with a mistake changes nothing, comes back as it was
// typed, and says at the field what is wrong.
func TestAllOrNothing(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	body := h.post("/login-page/texts", 422, "venue.name", "New name", "portal.title", strings.Repeat("x", 101), "portal.text", "a\x00b")
	for _, want := range []string{`value="New name"`, `id="portal-title-error">At most 100`, `id="portal-text-error"`, "Nothing was saved", `data-unsaved="1"`} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is missing", want)
		}
	}
	h.want(map[string]string{"venue.name": "Guest Wi-Fi", "portal.title": ""})
	h.post("/login-page/look", 422, "portal.color", "red")
	if body := h.post("/login-page/languages", 422, "portal.language", "en"); !strings.Contains(body, "Choose at least one language") {
		t.Error("it is not said that a language is missing")
	}
	h.post("/login-page/languages", 422, "portal.languages", `"><script>`, "portal.language", `"><script>`)
	h.post("/login-page/access", 422, "portal.password", "a\nb")
	h.post("/login-page/nowhere", 404)
	h.store.FailUpdate = func() error { return errors.New("the disk is broken") }
	h.post("/login-page/look", 500, "portal.color", "#123456")
}

// TestMove: a button changes the order in the form, and saves nothing.
func TestMove(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	order := regexp.MustCompile(`name="login.order" value="([^"]*)"`)
	at := func(body string) string { return order.FindStringSubmatch(body)[1] }
	now := at(h.page("/login-page"))
	for _, c := range []struct{ move, want string }{
		{"email up", "email,voucher,free"}, {"email up", "email,voucher,free"}, {"email down", "voucher,email,free"}, {"voucher down", "email,voucher,free"},
		{"free down", "email,voucher,free"}, {"nothing up", "email,voucher,free"}, {"free", "email,voucher,free"},
	} {
		body := h.post("/login-page/methods", 200, "login.order", now, "move", c.move, "login.free", "on")
		if now = at(body); now != c.want || !strings.Contains(body, `id="login-free" name="login.free" value="on" checked`) || strings.Contains(body, `name="login.voucher" value="on" checked`) {
			t.Errorf("%s: %s, want %s", c.move, now, c.want)
		}
	}
	h.want(map[string]string{"login.order": "voucher,email,mobile,facebook,free", "login.free": "off"})
	if body := h.post("/login-page/methods", 200, "login.order", "x,,voucher,voucher", "move", "voucher up"); !strings.Contains(body, "No way to log in") {
		t.Error("no warning that guests are kept out")
	}
}

// TestPreview: what is in the form is shown, as guests would see it, without
// being saved; what would be refused is not.
func TestPreview(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	a := h.Get(t, "/login-page/preview")
	if a.Status != 200 || !strings.Contains(a.Body, "Voucher code") || a.Header.Get("X-Frame-Options") != "SAMEORIGIN" ||
		!strings.Contains(a.Header.Get("Content-Security-Policy"), "form-action 'none'; frame-ancestors 'self'") {
		t.Errorf("%d %v", a.Status, a.Header)
	}
	if got := h.Get(t, "/login-page"); !strings.HasSuffix(got.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'; base-uri 'none'; frame-src 'self'") ||
		!strings.Contains(got.Body, `sandbox="allow-same-origin"`) || got.Header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("the editor: %v", got.Header)
	}
	body := h.post("/login-page/preview", 200, "part", "texts", "venue.name", "Bar <b>", "portal.title", "Ciao", "portal.terms", strings.Repeat("x", 20001), "show", "it")
	if !strings.Contains(body, "Bar &lt;b&gt;") || !strings.Contains(body, ">Ciao</h1>") || !strings.Contains(body, `lang="it"`) || strings.Contains(body, "xxxx") {
		t.Error(body)
	}
	body = h.post("/login-page/preview", 200, "part", "look", "portal.color", "#ffcc00")
	theme := regexp.MustCompile(`href="(/login-page/preview/theme.css[^"]*)"`).FindStringSubmatch(body)
	if theme == nil || !strings.Contains(h.page(theme[1]), "--fill:#ffcc00") {
		t.Errorf("theme %q", theme)
	}
	body = h.post("/login-page/preview", 200, "part", "languages", "portal.languages", "it", "portal.language", "it", "show", "ar")
	if !strings.Contains(body, `<html lang="it"`) {
		t.Error("shown in a language that is not offered")
	}
	for _, lead := range regexp.MustCompile(`(?:action|<a [^>]*href)="([^"]*)"`).FindAllStringSubmatch(body, -1) {
		if lead[1] != "#" {
			t.Errorf("the preview leads to %s", lead[1])
		}
	}
	for _, asset := range regexp.MustCompile(`(?:href|src)="(/[^"]*)"`).FindAllStringSubmatch(body, -1) {
		h.page(asset[1])
	}
	h.want(map[string]string{"venue.name": "Guest Wi-Fi", "portal.color": hotspot.DefaultColor, "portal.languages": "all"})
	if a := h.Get(t, "/login-page/preview/panel.css"); a.Status != 404 {
		t.Errorf("another file: %d", a.Status)
	}
}

func TestReset(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	h.post("/login-page/texts", 303, "venue.name", "Café", "portal.title", "Hello")
	h.post("/login-page/access", 303, "portal.password", "open sesame")
	if body := h.page("/login-page/reset/texts"); !strings.Contains(body, "<li>Heading</li>") || strings.Contains(body, "<li>Terms of use</li>") {
		t.Error("it is not said what would be lost")
	}
	if body := h.page("/login-page/reset/look"); !strings.Contains(body, "Nothing there is different") {
		t.Error("something is lost")
	}
	h.want(map[string]string{"portal.title": "Hello"}) // asking does nothing
	h.post("/login-page/reset/texts", 303)
	h.want(map[string]string{"portal.title": "", "venue.name": "Guest Wi-Fi", "portal.password": "open sesame"})
}

// upload sends a file as the form does.
func (h *house) upload(file []byte) paneltest.Answer {
	h.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.WriteField("token", h.Token())
	if file != nil {
		part, err := w.CreateFormFile("logo", "../../logo.png")
		if err != nil {
			h.t.Fatal(err)
		}
		_, _ = part.Write(file)
	}
	_ = w.Close()
	return h.Send(h.t, "/login-page/logo", w.FormDataContentType(), &b)
}

func picture(t *testing.T) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, 240, 80))
	for i := range img.Pix {
		img.Set(i%240, i/240, color.NRGBA{0x7a, 0x1f, 0xa2, 0xff})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLogo(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	for what, file := range map[string][]byte{"none": nil, "empty": {}, "svg": []byte("<svg onload=alert(1)>"), "large": make([]byte, hotspot.MaxLogo+1), "cut": picture(t)[:100]} {
		if a := h.upload(file); a.Status != 422 || !strings.Contains(a.Body, `id="logo-error"`) || h.Logo() != nil {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	if a := h.upload(picture(t)); a.Status != 303 || h.Logo() == nil {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	src := regexp.MustCompile(`class="picture" src="([^"]*)"`).FindStringSubmatch(h.page("/login-page/look"))
	if src == nil {
		t.Fatal("the logo is not shown")
	}
	if a := h.Get(t, strings.ReplaceAll(src[1], "&amp;", "&")); a.Header.Get("Content-Type") != "image/png" || a.Body != string(h.Logo().Data) {
		t.Errorf("%d %v", a.Status, a.Header)
	}
	if body := h.page("/login-page/preview"); !strings.Contains(body, `class="logo" src="/login-page/preview/logo?v=`) {
		t.Error("the preview has no logo")
	}
	if h.post("/login-page/logo/remove", 303); h.Logo() != nil {
		t.Error("still there")
	}
}

// TestRoles: an owner edits; a viewer looks, but not at the password; a manager
// has nothing to do here.
func TestRoles(t *testing.T) {
	for role, want := range map[api.Role][2]int{api.RoleOwner: {200, 303}, api.RoleViewer: {200, 403}, api.RoleManager: {403, 403}} {
		h := newHouse(t, role)
		if err := h.SetSettings(t.Context(), map[string]string{"portal.password": "open sesame"}); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/login-page", "/login-page/texts", "/login-page/access", "/login-page/preview", "/login-page/preview/style.css"} {
			a := h.Get(t, path)
			if a.Status != want[0] {
				t.Errorf("%s, %s: %d, want %d", role, path, a.Status, want[0])
			}
			if role == api.RoleViewer && (strings.Contains(a.Body, "sesame") || strings.Contains(a.Body, ">Save<") || strings.Contains(a.Body, "/reset/")) {
				t.Errorf("%s shows a viewer too much", path)
			}
		}
		for path, form := range map[string]url.Values{"/login-page/look": {"portal.color": {"#123456"}}, "/login-page/reset/look": nil, "/login-page/logo/remove": nil} {
			if a := h.Post(t, path, form); a.Status != want[1] {
				t.Errorf("%s, POST %s: %d, want %d", role, path, a.Status, want[1])
			}
		}
		if role != api.RoleOwner {
			h.want(map[string]string{"portal.color": hotspot.DefaultColor})
		}
	}
}
