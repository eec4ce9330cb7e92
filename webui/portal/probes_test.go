package portal

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// probe is one system's request as it goes over the wire, and how the system
// reads the answer.
type probe struct {
	system  string
	host    string
	target  string // request target
	headers string // besides Host, one a line
	captive func(status int, header http.Header, body string) bool
}

// unless is the rule of most systems: anything but the expected text, from the
// expected place, means a portal.
func unless(success string) func(int, http.Header, string) bool {
	return func(status int, _ http.Header, body string) bool {
		return status != http.StatusOK || strings.TrimSpace(body) != strings.TrimSpace(success)
	}
}

// redirected is Android's and Chrome's rule: a redirect to somewhere is a
// portal, 204 is the internet, and other answers are a broken network (511
// shows nothing at all).
func redirected(status int, h http.Header, _ string) bool {
	return status >= 301 && status <= 308 && h.Get("Location") != ""
}

// networkManager is the rule of NetworkManager: its header, or a body that
// begins like the expected one, is the internet; an empty body proves nothing
// when none is expected.
func networkManager(success string) func(int, http.Header, string) bool {
	return func(status int, h http.Header, body string) bool {
		if h.Get("X-NetworkManager-Status") != "" || body == "" {
			return false
		}
		if success == "" {
			return status != http.StatusNoContent
		}
		return !strings.HasPrefix(body, success)
	}
}

const (
	appleSuccess = "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"
	dalvik       = "User-Agent: Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/AP1A.240505.004)\nAccept-Encoding: gzip\nConnection: Keep-Alive"
	androidProbe = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/60.0.3112.32 Safari/537.36\nConnection: close\nAccept-Encoding: gzip"
	androidSheet = "User-Agent: Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/124.0.0.0 Mobile Safari/537.36\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\nUpgrade-Insecure-Requests: 1"
	appleAgent   = "User-Agent: CaptiveNetworkSupport-443.120.1 wispr\nAccept: */*\nAccept-Encoding: gzip, deflate\nConnection: close"
	appleSheet   = "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\nAccept-Language: de-DE,de;q=0.9"
	windowsAgent = "Connection: Close\nUser-Agent: Microsoft NCSI"
	firefoxAgent = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0\nAccept: */*\nAccept-Language: en-US,en;q=0.5\nCache-Control: no-cache\nPragma: no-cache\nConnection: keep-alive"
	browserAgent = "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36 Edg/125.0.0.0\nAccept: text/html,application/xhtml+xml,*/*;q=0.8"
	nmAgent      = "Accept: */*\nConnection: close"
)

