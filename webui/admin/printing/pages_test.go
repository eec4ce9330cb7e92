package printing

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
)

// wants checks an answer's status and words of it.
func wants(t *testing.T, a paneltest.Answer, status int, words ...string) {
	t.Helper()
	if a.Status != status {
		t.Errorf("status %d, want %d", a.Status, status)
	}
	for _, w := range words {
		without, absent := strings.CutPrefix(w, "!")
		if strings.Contains(a.Body, without) == absent {
			t.Errorf("%q: there is %v, want %v", without, absent, !absent)
		}
	}
}

func TestSelection(t *testing.T) {
	h := newHouse(t, api.RoleManager, 600)
	if _, err := h.EditVoucher(t.Context(), "ROOM0003", hotspot.VoucherEdit{Disabled: new(true)}); err != nil {
		t.Fatal(err)
	}
	if err := h.RemoveVoucher(t.Context(), "ROOM0005"); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]struct {
		vouchers    int
		first, last string
	}{
		"ids=2":                        {1, "ROOM0002", "ROOM0002"},
		"ids=9,2,4-6,6-7":              {5, "ROOM0002", "ROOM0009"},
		"ids=1-599":                    {598, "ROOM0001", "ROOM0599"},
		"ids=598-9999&q=":              {0, "", ""},
		"ids=598-2000":                 {3, "ROOM0598", "ROOM0600"},
		"q=room05":                     {100, "ROOM0500", "ROOM0599"},
		"q=room05&ids=500-501,599-605": {3, "ROOM0500", "ROOM0599"},
		"status=disabled":              {1, "ROOM0003", "ROOM0003"},
		"status=all":                   {599, "ROOM0001", "ROOM0600"},
		"status=new&ids=1-4":           {3, "ROOM0001", "ROOM0004"},
		"status=used-up":               {0, "", ""},
	} {
		t.Run(query, func(t *testing.T) {
			a := h.Get(t, "/print/sheet?layout=a4-3x8&"+query)
			if want.vouchers == 0 {
				wants(t, a, http.StatusUnprocessableEntity, "!<svg")
				return
			}
			wants(t, a, http.StatusOK, want.first, want.last)
			if n := strings.Count(a.Body, `role="group"`); n != want.vouchers {
				t.Errorf("%d vouchers, want %d", n, want.vouchers)
			}
			wants(t, h.Get(t, "/print?layout=a4-3x8&"+query), http.StatusOK, fmt.Sprintf("<dd>%d", want.vouchers), want.first)
		})
	}
	wants(t, h.Get(t, "/print"), http.StatusOK, "What would you like to print?", "made up", "!ROOM0001", "!/print/sheet", "!/print/settings")
	wants(t, h.Get(t, "/print?q=nobody"), http.StatusOK, "There is no such voucher", "!/print/sheet")
	for _, query := range []string{"ids=0", "ids=a", "ids=5-1", "ids=1-9999", "ids=1-4000,5000-9000", "status=odd", "q=%ff"} {
		wants(t, h.Get(t, "/print?"+query), http.StatusUnprocessableEntity, "This cannot be printed as it is.", "!/print/sheet")
		wants(t, h.Get(t, "/print/sheet?"+query), http.StatusUnprocessableEntity, "!<svg")
	}
	wants(t, h.Get(t, "/print/sheet"), http.StatusUnprocessableEntity, "does not say which vouchers")
}

// TestManyVouchers prints as many as can be, which are never in memory at once.
func TestManyVouchers(t *testing.T) {
	h := newHouse(t, api.RoleManager, 5001)
	wants(t, h.Get(t, "/print?status=new"), http.StatusUnprocessableEntity, "vouchers can be printed at once", "!/print/sheet")
	wants(t, h.Get(t, "/print/sheet?status=new"), http.StatusUnprocessableEntity, "!<svg")
	a := h.Get(t, "/print/sheet?ids=1-5000&layout=a4-3x8")
	wants(t, a, http.StatusOK, "ROOM0001", "ROOM5000", "!ROOM5001", "</html>")
	if pages := strings.Count(a.Body, `class="page"`); pages != 209 {
		t.Errorf("%d pages", pages)
	}
	wants(t, h.Get(t, "/print/pdf?ids=1-5000&layout=a4-3x8"), http.StatusOK, "%PDF-1.4", "%%EOF")
}

