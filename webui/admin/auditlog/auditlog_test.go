package auditlog_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/auditlog"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, auditlog.Files) }

// TestActionsHaveWords: every action that the rules know is told in words, and
// can be looked for.
func TestActionsHaveWords(t *testing.T) {
	b, err := webui.TextFile(auditlog.Files, "en")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Text map[string]string }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("../../../hotspot/*.go")
	if err != nil {
		t.Fatal(err)
	}
	page := paneltest.Serve(t, api.RoleOwner, auditlog.New(auditlog.Config{Service: log{}})).Get(t, "/audit").Body
	found := 0
	for _, name := range sources {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\bAction += "([a-z_]+)\.([a-z_]+)"`).FindAllStringSubmatch(string(src), -1) {
			found++
			if !strings.Contains(page, `<option value="`+m[1]+`"`) {
				t.Errorf("%s.%s cannot be looked for", m[1], m[2])
			}
			for _, key := range []string{"auditlog.action." + m[1] + "." + m[2], "auditlog.group." + m[1]} {
				if file.Text[key] == "" {
					t.Errorf("there is no text %q", key)
				}
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d actions were found", found)
	}
}

// log is an audit log, newest first.
type log []hotspot.AuditRow

func (l log) FindAudit(_ context.Context, q hotspot.AuditQuery) (out []hotspot.AuditRow, next uint64, _ error) {
	for _, r := range l {
		if q.Before != 0 && r.ID >= q.Before || !q.Matches(&r) {
			continue
		}
		if len(out) == q.Limit {
			return out, out[len(out)-1].ID, nil
		}
		out = append(out, r)
	}
	return out, 0, nil
}

var day = time.Date(2026, 7, 14, 12, 0, 0, 0, time.UTC)

const hostile = `=cmd()<script>alert(1)</script>`

func rows() log {
	anna := hotspot.Actor{Kind: hotspot.ActorOperator, ID: "aa", Name: "anna@example.org", Role: "owner", Addr: netip.MustParseAddr("192.168.1.20")}
	list := log{
		{ID: 900, Time: day, Actor: anna, Action: hotspot.AuditVoucherEdited, Subject: "room7", Changes: []hotspot.Change{{Field: "note", Old: "old", New: hostile}, {Field: "passcode"}}},
		{ID: 899, Time: day.Add(-time.Hour), Actor: hotspot.Actor{Kind: hotspot.ActorKey, Name: hostile, Token: true}, Action: hotspot.AuditVoucherRemoved, Subject: hostile},
		{ID: 898, Time: day.AddDate(0, 0, -3), Actor: hotspot.Actor{Kind: hotspot.ActorLocal, Name: "command line"}, Action: hotspot.AuditSettingChanged, Subject: "api.post", Provisional: true,
			Changes: []hotspot.Change{{Field: "api.post", Old: "off", New: "on"}}},
		{ID: 897, Time: day.AddDate(0, 0, -4), Actor: anna, Action: "thing.never_heard_of", Subject: "x"},
	}
	for i := range 120 {
		list = append(list, hotspot.AuditRow{ID: uint64(500 - i), Time: day.AddDate(0, -2, -i), Actor: hotspot.Actor{Kind: hotspot.ActorSystem}, Action: hotspot.AuditWebhookStopped, Subject: fmt.Sprint("hook-", i, ";")})
	}
	return list
}

func serve(t testing.TB, role api.Role, l log) *paneltest.Site {
	return paneltest.Serve(t, role, auditlog.New(auditlog.Config{Service: l, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}))
}

func TestPage(t *testing.T) {
	s := serve(t, api.RoleOwner, rows())
	b := s.Get(t, "/audit").Body
	for _, want := range []string{"anna@example.org", "owner, from 192.168.1.20", "changed a voucher", "room7", "<del><bdi>old</bdi></del>", "changed (secret)",
		"API key, by an access token", "clock unsure", "thing.never_heard_of", "the router itself", "&lt;script&gt;", `rel="next" href="/audit?before=`} {
		if !strings.Contains(b, want) {
			t.Errorf("the page does not tell %q", want)
		}
	}
	if strings.Contains(b, "<script>alert") {
		t.Error("a stored script is in the page")
	}
}

// TestValues are told as people read them, where that is what they are.
func TestValues(t *testing.T) {
	l := log{{ID: 1, Time: day, Actor: hotspot.Actor{Kind: hotspot.ActorSystem}, Action: hotspot.AuditVoucherEdited, Subject: "x", Changes: []hotspot.Change{
		{Field: "download_limit", Old: "unlimited", New: "2097152000 bytes"}, {Field: "upload_limit", Old: "99999999999999999999 bytes", New: "x bytes"},
		{Field: "valid_from", Old: "", New: "2026-07-01T08:30:00Z"}, {Field: "note", Old: "2026-07-01T08:30:00Z", New: "2097152000 bytes"}}}}
	b := serve(t, api.RoleOwner, l).Get(t, "/audit").Body
	for _, want := range []string{"<del><bdi>unlimited</bdi></del>", "<ins><bdi>2000 MB</bdi></ins>", "<del><bdi>99999999999999999999 bytes</bdi></del>", "<ins><bdi>x bytes</bdi></ins>",
		"<ins><bdi>1 July 2026 at 08:30</bdi></ins>", "<del><bdi>2026-07-01T08:30:00Z</bdi></del>", "<ins><bdi>2097152000 bytes</bdi></ins>"} {
		if !strings.Contains(b, want) {
			t.Errorf("the page does not tell %q", want)
		}
	}
	if strings.Count(b, "the router itself") != 1 {
		t.Error("who did it is told twice")
	}
}