func systemProbes() []probe {
	mozilla := `<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>`
	nm := networkManager("NetworkManager is online")
	return []probe{
		{"iOS", "captive.apple.com", "/hotspot-detect.html", appleAgent, unless(appleSuccess)},
		{"macOS", "captive.apple.com", "/hotspot-detect.html", "User-Agent: CaptiveNetworkSupport-390.60.1 wispr\nAccept: */*", unless(appleSuccess)},
		{"iOS, HTTP/1.0 of old", "www.apple.com", "/library/test/success.html", "User-Agent: CaptiveNetworkSupport/1.0 wispr", unless(appleSuccess)},
		{"iOS sheet", "captive.apple.com", "/hotspot-detect.html", appleSheet, unless(appleSuccess)},
		{"Android", "connectivitycheck.gstatic.com", "/generate_204", androidProbe, redirected},
		{"Android, fallback", "www.google.com", "/gen_204", androidProbe, redirected},
		{"Android, other fallback", "play.googleapis.com", "/generate_204", androidProbe, redirected},
		{"Android 5", "clients3.google.com", "/generate_204", dalvik, redirected},
		{"Android 6", "connectivitycheck.android.com", "/generate_204", dalvik, redirected},
		{"Android sheet", "connectivitycheck.gstatic.com", "/generate_204", androidSheet, redirected},
		{"Huawei", "connectivitycheck.platform.hicloud.com", "/generate_204", dalvik, redirected},
		{"Xiaomi", "connect.rom.miui.com", "/generate_204", dalvik, redirected},
		{"Samsung", "connectivity.samsung.com.cn", "/generate_204", dalvik, redirected},
		{"Windows 10", "www.msftconnecttest.com", "/connecttest.txt", windowsAgent, unless("Microsoft Connect Test")},
		{"Windows 10, IPv6", "ipv6.msftconnecttest.com", "/connecttest.txt", windowsAgent, unless("Microsoft Connect Test")},
		{"Windows 7", "www.msftncsi.com", "/ncsi.txt", windowsAgent, unless("Microsoft NCSI")},
		{"Windows sheet", "www.msftconnecttest.com", "/redirect", browserAgent, redirected},
		{"Edge", "edge-http.microsoft.com", "/captiveportal/generate_204", browserAgent, redirected},
		{"Firefox", "detectportal.firefox.com", "/canonical.html", firefoxAgent, unless(mozilla)},
		{"Firefox, IPv4", "detectportal.firefox.com", "/success.txt?ipv4", firefoxAgent, unless("success")},
		{"Firefox, IPv6", "detectportal.firefox.com", "/success.txt?ipv6", firefoxAgent, unless("success")},
		{"Chrome", "www.gstatic.com", "/generate_204", "User-Agent: Mozilla/5.0 Chrome/125.0.0.0\nPragma: no-cache\nCache-Control: no-cache", redirected},
		{"ChromeOS", "connectivitycheck.gstatic.com", "/generate_204", "User-Agent: Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/125.0.0.0\nConnection: close", redirected},
		{"ChromeOS, fallback", "www.google.com", "/gen_204", "User-Agent: Mozilla/5.0 (X11; CrOS x86_64 14541.0.0)", redirected},
		{"NetworkManager, GNOME", "nmcheck.gnome.org", "/check_network_status.txt", nmAgent, nm},
		{"NetworkManager, Debian", "network-test.debian.org", "/nm", nmAgent, nm},
		{"NetworkManager, Arch", "ping.archlinux.org", "/nm-check.txt", nmAgent, networkManager("This domain is used for connectivity checking (captive portal detection).")},
		{"NetworkManager, Fedora", "fedoraproject.org", "/static/hotspot.txt", nmAgent, networkManager("OK")},
		{"NetworkManager, Ubuntu", "connectivity-check.ubuntu.com", "/", nmAgent, networkManager("")},
		{"KDE", "networkcheck.kde.org", "/", nmAgent, unless("OK")},
		{"Kindle", "spectrum.s3.amazonaws.com", "/kindle-wifi/wifistub.html", "User-Agent: Mozilla/5.0 (Linux; U; en-US) Kindle", unless("81ce4465-7167-4dcb-835b-dcc9e44c112a")},
	}
}

// parse reads the request as the server would.
func (p probe) parse(t *testing.T) *http.Request {
	t.Helper()
	proto := "HTTP/1.1"
	if strings.Contains(p.system, "HTTP/1.0") {
		proto = "HTTP/1.0"
	}
	raw := "GET " + p.target + " " + proto + "\r\nHost: " + p.host + "\r\n" + strings.ReplaceAll(p.headers, "\n", "\r\n") + "\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestProbes sends each system's probe before and right after the login, over
// IPv4 and IPv6.
func TestProbes(t *testing.T) {
	for _, p := range systemProbes() {
		for _, from := range []netip.Addr{guest4, guest6} {
			t.Run(p.system+" from "+from.String(), func(t *testing.T) {
				v := newVenue(t)
				ask := func() *httptest.ResponseRecorder {
					r := p.parse(t)
					r.RemoteAddr = netip.AddrPortFrom(from, 40123).String()
					return v.send(r)
				}
				w := ask()
				if !p.captive(w.Code, w.Header(), w.Body.String()) {
					t.Errorf("the system sees no portal in %d %v %q", w.Code, w.Header(), w.Body)
				}
				// Nothing after /welcome: a probe is not a page to go on to.
				want := "http://192.168.0.1:2050/welcome"
				if from.Is6() {
					want = "http://[fd00:1::1]:2050/welcome"
				}
				checkCatch(t, w, http.StatusFound, want)

				v.online = true
				checkCatch(t, ask(), http.StatusFound, "http://"+p.host+p.target)
			})
		}
	}
}

// checkCatch asserts what every answer to redirected traffic has.
func checkCatch(t *testing.T, w *httptest.ResponseRecorder, status int, location string) {
	t.Helper()
	if w.Code != status {
		t.Errorf("status %d, want %d", w.Code, status)
	}
	h := w.Header()
	for _, kv := range [][2]string{{"Location", location}, {"Cache-Control", "no-store"}, {"Connection", "close"}} {
		if got := h.Get(kv[0]); got != kv[1] {
			t.Errorf("%s: %q, want %q", kv[0], got, kv[1])
		}
	}
	if h.Get("X-NetworkManager-Status") != "" || h.Get("Set-Cookie") != "" {
		t.Errorf("header %v", h)
	}
	if n := w.Body.Len(); n == 0 || n > 1<<10 && len(location) < 200 {
		t.Errorf("a body of %d bytes", n)
	}
}
