package portal

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

// scene is one state of one page, as the golden files and the browser see it.
type scene struct {
	name   string
	change func(*venue)
	method string // GET unless said
	path   string
	form   url.Values
	status int
	lang   string // that the guest chose, if it did
}

// in is the scene for a guest who chose a language.
func (s scene) in(lang string) scene {
	query := "?"
	if strings.Contains(s.path, "?") {
		query = "&"
	}
	s.path += query + webui.LanguageField + "=" + lang
	s.lang = lang
	return s
}

// otherLanguages are those beside English.
var otherLanguages = []string{"ar", "it"}

var typed = url.Values{"code": {"K7MPQ2"}, "passcode": {"secret-one"}}

var answered = url.Values{"email": {"anna@example"}, "name": {"Anna Lee"}, "comments": {"12"}, "comments2": {"by <bus>"}, "consent": {"1"}, "venue_password": {"wrong-one"}}

// asking are settings that ask guests for all that can be asked for.
func asking(s hotspot.Settings) hotspot.Settings {
	s.LoginEmail = true
	s.PortalTerms = "1. Be kind.\n2. Nothing unlawful."
	s.Portal = hotspot.PortalSettings{Color: "#7a1fa2", Password: "open sesame", TermsAccept: true, Consent: "You may send me news.",
		Fields: [3]hotspot.OwnField{{Label: "Room", Required: true}, {}, {Label: "How did you get here?"}}}
	return s
}

// picture is a logo of 120 × 40 pixels.
var picture = func() *hotspot.Logo {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 120, 40))); err != nil {
		panic(err)
	}
	l, err := hotspot.ParseLogo(b.Bytes())
	if err != nil {
		panic(err)
	}
	return l
}()

const longWord = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"

