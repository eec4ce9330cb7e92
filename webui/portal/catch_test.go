package portal

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

const browserPage = "Accept: text/html,application/xhtml+xml\r\n"

// caught parses a raw request, as it came over a redirected connection.
func caught(t testing.TB, raw string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCatch(t *testing.T) {
	const welcome = "http://192.168.0.1:2050/welcome"
	wanted := func(u string) string { return welcome + "?u=" + url.QueryEscape(u) }
	for _, c := range []struct {
		name, raw string
		status    int
		offline   string // where a device that is not let in goes
		online    string // where one that is goes
		onlineIs  int    // with which status, if not that of offline
	}{
		{"page", "GET /news?a=1&b=%20 HTTP/1.1\r\nHost: example.com\r\n" + browserPage + "\r\n", 302,
			wanted("http://example.com/news?a=1&b=%20"), "http://example.com/news?a=1&b=%20", 0},
		{"no path", "GET http://example.com HTTP/1.1\r\nHost: example.com\r\n" + browserPage + "\r\n", 302,
			wanted("http://example.com/"), "http://example.com/", 0},
		{"absolute form", "GET http://example.com:8000/a HTTP/1.1\r\nHost: other.example\r\n" + browserPage + "\r\n", 302,
			wanted("http://example.com:8000/a"), "http://example.com:8000/a", 0},
		{"not a page", "GET /api HTTP/1.1\r\nHost: example.com\r\nAccept: application/json\r\n\r\n", 302, welcome, "http://example.com/api", 0},
		{"head", "HEAD /x HTTP/1.1\r\nHost: example.com\r\n\r\n", 302, welcome, "http://example.com/x", 0},
		{"post", "POST /x HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\n\r\na=b", 303, welcome, "http://example.com/x", 307},
		{"put", "PUT /x HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\n\r\na=b", 302, welcome, "http://example.com/x", 307},
		{"odd method", "BREW /pot HTTP/1.1\r\nHost: example.com\r\n\r\n", 302, welcome, "http://example.com/pot", 307},
		{"options *", "OPTIONS * HTTP/1.1\r\nHost: example.com\r\n\r\n", 302, welcome, welcome, 0},
		{"connect", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", 302, welcome, welcome, 0},
		{"no host", "GET /x HTTP/1.0\r\n" + browserPage + "\r\n", 302, welcome, welcome, 0},
		{"IDN", "GET / HTTP/1.1\r\nHost: xn--bcher-kva.example\r\n" + browserPage + "\r\n", 302,
			wanted("http://xn--bcher-kva.example/"), "http://xn--bcher-kva.example/", 0},
		{"raw IDN", "GET / HTTP/1.1\r\nHost: b\xc3\xbccher.example\r\n" + browserPage + "\r\n", 302, welcome, welcome, 0},
		{"address", "GET / HTTP/1.1\r\nHost: 203.0.113.9\r\n" + browserPage + "\r\n", 302, wanted("http://203.0.113.9/"), "http://203.0.113.9/", 0},
		{"IPv6", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n" + browserPage + "\r\n", 302,
			wanted("http://[2001:db8::1]:8080/"), "http://[2001:db8::1]:8080/", 0},
		{"zone", "GET / HTTP/1.1\r\nHost: [fe80::1%25br0]\r\n" + browserPage + "\r\n", 302, welcome, welcome, 0},
		{"odd port", "GET / HTTP/1.1\r\nHost: example.com:0x50\r\n" + browserPage + "\r\n", 302, welcome, welcome, 0},
		{"huge port", "GET / HTTP/1.1\r\nHost: example.com:99999\r\n" + browserPage + "\r\n", 302, welcome, welcome, 0},
		{"empty port", "GET / HTTP/1.1\r\nHost: example.com:\r\n" + browserPage + "\r\n", 302, welcome, welcome, 0},
		{"userinfo", "GET / HTTP/1.1\r\nHost: 192.168.0.1:2050@evil.example\r\n" + browserPage + "\r\n", 302, welcome, welcome, 0},
		{"two slashes", "GET //evil.example/x HTTP/1.1\r\nHost: example.com\r\n" + browserPage + "\r\n", 302,
			wanted("http://example.com//evil.example/x"), "http://example.com//evil.example/x", 0},
		{"line break", "GET /%0d%0aSet-Cookie:%20a HTTP/1.1\r\nHost: example.com\r\n" + browserPage + "\r\n", 302,
			wanted("http://example.com/%0d%0aSet-Cookie:%20a"), "http://example.com/%0d%0aSet-Cookie:%20a", 0},
		{"script", "GET /?q=<script>alert(1)</script> HTTP/1.1\r\nHost: example.com\r\n" + browserPage + "\r\n", 302,
			wanted("http://example.com/?q=<script>alert(1)</script>"), "http://example.com/?q=<script>alert(1)</script>", 0},
		{"long", "GET /" + strings.Repeat("a", 2000) + " HTTP/1.1\r\nHost: example.com\r\n" + browserPage + "\r\n", 302,
			welcome, "http://example.com/" + strings.Repeat("a", 2000), 0},
		{"the router's port 80", "GET /status HTTP/1.1\r\nHost: 192.168.0.1\r\n" + browserPage + "\r\n", 302, welcome, welcome, 0},
		{"a QR code without the port", "GET /?code=A%201&u=javascript:x HTTP/1.1\r\nHost: 192.168.0.1\r\n\r\n", 302, welcome + "?code=A+1", welcome + "?code=A+1", 0},
		{"the router by another port", "GET / HTTP/1.1\r\nHost: [fd00:1::1]:8080\r\n\r\n", 302, welcome, welcome, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := newVenue(t)
			for _, online := range []bool{false, true} {
				v.online = online
				status, location := c.status, c.offline
				if online {
					location = c.online
					if c.onlineIs != 0 {
						status = c.onlineIs
					}
				}
				r := caught(t, c.raw)
				w := v.send(r)
				if r.Method == http.MethodHead {
					if w.Body.Len() > 0 {
						t.Error("a body in the answer to HEAD")
					}
					w.Body.WriteString("x")
				}
				checkCatch(t, w, status, location)
				if strings.Contains(w.Body.String(), "<script") {
					t.Errorf("unescaped: %s", w.Body)
				}
			}
		})
	}
}

// TestCatchLetsKnownDevicesIn: a device that may return needs no sign-in sheet.
func TestCatchLetsKnownDevicesIn(t *testing.T) {
	v := newVenue(t)
	v.back = func(h hotspot.Host) (hotspot.GuestStatus, bool, error) {
		v.online = true
		return v.standing(), true, nil
	}
	r := caught(t, "GET /generate_204 HTTP/1.1\r\nHost: connectivitycheck.gstatic.com\r\n\r\n")
	checkCatch(t, v.send(r), 302, "http://connectivitycheck.gstatic.com/generate_204")
	if !v.online {
		t.Error("the device was not let in")
	}
}

// TestCatchSurvivesFaults: with a store or a gate that fails, a guest still
// gets to a page.
func TestCatchSurvivesFaults(t *testing.T) {
	const raw = "GET /generate_204 HTTP/1.1\r\nHost: connectivitycheck.gstatic.com\r\n\r\n"
	const welcome = "http://192.168.0.1:2050/welcome"
	bad := errors.New("disk on fire")
	for name, change := range map[string]func(*venue){
		"identify": func(v *venue) { v.identify = func(netip.Addr) (hotspot.Host, error) { return hotspot.Host{}, bad } },
		"unknown": func(v *venue) {
			v.identify = func(netip.Addr) (hotspot.Host, error) { return hotspot.Host{}, hotspot.ErrUnknownDevice }
		},
		"status": func(v *venue) {
			v.status = func(hotspot.Host) (hotspot.GuestStatus, error) { return hotspot.GuestStatus{}, bad }
		},
		"return": func(v *venue) {
			v.back = func(hotspot.Host) (hotspot.GuestStatus, bool, error) { return hotspot.GuestStatus{}, false, bad }
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newVenue(t, change).send(caught(t, raw))
			checkCatch(t, w, 302, welcome)
			if strings.Contains(w.Body.String(), "fire") {
				t.Error("the guest is told what is none of its business")
			}
		})
	}
	v := newVenue(t, func(v *venue) { v.cfg.Addresses = func() []netip.Addr { return nil } })
	if w := v.send(caught(t, raw)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("without an address: status %d", w.Code)
	}
}

