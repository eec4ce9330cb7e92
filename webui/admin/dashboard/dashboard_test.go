package dashboard_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/dashboard"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, dashboard.Files) }

func (h *house) page(path string, has ...string) string {
	h.t.Helper()
	a := h.Get(h.t, path)
	if a.Status != http.StatusOK {
		h.t.Fatalf("%s: %d", path, a.Status)
	}
	for _, text := range has {
		if !strings.Contains(a.Body, text) {
			h.t.Errorf("%s has no %q", path, text)
		}
	}
	return a.Body
}

// TestBusy: what goes on is told in figures, in little.
func TestBusy(t *testing.T) {
	for _, role := range []api.Role{api.RoleOwner, api.RoleManager, api.RoleViewer} {
		h := busy(t, role)
		page := h.page("/", "21</span>", "Logins today", "31</span>", "Traffic in the last 30 minutes", "today at 15:04", "Data by day", "15 June", "14 July",
			"31 logins today", "<dd>21", "<dd>10", "Last 7 days", "K7MPQ2", "Everything is as it should be.", `data-events="/events"`)
		if strings.Contains(page, "Your hotspot is ready") || strings.Contains(page, `class="note`) {
			t.Error("a hotspot in use is greeted, or warned of")
		}
		if n := strings.Count(h.page("/?top=30", "Last 30 days"), "Guest "); n < 4 {
			t.Errorf("%d vouchers in 30 days", n)
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := z.Write([]byte(page))
		if err = errors.Join(err, z.Close()); err != nil || b.Len() > 30<<10 {
			t.Errorf("%d bytes, %v", b.Len(), err)
		}
		t.Logf("%d bytes, %d gzipped", len(page), b.Len())
	}
}

// TestNew: a hotspot that nobody has used says what to do next, to whom may do it.
func TestNew(t *testing.T) {
	for role, has := range map[api.Role]string{api.RoleOwner: `class="button" href="/vouchers/new"`, api.RoleManager: `href="/print"`, api.RoleViewer: `href="/settings"`} {
		page := newHouse(t, role).page("/", "Your hotspot is ready", "Make some vouchers.", has)
		if role == api.RoleViewer && strings.Contains(page, "/vouchers/new") {
			t.Error("a viewer is sent to make vouchers")
		}
		if strings.Contains(page, "<svg viewBox") {
			t.Error("there is a plot of nothing")
		}
	}
}

// TestTroubled: what needs a look stands first, the worst before all, with what to
// do in the reader's language and, for whoever may, where.
func TestTroubled(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	h.troubled()
	h.found = append(h.found, api.Finding{Check: "<script>", Verdict: "problem", Found: hotspot.Said(pagetest.Hostile[0]), Remedy: hotspot.Said(pagetest.Hostile[1])}, api.Finding{Check: "snapshots", Verdict: "unknown"})
	page := h.page("/", "5 things need a look", "Check the modem", "eth0 has no carrier", "random numbers", "restored from the snapshot", `href="/settings/network"`, `href="/settings/about"`, "Not known")
	bad, warning := strings.LastIndex(page, `class="note bad"`), strings.Index(page, `class="note warning"`)
	if tiles := strings.Index(page, `class="tiles"`); bad < 0 || warning < bad || tiles < warning {
		t.Errorf("the last problem is at %d, the first warning at %d, the figures at %d", bad, warning, tiles)
	}
	if strings.Contains(page, "<script>") || strings.Contains(page, "<img src=x") {
		t.Error("a finding is markup")
	}
	h.page("/?lang=it", "Controlla il modem")
	manager := newHouse(t, api.RoleManager)
	manager.troubled()
	if strings.Contains(manager.page("/", "Check the modem"), "/settings/") {
		t.Error("a manager is sent to settings")
	}
}

// TestFiguresRenewThemselves while the page is open, and what was opened in it
// stays open.
func TestFiguresRenewThemselves(t *testing.T) {
	h := busy(t, api.RoleViewer)
	c := browser.Start(t, "")
	h.SignIn(t, c)
	const online, figures = `document.querySelector("#now .big")?.textContent`, `document.querySelector("#now details")`
	c.Do(t, browser.Look(1280, "light"), chromedp.Navigate(h.URL+"/"))
	browser.Until(t, c, online+` === "21"`)
	c.Do(t, chromedp.Evaluate[chromedp.Void](`window.kept = true; `+figures+`.open = true; document.querySelector("#now .tiles a").focus()`))
	h.login(300, hotspot.MethodVoucher, h.vouchers("late")[0]) // who stays, however much time goes by
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { // the daemon's readings
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			h.clock.Pass(2 * time.Second)
			_ = h.rules.Poll(ctx) // a failure shows in the page
		}
	}()
	browser.Until(t, c, `window.kept && `+online+` === "22" && `+figures+`.open && document.activeElement.getAttribute("href") === "/guests"`)
	if said := c.Heard(); len(said) > 0 {
		t.Errorf("console: %q", said)
	}
}
