package logins_test

import (
	"crypto/rand"
	"encoding/csv"
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
	"github.com/vouchsafe/vouchsafe/webui/admin/logins"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, logins.Files) }

// house is the pages with a real service.
type house struct {
	*paneltest.Site
	*hotspot.Service
	store *hotspottest.Store
	batch int
}

var now = time.Date(2026, 7, 14, 15, 4, 5, 0, time.UTC)

func newHouse(t *testing.T, role api.Role) *house {
	t.Helper()
	h := &house{store: hotspottest.NewStore()}
	clock := hotspottest.NewClock(now)
	h.Service = hotspot.New(hotspot.Config{Store: h.store, Gate: memory.New(memory.Now(clock.Mono)), Hosts: &hotspottest.Hosts{}, Clock: clock,
		Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), Zone: time.UTC})
	h.Site = paneltest.Serve(t, role, logins.New(logins.Config{Service: h.Service}))
	return h
}

// add stores n logins, the last one now, ten minutes apart.
func (h *house) add(t *testing.T, n int, change func(i int, x *hotspot.Session)) {
	t.Helper()
	h.batch++
	err := h.store.Update(t.Context(), func(tx hotspot.Tx) error {
		v := hotspot.Voucher{Username: "ROOM12" + strings.Repeat("x", h.batch-1), FullName: "Anna Rossi"}
		u := hotspot.User{Method: hotspot.MethodEmail, Key: "zoe@example.org" + strings.Repeat("x", h.batch-1), Name: "Zoë"}
		if err := tx.PutVoucher(&v); err != nil {
			return err
		}
		if err := tx.PutUser(&u); err != nil {
			return err
		}
		for i := range n {
			at := now.Add(time.Duration(i-n+1) * 10 * time.Minute)
			x := hotspot.Session{Account: v.Account(), Login: v.Username, MAC: hotspot.MAC{2, 0, 0x5E, 0x10, byte(i >> 8), byte(i)},
				Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 168, 77, byte(i)})}, Started: at, Ended: at.Add(9 * time.Minute),
				Reason: hotspot.EndIdle, Used: hotspot.Usage{Down: uint64(i) << 20, Up: 1 << 10}}
			if i%50 == 1 {
				x.Account, x.Login = u.Account(), u.Key
			}
			if change != nil {
				change(i, &x)
			}
			if err := tx.PutSession(&x); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// crowd fills the log with a little of everything.
func (h *house) crowd(t *testing.T) {
	h.add(t, 1000, func(i int, x *hotspot.Session) {
		switch i {
		case 999:
			x.Ended, x.Reason, x.Provisional = time.Time{}, "", true
		case 998:
			x.Account.ID, x.Login, x.MAC, x.Addrs = 0, "", hotspot.MAC{}, nil
		case 997:
			x.Login, x.Reason = `=<script>alert(1)</script>`, `=later`
		}
	})
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

// link is where the link after a text goes.
func link(body, before string) string {
	_, after, ok := strings.Cut(body, before+` href="`)
	if !ok {
		return ""
	}
	to, _, _ := strings.Cut(after, `"`)
	return strings.ReplaceAll(to, "&amp;", "&")
}

func TestLog(t *testing.T) {
	h := newHouse(t, api.RoleViewer)
	h.wants(t, "/logins", 200, "Nobody has logged in yet")
	h.crowd(t)
	body := h.wants(t, "/logins", 200, "ROOM12", "Anna Rossi", "02:00:5E:10:03:E7", "192.168.77.231", "Online", "deleted person", "9 minutes", "no traffic",
		"=&lt;script&gt;alert(1)", "/vouchers/by-id/1", "/users/email-1", "zoe@example.org", "The clock was not known to be right")
	n, pages := strings.Count(body, `data-label="Began"`), 1
	for to := link(body, `rel="next"`); to != ""; to = link(body, `rel="next"`) {
		body = h.wants(t, to, 200, "Back to the newest")
		n, pages = n+strings.Count(body, `data-label="Began"`), pages+1
	}
	if n != 1000 || pages != 20 {
		t.Errorf("%d logins on %d pages", n, pages)
	}
	for _, c := range []struct {
		query string
		n     int
	}{
		{"q=zoe@example", 20}, {"q=ZOË", 20}, {"q=rossi&method=voucher", 50}, {"method=email", 20}, {"method=free", 0}, {"q=02-00-5e-10-03-e7", 1}, {"q=192.168.77.231", 4},
		{"from=2026-07-14&to=2026-07-14", 50}, {"from=2026-07-14&method=email", 1}, {"to=2026-07-07", 45}, {"from=2027-01-01", 0}, {"user=email-1", 20}, {"user=email-2", 0},
		{"user=voucher-1&method=nonsense&before=x", 50},
	} {
		body := h.wants(t, "/logins?"+c.query, 200)
		if got := strings.Count(body, `data-label="Began"`); got != c.n {
			t.Errorf("%s: %d logins, want %d", c.query, got, c.n)
		}
	}
	h.wants(t, "/logins?q=nobody", 200, "No login matches", "Show all", `value="nobody"`)
	h.wants(t, "/logins?before=1", 200, "There are no more logins")
	h.wants(t, "/logins?from=yesterday&q=x", 422, `id="from-error"`, `value="yesterday"`, `value="x"`)
	h.wants(t, "/logins?user=email-1", 200, "Logins of the user zoe@example.org only", `name="user" value="email-1"`, "/users/email-1")
	m := newHouse(t, api.RoleManager)
	for _, path := range []string{"/logins", "/logins/export"} {
		if a := m.Get(t, path); a.Status != 403 {
			t.Errorf("the manager at %s: %d", path, a.Status)
		}
	}
}

// TestLongLog: a search that finds little pauses, and goes on where it was.
func TestLongLog(t *testing.T) {
	h := newHouse(t, api.RoleViewer)
	h.add(t, 45_000, func(i int, x *hotspot.Session) {
		if i == 3 || i == 44_000 {
			x.Login = "needle"
		}
	})
	body := h.wants(t, "/logins?q=needle", 200, "Searched back to", "Go on searching")
	if strings.Count(body, `data-label="Began"`) != 1 || link(body, `rel="next"`) != "" {
		t.Error("not the one that is near")
	}
	body = h.wants(t, link(body[strings.Index(body, "Searched back to"):], "<a"), 200, "Nothing found so far", `value="needle"`)
	body = h.wants(t, link(body[strings.Index(body, "Searched back to"):], "<a"), 200)
	if strings.Count(body, `data-label="Began"`) != 1 || strings.Contains(body, "Go on searching") {
		t.Error("not the one that is far")
	}
}

func TestExport(t *testing.T) {
	h := newHouse(t, api.RoleViewer)
	h.crowd(t)
	a := h.Get(t, "/logins/export")
	rows, err := csv.NewReader(strings.NewReader(a.Body)).ReadAll()
	if err != nil || len(rows) != 1001 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if got := strings.Join(rows[0], " "); got != "id login name type MAC address login_at logout_at reason bytes_out bytes_in" {
		t.Error(got)
	}
	if got := fmt.Sprint(rows[4]); got != "[997 ROOM12 Anna Rossi voucher 02:00:5E:10:03:E4 192.168.77.228 2026-07-14 14:34:05 2026-07-14 14:43:05 idle timeout 1044381696 1024]" {
		t.Error(got)
	}
	for _, row := range rows {
		for _, cell := range row {
			if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@\t") {
				t.Errorf("%q is a formula", cell)
			}
		}
	}
	a = h.Get(t, "/logins/export?q="+url.QueryEscape("zoë")+"&from=2026-07-14")
	if n := strings.Count(a.Body, "zoe@example.org"); n != 1 || strings.Count(a.Body, "\n") != 2 {
		t.Errorf("%d: %s", n, a.Body)
	}
	if a := h.Get(t, "/logins/export?from=x"); a.Status != 303 {
		t.Errorf("%d", a.Status)
	}
}
