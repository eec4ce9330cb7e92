package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
	look "github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

// desk is an operator with a browser on the LAN.
type desk struct {
	browser
	h   *house
	ear *ear
}

const (
	panelURL      = "http://" + netlab.RouterLAN4
	panelMail     = "maria@meridian.example"
	panelPassword = "rain falls on tin roofs"
	guestMAC      = "02:5A:9C:00:00:01" // of guest 1
)

// TestPanel runs a hotspot from a browser on the LAN, from a router that nobody
// has set up to one that was restored from a backup, while guests use it.
func TestPanel(t *testing.T) {
	h := newHouse(t, "panel", netlab.Options{Guests: 3}) // the third never logs in
	ear := &ear{}
	d := &desk{h.browserOn(h.LAN(), chromedp.WithListener(ear.listen)), h, ear}
	d.do(look.Look(1280, "light"))
	vouchers := d.setUp()
	d.signOutAndIn()
	d.watch(vouchers[0])
	d.giveMore(vouchers[0])
	d.kickAndBlock(vouchers[0])
	d.edit(vouchers[0])
	d.removeAndUndo(vouchers[1:3])
	d.changeLoginPage()
	h.panelIsNotForGuests(d.cookie())
	d.backUpAndRestore(vouchers)
	if said := ear.heard(); said != "" {
		t.Errorf("the browser complains: %s", said)
	}
}

// open goes to a page.
func (d *desk) open(path string) {
	d.t.Helper()
	d.do(chromedp.Navigate(panelURL + path))
}

// write fills in a field.
func (d *desk) write(sel, text string) {
	d.t.Helper()
	d.is(fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.value = ""; return true })()`, sel))
	d.do(look.Type(sel, text))
	d.until(fmt.Sprintf(`document.querySelector(%q).value === %q`, sel, text))
}

// press clicks what leads to another page, and waits for it.
func (d *desk) press(sel, path string) {
	d.t.Helper()
	d.is("window.before = true")
	d.do(look.Click(sel))
	d.until(fmt.Sprintf("!window.before && document.readyState === 'complete' && (location.pathname + location.search).startsWith(%q)", path))
}

// until waits until something is true on the page.
func (d *desk) until(expression string) {
	d.t.Helper()
	deadline := time.Now().Add(patience)
	for poll := time.NewTicker(50 * time.Millisecond); ; <-poll.C {
		// Between two pages there is nothing to ask.
		is, err := chromedp.Run(d.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if err == nil && is {
			poll.Stop()
			return
		}
		if time.Now().After(deadline) {
			poll.Stop()
			d.t.Fatalf("never true at %s: %s (%v)\n%s", d.at(), expression, err, d.text("body"))
		}
	}
}

func (d *desk) is(expression string) {
	d.t.Helper()
	if is, err := chromedp.Run(d.ctx, chromedp.Evaluate[bool]("!!("+expression+")")); err != nil || !is {
		d.t.Fatalf("at %s: %s is %v, %v", d.at(), expression, is, err)
	}
}

// shows waits until the page says all of some texts.
func (d *desk) shows(texts ...string) {
	d.t.Helper()
	for _, s := range texts {
		d.until(fmt.Sprintf("document.body.innerText.includes(%q)", s))
	}
}

// setUp walks through the first run, and reads the vouchers off the sheet that
// would be printed: username and passcode.
func (d *desk) setUp() (vouchers [][2]string) {
	d.t.Helper()
	begun := time.Now()
	d.open("/")
	d.until(`location.pathname === "/setup"`)
	d.write("#email", panelMail)
	d.write("#password", panelPassword)
	d.write("#password_again", panelPassword)
	d.press(".card form button", "/setup/venue")
	d.write("#venue", "Hotel Meridian")
	d.press(".card form button", "/setup/logins")
	d.press(".card form button", "/setup/vouchers")
	d.press(".card form button", "/setup/done?ids=")
	d.press(".card .button", "/print?ids=")
	d.press(`a.button[href^="/print/sheet"]`, "/print/sheet?ids=")
	texts, err := chromedp.Run(d.ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll("svg .m")].map((e) => e.textContent.trim())`))
	if err != nil || len(texts) != 20 {
		d.t.Fatalf("on the sheet stand %q, %v", texts, err)
	}
	for pair := range slices.Chunk(texts, 2) {
		vouchers = append(vouchers, [2]string{pair[0], pair[1]})
	}
	d.t.Logf("from the first page to ten vouchers on paper in %v", time.Since(begun).Round(time.Millisecond))
	return vouchers
}

