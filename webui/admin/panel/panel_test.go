package panel_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, panel.Files) }

// rooms is an area with a page of each access, a form and a form with a file.
func rooms() panel.Section {
	show := func(q *panel.Request) {
		q.Show("Rooms", func(w *quicktemplate.Writer) { w.E().S(strings.Repeat("text ", 1000)) })
	}
	return panel.Section{
		Nav: []panel.NavItem{{Key: "panel.home", Path: "/", Access: panel.SignedIn()}, {Key: "panel.back", Path: "/rooms", Access: panel.Reads(api.ScopeSettings)}},
		Pages: []panel.Page{
			{Method: "GET", Path: "/", Access: panel.SignedIn(), Serve: show},
			{Method: "GET", Path: "/open", Access: panel.Open(), Serve: func(q *panel.Request) { q.ShowBare("Open", func(*quicktemplate.Writer) {}) }},
			{Method: "GET", Path: "/rooms/{name}", Access: panel.Reads(api.ScopeSettings), Serve: show},
			{Method: "POST", Path: "/rooms", Access: panel.Writes(api.ScopeSettings), Serve: func(q *panel.Request) {
				q.Say(parts.NoticeView{Text: "made " + q.Form.Get("name"), Form: &parts.FormView{To: q.To("/rooms"), Submit: parts.ButtonView{Text: "again"}}})
				q.Go(q.To("/rooms/" + q.Form.Get("name")))
			}},
			{Method: "POST", Path: "/photo", Access: panel.Writes(api.ScopeSettings), MaxBody: 1 << 20, Serve: func(q *panel.Request) {
				b, err := io.ReadAll(q.File)
				if err != nil {
					q.Fail(err)
					return
				}
				_, _ = io.WriteString(q.Download("copy.txt", "text/plain"), q.Form.Get("name")+string(b))
			}},
			{Method: "POST", Path: "/fail/{code}", Access: panel.SignedIn(), Serve: func(q *panel.Request) {
				if q.PathValue("code") == "confirm" {
					q.Fail(api.ErrConfirm)
					return
				}
				q.Fail(&hotspot.Error{Code: hotspot.Code(q.PathValue("code")), Text: "it is so"})
			}},
			{Method: "POST", Path: "/wrong", Access: panel.SignedIn(), Serve: func(q *panel.Request) {
				q.ShowStatus(http.StatusUnprocessableEntity, "Rooms", parts.Fields(&parts.FieldView{ID: "a", Value: `aria-invalid="true"`},
					&parts.FieldView{ID: "b", Error: "no number"}, &parts.FieldView{ID: "c", Error: "no number"}))
			}},
			{Method: "GET", Path: "/panic", Access: panel.SignedIn(), Serve: func(*panel.Request) { panic("here") }},
		},
	}
}

func TestPages(t *testing.T) {
	for _, tc := range []struct {
		role   api.Role
		path   string
		status int
	}{
		{api.RoleOwner, "/", 200}, {api.RoleOwner, "/rooms/7", 200}, {api.RoleViewer, "/rooms/7", 200}, {api.RoleManager, "/rooms/7", 403},
		{api.RoleOwner, "/rooms", 405}, {api.RoleOwner, "/nothing", 404}, {api.RoleOwner, "/rooms/7/8", 404}, {api.RoleManager, "/open", 200},
		{api.RoleOwner, "/panic", 500},
	} {
		s := paneltest.Serve(t, tc.role, rooms())
		a := s.Get(t, tc.path)
		if a.Status != tc.status || !strings.Contains(a.Body, "<h1>") {
			t.Errorf("%s as %s: %d", tc.path, tc.role, a.Status)
		}
		if csp := a.Header.Get("Content-Security-Policy"); csp != parts.ContentSecurityPolicy && tc.status != 500 {
			t.Errorf("%s: policy %q", tc.path, csp)
		}
		if tc.path == "/" && !strings.Contains(a.Body, `aria-current="page"`) {
			t.Error("the navigation does not say where one is")
		}
		if tc.role == api.RoleManager && strings.Contains(a.Body, `href="/rooms"`) {
			t.Error("the navigation offers what would be refused")
		}
	}
}

