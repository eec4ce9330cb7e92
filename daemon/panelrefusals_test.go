package daemon

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"html"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/store"
)

// refused is a form, or a file, that the panel refuses.
type refused struct {
	name, path string
	form       url.Values
	file       []byte // nil: there is none
}

// typed is a form with names and values in turn.
func typed(pairs ...string) url.Values {
	f := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Add(pairs[i], pairs[i+1])
	}
	return f
}

// TestPanelRefusals sends forms that are refused, in every language: what a page
// then says is in that language. Arabic pages have no sentence in Latin letters.
func TestPanelRefusals(t *testing.T) {
	v := newVenue(t, false)
	v.machines()
	v.key()
	for _, r := range v.refused() {
		english := v.refusal("en", r)
		if len(english) == 0 {
			t.Errorf("%s is not refused", r.name)
		}
		for _, lang := range []string{"it", "ar"} {
			told := v.refusal(lang, r)
			if len(told) != len(english) {
				t.Errorf("%s: %q is %q in %s", r.name, english, told, lang)
				continue
			}
			for i := range told {
				if told[i] == english[i] {
					t.Errorf("%s: %q is English in %s", r.name, told[i], lang)
				}
			}
		}
	}
}

// refused are forms of all areas.
func (v *venue) refused() []refused {
	v.t.Helper()
	return slices.Concat(v.refusedVouchers(), v.refusedSheets(), v.refusedGuests(), v.refusedMachines(), v.refusedOperators(), v.refusedSettings())
}

// tooLong is longer than anything may be.
var tooLong = strings.Repeat("x", 1200)

func post(name, path string, pairs ...string) refused {
	return refused{name: name, path: path, form: typed(pairs...)}
}

func upload(name, path string, file []byte) refused {
	return refused{name: name, path: path, form: url.Values{}, file: file}
}

func (v *venue) refusedVouchers() []refused {
	v.t.Helper()
	x := v.make(hotspot.VoucherSpec{Username: "room101", FullName: "Anna"})
	_, page := v.scales().fetch(http.MethodGet, fmt.Sprintf("/vouchers/by-id/%d", x.ID), nil)
	version := ""
	if m := regexp.MustCompile(`name="version" value="([^"]*)"`).FindStringSubmatch(page); m != nil {
		version = html.UnescapeString(m[1])
	}
	return []refused{
		post("a voucher", "/vouchers/new", "count", "0", "username", "a\x01b", "passcode", "a\x01b", "note", tooLong, "valid_for", "soon", "valid_from", "yesterday", "devices", "1000", "limit_down", "much"),
		post("a voucher's rules", "/vouchers/new", "count", "1", "username", "a\x01b", "valid_for", "1 day"),
		post("a voucher's name", "/vouchers/new", "count", "1", "username", "room101", "valid_for", "1 day"),
		post("a voucher's prefix", "/vouchers/new", "count", "1", "username", "room9", "prefix", "x", "valid_for", "1 day"),
		post("a batch", "/vouchers/new", "count", "5", "prefix", strings.Repeat("p", 64), "valid_for", "1 day"),
		post("a limit of both", "/vouchers/new", "count", "1", "limit_down", "500 MB", "limit_total", "100 MB", "valid_for", "1 day"),
		post("a year", "/vouchers/new", "count", "1", "valid_from", "1900-01-01T00:00", "valid_for", "1 day"),
		post("an edit", fmt.Sprintf("/vouchers/by-id/%d", x.ID), "version", version, "username", "a\x01b"),
		post("an edit's limit", fmt.Sprintf("/vouchers/by-id/%d", x.ID), "version", version, "limit_up", "500 MB", "limit_total", "100 MB"),
		post("an old edit", fmt.Sprintf("/vouchers/by-id/%d", x.ID), "version", "old", "note", "b"),
		post("more for a voucher", fmt.Sprintf("/vouchers/by-id/%d/change", x.ID), "do", "topup", "more_time", "soon"),
		post("many at once", "/vouchers/change", "do", "topup", "ids", "1", "more_down", "?"),
		post("a note for many", "/vouchers/change", "do", "note", "id", "1", "all", "on", "note", tooLong),
		post("an undo", "/vouchers/undo", "undo", "none"),
	}
}