// TestCatchEndsLoops: a device that the rules call online but whose packets
// still come to us is sent back a few times and then to the portal.
func TestCatchEndsLoops(t *testing.T) {
	now := noon
	v := newVenue(t, func(v *venue) { v.online = true; v.cfg.Now = func() time.Time { return now } })
	ask := func() string {
		return v.send(caught(t, "GET /x HTTP/1.1\r\nHost: example.com\r\n\r\n")).Header().Get("Location")
	}
	for i := range bounceMax {
		if got := ask(); got != "http://example.com/x" {
			t.Fatalf("attempt %d went to %s", i, got)
		}
	}
	if got := ask(); got != origin4+"/welcome" {
		t.Errorf("the loop goes on to %s", got)
	}
	now = now.Add(bounceWindow)
	if got := ask(); got != "http://example.com/x" {
		t.Errorf("later it went to %s", got)
	}
}

func TestBouncesAreBounded(t *testing.T) {
	var b bounces
	for i := range 10 * bounceKeep {
		b.allow(hotspot.MAC{1, 2, 3, 4, byte(i >> 8), byte(i)}, noon.Add(time.Duration(i)))
		if len(b.seen) > bounceKeep {
			t.Fatalf("%d devices remembered", len(b.seen))
		}
	}
}

// TestPortalAddress: the address that the guest reached is used if it is ours,
// and the family of the connection decides otherwise.
func TestPortalAddress(t *testing.T) {
	second := netip.MustParseAddr("192.168.7.1")
	addrs := []netip.Addr{portal4, second, portal6}
	for _, c := range []struct {
		local string
		port  uint16
		want  string
	}{
		{"192.168.0.1:2050", 2050, "http://192.168.0.1:2050"},
		{"192.168.7.1:2050", 2050, "http://192.168.7.1:2050"},
		{"[::ffff:192.168.7.1]:2050", 2050, "http://192.168.7.1:2050"},
		{"[fe80::1%br0]:2050", 2050, "http://[fd00:1::1]:2050"},
		{"[2001:db8::5]:80", 2050, "http://[fd00:1::1]:2050"},
		{"203.0.113.9:80", 2050, "http://192.168.0.1:2050"},
		{"192.168.0.1:80", 80, "http://192.168.0.1"},
		{"[fd00:1::1]:80", 80, "http://[fd00:1::1]"},
	} {
		t.Run(c.local, func(t *testing.T) {
			v := newVenue(t, func(v *venue) { v.cfg.Port = c.port; v.cfg.Addresses = func() []netip.Addr { return addrs } })
			r := caught(t, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
			local := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.local))
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(local)))
			if got := v.send(r).Header().Get("Location"); got != c.want+"/welcome" {
				t.Errorf("sent to %s, want %s/welcome", got, c.want)
			}
		})
	}
}

