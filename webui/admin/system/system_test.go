package system_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
)

// has fails the test unless the answer has a status and texts.
func has(t *testing.T, a paneltest.Answer, status int, texts ...string) {
	t.Helper()
	if a.Status != status {
		t.Errorf("status %d instead of %d: %s", a.Status, status, a.Body)
	}
	for _, text := range texts {
		if !strings.Contains(a.Body, text) {
			t.Errorf("%q is missing in %s", text, a.Body)
		}
	}
}

// goes fails the test unless the answer leads to an address.
func goes(t *testing.T, a paneltest.Answer, to string) {
	t.Helper()
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != to {
		t.Errorf("%d to %q instead of %q: %s", a.Status, a.Header.Get("Location"), to, a.Body)
	}
}

// until polls until something holds.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(90 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it did not come about")
		}
	}
}

// form is what the settings page sends if nobody changes anything.
func form(s hotspot.Settings) url.Values {
	f := url.Values{}
	for _, key := range []string{"session.idle_timeout", "session.timeout", "voucher.devices", "voucher.takeover", "voucher.return", "free.download_limit"} {
		f.Set("was:"+key, s.Value(key))
		f.Set(key, s.Value(key))
	}
	f.Set("session.idle_timeout", "30")
	f.Set("unit:session.idle_timeout", "minutes")
	f.Set("session.timeout", "0")
	f.Set("unit:session.timeout", "minutes")
	f.Del("voucher.takeover") // as browsers send a box that is not ticked
	return f
}

func TestSaveSettings(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	f := form(hotspot.DefaultSettings())
	goes(t, h.Post(t, "/settings", f), "/settings")
	has(t, h.Get(t, "/settings"), 200, "Nothing was changed.")

	f.Set("session.timeout", "2")
	f.Set("unit:session.timeout", "days")
	f.Set("voucher.takeover", "on")
	f.Del("voucher.return")
	f.Set("free.download_limit", "512")
	goes(t, h.Post(t, "/settings", f), "/settings")
	want := []map[string]string{{"session.timeout": "48h0m0s", "voucher.takeover": "on", "voucher.return": "off", "free.download_limit": "512"}}
	if d := cmp.Diff(want, h.saved); d != "" {
		t.Error(d)
	}
	page := h.Get(t, "/settings")
	has(t, page, 200, "The settings are saved and in force.", `name="session.timeout" value="2"`, `value="days" selected`,
		"Default: never", `name="reset" value="session.timeout"`, `name="was:session.timeout" value="48h"`)
	if strings.Contains(page.Body, `value="session.idle_timeout"`) {
		t.Error("what is at its default can be put back to it")
	}

	// What somebody else has changed meanwhile stays, unless it was changed here.
	h.do(func() { h.settings.VoucherDevices = 5 })
	f = form(hotspot.DefaultSettings())
	goes(t, h.Post(t, "/settings", f), "/settings")
	if got := h.settings.VoucherDevices; got != 5 {
		t.Errorf("%d devices", got)
	}
}

func TestRefusedSettings(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	f := form(hotspot.DefaultSettings())
	f.Set("voucher.devices", "many")
	f.Set("session.timeout", "99999")
	f.Set("unit:session.timeout", "days")
	f.Set("free.download_limit", "-1")
	f.Set("voucher.takeover", "on")
	a := h.Post(t, "/settings", f)
	has(t, a, 422, "Nothing was saved", "Enter a whole number from 1 to 100.", "Enter a whole number that is not so large.", "Enter a whole number of megabytes.",
		`name="voucher.devices" value="many"`, `name="session.timeout" value="99999"`, `name="was:voucher.devices" value="1"`)
	if len(h.saved) != 0 {
		t.Errorf("saved: %v", h.saved)
	}
	for _, f := range []url.Values{{"reset": {"no.such"}}, {"reset": {"venue.name"}}} {
		has(t, h.Post(t, "/settings", f), 404)
	}
}

func TestResetSetting(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	h.settings.SessionMax, h.settings.VoucherTakeover = time.Hour, true
	f := form(h.settings)
	f.Set("reset", "session.timeout")
	goes(t, h.Post(t, "/settings", f), "/settings")
	if h.settings.SessionMax != 0 || !h.settings.VoucherTakeover {
		t.Errorf("%+v", h.settings)
	}
	has(t, h.Get(t, "/settings"), 200, "“Log out after” is back at its default.")
}

// A viewer sees what is, and nothing to press.
func TestViewer(t *testing.T) {
	h := newHouse(t, api.RoleViewer)
	for path, text := range map[string]string{"/settings": "30 minutes", "/settings/network": "br-guest", "/settings/clock": "Europe/Rome", "/settings/about": "1.4.2"} {
		a := h.Get(t, path)
		has(t, a, 200, text)
		if main := a.Body[strings.Index(a.Body, "<main"):]; strings.Contains(main, `method="post"`) {
			t.Errorf("%s has a form", path)
		}
		if strings.Contains(a.Body, "/settings/backup") {
			t.Errorf("%s leads to backups", path)
		}
	}
	for _, path := range []string{"/settings/backup", "/settings/backup/restore", "/settings/logs", "/settings/logs/events", "/settings/support"} {
		has(t, h.Get(t, path), 403)
	}
	for _, path := range []string{"/settings", "/settings/network/examination", "/settings/backup/file", "/settings/backup/upload", "/settings/backup/restore",
		"/settings/backup/restore/drop", "/settings/backup/snapshots/a", "/settings/clock", "/settings/support"} {
		has(t, h.Post(t, path, nil), 403)
	}
}