func TestSheetAndPDF(t *testing.T) {
	h := newHouse(t, api.RoleManager, 12)
	h.logo(t)
	sheet := h.Get(t, "/print/sheet?ids=1-12&cut=none&language=it&lang=en")
	wants(t, sheet, http.StatusOK, `<html lang="it" dir="ltr">`, `<header class="hint" lang="en" dir="ltr">`, "Vouchers to print", "Codice del voucher",
		"Welcome to Meridian", "Password del Wi-Fi: sun and sea", "k0012x", `class="a4"`, `!class="k"`, h.Logo().Version(), "/print?cut=none&amp;ids=1-12", "print.js")
	if csp := sheet.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
	if cc := sheet.Header.Get("Cache-Control"); cc != "no-store" {
		t.Errorf("codes may be cached: %q", cc)
	}
	pdf := h.Get(t, "/print/pdf?ids=1-12")
	wants(t, pdf, http.StatusOK, "%PDF-1.4", "%%EOF")
	if d := pdf.Header.Get("Content-Disposition"); d != `attachment; filename=vouchers.pdf` || pdf.Header.Get("Content-Type") != "application/pdf" {
		t.Errorf("%q %q", d, pdf.Header.Get("Content-Type"))
	}
	// Arabic is for the browser's fonts.
	wants(t, h.Get(t, "/print?ids=1&language=ar"), http.StatusOK, "Save as PDF", "!/print/pdf", `رمز القسيمة`)
	wants(t, h.Get(t, "/print/pdf?ids=1&language=ar"), http.StatusUnprocessableEntity, "Save as PDF")
	wants(t, h.Get(t, "/print/sheet?ids=1&language=ar"), http.StatusOK, `<html lang="ar" dir="rtl">`)
	// What no setting can be is as if it were not there.
	wants(t, h.Get(t, "/print/sheet?ids=1&layout=a4-99x99&cut=x&language=xx"), http.StatusOK, `class="a4"`, `class="k"`, `<html lang="en"`)
	wants(t, h.Get(t, "/print/logo?v="+h.Logo().Version()), http.StatusOK, "PNG")
	for _, path := range []string{"/print/print.css", "/print/print.js"} {
		wants(t, h.Get(t, path), http.StatusOK)
	}
	wants(t, h.Get(t, "/print/settings"), http.StatusForbidden, "!sun and sea")
}

// TestWiFiWithoutName: a router that nobody told of the Wi-Fi prints vouchers
// that are silent about it.
func TestWiFiWithoutName(t *testing.T) {
	h := newHouse(t, api.RoleOwner, 1)
	h.set(t, map[string]string{"print.wifi_name": ""})
	wants(t, h.Get(t, "/print/sheet?ids=1"), http.StatusOK, "ROOM0001", "Scan to log in", "!Wi-Fi")
}

// whole is the settings' form as a browser sends it.
func (h *house) whole(change map[string]string) url.Values {
	form, set := url.Values{}, h.Settings()
	for _, k := range hotspot.SettingKeys() {
		if name, ours := strings.CutPrefix(k.Key, "print."); ours && set.Value(k.Key) != "off" {
			form.Set(name, set.Value(k.Key))
		}
	}
	for name, v := range change {
		if form.Set(name, v); v == "" {
			form.Del(name)
		}
	}
	return form
}

func TestSettings(t *testing.T) {
	h := newHouse(t, api.RoleOwner, 1)
	wants(t, h.Get(t, "/print/settings"), http.StatusOK, "Meridian Guests", "sun and sea", `name="layout"`, "made up")
	// A preview changes nothing.
	try := h.Post(t, "/print/settings", h.whole(map[string]string{"do": "try", "title": "Ahoy", "layout": "roll80"}))
	wants(t, try, http.StatusOK, "not saved yet", "Ahoy", `width="80mm"`)
	if got := h.Settings().Print.Title; got != "Welcome to Meridian" {
		t.Errorf("saved %q", got)
	}
	saved := h.Post(t, "/print/settings", h.whole(map[string]string{"title": "Ahoy", "layout": "roll58", "login_code": "", "show_name": "on", "terms": "Be kind.\r\nNo refunds."}))
	wants(t, saved, http.StatusSeeOther)
	if p := h.Settings().Print; p.Title != "Ahoy" || p.Layout != "roll58" || p.LoginCode || !p.ShowName || p.Terms != "Be kind.\nNo refunds." || p.SSID != "Meridian Guests" || !p.WiFiCode {
		t.Errorf("%+v", p)
	}
	wants(t, h.Get(t, "/print/settings"), http.StatusOK, "Saved.", "Ahoy", `width="58mm"`)
}

