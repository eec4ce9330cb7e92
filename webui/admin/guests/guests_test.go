package guests_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/guests"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, guests.Files) }

// page asks for a page that must be there and have texts in it.
func (h *house) page(path string, has ...string) string {
	h.t.Helper()
	a := h.Get(h.t, path)
	if a.Status != http.StatusOK {
		h.t.Errorf("%s: %d", path, a.Status)
	}
	for _, text := range has {
		if !strings.Contains(a.Body, text) {
			h.t.Errorf("%s has no %q", path, text)
		}
	}
	return a.Body
}

// does sends a form that must be accepted.
func (h *house) does(path string, form url.Values) {
	h.t.Helper()
	if a := h.Post(h.t, path, form); a.Status != http.StatusSeeOther {
		h.t.Errorf("POST %s: %d", path, a.Status)
	}
}

// refuses sends a form that must be refused, and shown again with what was typed.
func (h *house) refuses(path string, form url.Values, has string) {
	h.t.Helper()
	a := h.Post(h.t, path, form)
	if a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, has) || !strings.Contains(a.Body, "aria-invalid") {
		h.t.Errorf("POST %s %v: %d, %q in it: %v", path, form, a.Status, has, strings.Contains(a.Body, has))
	}
}

// TestRoles: a viewer looks, a manager does what a receptionist must.
func TestRoles(t *testing.T) {
	for _, role := range []api.Role{api.RoleOwner, api.RoleManager, api.RoleViewer} {
		h, ds := busy(t, role)
		one := "/guests/" + ds[0].MAC.String()
		for _, path := range []string{"/guests", "/guests/waiting", "/guests/blocked", one} {
			body := h.page(path)
			if role == api.RoleViewer && (strings.Contains(body, "/kick") || strings.Contains(body, "/unblock") || strings.Contains(body, "/extend")) {
				t.Errorf("%s offers a viewer what would be refused", path)
			}
		}
		want := http.StatusSeeOther
		if role == api.RoleViewer {
			want = http.StatusForbidden
		}
		for _, path := range []string{one + "/extend", one + "/kick", one + "/block", one + "/unblock"} {
			if role != api.RoleViewer && path != one+"/extend" {
				h.page(path, "<form method=\"post\"") // without script
			} else if a := h.Get(t, path); a.Status == http.StatusOK {
				t.Errorf("GET %s as %s: %d", path, role, a.Status)
			}
			if a := h.Post(t, path, url.Values{"time": {"30"}}); a.Status != want {
				t.Errorf("POST %s as %s: %d", path, role, a.Status)
			}
		}
		if a := h.Post(t, "/guests/blocked", url.Values{"mac": {"02:00:00:00:00:09"}}); a.Status != want {
			t.Errorf("POST /guests/blocked as %s: %d", role, a.Status)
		}
	}
}