func TestExamination(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	h.hold = make(chan struct{})
	if a := h.Get(t, "/settings/network"); a.Header.Get("Refresh") != "" || strings.Contains(a.Body, "Looked at") {
		t.Errorf("nothing goes on: %v", a.Header)
	}
	goes(t, h.Post(t, "/settings/network/examination", nil), "/settings/network")
	goes(t, h.Post(t, "/settings/network/examination", nil), "/settings/network") // goes on with the same
	until(t, func() bool { return strings.Contains(h.Get(t, "/settings/network").Body, "1 thing looked at") })
	if a := h.Get(t, "/settings/network"); a.Header.Get("Refresh") != "1" || strings.Contains(a.Body, "Check now") {
		t.Errorf("%v %s", a.Header, a.Body)
	}
	close(h.hold)
	h.done.Wait()
	a := h.Get(t, "/settings/network")
	has(t, a, 200, "1 problem was found.", "nobody answers DHCP on br-guest", "switch dnsmasq on", "Check now", "today at 15:04")
	if a.Header.Get("Refresh") != "" || strings.Index(a.Body, "DHCP</b>") > strings.Index(a.Body, "configuration</b>") || strings.Count(a.Body, "DHCP</b>") != 1 {
		t.Errorf("%v %s", a.Header, a.Body)
	}
}

func TestConfiguration(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	h.conf.Problem = hotspot.Textf("line 3: no such key")
	has(t, h.Get(t, "/settings/network"), 200, "vi /etc/vouchsafe/vouchsafe.yaml", "guest.interface", "br-guest", "those of the interface",
		"data – a change waits for a restart", "AB:AB", "14 July 2028", "line 3: no such key")
	h.conf = api.Configuration{}
	has(t, h.Get(t, "/settings/network"), 200, "command-line flags and no file", "HTTPS is not served")
}

func TestDownloads(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	for path, want := range map[string]struct{ name, mime, body string }{
		"/settings/backup/file":        {"vouchsafe-backup-OpenWrt-20260714-1504.vsnap", "application/octet-stream", "the backup"},
		"/settings/backup/snapshots/a": {"a", "application/octet-stream", "the snapshot a"},
		"/settings/support":            {"vouchsafe-support-OpenWrt-20260714-1504.tar.gz", "application/gzip", "the bundle"},
	} {
		h.fresh = false
		goes(t, h.Post(t, path, nil), "/confirm")
		h.fresh = true
		a := h.Post(t, path, nil)
		if a.Status != 200 || a.Body != want.body || a.Header.Get("Content-Type") != want.mime || a.Header.Get("Cache-Control") != "no-store" ||
			a.Header.Get("Content-Disposition") != "attachment; filename="+want.name {
			t.Errorf("%s: %d %v %q", path, a.Status, a.Header, a.Body)
		}
		h.fail = errors.New("the disk of /secret is torn")
		a = h.Post(t, path, nil)
		has(t, a, 500)
		if strings.Contains(a.Body, "secret") {
			t.Errorf("%s tells too much: %s", path, a.Body)
		}
		h.fail = &hotspot.Error{Code: hotspot.CodeNotFound, Text: "gone"}
		has(t, h.Post(t, path, nil), 404)
		h.fail = nil
	}
	if h.personal {
		t.Error("guests were not asked for")
	}
	if h.Post(t, "/settings/support", url.Values{"personal": {"on"}}); !h.personal {
		t.Error("guests were asked for")
	}
}

// upload sends a file as the page does.
func (h *house) upload(t *testing.T, name, body string) paneltest.Answer {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.WriteField("token", h.Token()); err != nil {
		t.Fatal(err)
	}
	f, err := w.CreateFormFile("file", name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return h.Send(t, "/settings/backup/upload", w.FormDataContentType(), &b)
}

func TestRestore(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	has(t, h.upload(t, "notes.txt", "bad"), 422, "Nothing was changed. This is no backup that can be used", "its checksum is wrong")
	has(t, h.upload(t, "", ""), 422, "Choose a file first.")
	goes(t, h.upload(t, "<hotel>.vsnap", "good"+strings.Repeat("x", 100_000)), "/settings/backup/restore?id=070000000000000000000000")

	h.fresh = false
	if a := h.Get(t, "/settings/backup/restore?id=070000000000000000000000"); a.Status != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/confirm?") {
		t.Errorf("%d %v", a.Status, a.Header)
	}
	h.fresh = true
	has(t, h.Get(t, "/settings/backup/restore?id=070000000000000000000000"), 200, "The backup is whole", "&lt;hotel&gt;.vsnap", "12,345", "today at 14:04",
		"To go on, type: restore", "before-restore.vsnap")
	yes := url.Values{"id": {"070000000000000000000000"}, "word": {"yes"}}
	has(t, h.Post(t, "/settings/backup/restore", yes), 422, "This is not the word.", "The backup is whole")
	if h.restored {
		t.Fatal("restored by another word")
	}
	yes.Set("word", "Restore")
	a := h.Post(t, "/settings/backup/restore", yes)
	has(t, a, 200, "The backup is being restored", `data-back="/"`)
	if !h.restored || a.Header.Get("Refresh") != "10;url=/" {
		t.Errorf("%v %v", h.restored, a.Header)
	}
	goes(t, h.Post(t, "/settings/backup/restore", yes), "/settings/backup")
	has(t, h.Get(t, "/settings/backup"), 200, "does not wait any more")
}