func TestSettingsRefused(t *testing.T) {
	h := newHouse(t, api.RoleOwner, 1)
	for name, c := range map[string]struct {
		change map[string]string
		words  []string
	}{
		"wifi":    {map[string]string{"wifi_name": strings.Repeat("é", 20), "wifi_password": "short"}, []string{`id="wifi_name-error"`, `id="wifi_password-error"`, "64 hexadecimal"}},
		"portal":  {map[string]string{"portal": "javascript:alert(1)"}, []string{`id="portal-error"`, "http://10.0.0.1/"}},
		"layout":  {map[string]string{"layout": "a4-9x9"}, []string{`id="layout-error"`}},
		"no room": {map[string]string{"terms": strings.Repeat("Be kind. ", 200), "layout": "a4-3x8"}, []string{`id="terms-error"`, "Shorten it"}},
		"fine code": {map[string]string{"wifi_name": strings.Repeat("漢", 10), "wifi_password": strings.Repeat("a0", 32), "layout": "a4-3x8"},
			[]string{"-error\"", "Choose"}},
	} {
		t.Run(name, func(t *testing.T) {
			wants(t, h.Post(t, "/print/settings", h.whole(c.change)), http.StatusUnprocessableEntity, append(c.words, "Nothing was saved")...)
			if p := h.Settings().Print; p.SSID != "Meridian Guests" || p.Layout != "a4-2x5" || p.Terms != "" {
				t.Errorf("saved %+v", p)
			}
		})
	}
	// Settings that came another way are told of where they show.
	h.set(t, map[string]string{"print.terms": strings.Repeat("Be kind. ", 200), "print.layout": "card"})
	wants(t, h.Get(t, "/print?ids=1"), http.StatusUnprocessableEntity, "This cannot be printed as it is.", "Shorten it", "!/print/sheet", "/print/settings")
	wants(t, h.Get(t, "/print/settings"), http.StatusOK, "Shorten it", `name="terms"`)
	wants(t, h.Get(t, "/print/sheet?ids=1"), http.StatusUnprocessableEntity, "Shorten it", "!<svg")
}

// upload sends a file as a browser does.
func (h *house) upload(t *testing.T, file []byte) paneltest.Answer {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.WriteField("token", h.Token()); err != nil {
		t.Fatal(err)
	}
	part, err := w.CreateFormFile("file", `../"><script>.png`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(file); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return h.Send(t, "/print/logo", w.FormDataContentType(), &b)
}

func TestLogo(t *testing.T) {
	h := newHouse(t, api.RoleOwner, 1)
	wants(t, h.Get(t, "/print/logo"), http.StatusNotFound)
	for name, file := range map[string][]byte{
		"empty": nil, "svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), "html": []byte("<script>alert(1)</script>"),
		"cut": picture(t, 60, 40)[:100], "large": append(picture(t, 60, 40), make([]byte, hotspot.MaxLogo)...),
	} {
		wants(t, h.upload(t, file), http.StatusUnprocessableEntity, `id="file-error"`, "64 KB")
		if h.Logo() != nil {
			t.Fatalf("%s was taken", name)
		}
	}
	wants(t, h.upload(t, make([]byte, maxUpload+1)), http.StatusUnprocessableEntity, "64 KB")
	wants(t, h.upload(t, picture(t, 120, 48)), http.StatusSeeOther)
	a := h.Get(t, "/print/logo?v="+h.Logo().Version())
	wants(t, a, http.StatusOK)
	if a.Header.Get("Content-Type") != "image/png" || a.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(a.Header.Get("Cache-Control"), "private") {
		t.Errorf("%v", a.Header)
	}
	wants(t, h.Get(t, "/print/settings"), http.StatusOK, "The logo is saved.", "/print/logo/remove", h.Logo().Version())
	wants(t, h.Get(t, "/print/sheet?ids=1"), http.StatusOK, "<image")
	wants(t, h.Post(t, "/print/logo/remove", nil), http.StatusSeeOther)
	if h.Logo() != nil {
		t.Error("it is still there")
	}
	wants(t, h.Get(t, "/print/sheet?ids=1"), http.StatusOK, "!<image")
}

// TestViewer: paper tells passcodes, which viewers are not shown.
func TestViewer(t *testing.T) {
	h := newHouse(t, api.RoleViewer, 2)
	for _, path := range []string{"/print", "/print?ids=1-2", "/print/sheet?ids=1-2", "/print/pdf?ids=1-2", "/print/settings"} {
		wants(t, h.Get(t, path), http.StatusForbidden, "!ROOM0002", "!sun and sea")
	}
}

// TestRoles: who may make vouchers may print them; settings are an owner's.
func TestRoles(t *testing.T) {
	for role, status := range map[api.Role]int{api.RoleManager: http.StatusForbidden, api.RoleOwner: http.StatusOK} {
		h := newHouse(t, role, 2)
		wants(t, h.Get(t, "/print?ids=1-2"), http.StatusOK, "ROOM0002")
		wants(t, h.Get(t, "/print/settings"), status)
		if status == http.StatusOK {
			continue
		}
		wants(t, h.Post(t, "/print/settings", h.whole(map[string]string{"title": "Mine"})), status)
		wants(t, h.upload(t, picture(t, 9, 9)), status)
		wants(t, h.Post(t, "/print/logo/remove", nil), status)
		if h.Logo() != nil || h.Settings().Print.Title != "Welcome to Meridian" {
			t.Errorf("%s changed something", role)
		}
	}
}