// refusedSheets are files of vouchers.
func (v *venue) refusedSheets() (all []refused) {
	for _, file := range []string{
		"", "username,colour\n", "username,username\n", "1;2\n", "username\n\"a\n", "username,note\n\"a\"b,c\n", "username\n" + strings.Repeat("x", 70_000), "\xff\xfeu", "username\n\xff\n", strings.Repeat(",", 120) + "\n", "\n",
		"username,passcode,valid_for,valid_from,download_limit,devices,disabled,note\n" +
			"a,b\n\x01,b,1 day,,,,,\nb,b,soon,,,,,\nc,b,,soon,,,,\nd,b,,,much,,,\ne,b,,,99999999 GB,,,\nf,b,,,,some,,\ng,b,,,,1000,,\nh,b,,,,,perhaps,\ni,b,,,,,,n,more\nk,b,,,,,,\nk,b,,,,,,\nroom101,b,,,,,,\nl,b,,1900-01-01,,,,\nm," + tooLong + ",,,,,,\n",
	} {
		all = append(all, upload(fmt.Sprintf("vouchers %.20q", file), "/vouchers/import", []byte(file)))
	}
	return all
}

func (v *venue) refusedGuests() []refused {
	guest := v.enter(3, withVoucher(v.make(hotspot.VoucherSpec{}))).MAC.String()
	return []refused{
		post("more for a guest", "/guests/"+guest+"/extend", "time", "", "download", ""),
		post("much more for a guest", "/guests/"+guest+"/extend", "download", "99999999"),
		post("more for nobody", "/guests/02:00:5E:10:00:01/extend", "time", "1h"),
		post("a device", "/guests/blocked", "mac", "02:00"),
		post("a device's note", "/guests/blocked", "mac", "02:00:5E:10:00:01", "note", tooLong),
		post("a retention period", "/users/retention", "people.keep_days", "-1"),
		post("the login page's texts", "/login-page/texts", "portal.title", tooLong),
		post("the login page's look", "/login-page/look", "portal.color", "red"),
		post("the login page's questions", "/login-page/questions", "portal.field1", tooLong),
		post("the login page's password", "/login-page/access", "portal.password", tooLong),
		upload("the login page's logo", "/login-page/logo", []byte("no picture")),
		post("the sheets", "/print/settings", "print.layout", "a4-2x5", "print.wifi_name", tooLong, "print.wifi_password", "short", "print.portal", "nowhere", "print.title", tooLong),
		post("a layout", "/print/settings", "print.layout", "a4-20x20"),
		upload("the sheets' logo", "/print/logo", []byte("no picture")),
	}
}

func (v *venue) refusedMachines() []refused {
	hook, key := v.wildcard["/integrations/webhooks/{id}"], v.wildcard["/settings/api/{id}"]
	all := []refused{
		post("an API key", "/settings/api/new", "label", "", "expires", "soon"),
		post("an API key's name", "/settings/api/new", "label", "Booking system", "expires", "never", "scopes", "vouchers"),
		post("an API key's scopes", "/settings/api/new", "label", "new", "expires", "never"),
		post("an API key's new name", "/settings/api/"+key, "label", tooLong),
		post("a webhook's types", "/integrations/webhooks/new", "url", "https://example.com/hook"),
		post("a webhook's description", "/integrations/webhooks/new", "url", "https://example.com/hook", "types", "guest.login", "description", tooLong),
		post("a webhook's type", "/integrations/webhooks/new", "url", "https://example.com/hook", "types", "guest.sneezed"),
		post("an edit of a webhook", "/integrations/webhooks/"+hook+"/edit", "url", "https://192.0.2.1:0/", "types", "guest.login"),
	}
	for _, at := range []string{"ftp://example.com/", "https://127.0.0.1/", "https://169.254.1.1/", "https://0.0.0.1/", "http://192.0.2.7/", "https://me@example.com/", "https://example.com/#a", "https:///x", "https://example.com:0/",
		"https://example.com/ä", "::", "https://" + tooLong} {
		all = append(all, post("a webhook to "+at[:min(len(at), 40)], "/integrations/webhooks/new", "url", at, "types", "guest.login"))
	}
	return all
}