func (d *desk) signOutAndIn() {
	d.t.Helper()
	d.open("/")
	d.press(".whoami button", "/sign-in?after=out")
	d.open("/guests")
	d.until(`location.pathname === "/sign-in"`)
	d.signIn("/guests")
}

func (d *desk) signIn(to string) {
	d.t.Helper()
	d.write("#email", panelMail)
	d.write("#password", panelPassword)
	d.press("main form button", to)
}

// watch has a guest log in and download while the operator looks on: the pages
// bring themselves up to date.
func (d *desk) watch(v [2]string) {
	d.t.Helper()
	g := d.h.Guest(1)
	d.until(`!document.body.innerText.includes("` + v[0] + `")`)
	d.h.login(g, v[0], v[1])
	d.shows(v[0], guestMAC)
	if r := d.h.send(netlab.Flow{Guest: g, Bytes: 8 * mb}); r.End != netlab.EndComplete {
		d.t.Errorf("the download ended as %q", r.End)
	}
	d.until(`/\b8(\.\d)? MB down/.test(document.body.innerText)`)
	d.open("/")
	d.until(`/Guests online\s+1\b/.test(document.querySelector("main").innerText)`)
	d.until(`/Traffic in the last 30 minutes\s+[1-9]/.test(document.querySelector("main").innerText)`) // its highest
	d.open("/logins")
	d.shows(v[0], guestMAC)
}

// giveMore gives the guest another day.
func (d *desk) giveMore(v [2]string) {
	d.t.Helper()
	before := d.h.expires(v[0])
	d.open("/guests/" + guestMAC)
	d.is(`(() => { const s = document.querySelector("#time"); const o = [...s.options].find((o) => /day/.test(o.text)); if (!o) return false; s.value = o.value; return true })()`)
	d.press(`form[action$="/extend"] button`, "/guests/"+guestMAC)
	d.is(`document.querySelector("#said .note.good")`)
	if got := d.h.expires(v[0]).Sub(before); got != 24*time.Hour {
		d.t.Errorf("given a day more, the voucher is good for %v longer", got)
	}
}

// expires is when a voucher's time is over, as the command line says.
func (h *house) expires(username string) time.Time {
	h.t.Helper()
	var out struct {
		Expires time.Time `json:"expires_at"`
	}
	if err := json.Unmarshal([]byte(h.cli("voucher", "show", username, "--json")), &out); err != nil || out.Expires.IsZero() {
		h.t.Fatalf("voucher %s: %v", username, err)
	}
	return out.Expires
}

// kickAndBlock ends the guest's session, then keeps the device out, then lets
// it in again.
func (d *desk) kickAndBlock(v [2]string) {
	d.t.Helper()
	g := d.h.Guest(1)
	d.confirm("ask-kick")
	if r := d.h.send(netlab.Flow{Guest: g, Bytes: mb, Time: 5 * time.Second}); r.Received > 0 {
		d.t.Errorf("kicked, and %d bytes passed", r.Received)
	}
	d.h.login(g, v[0], v[1])
	d.open("/guests/" + guestMAC)
	d.do(look.Click(`a[data-dialog="ask-block"]`))
	d.write(`#ask-block [name="note"]`, "Room 9")
	d.press(`#ask-block form[method="post"] button`, "/guests")
	if r := d.h.send(netlab.Flow{Guest: g, Bytes: mb, Time: 5 * time.Second}); r.Received > 0 {
		d.t.Errorf("blocked, and %d bytes passed", r.Received)
	}
	page, _ := d.h.post(g, netlab.PortalURL+"/login", url.Values{"code": {v[0]}, "passcode": {v[1]}})
	if !strings.Contains(text(page), "This device has been blocked") {
		d.t.Errorf("the portal tells the blocked device: %s", text(page))
	}
	d.open("/guests/blocked")
	d.shows(guestMAC, "Room 9")
	d.press(`a[href^="/guests/`+guestMAC+`/unblock"]`, "/guests/"+guestMAC+"/unblock")
	d.press(`main form[method="post"] button`, "/guests")
	d.h.released(g)
}

// confirm opens the dialog of a button on the guest's page, and agrees.
func (d *desk) confirm(id string) {
	d.t.Helper()
	d.open("/guests/" + guestMAC)
	d.do(look.Click(`a[data-dialog="` + id + `"]`))
	d.press(`#`+id+` form[method="post"] button`, "/guests")
	d.is(`document.querySelector("#said .note.good")`)
}

func (d *desk) edit(v [2]string) {
	d.t.Helper()
	d.open("/vouchers?q=" + v[0])
	d.press(`a[href^="/vouchers/`+v[0]+`"]`, "/vouchers/"+v[0])
	d.write(`form:has(#note) #note`, "Room 12, late check-out")
	d.press(`form:has(#note) button`, "/vouchers/")
	d.open("/vouchers?q=check-out")
	d.shows(v[0], "Room 12, late check-out")
}

