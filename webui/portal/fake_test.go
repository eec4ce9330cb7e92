package portal

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// The rules themselves must do as a portal's service.
var _ Service = (*hotspot.Service)(nil)

// fakeService answers with its function fields; a call to one that is not set
// fails the test.
type fakeService struct {
	t        testing.TB
	identify func(netip.Addr) (hotspot.Host, error)
	login    func(hotspot.Host, hotspot.Claim) (hotspot.GuestStatus, error)
	back     func(hotspot.Host) (hotspot.GuestStatus, bool, error)
	logout   func(hotspot.MAC) error
	status   func(hotspot.Host) (hotspot.GuestStatus, error)
	settings hotspot.Settings
	logo     *hotspot.Logo
	now      time.Time
	believed bool
}

func (f *fakeService) Identify(a netip.Addr) (hotspot.Host, error) {
	if f.identify == nil {
		f.t.Errorf("unexpected Identify(%s)", a)
		return hotspot.Host{}, hotspot.ErrUnknownDevice
	}
	return f.identify(a)
}

func (f *fakeService) Login(_ context.Context, h hotspot.Host, c hotspot.Claim) (hotspot.GuestStatus, error) {
	if f.login == nil {
		f.t.Errorf("unexpected Login(%s)", h.MAC)
		return hotspot.GuestStatus{}, hotspot.ErrUnavailable
	}
	return f.login(h, c)
}

func (f *fakeService) Return(_ context.Context, h hotspot.Host) (hotspot.GuestStatus, bool, error) {
	if f.back == nil {
		f.t.Errorf("unexpected Return(%s)", h.MAC)
		return hotspot.GuestStatus{}, false, nil
	}
	return f.back(h)
}

func (f *fakeService) Logout(_ context.Context, m hotspot.MAC) error {
	if f.logout == nil {
		f.t.Errorf("unexpected Logout(%s)", m)
		return nil
	}
	return f.logout(m)
}

func (f *fakeService) Status(_ context.Context, h hotspot.Host) (hotspot.GuestStatus, error) {
	if f.status == nil {
		f.t.Errorf("unexpected Status(%s)", h.MAC)
		return hotspot.GuestStatus{}, nil
	}
	return f.status(h)
}

func (f *fakeService) Settings() hotspot.Settings { return f.settings }

func (f *fakeService) Logo() *hotspot.Logo { return f.logo }

func (f *fakeService) Now() (time.Time, bool) { return f.now, f.believed }

// fakeMethod is a login method with a claim to give, or an error.
type fakeMethod struct {
	name  hotspot.Method
	claim func(url.Values) (hotspot.Claim, error)
}

func (m fakeMethod) Name() hotspot.Method { return m.name }

func (m fakeMethod) Enabled(s hotspot.Settings) bool {
	return m.name == hotspot.MethodVoucher && s.LoginVoucher || m.name == hotspot.MethodFree && s.LoginFree || m.name == hotspot.MethodEmail && s.LoginEmail
}

func (m fakeMethod) Claim(_ context.Context, _ hotspot.Host, form url.Values) (hotspot.Claim, error) {
	return m.claim(form)
}

// The fixture's figures.
var (
	guestMAC = hotspot.MAC{0x02, 0, 0x5e, 0x10, 0, 1}
	guest4   = netip.MustParseAddr("192.168.0.23")
	guest6   = netip.MustParseAddr("fd00:1::23")
	portal4  = netip.MustParseAddr("192.168.0.1")
	portal6  = netip.MustParseAddr("fd00:1::1")
	noon     = time.Date(2026, time.May, 3, 12, 0, 0, 0, time.FixedZone("CEST", 7200))
)

// venue is a portal with one guest, who is offline at first.
type venue struct {
	*fakeService
	mu      sync.Mutex // guards all of it while a server runs
	cfg     Config
	handler http.Handler
	online  bool
	why     *hotspot.Error
	guest   hotspot.Guest
	left    time.Duration // 0: no limit
	refusal error         // of the next login
	forms   []url.Values  // that reached a method
}

