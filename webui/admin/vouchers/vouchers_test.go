package vouchers

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, Files) }

func TestWalk(t *testing.T) {
	h := venue(t, api.RoleManager)
	ids := strconv.FormatUint(h.voucher("ROOM12").ID, 10)
	h.checked("fail", "username;valid_for;download_limit\nanna;2 days;1 GB\nROOM12;1 day;\nberta;often;\nanna;;\nclara;;lots\n")
	paneltest.Walk(t, h.Site, map[string]string{
		"vouchers": Path, "voucher": Path + "/ROOM12", "vouchers-new": pathNew + "?count=10", "vouchers-import": pathImport,
		"vouchers-none": Path + "?q=nothing+like+this", "vouchers-topup": pathChange + "?do=topup&ids=" + ids, "vouchers-remove": pathChange + "?do=remove&all=yes&status=new",
		"vouchers-made": Path + "?ids=6-15", "vouchers-check": pathCheck + "?conflict=fail", "vouchers-by-expiry": Path + "?sort=expires&status=new",
	})
}

func TestEmpty(t *testing.T) {
	wants(t, newHouse(t, api.RoleManager).page(Path, http.StatusOK), "No vouchers yet", pathNew+"?count=10")
	body := newHouse(t, api.RoleViewer).page(Path, http.StatusOK)
	wants(t, body, "No vouchers yet")
	lacks(t, body, pathNew)
}

func TestList(t *testing.T) {
	h := venue(t, api.RoleManager)
	body := h.page(Path, http.StatusOK)
	wants(t, body, "65 vouchers", "K7M059", "K7M010", `rel="next"`, "All that were found: 65 vouchers")
	lacks(t, body, "K7M009", `rel="prev"`, "<script>alert", "ABC234")
	next := link(t, body, "next")
	second := h.page(next, http.StatusOK)
	wants(t, second, "K7M009", "ROOM12", "online", "ended today at 16:04", "not before 13 August", `rel="prev"`)
	lacks(t, second, "K7M010", `rel="next"`, "<i>", "<img src=x")
	back := h.page(link(t, second, "prev"), http.StatusOK)
	wants(t, back, "K7M059", "K7M010")
	lacks(t, back, "K7M009", `rel="prev"`)

	body = h.page(Path+"?q=conference&sort=username", http.StatusOK)
	wants(t, body, "Found: 60 vouchers", `aria-sort="ascending"`, "K7M000", "K7M049")
	lacks(t, body, "K7M050", "ROOM12")
	wants(t, h.page(link(t, body, "next"), http.StatusOK), "K7M059", "q=conference")
	body = h.page(Path+"?status=disabled", http.StatusOK)
	wants(t, body, "OFF001", "Found: 1 voucher")
	lacks(t, body, "K7M")
	wants(t, h.page(Path+"?q=K%D9%A7M%D9%A0%D9%A5%D9%A9", http.StatusOK), "K7M059", "Found: 1 voucher")
	wants(t, h.page(Path+"?q=none+such", http.StatusOK), "Nothing found", "Clear the search")
	wants(t, h.page(Path+"?after=%21&before=x.y.z&status=odd&sort=odd", http.StatusOK), "65 vouchers")
	wants(t, h.page(Path+"?ids=x", http.StatusOK), "Nothing found")
}

// link is where a page is turned to.
func link(t *testing.T, body, rel string) string {
	t.Helper()
	_, rest, ok := strings.Cut(body, `<a rel="`+rel+`" href="`)
	href, _, ok2 := strings.Cut(rest, `"`)
	if !ok || !ok2 {
		t.Fatalf("there is no link %s", rel)
	}
	return strings.ReplaceAll(href, "&amp;", "&")
}

func TestViewer(t *testing.T) {
	h := venue(t, api.RoleViewer)
	for _, path := range []string{Path + "?q=room12", Path + "?ids=1-3", Path + "/ROOM12"} {
		body := h.page(path, http.StatusOK)
		wants(t, body, "ROOM12")
		lacks(t, body, "ABC234", pathNew, pathSelect, `name="id"`, "Remove", "/change")
	}
	one := byNumber(h.voucher("ROOM12").ID)
	for _, path := range []string{pathNew, pathChange + "?do=remove&ids=1", pathExport, pathImport, pathCheck} {
		if a := h.Get(t, path); a.Status != http.StatusForbidden {
			t.Errorf("GET %s: %d", path, a.Status)
		}
	}
	for _, path := range []string{pathNew, pathSelect, pathChange, pathUndo, pathImport, pathCheck, one, one + "/change"} {
		if a := h.Post(t, path, url.Values{"do": {"remove"}, "ids": {"1"}}); a.Status != http.StatusForbidden {
			t.Errorf("POST %s: %d", path, a.Status)
		}
	}
}

