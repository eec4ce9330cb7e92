package proof

import (
	"bytes"
	"context"
	"errors"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/portal"
)

// guests are the rules as the portal asks them, for a device that is offline.
type guests struct{ t *testing.T }

func (guests) Identify(netip.Addr) (hotspot.Host, error) {
	return hotspot.Host{MAC: hotspot.MAC{2, 0, 0, 0, 0, 1}}, nil
}

func (g guests) Login(context.Context, hotspot.Host, hotspot.Claim) (hotspot.GuestStatus, error) {
	g.t.Error("a QR code logged somebody in")
	return hotspot.GuestStatus{}, errors.New("not expected")
}

func (guests) Return(context.Context, hotspot.Host) (st hotspot.GuestStatus, ok bool, err error) {
	return st, false, nil
}
func (guests) Logout(context.Context, hotspot.MAC) error { return nil }
func (guests) Status(context.Context, hotspot.Host) (hotspot.GuestStatus, error) {
	return hotspot.GuestStatus{}, nil
}
func (guests) Logo() *hotspot.Logo               { return nil }
func (guests) Settings() hotspot.Settings        { return hotspot.DefaultSettings() }
func (guests) Now() (t time.Time, believed bool) { return time.Unix(0, 0), true }

// form is the login form of vouchers.
type form struct{}

func (form) Name() hotspot.Method          { return hotspot.MethodVoucher }
func (form) Enabled(hotspot.Settings) bool { return true }
func (form) Claim(context.Context, hotspot.Host, url.Values) (hotspot.Claim, error) {
	return hotspot.Claim{}, errors.New("not expected")
}

var fieldValue = regexp.MustCompile(`name="(code|passcode)" value="([^"]*)"`)

// TestCodesFillInTheForm follows the QR codes of a PDF to the portal: both
// fields are filled in exactly, and nobody is logged in by that.
func TestCodesFillInTheForm(t *testing.T) {
	addr := netip.MustParseAddr("10.20.30.1")
	h, err := portal.New(portal.Config{Service: guests{t}, Methods: []portal.Method{form{}}, Log: slog.New(slog.DiscardHandler),
		Addresses: func() []netip.Addr { return []netip.Addr{addr} }, Port: 80})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range [][2]string{
		{"AB0000", "XY1234"}, {"a b  c", `p+a&s=s?#%20"<>`}, {"Gäste Café", "naïve"}, {`\;:,"'`, "x/../y"}, {strings.Repeat("w", 64), strings.Repeat("&", 20)},
	} {
		s := sheet(t, "a6")
		s.Show.WiFiCode = false
		var b bytes.Buffer
		if _, err := job(t, s).PDF(&b, some(1, func(x *hotspot.VoucherView) { x.Username, x.Passcode = v[0], v[1] })); err != nil {
			t.Fatal(err)
		}
		for _, link := range codes(t, b.Bytes(), 300) {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, link, nil))
			got := map[string]string{}
			for _, m := range fieldValue.FindAllStringSubmatch(w.Body.String(), -1) {
				got[m[1]] = html.UnescapeString(m[2])
			}
			if w.Code != http.StatusOK || got["code"] != v[0] || got["passcode"] != v[1] {
				t.Errorf("%s: status %d, form %q, want %q", link, w.Code, got, v)
			}
		}
	}
}