// TestPages turns over all pages: each row comes once.
func TestPages(t *testing.T) {
	s := serve(t, api.RoleOwner, rows())
	var seen []string
	next := regexp.MustCompile(`rel="next" href="([^"]+)"`)
	path := "/audit"
	for pages := 0; path != "" && pages < 10; pages++ {
		b := s.Get(t, path).Body
		seen = append(seen, regexp.MustCompile(`hook-\d+;`).FindAllString(b, -1)...)
		path = ""
		if m := next.FindStringSubmatch(b); m != nil {
			path = strings.ReplaceAll(m[1], "&amp;", "&")
		}
	}
	slices.Sort(seen)
	if n := len(seen); n != 120 || len(slices.Compact(seen)) != 120 {
		t.Errorf("%d rows", n)
	}
}

func TestFilters(t *testing.T) {
	s := serve(t, api.RoleOwner, rows())
	for query, want := range map[string]string{
		"who=anna":                         "900 897",
		"who=192.168.1.20&action=voucher":  "900",
		"who=command+line":                 "898",
		"action=setting.changed":           "898",
		"from=2026-07-11&to=2026-07-11":    "898",
		"from=2026-07-11":                  "900 899 898",
		"to=2026-07-10&who=anna":           "897",
		"who=nobody":                       "",
		"action=" + "nothing.of+that+sort": "",
	} {
		got := []string{}
		r, err := csv.NewReader(strings.NewReader(s.Get(t, "/audit/export?"+query).Body)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range r[1:] {
			got = append(got, row[0])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
		a := s.Get(t, "/audit?"+query)
		if a.Status != 200 || strings.Contains(a.Body, "Nothing was found") != (want == "") {
			t.Errorf("%s: %d", query, a.Status)
		}
		if export := "/audit/export?"; want != "" && !strings.Contains(a.Body, export) {
			t.Errorf("%s: the file is not of the same", query)
		}
	}
	for _, query := range []string{"from=yesterday", "to=2026-13-01", "from=%00"} {
		if a := s.Get(t, "/audit?"+query); a.Status != 200 || !strings.Contains(a.Body, "Enter a day") {
			t.Errorf("%s: %d", query, a.Status)
		}
		if a := s.Get(t, "/audit/export?"+query); a.Status != 303 {
			t.Errorf("a file for %s: %d", query, a.Status)
		}
	}
}

func TestExport(t *testing.T) {
	s := serve(t, api.RoleOwner, rows())
	a := s.Get(t, "/audit/export")
	if !strings.Contains(a.Header.Get("Content-Disposition"), "audit-2026-07-14.csv") || a.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("%v", a.Header)
	}
	all, err := csv.NewReader(strings.NewReader(a.Body)).ReadAll()
	if err != nil || len(all) != 125 {
		t.Fatalf("%d rows, %v", len(all), err)
	}
	want := "899 2026-07-14T11:00:00Z true API key '" + hostile + "  true  voucher.removed '" + hostile + " "
	if got := strings.Join(all[2], " "); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := all[1][10]; got != "note: old → "+hostile+"\npasscode: (secret)" {
		t.Errorf("changes %q", got)
	}
}

// TestRoles: the log is for owners.
func TestRoles(t *testing.T) {
	for _, role := range []api.Role{api.RoleManager, api.RoleViewer} {
		s := serve(t, role, rows())
		for _, path := range []string{"/audit", "/audit/export"} {
			if a := s.Get(t, path); a.Status != 403 || strings.Contains(a.Body, "room7") {
				t.Errorf("%s may see %s: %d", role, path, a.Status)
			}
		}
	}
}

// FuzzAsked asks for anything: the answer is a page.
func FuzzAsked(f *testing.F) {
	f.Add("who=a&action=b&from=2026-01-01&to=2026-12-31&before=7")
	f.Add("who=%ff%fe&from=9999-12-31&to=9999-12-31&before=-1")
	f.Add("action=" + strings.Repeat("%3Cb%3E", 99))
	s := serve(f, api.RoleOwner, rows()[:4])
	f.Fuzz(func(t *testing.T, query string) {
		if strings.ContainsAny(query, "#\x7f") || strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' }) {
			return
		}
		if a := s.Get(t, "/audit?"+query); a.Status != 200 || strings.Contains(a.Body, "<b>") {
			t.Errorf("%d", a.Status)
		}
	})
}

// TestPagesInChromium looks at every page.
func TestPagesInChromium(t *testing.T) {
	paneltest.Walk(t, serve(t, api.RoleOwner, rows()), map[string]string{"audit": "/audit", "audit-found": "/audit?who=anna&from=2026-07-11&action=voucher",
		"audit-nothing": "/audit?who=nobody", "audit-wrong": "/audit?from=tomorrow"})
	paneltest.Walk(t, serve(t, api.RoleOwner, nil), map[string]string{"audit-none": "/audit"})
}
