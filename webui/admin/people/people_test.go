package people_test

import (
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/admin/people"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, people.Files) }

// house is the pages with a real service.
type house struct {
	*paneltest.Site
	*hotspot.Service
	store *hotspottest.Store
	hosts *hotspottest.Hosts
}

var now = time.Date(2026, 7, 14, 15, 4, 5, 0, time.UTC)

func newHouse(t *testing.T, role api.Role) *house {
	t.Helper()
	h := &house{store: hotspottest.NewStore(), hosts: &hotspottest.Hosts{}}
	clock := hotspottest.NewClock(now)
	h.Service = hotspot.New(hotspot.Config{Store: h.store, Gate: memory.New(memory.Now(clock.Mono)), Hosts: h.hosts, Clock: clock,
		Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), Zone: time.UTC})
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.Site = paneltest.Serve(t, role, people.New(people.Config{Service: h.Service}))
	return h
}

// add stores a user.
func (h *house) add(t *testing.T, u hotspot.User) hotspot.User {
	t.Helper()
	err := h.store.Update(t.Context(), func(tx hotspot.Tx) error { return tx.PutUser(&u) })
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// visit logs somebody in.
func (h *house) visit(t *testing.T, n byte, m hotspot.Method, key, name, comment string) hotspot.AccountID {
	t.Helper()
	d := hotspot.Host{MAC: hotspot.MAC{2, 0, 0x5E, 0x10, 0, n}, Name: "Galaxy <b>" + name, Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 168, 77, n})}}
	h.hosts.Put(d)
	st, err := h.Login(context.Background(), d, hotspot.Claim{Method: m, Login: key, User: hotspot.User{Key: key, Name: name, Comments: [3]string{comment, "", "no nuts"}, Marketing: n%2 == 0, Verified: true}})
	if err != nil {
		t.Fatal(err)
	}
	return st.Guest.Account
}

