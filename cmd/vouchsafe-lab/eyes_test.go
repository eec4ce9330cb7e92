package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/webui/portal"
)

// fakeInternet stands for all that a guest can reach: every address that is
// dialled leads to the server that is registered for it.
type fakeInternet struct {
	t       *testing.T
	servers map[string]*httptest.Server
}

func newFakeInternet(t *testing.T) *fakeInternet {
	return &fakeInternet{t: t, servers: map[string]*httptest.Server{}}
}

func (f *fakeInternet) serve(addr string, h http.HandlerFunc) {
	s := httptest.NewServer(h)
	f.t.Cleanup(s.Close)
	f.servers[addr] = s
}

func (f *fakeInternet) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	s, ok := f.servers[addr]
	if !ok {
		return nil, fmt.Errorf("dial %s: connection refused", addr)
	}
	return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
}

// browse starts the proxy and returns its address.
func (f *fakeInternet) browse() string {
	e := newEyes(f.dial)
	s := httptest.NewServer(e)
	f.t.Cleanup(func() {
		s.CloseClientConnections()
		e.close()
		s.Close()
	})
	return s.Listener.Addr().String()
}

// saw is a request as a site gets it.
type saw struct{ Method, Host, URI, Origin, Referer, Cookie, Forwarded, Body string }

func look(r *http.Request) saw {
	body, _ := io.ReadAll(r.Body)
	return saw{
		r.Method, r.Host, r.RequestURI, r.Header.Get("Origin"), r.Header.Get("Referer"), r.Header.Get("Cookie"),
		r.Header.Get("X-Forwarded-For") + r.Header.Get("Via") + r.Header.Get("Forwarded"), string(body),
	}
}

const (
	portalAddr = "192.168.0.1:2050"
	pageAddr   = "www.example.lab:80"
)