// removeAndUndo removes vouchers of the list, and takes it back.
func (d *desk) removeAndUndo(gone [][2]string) {
	d.t.Helper()
	d.open("/vouchers")
	d.shows("10 vouchers")
	for _, v := range gone {
		d.is(fmt.Sprintf(`[...document.querySelectorAll("tbody tr")].some((r) => r.innerText.includes(%q) && (r.querySelector("[name=id]").click(), true))`, v[0]))
	}
	d.is(`document.querySelector("#do").value = "remove"`)
	d.press(`form[action^="/vouchers/select"] button[type="submit"]`, "/vouchers/change")
	d.shows(gone[0][0], gone[1][0])
	d.press(`main form[method="post"] button.bad`, "/vouchers")
	d.shows("8 vouchers")
	if row := d.h.row("get_voucher_users", "users", "username", gone[0][0]); row != nil {
		d.t.Errorf("removed, and the API still lists %v", row)
	}
	d.press(`#said form button[name="undo"]`, "/vouchers")
	d.shows("10 vouchers")
	d.h.login(d.h.Guest(2), gone[0][0], gone[0][1])
}

// changeLoginPage changes what guests see.
func (d *desk) changeLoginPage() {
	d.t.Helper()
	d.open("/login-page/texts")
	d.write("#portal-title", "Good to have you")
	d.press(`#editor button[type="submit"]`, "/login-page/texts")
	d.open("/login-page/look")
	d.is(`document.querySelector("#portal-color").value = "#7a1f5c"`)
	d.press(`#editor button[type="submit"]`, "/login-page/look")
	g := d.h.Guest(2)
	if _, page, err := d.h.get(g.Host, netlab.PortalURL+"/status"); err != nil || !strings.Contains(page, "Hotel Meridian") {
		d.t.Errorf("the guest's page: %v %s", err, text(page))
	}
	d.h.cli("guest", "kick", "02:5A:9C:00:00:02")
	_, page, err := d.h.get(g.Host, netlab.PortalURL+"/welcome?out=1")
	theme := regexp.MustCompile(`/theme\.css[^"]*`).FindString(page)
	if err != nil || !strings.Contains(text(page), "Good to have you") || theme == "" {
		d.t.Fatalf("the login page: %v, theme %q: %s", err, theme, text(page))
	}
	if _, css, err := d.h.get(g.Host, netlab.PortalURL+theme); err != nil || !strings.Contains(css, "#7a1f5c") {
		d.t.Errorf("the login page's colour: %v %s", err, css)
	}
}

// backUpAndRestore takes a backup away, makes something that it does not know,
// and restores it. Guests that it knows stay online.
func (d *desk) backUpAndRestore(vouchers [][2]string) {
	d.t.Helper()
	g, dir := d.h.Guest(1), d.t.TempDir()
	d.h.released(g)
	d.do(look.Command(cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{Behavior: "allow", DownloadPath: dir}))
	d.open("/settings/backup")
	d.do(look.Click(`form[action="/settings/backup/file"] button`))
	var file string
	eventually(d.t, "the backup is downloaded", func() bool {
		found, _ := filepath.Glob(filepath.Join(dir, "*.vsnap"))
		if len(found) == 1 {
			file = found[0]
		}
		return file != ""
	})
	d.open("/vouchers/new")
	d.press(`main form[method="post"] button[type="submit"]`, "/vouchers")
	d.open("/vouchers")
	d.shows("11 vouchers")
	d.open("/settings/backup")
	d.do(chromedp.SetUploadFiles(chromedp.CSS("#backup-file"), []string{file}))
	d.press(`form[action="/settings/backup/upload"] button`, "/settings/backup/restore")
	d.shows("The backup is whole")
	d.write("#word", "restore")
	d.do(look.Click(`form:has(#word) button`))
	d.until(`location.pathname === "/sign-in"`) // the page goes on by itself
	d.signIn("/")
	d.open("/vouchers")
	d.shows("10 vouchers", vouchers[0][0])
	d.open("/guests")
	d.shows(vouchers[0][0])
	d.h.released(g)
	if r := d.h.send(netlab.Flow{Guest: g, Bytes: mb}); r.End != netlab.EndComplete {
		d.t.Errorf("after the restore, the guest's download ended as %q", r.End)
	}
	if _, err := os.Stat(file); err != nil {
		d.t.Error(err)
	}
	d.ear.heard() // while the hotspot began anew, the page asked for it in vain
}