// crowd fills the house.
func (h *house) crowd(t *testing.T) hotspot.AccountID {
	t.Helper()
	for i := range 120 {
		h.add(t, hotspot.User{Method: hotspot.MethodEmail, Key: fmt.Sprintf("guest%03d@example.org", i), Created: now.Add(time.Duration(i-200) * time.Hour),
			LastLogin: now.Add(time.Duration(i*37%120-150) * time.Hour), Visits: uint64(i % 9), Comments: [3]string{fmt.Sprintf("Room %d", i%30)}})
	}
	if err := h.SetSetting(t.Context(), "login.free", "on"); err != nil {
		t.Fatal(err)
	}
	h.visit(t, 9, hotspot.MethodFree, "02:00:5E:10:00:09", "", "")
	h.visit(t, 3, hotspot.MethodMobile, "15559876543", "", "")
	h.visit(t, 4, hotspot.MethodFacebook, "100012345", "Zoë Müller-Lüdenscheidt", "")
	h.visit(t, 1, hotspot.MethodEmail, "bob@example.org", "", "")
	v, err := h.CreateVouchers(t.Context(), hotspot.VoucherSpec{Username: "ROOM12", FullName: "Anna Rossi", Note: "Zimmer 12"})
	if err != nil {
		t.Fatal(err)
	}
	d, _ := h.hosts.ByMAC(hotspot.MAC{2, 0, 0x5E, 0x10, 0, 9})
	if _, err := h.Login(t.Context(), d, hotspot.Claim{Method: hotspot.MethodVoucher, Voucher: v[0].ID, Login: "ROOM12"}); err != nil {
		t.Fatal(err)
	}
	h.visit(t, 1, hotspot.MethodEmail, "anna@example.org", "Anna", "Room 12")
	return h.visit(t, 9, hotspot.MethodEmail, "anna@example.org", "Anna", "Room 12")
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

func (h *house) wants(t *testing.T, path string, status int, texts ...string) string {
	t.Helper()
	a := h.Get(t, path)
	if a.Status != status {
		t.Fatalf("%s: %d, %.300s", path, a.Status, a.Body)
	}
	for _, s := range texts {
		if !strings.Contains(a.Body, s) {
			t.Errorf("%s does not tell %q", path, s)
		}
	}
	return a.Body
}

// next returns where a page's link goes on.
func next(body, rel string) string {
	_, after, ok := strings.Cut(body, `rel="`+rel+`" href="`)
	if !ok {
		return ""
	}
	to, _, _ := strings.Cut(after, `"`)
	return strings.ReplaceAll(to, "&amp;", "&")
}

func TestList(t *testing.T) {
	h := newHouse(t, api.RoleViewer)
	h.wants(t, "/users", 200, "Nobody has logged in this way yet", `aria-current="page">Free`)
	h.crowd(t)
	body := h.wants(t, "/users", 200, "anna@example.org", "Online", "Room 12 · no nuts", "guest119@example.org")
	if strings.Contains(body, "guest000@") {
		t.Error("more than a page")
	}
	// From the first page to the last, and back.
	pages, seen := []string{"/users"}, strings.Count(body, "@example.org</bdi></a>   </div>")+strings.Count(body, "@example.org</bdi></a>  <span")
	for to := next(body, "next"); to != ""; to = next(body, "next") {
		pages = append(pages, to)
		body = h.wants(t, to, 200)
		seen += strings.Count(body, "@example.org</bdi></a>   </div>") + strings.Count(body, "@example.org</bdi></a>  <span")
	}
	if len(pages) != 3 || seen != 122 {
		t.Errorf("%d users on %d pages", seen, len(pages))
	}
	back := next(body, "prev")
	if body = h.wants(t, back, 200, "guest069@example.org"); next(body, "prev") == "" || next(body, "next") == "" {
		t.Error("the page before the last leads nowhere")
	}
	if body = h.wants(t, next(body, "prev"), 200, "anna@example.org"); next(body, "prev") != "" {
		t.Error("there is something before the first page")
	}
	for _, sort := range []string{"last_login", "visits", "nothing"} {
		h.wants(t, "/users?method=email&sort="+sort, 200, `aria-sort="descending"`)
		h.wants(t, "/users?method=email&dir=up&sort="+sort, 200, `aria-sort="ascending"`)
	}
	if body := h.wants(t, "/users?method=email&q=ROOM+7", 200, "guest007@", "guest037@"); strings.Contains(body, "guest008@") {
		t.Error("more than was looked for")
	}
	h.wants(t, "/users?method=email&q=nobody", 200, "Nobody matches")
	h.wants(t, "/users?method=facebook", 200, "Zoë Müller-Lüdenscheidt")
	h.wants(t, "/users?method=mobile", 200, "15559876543")
	h.wants(t, "/users?method=free", 200, "02:00:5E:10:00:09")
	h.wants(t, "/users?method=email&after=1.0&sort=visits&before=x", 200)
	if a := h.Get(t, "/users/retention"); a.Status != 403 {
		t.Errorf("the viewer keeps: %d", a.Status)
	}
}

func TestExportList(t *testing.T) {
	h := newHouse(t, api.RoleViewer)
	h.crowd(t)
	h.add(t, hotspot.User{Method: hotspot.MethodEmail, Key: "=cmd|'/c calc'!A1", Comments: [3]string{"+1", "@x", "a,\"b\"\n"}, Created: now})
	a := h.Get(t, "/users/export?method=email")
	rows, err := csv.NewReader(strings.NewReader(a.Body)).ReadAll()
	if err != nil || len(rows) != 1+123 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if got := strings.Join(rows[0], " "); got != "id email created_at last_login MAC visits comments comments1 comments2 last_modified marketing verified" {
		t.Error(got)
	}
	for _, row := range rows {
		for _, cell := range row {
			if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@\t") {
				t.Errorf("%q is a formula", cell)
			}
		}
	}
	if d := a.Header.Get("Content-Disposition"); d != "attachment; filename=users-email.csv" {
		t.Error(d)
	}
	for m, columns := range map[string]string{
		"facebook": "id fb_id name email created_at last_login MAC visits last_modified marketing",
		"mobile":   "id mobile created_at last_login MAC visits comments comments1 comments2 last_modified marketing verified",
		"free":     "id created_at last_login MAC visits comments comments1 comments2 last_modified marketing",
	} {
		if body := h.wants(t, "/users/export?method="+m, 200); !strings.HasPrefix(strings.ReplaceAll(body, ",", " "), columns+"\n") && !strings.HasPrefix(strings.ReplaceAll(body, ",", " "), columns+"\r\n") {
			t.Errorf("%s: %s", m, body)
		}
	}
	if a := h.Get(t, "/users/export?method=voucher"); a.Status != 404 {
		t.Errorf("%d", a.Status)
	}
}