// scenes are all pages in all their states.
func scenes() []scene {
	online := func(v *venue) { v.online = true }
	refuse := func(err *hotspot.Error) func(*venue) { return func(v *venue) { v.refusal = err } }
	return []scene{
		{name: "welcome", path: "/welcome"},
		{name: "welcome-code", path: "/welcome?code=K7MPQ2&passcode=ab3de4&u=http%3A%2F%2Fexample.com%2Fnews%3Fa%3D1%26b%3D2"},
		{name: "welcome-voucher", path: "/welcome", change: func(v *venue) {
			v.settings = hotspot.Settings{LoginVoucher: true}
		}},
		{name: "welcome-free", path: "/welcome", change: func(v *venue) {
			v.settings.LoginVoucher = false
		}},
		{name: "welcome-closed", path: "/welcome", change: func(v *venue) {
			v.settings.LoginVoucher, v.settings.LoginFree = false, false
		}},
		{name: "welcome-ended", path: "/welcome", change: func(v *venue) {
			v.why = &hotspot.Error{Code: hotspot.CodeDownloadUsed, Text: "the download limit is used up"}
		}},
		{name: "welcome-bye", path: "/welcome?bye=1"},
		{name: "welcome-long", path: "/welcome", change: func(v *venue) {
			v.settings.VenueName = longWord
			v.settings.PortalTitle = longWord
			v.settings.PortalText = strings.Repeat(longWord, 3)
		}},
		{name: "welcome-rtl", path: "/welcome", change: func(v *venue) {
			v.settings.VenueName = "مقهى الميناء"
			v.settings.PortalTitle = "أهلا وسهلا"
			v.settings.PortalText = "استمتع بالإنترنت"
		}},
		{name: "welcome-asking", path: "/welcome", change: func(v *venue) {
			v.settings = asking(v.settings)
			v.logo = picture
		}},
		{name: "welcome-order", path: "/welcome", change: func(v *venue) {
			v.settings.LoginEmail = true
			v.settings.LoginOrder = []hotspot.Method{hotspot.MethodFree, hotspot.MethodEmail, hotspot.MethodVoucher}
			v.settings.Portal.Color = "#ffcc00"
		}},
		{name: "email-refused", method: http.MethodPost, path: "/email", form: answered, change: func(v *venue) {
			v.settings = asking(v.settings)
			v.refusal = hotspot.Invalid(fieldEmail, "no address")
		}},
		{name: "password-refused", method: http.MethodPost, path: "/free", form: answered, change: func(v *venue) {
			v.settings = asking(v.settings)
			v.refusal = &hotspot.Error{Code: hotspot.CodeWrongPassword, Field: fieldPassword}
		}},
		{name: "terms-refused", method: http.MethodPost, path: "/login", form: typed, change: func(v *venue) {
			v.settings = asking(v.settings)
			v.refusal = hotspot.Invalid(fieldTerms, "agree to the terms of use")
		}},
		{name: "login-refused", method: http.MethodPost, path: "/login", form: typed,
			change: refuse(hotspot.ErrUnknownCode)},
		{name: "login-early", method: http.MethodPost, path: "/login", form: typed,
			change: refuse(&hotspot.Error{Code: hotspot.CodeNotYetValid, When: noon.Add(45 * time.Hour)})},
		{name: "login-later", method: http.MethodPost, path: "/login", form: typed,
			change: refuse(&hotspot.Error{Code: hotspot.CodeTryLater, When: noon.Add(90 * time.Second)})},
		{name: "free-refused", method: http.MethodPost, path: "/free", form: url.Values{},
			change: refuse(&hotspot.Error{Code: hotspot.CodeTimeUsed, When: noon.Add(5 * time.Hour)})},
		{name: "status", path: "/status?u=https%3A%2F%2Fexample.com%2Fnews", change: online},
		{name: "status-unlimited", path: "/status", change: func(v *venue) {
			v.online, v.left = true, 0
			v.guest.Allowance.Limit = hotspot.Usage{}
		}},
		{name: "status-total", path: "/status", change: func(v *venue) {
			v.online = true
			v.guest.Allowance.Limit, v.guest.Allowance.LimitTotal = hotspot.Usage{}, 500*hotspot.MB
		}},
		{name: "status-total-beside", path: "/status", change: func(v *venue) {
			v.online, v.guest.Allowance.LimitTotal = true, 600*hotspot.MB
		}},
		{name: "status-limited", path: "/status", change: func(v *venue) {
			v.online, v.left = true, 26*time.Hour
			v.guest.Allowance.Limit.Up = 16 * hotspot.MB
		}},
		{name: "status-unsure", path: "/status", change: func(v *venue) {
			v.online, v.believed = true, false
		}},
		{name: "status-long", path: "/status?u=http%3A%2F%2F" + strings.Repeat("a", 60) + "." + strings.Repeat("b", 60) + ".example%2F", change: func(v *venue) {
			v.online = true
			v.guest.Login = longWord[:64]
		}},
		{name: "status-offline", path: "/status"},
		{name: "status-ended", path: "/status", change: func(v *venue) {
			v.why = &hotspot.Error{Code: hotspot.CodeTimeUsed, When: noon.Add(-time.Minute)}
		}},
		{name: "not-found", path: "/nowhere", status: http.StatusNotFound},
		{name: "wrong-method", method: http.MethodPost, path: "/welcome", form: url.Values{}, status: http.StatusMethodNotAllowed},
		{name: "unknown-device", path: "/welcome", status: http.StatusForbidden, change: func(v *venue) {
			v.identify = func(netip.Addr) (hotspot.Host, error) { return hotspot.Host{}, hotspot.ErrUnknownDevice }
		}},
		{name: "blocked", path: "/welcome", change: func(v *venue) { v.why = hotspot.ErrBlocked }},
		{name: "fault", path: "/status", status: http.StatusServiceUnavailable, change: func(v *venue) {
			v.status = func(hotspot.Host) (hotspot.GuestStatus, error) { return hotspot.GuestStatus{}, hotspot.ErrUnavailable }
		}},
	}
}

// want is the status that the scene's page has.
func (s scene) want() int {
	if s.status == 0 {
		return http.StatusOK
	}
	return s.status
}

// request asks for the scene's page at an origin, as a browser would.
func (s scene) request(origin string) *http.Request {
	if s.method == http.MethodPost {
		r := httptest.NewRequest(s.method, origin+s.path, strings.NewReader(s.form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
		return r
	}
	return httptest.NewRequest(http.MethodGet, origin+s.path, nil)
}