func TestRestoreOfSnapshot(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	has(t, h.Get(t, "/settings/backup"), 200, "13 July 2026 at 13:04", "48 KB", "What the last restore replaced")
	goes(t, h.Post(t, "/settings/backup/snapshots/before-restore.vsnap", url.Values{"restore": {"1"}}), "/settings/backup/restore?id=070000000000000000000000")
	goes(t, h.Post(t, "/settings/backup/restore/drop", url.Values{"id": {"070000000000000000000000"}}), "/settings/backup")
	if h.staged != nil {
		t.Error("it still waits")
	}
	for _, id := range []string{"", "x", "070000000000000000000000", "000000000000000000000000"} {
		goes(t, h.Get(t, "/settings/backup/restore?id="+id), "/settings/backup")
	}
	h.snaps, h.about.RestoreError = nil, hotspot.Said("restore: no space left on device")
	has(t, h.Get(t, "/settings/backup"), 200, "No backups on the router yet", "The last restore did not succeed", "no space left on device")
}

func TestClock(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	a := h.Get(t, "/settings/clock")
	has(t, a, 200, "2026-07-14 15:04:05", "believed", "A time client (NTP) keeps it right.", "13 July 2026", `data-clock="1784041445"`)
	if strings.Contains(a.Body, "Until it is believed") {
		t.Error("it is believed")
	}
	for by, text := range map[api.Vouch]string{api.VouchSystem: "clock.trust", api.VouchDeclared: "declared right", api.VouchBattery: "battery", api.VouchEarlier: "before the daemon"} {
		h.clock.By, h.clock.Since = by, nil
		has(t, h.Get(t, "/settings/clock"), 200, text)
	}
	h.clock = api.Clock{Zone: "UTC"}
	has(t, h.Get(t, "/settings/clock"), 200, "not believed", "Until it is believed", "The router’s clock is right")
	goes(t, h.Post(t, "/settings/clock", nil), "/settings/clock")
	if h.right != 1 {
		t.Errorf("said %d times", h.right)
	}
}

func TestLog(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	has(t, h.Get(t, "/settings/logs"), 200, "somebody else changed the table", "no space left on device", "2026-07-14 15:04:05", `data-events="/settings/logs/events"`)
	if d := cmp.Diff(api.LogQuery{Level: "info", Limit: 200}, h.asked); d != "" {
		t.Error(d)
	}
	a := h.Get(t, "/settings/logs?level=error&q=ready+%3Cb%3E")
	has(t, a, 200, "No such lines", `value="ready &lt;b&gt;"`, "Show all")
	if d := cmp.Diff(api.LogQuery{Level: "error", Text: "ready <b>", Limit: 200}, h.asked); d != "" {
		t.Error(d)
	}
	if h.Get(t, "/settings/logs?level=loud&q="+strings.Repeat("%FF", 300)); h.asked.Level != "info" || len(h.asked.Text) > 400 {
		t.Errorf("%+v", h.asked)
	}
	goes(t, h.Get(t, "/settings/logs/events"), "/settings/logs")
}

func TestAbout(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	has(t, h.Get(t, "/settings/about"), 200, "1.4.2", "nftables", "1 day 2 hours", "61 MB free of 128 MB", "Linux 6.6.93", "go.etcd.io/bbolt", "MIT", "not known", "/api/v1/docs")
	h.about = api.About{Notices: hotspot.Texts{hotspot.Textf("the disk is full")}}
	has(t, h.Get(t, "/settings/about"), 200, "the disk is full", "This build does not name its modules.")
}

// No page weighs more than a slow connection bears.
func TestWeight(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	for i := range uint64(200) {
		h.lines = append(h.lines, api.LogLine{ID: i, Level: "info", Component: "hotspot", Text: "guest logged in",
			Details: fmt.Sprintf("login=room%d type=voucher mac=02:00:5E:10:%02X:01 addresses=192.168.0.%d", i, i, i)})
	}
	for _, path := range []string{"/settings", "/settings/network", "/settings/backup", "/settings/clock", "/settings/logs", "/settings/about", "/settings/support"} {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(h.Get(t, path).Body)) // a buffer does not fail
		if err := z.Close(); err != nil || b.Len() > 20<<10 {
			t.Errorf("%s: %d bytes, %v", path, b.Len(), err)
		}
	}
}