// TestGuest: what is known of a guest is told, and what is done with it happens.
func TestGuest(t *testing.T) {
	h, ds := busy(t, api.RoleManager)
	d := ds[0]
	one := "/guests/" + d.MAC.String()
	h.page("/guests", "3 guests online", "K7MPQ2", "Anna Rossi", "Annas-iPhone", d.MAC.String(), "192.168.0.1", "340 MB down, 188 MB up, 428 MB together", "MB/s down", "21 hours 55 minutes")
	h.page(one, "K7MPQ2", "fd00:1234:5678:9abc:def0:1234:5678:2", `href="/vouchers/by-id/1"`, "still online", `data-dialog="ask-kick"`)

	h.does(one+"/extend", url.Values{"time": {"60"}, "download": {"100"}, "total": {"50"}})
	h.page(one, "The guest has more now.", "22 hours 55 minutes", "440 MB down, 188 MB up, 478 MB together")
	for _, bad := range []url.Values{{"time": {"soon"}}, {"time": {""}}, {"download": {"-5"}, "time": {"30"}}, {"upload": {"99999999"}}, {"download": {"1e3"}}, {"total": {"x"}}} {
		h.refuses(one+"/extend", bad, `value="`+bad.Get("download"))
	}
	h.does(one+"/kick", nil)
	h.page("/guests", "The session was ended.", "2 guests online")
	h.page(one, "Ended by an operator", "Last logged in as")
	if a := h.Post(t, one+"/kick", nil); a.Status != http.StatusNotFound {
		t.Errorf("ending it again: %d", a.Status)
	}
	for _, path := range []string{"/guests/nobody", "/guests/02:00:00:00:00:77", "/guests/02:00:00:00:00:77/kick", one + "/else"} {
		if a := h.Get(t, path); a.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
}

// TestNothingToExtend: who has no end and no limit is offered no form.
func TestNothingToExtend(t *testing.T) {
	h, ds := busy(t, api.RoleOwner)
	if body := h.page("/guests/"+ds[2].MAC.String(), "there is nothing to extend"); strings.Contains(body, "/extend") {
		t.Error("there is a form")
	}
	h.page("/guests/"+ds[1].MAC.String(), "extends the free access", `name="time"`)
	h.does("/guests/"+ds[1].MAC.String()+"/extend", url.Values{"time": {"30"}})
	// Who is offline is offered what was limited; of a voucher that is gone, nothing.
	h.does("/guests/"+ds[0].MAC.String()+"/kick", nil)
	h.page("/guests/"+ds[0].MAC.String(), "tops up the voucher", `name="time"`, `name="download"`, `name="upload"`)
	if err := h.rules.RemoveVoucher(t.Context(), "K7MPQ2"); err != nil {
		t.Fatal(err)
	}
	if body := h.page("/guests/" + ds[0].MAC.String()); strings.Contains(body, "/extend") {
		t.Error("a voucher that is gone can be extended")
	}
}

// TestBlocked: by its page or by its address, a device is blocked, listed,
// noted and unblocked.
func TestBlocked(t *testing.T) {
	h, ds := busy(t, api.RoleManager)
	one := "/guests/" + ds[0].MAC.String()
	h.does(one+"/block", url.Values{"note": {"Zimmer 12"}})
	h.page(one, "The device is blocked.", "Zimmer 12", "This device is blocked.", "today at 15:04", "<bdi>anna@example.org</bdi>")
	h.page("/guests/blocked", "2 devices blocked", "Room 9: disturbs the others", "K7MPQ2")
	h.page("/guests/blocked?q=zimmer", "1 device blocked")
	h.page(one+"/block", `value="Zimmer 12"`)
	h.does(one+"/block", url.Values{"note": {"Zimmer 13"}})
	h.page(one, "Zimmer 13")
	h.refuses(one+"/block", url.Values{"note": {strings.Repeat("é", 201)}}, "at most 200 characters")
	h.does(one+"/unblock", nil)
	h.page(one, "may log in again", "Online") // its voucher lasts

	h.does("/guests/blocked", url.Values{"mac": {"02-00-5e-10-99-99"}, "note": {"stolen"}})
	h.page("/guests/blocked", "stolen", "02:00:5E:10:99:99")
	for _, bad := range []string{"", "nonsense", "ff:ff:ff:ff:ff:ff", `"><script>`} {
		h.refuses("/guests/blocked", url.Values{"mac": {bad}, "note": {"kept"}}, `value="kept"`)
	}
	rows, err := h.rules.Audit(t.Context(), 0, 1)
	if err != nil || rows[0].Actor.Name != "anna@example.org" || rows[0].Action != hotspot.AuditDeviceBlocked {
		t.Errorf("%+v, %v", rows, err)
	}
}

// TestFind: search and orders.
func TestFind(t *testing.T) {
	h, _ := busy(t, api.RoleViewer)
	first := func(path, want string) {
		t.Helper()
		if _, rest, _ := strings.Cut(h.page(path), "<tbody"); !strings.HasPrefix(strings.SplitN(rest, "<bdi>", 2)[1], want) {
			t.Errorf("%s does not begin with %q", path, want)
		}
	}
	first("/guests", "suite-401") // the newest
	first("/guests?sort=since", "K7MPQ2")
	first("/guests?sort=-used", "K7MPQ2")
	first("/guests?sort=-rate", "K7MPQ2")
	first("/guests?sort=login", "Device without a name")
	first("/guests?sort=ends", "Device without a name")
	first("/guests?q=iphone", "K7MPQ2")
	first("/guests?q=02-00-5e-10-00-03", "suite-401")
	h.page("/guests?q=nobody", "Nothing matches")
	h.page("/guests?q=%ff%00&sort=DROP&page=-1")
	h.page("/guests?page=99999999999999999999&q="+strings.Repeat("x", 5000), "Nothing matches")
	h.page("/guests/waiting", "3 devices not let in", `<span class="badge bad">`, "android-7c9e", "أهلا وسهلا")
	h.page("/guests/waiting?q=android", "1 device not let in")
	if body := h.page("/guests?sort=-used"); !strings.Contains(body, `aria-sort="descending"`) || !strings.Contains(body, "sort=used") {
		t.Error("the order is not told, or cannot be turned")
	}
}

// TestHostileNames: what devices and operators call things is text.
func TestHostileNames(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	h.now()
	for i, s := range pagetest.Hostile {
		s = strings.ToValidUTF8(s, "?")
		d := h.host(i, s)
		if i%3 == 0 {
			h.free(d)
		}
		if i%3 == 1 {
			note := strings.NewReplacer("\n", " ", "\t", " ").Replace(s)
			h.does("/guests/"+d.MAC.String()+"/block", url.Values{"note": {note}})
		}
		page := h.page("/guests/" + d.MAC.String())
		for _, bad := range []string{"<script>", "<img src=x", "<svg/", "<form action", "onmouseover=\"alert", "href=\"javascript"} {
			if strings.Contains(page, bad) {
				t.Errorf("the page of %q has %s", s, bad)
			}
		}
	}
	for _, path := range []string{"/guests", "/guests/waiting", "/guests/blocked", "/guests?q=" + url.QueryEscape(pagetest.Hostile[0])} {
		page := h.page(path)
		if strings.Contains(page, "<script>") || strings.Contains(page, "<img src=x") || strings.Contains(page, "<svg/") {
			t.Errorf("%s has markup of a guest", path)
		}
	}
}

// TestManyGuests: 10,000 are turned over 50 by 50, and each page is small.
func TestManyGuests(t *testing.T) {
	h := newHouse(t, api.RoleViewer)
	const many = 10_000
	h.stored(many)
	page := h.page("/guests?sort=login&page=3", "10,000 guests online", `rel="prev"`, `rel="next"`, "sort=login")
	if n := strings.Count(page, "<tr"); n != 51 {
		t.Errorf("%d rows", n)
	}
	if n := gzipped(t, page); n > 30<<10 {
		t.Errorf("%d bytes", n)
	}
	if last := h.page("/guests?sort=login&page=200"); strings.Contains(last, `rel="next"`) || strings.Count(last, "<tr") != 51 {
		t.Error("the last page leads on")
	}
	for n := range 120 {
		h.host(20_000+n, fmt.Sprint("waiting ", n))
	}
	if page := h.page("/guests/waiting?page=2", `rel="next"`); strings.Count(page, "<tr") != 51 {
		t.Errorf("%d rows", strings.Count(page, "<tr"))
	}
}
