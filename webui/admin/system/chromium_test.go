package system_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

// TestPagesInChromium looks at every page.
func TestPagesInChromium(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	h.Post(t, "/settings/network/examination", nil)
	h.done.Wait()
	h.Post(t, "/settings/backup/snapshots/a", url.Values{"restore": {"1"}})
	h.do(func() { h.settings.VoucherTakeover, h.settings.SessionMax = true, 90e9 })
	paneltest.Walk(t, h.Site, map[string]string{
		"system-settings": "/settings", "system-network": "/settings/network", "system-backup": "/settings/backup",
		"system-restore": "/settings/backup/restore?id=070000000000000000000000", "system-clock": "/settings/clock", "system-logs": "/settings/logs?level=warn",
		"system-about": "/settings/about", "system-support": "/settings/support"})
	h = newHouse(t, api.RoleViewer)
	h.do(func() { h.clock.Believed, h.clock.By, h.clock.Since = false, "", nil })
	paneltest.Walk(t, h.Site, map[string]string{"system-viewer": "/settings", "system-viewer-network": "/settings/network", "system-doubted": "/settings/clock"})
}

// The log grows under the eyes of who looks at it, and a page that waits for the
// daemon goes on once it is back.
func TestLiveInChromium(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	var uptime, away atomic.Int64 // away: how often it was asked for between two runs
	uptime.Store(1 << 20)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/healthz":
			h.Panel.ServeHTTP(scripted{w}, r)
		case uptime.Load() < 0: // between two runs
			away.Add(1)
			http.Error(w, "", http.StatusServiceUnavailable)
		default:
			fmt.Fprintf(w, `{"uptime":%d}`, uptime.Load())
		}
	}))
	t.Cleanup(front.Close)
	h.URL = front.URL
	c := browser.Start(t, "")
	h.SignIn(t, c)

	c.Do(t, browser.Look(1280, "light"), chromedp.Navigate(h.URL+"/settings/logs"))
	browser.Until(t, c, `document.querySelectorAll("#log tbody tr").length === 3`)
	h.do(func() {
		h.lines = append(h.lines, api.LogLine{ID: 4, Level: "info", Text: "the configuration was read again"})
	})
	h.news <- struct{}{}
	browser.Until(t, c, `document.querySelector("#log").textContent.includes("the configuration was read again")`)

	h.Post(t, "/settings/backup/snapshots/a", url.Values{"restore": {"1"}})
	c.Do(t, chromedp.Navigate(h.URL+"/settings/backup/restore?id=070000000000000000000000"))
	c.Do(t, chromedp.Evaluate[chromedp.Void](`document.querySelector("#word").value = "restore"; document.querySelector("button.bad").click()`))
	browser.Until(t, c, `document.querySelector("[data-back]")`)
	uptime.Store(-1)
	until(t, func() bool { return away.Load() > 0 })
	uptime.Store(0)
	browser.Until(t, c, `location.pathname === "/"`)
}

// scripted is an answer for browsers that run the page's script: what leads on
// without it, after a time, is left out.
type scripted struct{ http.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w scripted) WriteHeader(status int) {
	w.Header().Del("Refresh")
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w scripted) Write(b []byte) (int, error) {
	w.Header().Del("Refresh")
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w scripted) Unwrap() http.ResponseWriter { return w.ResponseWriter }