// TestForgedHeaders: what a guest writes does not change who it is.
func TestForgedHeaders(t *testing.T) {
	v := newVenue(t)
	var asked []netip.Addr
	v.identify = func(a netip.Addr) (hotspot.Host, error) {
		asked = append(asked, a)
		return hotspot.Host{MAC: guestMAC}, nil
	}
	r := httptest.NewRequest(http.MethodGet, origin4+"/status", nil)
	for _, h := range []string{"X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP"} {
		r.Header.Set(h, "192.168.0.99")
	}
	r.RemoteAddr = "[::ffff:192.168.0.23]:4000"
	v.send(r)
	for _, a := range asked {
		if a != guest4 {
			t.Errorf("asked about %s", a)
		}
	}
	if len(asked) == 0 {
		t.Error("nobody was asked about")
	}
}

// FuzzCatch sends arbitrary bytes as a request: whatever they are, the answer
// is a page, or a redirect to us or to where the request itself wanted to go.
func FuzzCatch(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: example.com\r\nAccept: text/html\r\n\r\n",
		"GET http://a@b:80/%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /welcome?u=http://192.168.0.1:2050/ HTTP/1.1\r\nHost: 192.168.0.1:2050\r\n\r\n",
		"POST /login HTTP/1.1\r\nHost: 192.168.0.1:2050\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\ncode=&u=x",
		"HEAD //a\\b HTTP/1.0\r\nHost: [::1]:1\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: a..b\r\n\r\n",
	} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	v := newVenue(f, quiet)
	f.Fuzz(func(t *testing.T, raw []byte, online bool) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return
		}
		v.online, v.forms = online, nil
		w := v.send(r)
		if w.Code == http.StatusInternalServerError {
			t.Fatalf("%q: status %d", raw, w.Code)
		}
		loc := w.Header().Get("Location")
		if loc == "" {
			return
		}
		u, err := url.Parse(loc)
		if err != nil || strings.ContainsAny(loc, "\r\n") {
			t.Fatalf("%q: Location %q: %v", raw, loc, err)
		}
		if strings.HasPrefix(loc, "/") && !strings.HasPrefix(loc, "//") {
			return // within the portal
		}
		if u.Scheme != "http" || u.User != nil || u.Host != "192.168.0.1:2050" && (!online || u.Host != r.Host) {
			t.Fatalf("%q: sent to %q", raw, loc)
		}
	})
}