func TestPerson(t *testing.T) {
	h := newHouse(t, api.RoleViewer)
	anna := h.crowd(t)
	page := fmt.Sprintf("/users/email-%d", anna.ID)
	body := h.wants(t, page, 200, "anna@example.org", "Room 12", "no nuts", "02:00:5E:10:00:09", "192.168.77.9", page+"/export")
	if strings.Contains(body, "/delete") {
		t.Error("the viewer is offered to delete")
	}
	for _, path := range []string{page + "/delete", "/users/anna@example.org/delete"} {
		if a := h.Get(t, path); a.Status != 403 {
			t.Errorf("%s: %d", path, a.Status)
		}
		if a := h.Post(t, path, form("word", "delete")); a.Status != 403 {
			t.Errorf("POST %s: %d", path, a.Status)
		}
	}
	h.wants(t, "/users/anna@example.org", 200, "02:00:5E:10:00:09", "02:00:5E:10:00:01", "ROOM12", "Zimmer 12", "bob@example.org", "Galaxy &lt;b&gt;Anna")
	h.wants(t, "/users/nobody@example.org", 404, "Nobody is known by that")
	for _, path := range []string{"/users/email-999", "/users/nonsense", "/users/voucher-1", "/users/email-999/export", "/users/x/export"} {
		h.wants(t, path, 404)
	}
	for in, want := range map[string]string{"+1 555 987-6543": "/users/15559876543", "02-00-5e-10-00-09": "/users/02:00:5E:10:00:09", "anna@example.org": "/users/anna@example.org"} {
		if a := h.Get(t, "/users/find?who="+url.QueryEscape(in)); a.Status != 303 || a.Header.Get("Location") != want {
			t.Errorf("%s: %d to %s", in, a.Status, a.Header.Get("Location"))
		}
	}
	h.wants(t, "/users/find", 200, "Find a person")
	h.wants(t, "/users/find?who=x", 422, "who-error", `value="x"`)
	a := h.Get(t, page+"/export")
	var got struct{ Users, Logins []map[string]any }
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil || len(got.Users) != 2 || len(got.Logins) != 4 {
		t.Errorf("%v: %s", err, a.Body)
	}
	if d := a.Header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment; filename=person-email-") {
		t.Error(d)
	}
	m := newHouse(t, api.RoleManager)
	for _, path := range []string{"/users", "/users/export", "/users/find", page, page + "/export", page + "/delete", "/users/retention"} {
		if a := m.Get(t, path); a.Status != 403 {
			t.Errorf("the manager at %s: %d", path, a.Status)
		}
	}
}

func TestDelete(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	anna := h.crowd(t)
	page := fmt.Sprintf("/users/email-%d", anna.ID)
	h.wants(t, page, 200, page+"/delete")
	h.wants(t, page+"/delete", 200, "Delete anna@example.org", "Type the word “delete”", "lose name, device and address: 4", "Sessions that end now: 2", "binding to a device ends: 1", "other people with the same devices: 1", "ROOM12", "bob@example.org")
	for _, word := range []string{"", "no", "anna"} {
		if a := h.Post(t, page+"/delete", form("word", word)); a.Status != 422 || !strings.Contains(a.Body, `id="word-error"`) {
			t.Errorf("%q: %d", word, a.Status)
		}
	}
	if _, err := h.User(t.Context(), anna); err != nil {
		t.Fatal("deleted without the word")
	}
	if a := h.Post(t, page+"/delete?lang=it", form("word", "ELIMINA")); a.Status != 303 || a.Header.Get("Location") != "/users?lang=it&method=email" {
		t.Fatalf("%d to %s\n%s", a.Status, a.Header.Get("Location"), a.Body)
	}
	h.wants(t, "/users?method=email", 200, "Utenti: 2, dispositivi: 2, accessi resi anonimi: 4.")
	h.wants(t, page, 404)
	h.wants(t, "/users/anna@example.org", 404)
	if a := h.Post(t, page+"/delete", form("word", "delete")); a.Status != 404 {
		t.Errorf("twice: %d", a.Status)
	}
	h.wants(t, "/users/02:00:5E:10:00:03/delete", 200)
	if a := h.Post(t, "/users/15559876543/delete", form("word", "delete")); a.Status != 303 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestRetention(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	h.wants(t, "/users/retention", 200, `name="people.keep_days" value="365"`, "A year (as on a new router)")
	h.wants(t, "/users/retention?preset=short", 200, `name="people.keep_days" value="30"`, `name="audit.keep_days" value="180"`)
	if h.Settings().PeopleAge != 365*24*time.Hour {
		t.Error("a preset changed something")
	}
	good := form("people.keep_days", "٣٠", "log.keep_days", "40", "log.keep_rows", "1000", "audit.keep_days", "50", "audit.keep_rows", "600")
	bad := form("people.keep_days", "1 month", "log.keep_days", "40", "log.keep_rows", "-1", "audit.keep_days", "50", "audit.keep_rows", "600")
	a := h.Post(t, "/users/retention", bad)
	if a.Status != 422 || !strings.Contains(a.Body, `people.keep_days-error`) || !strings.Contains(a.Body, `log.keep_rows-error`) || !strings.Contains(a.Body, `value="1 month"`) || h.Settings().LogAge != 365*24*time.Hour {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if a := h.Post(t, "/users/retention", good); a.Status != 303 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	if set := h.Settings(); set.PeopleAge != 30*24*time.Hour || set.LogRows != 1000 || set.AuditRows != 600 {
		t.Errorf("%+v", set)
	}
	h.wants(t, "/users/retention", 200, "The periods are saved.", `value="1000"`)
}