func (v *venue) refusedOperators() []refused {
	desk := v.wildcard["/operators/{id}"]
	all := []refused{
		post("an operator", "/operators/new", "email", "nobody", "role", "owner", "password", panelPassword),
		post("an operator's role", "/operators/new", "email", "b@example.org", "role", "king", "password", panelPassword),
		post("an operator's address", "/operators/new", "email", venueOwner, "role", "owner", "password", panelPassword),
		post("an operator's name", "/operators/new", "email", "b@example.org", "name", tooLong, "role", "owner", "password", panelPassword),
		post("an operator's new name", "/operators/"+desk+"/name", "name", tooLong),
		post("one's own password", "/account/password", "password", "short", "password_again", "short"),
		post("one's own other password", "/account/password", "password", panelPassword, "password_again", "short"),
		post("one's own name", "/account/name", "name", tooLong),
		post("the venue's name", "/setup/venue", "venue.name", tooLong),
		post("first vouchers", "/setup/vouchers", "count", "900", "valid_for", "soon"),
	}
	for _, p := range []string{"short", tooLong, "password1234", "b@example.org"} {
		all = append(all, post("a password "+p[:min(len(p), 20)], "/operators/new", "email", "b@example.org", "role", "owner", "password", p))
	}
	return all
}

func (v *venue) refusedSettings() []refused {
	return []refused{
		post("the settings", "/settings", "was:voucher.devices", "1", "voucher.devices", "many", "was:session.idle_timeout", "1800", "session.idle_timeout", "?"),
		upload("a backup of another kind", "/settings/backup/upload", []byte("no backup")),
		upload("a damaged backup", "/settings/backup/upload", v.damaged()),
		post("a cloud", "/integrations/cloud", "domain", "nowhere", "code", "AAAA"),
		post("no claim code", "/integrations/cloud", "domain", "cloud.example.com", "code", ""),
	}
}

// damaged is a backup with a byte that is not as it was.
func (v *venue) damaged() []byte {
	v.t.Helper()
	var b bytes.Buffer
	v.fine(v.d.backups.Backup(v.t.Context(), &b))
	file := b.Bytes()
	at := len(file) / 2
	binary.BigEndian.PutUint32(file[at:], ^binary.BigEndian.Uint32(file[at:]))
	return file
}

var (
	// verdicts are the parts of a page that say what was refused.
	verdicts = regexp.MustCompile(`(?s)<p class="error"[^>]*>(.*?)</p>|<div class="(?:note (?:bad|warning)|empty)"[^>]*>(.*?)</div>|<td [^>]*data-label="(?:What is wrong|Problema|المشكلة)"[^>]*>(.*?)</td>`)
	tags     = regexp.MustCompile(`<[^>]*>`)
	// foreign is what stands in Latin letters on every page: names, codes and
	// what is typed, in isolation.
	foreign = regexp.MustCompile(`(?s)<(bdi|code|script|textarea|option|title)\b.*?</(bdi|code|script|textarea|option|title)>|<nav class="languages".*?</nav>|[\x{2066}\x{2068}].*?\x{2069}`)
	latin   = regexp.MustCompile(`[A-Za-z]{2,}[,;:]? [A-Za-z]{2,}`)
)

// refusal sends a form and returns what the page says of it. It complains about
// Latin sentences on an Arabic page.
func (v *venue) refusal(lang string, r refused) (told []string) {
	v.t.Helper()
	x := v.scales()
	resp, page := v.send(x, r.path+"?lang="+lang, r)
	if to := resp.Header.Get("Location"); to != "" {
		resp, page = x.fetch(http.MethodGet, to, nil)
	}
	if resp.StatusCode >= 500 || !strings.Contains(page, `<html lang="`+lang+`"`) {
		v.t.Errorf("%s, %s: %s", r.name, lang, resp.Status)
	}
	for _, m := range verdicts.FindAllStringSubmatch(page, -1) {
		told = append(told, strings.TrimSpace(html.UnescapeString(tags.ReplaceAllString(m[1]+m[2]+m[3], " "))))
	}
	if lang == "ar" {
		v.arabic(r.name, page)
	}
	return told
}