func TestCreate(t *testing.T) {
	h := newHouse(t, api.RoleManager)
	form := url.Values{"count": {"١٠"}, "valid_for": {"2 days"}, "limit_down": {"٥٠٠ MB"}, "limit_up": {""}, "limit_total": {"2 GB"}, "devices": {"2"}, "note": {"party"}, "prefix": {"P-"}, "valid_from": {"2026-08-01T10:00"}}
	to, body := h.post(pathNew, form)
	if to != Path+"?ids=1-10" {
		t.Errorf("leads to %s", to)
	}
	wants(t, body, "Made: 10 vouchers", "/print?ids=1-10", "Passcode ", "P-", "of 2 GB together")
	all, err := h.service.Vouchers(t.Context(), 0, 100)
	if err != nil || len(all) != 10 {
		t.Fatalf("%d vouchers, %v", len(all), err)
	}
	v := all[9]
	if v.Limit != (hotspot.Usage{Down: 500 * hotspot.MB}) || v.LimitTotal != 2<<30 || v.Devices != 2 || v.Note != "party" || v.ValidFor != hotspot.Validity(2*hotspotDay) ||
		!v.ValidFrom.Equal(time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)) || !strings.HasPrefix(v.Username, "P-") {
		t.Errorf("made %+v", v.Voucher)
	}
	_, body = h.post(pathNew, url.Values{"count": {"1"}, "valid_for": {"always"}, "username": {"R٧"}, "passcode": {"x"}, "full_name": {"Anna"}})
	wants(t, body, "Made: 1 voucher", "R7", "Passcode x")
	if v := h.voucher("r7"); v.ValidFor != hotspot.Always || v.FullName != "Anna" {
		t.Errorf("made %+v", v.Voucher)
	}
	for _, c := range []struct{ name, value, says string }{
		{"count", "0", "from 1 to 5000"}, {"count", "99999", "from 1 to 5000"}, {"count", "-1", "from 1 to"}, {"count", "x", "from 1 to"},
		{"limit_down", "lots", "Enter an amount"}, {"limit_up", "99999999999999 GB", "Enter an amount"}, {"limit_total", "some", "Enter an amount"}, {"devices", "101", "Enter a number up to 100"},
		{"valid_for", "yes", "Choose a length"}, {"valid_from", "tomorrow", "Enter a date"}, {"username", "r7", "is taken"},
		{"passcode", strings.Repeat("x", 65), "1 to 64"}, {"note", strings.Repeat("x", 1001), "At most 1000"},
	} {
		form := url.Values{"count": {"1"}, "valid_for": {"1 hour"}, "note": {"keep this"}}
		form.Set(c.name, c.value)
		body := h.refused(pathNew, form, http.StatusUnprocessableEntity)
		wants(t, body, c.says, `aria-invalid="true"`)
		if c.name != "note" {
			wants(t, body, "keep this")
		}
	}
	body = h.refused(pathNew, url.Values{"count": {"1"}, "valid_for": {"1 hour"}, "limit_up": {"2 GB"}, "limit_total": {"1 GB"}}, http.StatusUnprocessableEntity)
	wants(t, body, "less than the limit of one direction", `aria-invalid="true"`)
	body = h.refused(pathNew, url.Values{"count": {"2"}, "valid_for": {"1 hour"}, "username": {"x"}}, http.StatusUnprocessableEntity)
	wants(t, body, "cannot have the same code", "<details open")
	if all, _ = h.service.Vouchers(t.Context(), 0, 100); len(all) != 11 {
		t.Errorf("%d vouchers", len(all))
	}
}

// A form that is sent twice makes its vouchers once, and leads to them twice.
func TestCreateOnce(t *testing.T) {
	h := newHouse(t, api.RoleManager)
	body := h.page(pathNew+"?count=10", http.StatusOK)
	_, rest, _ := strings.Cut(body, `name="form" value="`)
	form, _, _ := strings.Cut(rest, `"`)
	f := url.Values{"form": {form}, "count": {"10"}, "valid_for": {"1 day"}}
	one, _ := h.post(pathNew, f)
	two, _ := h.post(pathNew, f)
	if one != two || form == "" {
		t.Errorf("form %q leads to %s, then to %s", form, one, two)
	}
	f.Del("form")
	h.post(pathNew, f)
	h.post(pathNew, f)
	if all, err := h.service.Vouchers(t.Context(), 0, 100); err != nil || len(all) != 30 {
		t.Errorf("%d vouchers, %v", len(all), err)
	}
	for range 2 * maxMade {
		f.Set("form", newForm())
		f.Set("count", "1")
		h.post(pathNew, f)
	}
}

// Times are the venue's.
func TestZone(t *testing.T) {
	h := newHouse(t, api.RoleManager)
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	h.service.SetZone(rome)
	h.Now = start.In(rome)
	h.post(pathNew, url.Values{"count": {"1"}, "valid_for": {"1 day"}, "username": {"anna"}, "valid_from": {"2026-08-01T10:00"}})
	if v := h.voucher("anna"); !v.ValidFrom.Equal(time.Date(2026, 8, 1, 8, 0, 0, 0, time.UTC)) {
		t.Errorf("valid from %v", v.ValidFrom)
	}
	wants(t, h.page(Path+"/anna", http.StatusOK), `value="2026-08-01T10:00"`, "not before 1 August 2026 at 10:00", "today at 17:04")
	if a := h.Get(t, pathExport); !strings.Contains(a.Body, "2026-08-01T10:00:00+02:00") {
		t.Errorf("file: %s", a.Body)
	}
}

func TestExport(t *testing.T) {
	h := venue(t, api.RoleManager)
	a := h.Get(t, pathExport+"?q=zimmer")
	if a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/csv") || !strings.Contains(a.Header.Get("Content-Disposition"), "vouchers-2026-07-14.csv") {
		t.Fatalf("%d %v", a.Status, a.Header)
	}
	if !strings.HasPrefix(a.Body, "username,passcode,") || strings.Count(a.Body, "\n") != 2 || !strings.Contains(a.Body, "ROOM12,ABC234,Amber Otter,") {
		t.Errorf("file:\n%s", a.Body)
	}
	if a := h.Get(t, pathExport); strings.Count(a.Body, "\n") != 66 {
		t.Errorf("all: %d lines", strings.Count(a.Body, "\n"))
	}
	if a := h.Get(t, pathExport+"?q=nothing"); strings.Count(a.Body, "\n") != 1 {
		t.Errorf("none: %q", a.Body)
	}
}