// TestWrongField: the browser begins where something is wrong.
func TestWrongField(t *testing.T) {
	a := paneltest.Serve(t, api.RoleOwner, rooms()).Post(t, "/wrong", nil)
	if a.Status != http.StatusUnprocessableEntity || strings.Count(a.Body, "autofocus") != 1 || !strings.Contains(a.Body, `id="b" name="" value="" aria-invalid="true" autofocus`) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestForms(t *testing.T) {
	s := paneltest.Serve(t, api.RoleOwner, rooms())
	a := s.Post(t, "/rooms", url.Values{"name": {"  7  "}})
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/rooms/7" {
		t.Fatalf("%d %s", a.Status, a.Header.Get("Location"))
	}
	if a := s.Get(t, "/rooms/7"); !strings.Contains(a.Body, "made 7") || strings.Count(a.Body, `name="token"`) != 2 {
		t.Error("the notice, with its button, is not on the next page")
	}
	if a := s.Get(t, "/rooms/7"); strings.Contains(a.Body, "made 7") {
		t.Error("the notice is shown twice")
	}
	for name, form := range map[string]url.Values{
		"no token": {"token": {""}}, "a wrong token": {"token": {"AAAA"}}, "an odd token": {"token": {"AAA"}}, "two tokens": {"token": {"", s.Token()}},
	} {
		if a := s.Post(t, "/rooms", form); a.Status != http.StatusForbidden {
			t.Errorf("%s: %d", name, a.Status)
		}
	}
	for name, tc := range map[string]struct {
		contentType, body string
		status            int
	}{
		"no type":                      {"", "", 400},
		"JSON":                         {"application/json", "{}", 400},
		"large":                        {"application/x-www-form-urlencoded", strings.Repeat("a=b&", 20000), 413},
		"half an escape":               {"application/x-www-form-urlencoded", "a=%2", 400},
		"a file that nobody asked for": {"multipart/form-data; boundary=x", "--x--", 400},
	} {
		if a := s.Send(t, "/rooms", tc.contentType, strings.NewReader(tc.body)); a.Status != tc.status {
			t.Errorf("%s: %d", name, a.Status)
		}
	}
}

func TestFile(t *testing.T) {
	s := paneltest.Serve(t, api.RoleOwner, rooms())
	body := func(token, name, file string) string {
		return strings.ReplaceAll("--x\nContent-Disposition: form-data; name=\"token\"\n\n"+token+"\n--x\nContent-Disposition: form-data; name=\"name\"\n\n"+name+
			"\n--x\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\nContent-Type: text/plain\n\n"+file+"\n--x--\n", "\n", "\r\n")
	}
	const multi = "multipart/form-data; boundary=x"
	if a := s.Send(t, "/photo", multi, strings.NewReader(body(s.Token(), "n", "file"))); a.Status != 200 || a.Body != "nfile" || !strings.Contains(a.Header.Get("Content-Disposition"), "copy.txt") {
		t.Errorf("%d %q", a.Status, a.Body)
	}
	for name, tc := range map[string]struct {
		body   string
		status int
	}{
		"a wrong token": {body("AA", "n", "file"), 403},
		"a large field": {body(s.Token(), strings.Repeat("n", 70_000), "file"), 400},
		"cut off":       {body(s.Token(), "n", "file")[:150], 400},
	} {
		if a := s.Send(t, "/photo", multi, strings.NewReader(tc.body)); a.Status != tc.status {
			t.Errorf("%s: %d", name, a.Status)
		}
	}
}

func TestFail(t *testing.T) {
	s := paneltest.Serve(t, api.RoleViewer, rooms())
	for code, status := range map[string]int{
		"invalid": 422, "not_found": 404, "forbidden": 403, "name_taken": 409, "unavailable": 503, "try_later": 429, "internal": 500, "confirm": 303, "odd": 403,
	} {
		a := s.Post(t, "/fail/"+code, nil)
		if a.Status != status {
			t.Errorf("%s: %d", code, a.Status)
		}
		if code == "invalid" && !strings.Contains(a.Body, "It is so.") {
			t.Error("the refusal's words are missing")
		}
		if code == "confirm" && a.Header.Get("Location") != "/confirm" {
			t.Errorf("leads to %s", a.Header.Get("Location"))
		}
	}
}

func TestNext(t *testing.T) {
	for address, want := range map[string]string{
		"/vouchers?q=a&status=new": "/vouchers?q=a&status=new", "/": "/", "": "/", "vouchers": "/",
		"//evil.example": "/", `/\evil.example`: "/", "https://evil.example/": "/", "javascript:alert(1)": "/",
		"/%2F/evil.example": "/", "/a\r\nSet-Cookie: x": "/", "http:/evil": "/", "/a#b": "/a", "\t//evil.example": "/",
	} {
		if got := panel.Next(address).Href(); got != want && !(strings.HasPrefix(got, "/") && !strings.HasPrefix(got, "//") && want == "/" && strings.HasPrefix(address, "/%2F")) {
			t.Errorf("%q leads to %q", address, got)
		}
	}
}

func FuzzNext(f *testing.F) {
	f.Add("//evil.example")
	f.Add("/vouchers?q=%41")
	f.Fuzz(func(t *testing.T, address string) {
		got := panel.Next(address).Href()
		if u, err := url.Parse(got); err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t") {
			t.Errorf("%q leads to %q", address, got)
		}
	})
}

// FuzzForm sends bodies as forms with files.
func FuzzForm(f *testing.F) {
	f.Add("--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nAA\r\n--x--\r\n", true)
	f.Add("token=AA&name=%F0", false)
	s := paneltest.Serve(f, api.RoleOwner, rooms())
	f.Fuzz(func(t *testing.T, body string, parts bool) {
		contentType := "application/x-www-form-urlencoded"
		if parts {
			contentType = "multipart/form-data; boundary=x"
		}
		if a := s.Send(t, "/photo", contentType, strings.NewReader(body)); a.Status != 400 && a.Status != 403 && a.Status != 413 {
			t.Errorf("%d for %q", a.Status, body)
		}
	})
}