func do(t *testing.T, method, url, body string, header map[string]string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func TestPathsChooseTheSite(t *testing.T) {
	f := newFakeInternet(t)
	var got saw
	record := func(w http.ResponseWriter, r *http.Request) { got = look(r) }
	f.serve(portalAddr, record)
	f.serve(pageAddr, record)
	proxy := f.browse()
	for path, host := range map[string]string{
		"/":                         "www.example.lab",
		"/ip":                       "www.example.lab",
		"/generate_204":             "www.example.lab",
		"/welcomes":                 "www.example.lab",
		"/portal":                   "www.example.lab",
		"/bytes/10?a=1;b=%2":        "www.example.lab",
		"/welcome":                  portalAddr,
		"/welcome?u=http%3A%2F%2Fx": portalAddr,
		"/login":                    portalAddr,
		"/free":                     portalAddr,
		"/status":                   portalAddr,
		"/logout":                   portalAddr,
		"/style.css":                portalAddr,
		"/icon.svg":                 portalAddr,
		"/portal/help":              portalAddr,
	} {
		resp := do(t, "GET", "http://"+proxy+path, "", nil)
		want := saw{Method: "GET", Host: host, URI: path}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		if cc := resp.Header.Get("Cache-Control"); cc != "no-store" {
			t.Errorf("%s: Cache-Control %q", path, cc)
		}
	}
}

func TestEveryPathOfThePortalIsKnown(t *testing.T) {
	for _, path := range portal.Paths() {
		// The root of the proxy is the page that the guest wants.
		if got := portalPath(path); got != (path != "/") {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestFormPassesTheSameOriginCheck(t *testing.T) {
	f := newFakeInternet(t)
	var got saw
	f.serve(portalAddr, func(w http.ResponseWriter, r *http.Request) {
		got = look(r)
		if got.Origin != "http://"+r.Host {
			http.Error(w, "foreign origin", http.StatusForbidden)
			return
		}
		w.Header().Set("Location", "/status")
		w.WriteHeader(http.StatusSeeOther)
	})
	proxy := f.browse()
	for _, host := range []string{proxy, "localhost:8081"} {
		resp := doHost(t, host, "http://"+proxy+"/login", "code=K7MPQ2", map[string]string{
			"Origin": "http://" + host, "Referer": "http://" + host + "/welcome?u=x", "Cookie": "a=b",
		})
		want := saw{
			Method: "POST", Host: portalAddr, URI: "/login", Body: "code=K7MPQ2", Cookie: "a=b",
			Origin: "http://" + portalAddr, Referer: "http://" + portalAddr + "/welcome?u=x",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/status" {
			t.Errorf("%s, Location %q", resp.Status, resp.Header.Get("Location"))
		}
	}
	for _, origin := range []string{"http://evil.example", "null", "https://" + proxy} {
		resp := do(t, "POST", "http://"+proxy+"/login", "", map[string]string{"Origin": origin, "Referer": "http://evil.example/"})
		if resp.StatusCode != http.StatusForbidden || got.Origin != origin || got.Referer != "http://evil.example/" {
			t.Errorf("origin %s became %q, referer %q: %s", origin, got.Origin, got.Referer, resp.Status)
		}
	}
}

// doHost posts under another Host than the address dialled.
func doHost(t *testing.T, host, url, body string, header map[string]string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func TestRedirectsStayHere(t *testing.T) {
	f := newFakeInternet(t)
	var location string
	f.serve(pageAddr, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", location)
		w.Header().Set("Content-Location", location)
		w.Header().Set("Link", location)
		w.WriteHeader(http.StatusFound)
	})
	proxy := f.browse()
	for from, want := range map[string]string{
		"http://192.168.0.1:2050/welcome?u=http%3A%2F%2Fwww.example.lab%2F": "http://" + proxy + "/welcome?u=http%3A%2F%2Fwww.example.lab%2F",
		"http://[fd5a:9c3e:71b4:1::1]:2050/welcome":                         "http://" + proxy + "/welcome",
		"http://www.example.lab/":                                           "http://" + proxy + "/",
		"http://www.example.lab":                                            "http://" + proxy,
		"http://WWW.example.lab:80/a#b":                                     "http://" + proxy + "/a#b",
		"http://captive.apple.com/":                                         "http://captive.apple.com/",
		"https://www.example.lab/":                                          "https://www.example.lab/",
		"http://192.168.0.1/":                                               "http://192.168.0.1/",
		"http://www.example.lab.evil/":                                      "http://www.example.lab.evil/",
		"//www.example.lab/":                                                "//www.example.lab/",
		"/status":                                                           "/status",
		"http://bad host/":                                                  "http://bad host/",
	} {
		location = from
		resp := do(t, "GET", "http://"+proxy+"/", "", nil)
		if got := resp.Header.Get("Location"); got != want {
			t.Errorf("Location %s became %s, want %s", from, got, want)
		}
		if resp.Header.Get("Content-Location") != from || resp.Header.Get("Link") != from {
			t.Errorf("%s: another header was rewritten: %v", from, resp.Header)
		}
	}
}

func TestExplicitProxyChangesNothing(t *testing.T) {
	f := newFakeInternet(t)
	var got saw
	const portal = "http://192.168.0.1:2050/welcome?u=x"
	f.serve("captive.apple.com:80", func(w http.ResponseWriter, r *http.Request) {
		got = look(r)
		w.Header().Set("Location", portal)
		w.Header().Set("Cache-Control", "max-age=5")
		w.WriteHeader(http.StatusFound)
	})
	proxy := f.browse()
	tr := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: proxy}), DisableKeepAlives: true}
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://captive.apple.com/status?a;b", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if diff := cmp.Diff(saw{Method: "GET", Host: "captive.apple.com", URI: "/status?a;b"}, got); diff != "" {
		t.Error(diff)
	}
	if resp.StatusCode != 302 || resp.Header.Get("Location") != portal || resp.Header.Get("Cache-Control") != "max-age=5" {
		t.Errorf("%s %v", resp.Status, resp.Header)
	}
}

func TestConnect(t *testing.T) {
	f := newFakeInternet(t)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "secret") }))
	t.Cleanup(s.Close)
	f.servers["bank.example:443"] = s
	proxy := f.browse()
	tr := &http.Transport{
		Proxy:             http.ProxyURL(&url.URL{Scheme: "http", Host: proxy}),
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the test's own server
		DisableKeepAlives: true,
	}
	c := http.Client{Transport: tr}
	resp, err := c.Get("https://bank.example/")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || string(body) != "secret" {
		t.Errorf("%q, %v", body, err)
	}
	if _, err := c.Get("https://nobody.example/"); err == nil {
		t.Error("a tunnel to nobody")
	}
}

// What a client sends together with CONNECT belongs to the tunnel.
func TestConnectKeepsEarlyBytes(t *testing.T) {
	f := newFakeInternet(t)
	f.serve("site.example:80", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "early") })
	c, err := net.Dial("tcp", f.browse())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = io.WriteString(c, "CONNECT site.example:80 HTTP/1.1\r\nHost: site.example:80\r\n\r\nGET / HTTP/1.0\r\nHost: site.example\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, " 200 ") {
		t.Fatalf("%q, %v", line, err)
	}
	rest, err := io.ReadAll(r)
	if err != nil || !strings.HasSuffix(string(rest), "early") {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestNoAnswerIsExplained(t *testing.T) {
	f := newFakeInternet(t)
	resp := do(t, "GET", "http://"+f.browse()+"/", "", nil)
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusBadGateway || !strings.Contains(string(body), "guest 1 got no answer from www.example.lab") {
		t.Errorf("%s %q %v", resp.Status, body, err)
	}
}