// newVenue makes the fixture; each change is applied before the portal is made.
func newVenue(t testing.TB, changes ...func(*venue)) *venue {
	t.Helper()
	v := &venue{fakeService: &fakeService{t: t, now: noon, believed: true}, left: 3*time.Hour + 20*time.Minute}
	v.settings = hotspot.Settings{VenueName: "Harbour Café", PortalTitle: "Welcome aboard", LoginVoucher: true, LoginFree: true,
		PortalText: "Enjoy our Wi-Fi.\nYour voucher is printed on the receipt.", PortalTerms: "1. Be kind.\n2. Nothing unlawful."}
	v.guest = hotspot.Guest{Session: hotspot.Session{Account: hotspot.AccountID{Method: hotspot.MethodVoucher, ID: 7}, Login: "K7MPQ2"},
		Uptime: 40*time.Minute + 12*time.Second,
		Allowance: hotspot.Allowance{Limit: hotspot.Usage{Down: 500 * hotspot.MB},
			Used: hotspot.Usage{Down: 187*hotspot.MB + 300<<10, Up: 12*hotspot.MB + 640<<10}}}
	v.identify = func(a netip.Addr) (hotspot.Host, error) {
		if a != guest4 && a != guest6 && !a.IsLoopback() {
			return hotspot.Host{}, hotspot.ErrUnknownDevice
		}
		return hotspot.Host{MAC: guestMAC, Addrs: []netip.Addr{a}}, nil
	}
	v.status = func(hotspot.Host) (hotspot.GuestStatus, error) { return v.standing(), nil }
	v.back = func(hotspot.Host) (hotspot.GuestStatus, bool, error) { return hotspot.GuestStatus{}, false, nil }
	v.login = func(hotspot.Host, hotspot.Claim) (hotspot.GuestStatus, error) {
		v.online = true
		return v.standing(), nil
	}
	v.logout = func(hotspot.MAC) error { v.online, v.why = false, nil; return nil }
	claim := func(form url.Values) (hotspot.Claim, error) {
		v.forms = append(v.forms, form)
		return hotspot.Claim{Method: hotspot.MethodVoucher, Voucher: 7, Login: form.Get("code")}, v.refusal
	}
	v.cfg = Config{Service: v.fakeService, Methods: []Method{fakeMethod{hotspot.MethodVoucher, claim}, fakeMethod{hotspot.MethodFree, claim}, fakeMethod{hotspot.MethodEmail, claim}},
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Port: 2050,
		Now:       func() time.Time { return noon },
		Addresses: func() []netip.Addr { return []netip.Addr{portal4, portal6} }}
	for _, change := range changes {
		change(v)
	}
	h, err := New(v.cfg)
	if err != nil {
		t.Fatal(err)
	}
	v.handler = h
	return v
}

func (v *venue) standing() hotspot.GuestStatus {
	if !v.online {
		return hotspot.GuestStatus{Why: v.why}
	}
	return hotspot.GuestStatus{Online: true, Guest: v.guest, TimeLimited: v.left > 0, TimeLeft: v.left}
}

// send answers one request, from the guest unless it says otherwise.
func (v *venue) send(r *http.Request) *httptest.ResponseRecorder {
	if r.RemoteAddr == "" || strings.HasPrefix(r.RemoteAddr, "192.0.2.1:") {
		r.RemoteAddr = netip.AddrPortFrom(guest4, 40123).String()
	}
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, r)
	return w
}

const origin4 = "http://192.168.0.1:2050"

// get fetches a page of the portal.
func (v *venue) get(path string) *httptest.ResponseRecorder {
	return v.send(httptest.NewRequest(http.MethodGet, origin4+path, nil))
}

// post sends a form to the portal as a browser on its page does.
func (v *venue) post(path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, origin4+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin4)
	return v.send(r)
}