// arabic complains about Latin sentences on an Arabic page.
func (v *venue) arabic(name, page string) {
	v.t.Helper()
	text := html.UnescapeString(tags.ReplaceAllString(foreign.ReplaceAllString(html.UnescapeString(page), " … "), " | "))
	text = strings.ReplaceAll(text, "Booking system", "") // a name
	for _, s := range latin.FindAllString(text, -1) {
		v.t.Errorf("%s: the Arabic page says %q", name, s)
	}
}

// TestPanelFaults: what went wrong with the configuration, the disk and a restore
// is told in the page's language, wherever it is shown.
func TestPanelFaults(t *testing.T) {
	v := newVenue(t, false)
	v.d.health = new(health) // that nothing was ever counted and stored is a fault, too
	_, wrong := config.Parse([]byte("data: here\nguest:\n  portal_port: 0\nlan:\n  names: [a b]\nlog:\n  level: loud\nzone: Nowhere\nstore: 7\n"))
	_, broken := config.Parse([]byte("data: [\n"))
	full := fmt.Errorf("restore: %w", &fs.PathError{Op: "write", Path: "/data/vouchsafe.db", Err: syscall.ENOSPC})
	for _, tc := range []struct {
		err    error
		it, ar string
	}{
		{wrong, `guest.portal_port: "0" non è una porta; scrivi un numero da 1 a 65535; `, "ليس منفذًا"},
		{broken, "non è YAML valido (in inglese: «did not find expected node content»)", "ليس YAML صحيحًا"},
		{full, "/data/vouchsafe.db: non c’è più spazio sul disco", "لم تبقَ مساحة على القرص"},
		{&store.SnapshotError{Err: io.ErrUnexpectedEOF}, "l’istantanea non si può usare: ", "لا يمكن استخدام اللقطة"},
		{fmt.Errorf("listen: %w", syscall.Errno(18)), "in inglese: «listen: invalid cross-device link»", "بالإنجليزية"},
	} {
		v.d.restoreFailed = tc.err
		text := notInUse(tc.err)
		v.d.badConfig.Store(&text)
		for _, path := range []string{"/settings/backup", "/settings/network", "/"} {
			for lang, want := range map[string]string{"it": tc.it, "ar": tc.ar} {
				_, page := v.scales().fetch(http.MethodGet, path+"?lang="+lang, nil)
				if page = html.UnescapeString(page); !strings.Contains(page, want) {
					t.Errorf("%s in %s does not say %q of %v", path, lang, want, tc.err)
				}
				if lang == "ar" {
					v.arabic(path, page)
				}
			}
		}
	}
}

// send sends a form, with its file if it has one.
func (v *venue) send(x *scales, path string, r refused) (*http.Response, string) {
	v.t.Helper()
	form := url.Values{"token": {maskedToken(v.cookie)}}
	for name, values := range r.form {
		form[name] = values
	}
	if r.file == nil {
		return x.fetch(http.MethodPost, path, form)
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name := range form {
		v.fine(w.WriteField(name, form.Get(name)))
	}
	part, err := w.CreateFormFile("file", "file")
	v.fine(err)
	_, err = part.Write(r.file)
	v.fine(err)
	v.fine(w.Close())
	return x.ask(http.MethodPost, path, w.FormDataContentType(), &b)
}

// TestReferenceLanguage: the API's reference is in the reader's language but for
// what the API itself says, which is marked.
func TestReferenceLanguage(t *testing.T) {
	v := newVenue(t, false)
	own := regexp.MustCompile(`(?s)<(p|ul|h2|h3|span|td) lang="en" dir="ltr">.*?</(p|ul|h2|h3|span|tr)>|<(pre|style)\b.*?</(pre|style)>`)
	for lang, want := range map[string]string{"en": "Not for read-only callers.", "it": "Non per chi può soltanto leggere.", "ar": "ليس لمن له القراءة فقط."} {
		resp, page := v.scales().fetch(http.MethodGet, "/api/v1/docs?lang="+lang, nil)
		if resp.StatusCode != http.StatusOK || !strings.Contains(page, `<html lang="`+lang+`"`) || !strings.Contains(page, want) || !strings.Contains(page, `<h3 lang="en" dir="ltr">`) {
			t.Errorf("%s: %s", lang, resp.Status)
		}
		if lang == "ar" {
			v.arabic("the reference", own.ReplaceAllString(page, " "))
		}
	}
}
