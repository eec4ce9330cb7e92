package webhooks

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

func TestURLs(t *testing.T) {
	for _, good := range []string{
		"https://example.com", "https://example.com:8443/a/b?c=d%20e", "http://192.168.1.20:80/", "https://[fd00::1]:1/", "HTTPS://example.com/",
	} {
		if _, err := parseURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "example.com", "//example.com", "ftp://example.com/", "file:///etc/passwd", "unix:///run/x", "javascript:alert(1)", "https://", "https:///x", "https://:443/",
		"https://user@example.com/", "https://user:pw@example.com/", "https://example.com/#", "https://example.com/#a", "https://example.com:0/",
		"https://example.com:/", "https://example.com:65536/", "https://example.com:x/", "https://exa mple.com/", "https://example.com/\r\nX: y", "https://exämple.com/",
		"https://[fe80::1%25eth0]/", "https://example.com/" + strings.Repeat("x", 500), "https://[::1", "https://example.com/\x7f",
	} {
		if u, err := parseURL(bad); err == nil {
			t.Errorf("%q was taken as %v", bad, u)
		}
	}
}

// ssrf are addresses where webhooks do not go; the others may be reached.
var ssrf = map[string]bool{
	"127.0.0.1": false, "127.8.9.1": false, "::1": false, "::ffff:127.0.0.1": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false,
	"0.0.0.0": false, "0.1.2.3": false, "::": false, "169.254.169.254": false, "::ffff:169.254.169.254": false, "64:ff9b::a9fe:a9fe": false, "fe80::1": false, "fe80::1%eth0": false,
	"224.0.0.1": false, "239.1.1.1": false, "ff02::1": false, "255.255.255.255": false, "240.0.0.1": false, "fec0::1": false, "2001:0:1::1": false, "64:ff9b:1::1": false,
	"192.168.1.1": false, "::ffff:192.168.1.1": false, "64:ff9b::c0a8:101": false, "fd00:1::1": false, // the router itself
	"192.168.0.77": false, "::ffff:192.168.0.77": false, "2002:c0a8:004d::1": false, "fd00:2::abcd": false, // guests
	"192.168.1.20": true, "10.0.0.1": true, "203.0.113.5": true, "2a00::1": true, "fd00:1::20": true, "172.16.3.4": true,
}

var labLocal = Local{
	Own:    []netip.Addr{netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("fd00:1::1"), netip.MustParseAddr("192.168.0.1")},
	Guests: []netip.Prefix{netip.MustParsePrefix("192.168.0.1/24"), netip.MustParsePrefix("fd00:2::1/64")},
}

func TestGuard(t *testing.T) {
	allowed := false
	g := guard{local: func() Local { return labLocal }, allowed: func() bool { return allowed }}
	for text, ok := range ssrf {
		a := netip.MustParseAddr(text)
		if err := g.check(a, false); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
		if err := g.check(a, true); (err == nil) != (ok && plainAddr(a).IsPrivate()) {
			t.Errorf("%s without encryption: %v", text, err)
		}
		err := g.control(t.Context(), "tcp", net.JoinHostPort(text, "443"), nil)
		if (err == nil) != ok {
			t.Errorf("dialing %s: %v", text, err)
		}
	}
	allowed = true
	for text, ok := range map[string]bool{"127.0.0.1": true, "192.168.1.1": true, "192.168.0.77": true, "fe80::1": true, "224.0.0.1": false, "0.0.0.0": false, "240.0.0.1": false} {
		if err := g.check(netip.MustParseAddr(text), true); (err == nil) != ok {
			t.Errorf("%s with webhook.local: %v", text, err)
		}
	}
}

// What cannot be reached cannot be configured, by address or by name.
func TestAddRefuses(t *testing.T) {
	l := newLab(t)
	l.local = labLocal
	l.events.set.WebhookLocal = false
	for text, ok := range ssrf {
		if strings.Contains(text, "%") {
			continue
		}
		h, _, err := l.Add(t.Context(), api.NewWebhook{URL: "https://" + net.JoinHostPort(text, "443") + "/"})
		if (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
		if err == nil {
			if err := l.Remove(t.Context(), h.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	for target, want := range map[string]string{
		"https://router.example/": "this router itself", "http://outside.example/": "write https://",
		"https://outside.example/": "", "http://inside.example/": "", "https://unknown.example/": "",
	} {
		h, _, err := l.Add(t.Context(), api.NewWebhook{URL: target})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", target, err)
		}
		if warned := h.Warning != ""; warned != (target == "http://inside.example/" || target == "https://unknown.example/") {
			t.Errorf("%s: warning %q", target, h.Warning)
		}
	}
}

// A name that leads elsewhere by now, or a setting that was switched off, is
// found when the connection is made.
func TestGuardAtDialTime(t *testing.T) {
	l := newLab(t)
	l.http.Transport.(*http.Transport).DialContext = l.dialer // nothing is reached
	h, _ := l.add()
	l.events.mu.Lock()
	l.events.set.WebhookLocal = false
	l.events.mu.Unlock()
	d, err := l.Test(t.Context(), h.ID)
	if err != nil || d.OK || !strings.Contains(d.Error.String(), "this router itself") || len(l.to.requests()) != 0 {
		t.Errorf("%+v, %v", d, err)
	}
	u, _ := url.Parse(l.to.URL)
	if _, err := l.Edit(t.Context(), h.ID, api.WebhookEdit{URL: new("https://localhost:" + u.Port() + "/")}); err != nil {
		t.Fatal(err) // this lab cannot look it up
	}
	if d, err = l.Test(t.Context(), h.ID); err != nil || d.OK || len(l.to.requests()) != 0 || !strings.Contains(d.Error.String(), "webhook.local") {
		t.Errorf("%+v, %v", d, err)
	}
}

// A receiver with a certificate of nobody's is not told anything.
func TestWrongCertificate(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		h, _ := l.add()
		l.http.Transport.(*http.Transport).TLSClientConfig.RootCAs = nil
		d, err := l.Test(t.Context(), h.ID)
		if err != nil || d.OK || !strings.Contains(d.Error.String(), "certificate") || len(l.to.requests()) != 0 {
			t.Errorf("%+v, %v", d, err)
		}
	})
}

func FuzzURL(f *testing.F) {
	for _, s := range []string{"https://example.com/", "http://[::1]:80/a?b#c", "https://a@b/", "https://%31/", "https://1.2.3.4:99999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := parseURL(s)
		if err != nil {
			return
		}
		if u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || len(s) > maxURL || strings.ContainsAny(s, " \r\n\x00") {
			t.Errorf("%q was taken", s)
		}
		if _, err := http.NewRequest(http.MethodPost, s, nil); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	})
}

func FuzzTypes(f *testing.F) {
	f.Add("guest.login,device.seen")
	f.Add(",")
	f.Fuzz(func(t *testing.T, s string) {
		types, err := parseTypes(strings.Split(s, ","))
		for i, typ := range types {
			if err == nil && (!slices.Contains(hotspot.EventTypes(), typ) || slices.Contains(types[:i], typ)) {
				t.Errorf("%q gave %q", s, types)
			}
		}
	})
}

func FuzzHookRecord(f *testing.F) {
	f.Add([]byte(`{"url":"https://example.com/","types":["guest.login"],"enabled":true,"created":5,"sealed":"AAAA"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := readHook("000000000000000000000001", b)
		if err == nil {
			if _, err := parseURL(h.URL); err != nil {
				t.Error(err)
			}
		}
	})
}
