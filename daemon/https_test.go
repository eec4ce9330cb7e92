package daemon

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/daemon/config"
)

// tlsHouse is a running daemon that serves HTTPS.
type tlsHouse struct {
	t           *testing.T
	plain, safe string
	hup         chan os.Signal
	client      *v1.Client
	mu          sync.Mutex // guards next
	next        config.Config
}

func newTLSHouse(t *testing.T, change func(*config.Config)) *tlsHouse {
	t.Helper()
	at := free(t, 2)
	h := &tlsHouse{t: t, plain: at[0], safe: at[1], hup: make(chan os.Signal)}
	cfg := config.Default()
	cfg.Data, cfg.Network.Backend = t.TempDir(), config.BackendMemory
	cfg.LAN.Listen = []netip.AddrPort{netip.MustParseAddrPort(h.plain)}
	cfg.LAN.HTTPS.Listen = []netip.AddrPort{netip.MustParseAddrPort(h.safe)}
	if change != nil {
		change(&cfg)
	}
	h.next = cfg
	ctx, cancel := context.WithCancel(t.Context())
	up, done := make(chan Ready, 1), make(chan error, 1)
	go func() {
		done <- Run(ctx, cfg, Options{Version: "1", Log: slog.New(slog.DiscardHandler), Portal: "127.0.0.1:0", Reload: h.hup, StopWithin: patience,
			Reread: func() (config.Config, error) { h.mu.Lock(); defer h.mu.Unlock(); return h.next, h.next.Validate() },
			Ready:  func(r Ready) { up <- r }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case r := <-up:
		h.client = v1.NewClient(v1.DialUnix(r.Control))
		if len(cfg.LAN.HTTPS.Listen) > 0 && r.HTTPS != "https://"+h.safe+"/" {
			t.Errorf("ready at %q", r.HTTPS)
		}
	case err := <-done:
		done <- err
		t.Fatal(err)
	}
	return h
}

// until waits for the status to be as wanted.
func (h *tlsHouse) until(want func(v1.Status) bool) v1.Status {
	h.t.Helper()
	for limit := time.Now().Add(90 * time.Second); ; {
		st, err := h.client.Status(h.t.Context())
		if err == nil && want(st) {
			return st
		}
		if time.Now().After(limit) {
			h.t.Fatalf("status %+v, %v", st, err)
		}
	}
}

func (h *tlsHouse) made() v1.Status {
	h.t.Helper()
	return h.until(func(st v1.Status) bool { return st.Certificate != "" })
}

func (h *tlsHouse) reload(change func(*config.Config)) {
	h.mu.Lock()
	change(&h.next)
	h.mu.Unlock()
	h.hup <- syscall.SIGHUP
}

// askAs makes a request under a name, without following redirects.
func askAs(t *testing.T, method, url, host string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	resp, err := tr.RoundTrip(r)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// TestNames asks under the router's names and under others, over both.
func TestNames(t *testing.T) {
	h := newTLSHouse(t, func(c *config.Config) { c.LAN.Names = []string{"hotspot.lan"} })
	h.made()
	for _, base := range []string{"http://" + h.plain, "https://" + h.safe} {
		for host, want := range map[string]int{
			"": 200, "127.0.0.1": 200, "127.0.0.1:1234": 200, "[::1]:80": 200, "localhost": 200, "hotspot.lan": 200, "HOTSPOT.lan.:80": 200,
			"evil.example": 421, "router.lan": 421, "127.0.0.1.evil.example": 421, "hotspot.lan.evil.example": 421,
		} {
			for _, path := range []string{"/assets/icon.svg", "/healthz"} {
				resp, _ := askAs(t, "GET", base+path, host)
				if resp.StatusCode != want {
					t.Errorf("%s%s as %q: %d, want %d", base, path, host, resp.StatusCode, want)
				}
				if v := resp.Header.Get("Strict-Transport-Security"); v != "" {
					t.Errorf("%s: HSTS %q", path, v)
				}
			}
		}
		for path, want := range map[string]int{
			"/api/": 200, "/api": 200, "/api/apikey": 401, "/api/v1/status": 421, "/nothing": 421,
		} {
			if resp, body := askAs(t, "GET", base+path, "evil.example"); resp.StatusCode != want {
				t.Errorf("%s%s: %d %s, want %d", base, path, resp.StatusCode, body, want)
			}
		}
	}
}

func TestRedirect(t *testing.T) {
	h := newTLSHouse(t, nil)
	if resp, _ := askAs(t, "GET", "http://"+h.plain+"/assets/icon.svg", ""); resp.StatusCode != 200 {
		t.Errorf("a redirect that nobody wants: %d", resp.StatusCode)
	}
	h.reload(func(c *config.Config) { c.LAN.HTTPS.Redirect = true })
	_, port, _ := net.SplitHostPort(h.safe)
	for limit := time.Now().Add(90 * time.Second); ; {
		resp, _ := askAs(t, "GET", "http://"+h.plain+"/vouchers?a=b%20c", "localhost:1")
		if at := resp.Header.Get("Location"); at == "https://localhost:"+port+"/vouchers?a=b%20c" && resp.StatusCode == 307 {
			break
		} else if time.Now().After(limit) {
			t.Fatalf("%d to %q", resp.StatusCode, at)
		}
	}
	for path, want := range map[string]int{"/api/": 200, "/healthz": 200, "/api/v1/status": 401, "/x": 307, "//evil.example/": 307, "/%2f%2fevil.example": 307} {
		resp, _ := askAs(t, "GET", "http://"+h.plain+path, "")
		if at := resp.Header.Get("Location"); resp.StatusCode != want || want == 307 && !strings.HasPrefix(at, "https://127.0.0.1:"+port+"/") {
			t.Errorf("%s: %d to %q", path, resp.StatusCode, at)
		}
	}
	if resp, _ := askAs(t, "GET", "http://"+h.plain+"/x", "evil.example"); resp.StatusCode != 421 {
		t.Errorf("sent on under a wrong name: %d", resp.StatusCode)
	}
}

func TestAtPort(t *testing.T) {
	for _, tc := range []struct {
		host string
		port uint16
		want string
	}{
		{"a.lan", 443, "a.lan"}, {"a.lan:80", 443, "a.lan"}, {"[::1]:80", 443, "[::1]"}, {"[::1]", 8443, "[::1]:8443"}, {"1.2.3.4", 8443, "1.2.3.4:8443"},
	} {
		if got := atPort(tc.host, tc.port); got != tc.want {
			t.Errorf("%s %d: %s", tc.host, tc.port, got)
		}
	}
}

// tool runs a program that speaks TLS by itself.
func tool(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader("Q\n")
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		t.Fatalf("%s is needed: apt-get install %s", name, name)
	}
	return string(out), err
}

// TestOtherPrograms speaks to the router with curl and OpenSSL.
func TestOtherPrograms(t *testing.T) {
	h := newTLSHouse(t, nil)
	st := h.made()
	pem := filepath.Join(h.next.Data, "https.pem")
	url := "https://" + h.safe + "/healthz"
	for _, args := range [][]string{{"--http1.1"}, {"--http2"}, {"--tls-max", "1.2"}, {"--tlsv1.3"}} {
		if out, err := tool(t, "curl", append(args, "-sS", "-m", "60", "--cacert", pem, url)...); err != nil || !strings.Contains(out, `"status":"ok"`) {
			t.Errorf("curl %v: %v: %s", args, err, out)
		}
	}
	if out, err := tool(t, "curl", "-sS", "-m", "60", url); err == nil {
		t.Errorf("curl trusts a stranger: %s", out)
	}
	_, port, _ := net.SplitHostPort(h.safe)
	if out, err := tool(t, "curl", "-sS", "-m", "60", "--cacert", pem, "--resolve", "evil.example:"+port+":127.0.0.1", "https://evil.example:"+port+"/healthz"); err == nil {
		t.Errorf("the certificate is for another's name: %s", out)
	}
	if out, err := tool(t, "openssl", "s_client", "-connect", h.safe, "-tls1_1"); err == nil && strings.Contains(out, "Cipher is ECDHE") {
		t.Errorf("TLS 1.1: %s", out)
	}
	if out, err := tool(t, "openssl", "x509", "-in", pem, "-noout", "-fingerprint", "-sha256"); err != nil || !strings.Contains(out, st.Certificate) {
		t.Errorf("the fingerprint is not %s: %v: %s", st.Certificate, err, out)
	}
	session := filepath.Join(t.TempDir(), "session")
	for i, flag := range []string{"-sess_out", "-sess_in"} {
		out, err := tool(t, "openssl", "s_client", "-connect", h.safe, "-tls1_2", flag, session)
		if want := []string{"New, TLS", "Reused, TLS"}[i]; err != nil || !strings.Contains(out, want) {
			t.Errorf("no %q: %v: %s", want, err, out)
		}
	}
}

// issued makes a certificate as an operator might.
func issued(t *testing.T, name string, days string) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if out, err := tool(t, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
		"-days", days, "-subj", "/CN="+name, "-addext", "subjectAltName=DNS:"+name); err != nil {
		t.Fatalf("openssl: %v: %s", err, out)
	}
	return cert, key
}

// TestReplacedCertificate puts an operator's own certificate into use, and
// another, while a connection stays open.
func TestReplacedCertificate(t *testing.T) {
	h := newTLSHouse(t, nil)
	own := h.made().Certificate
	open := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DialTLSContext: oneConnection(t)}}
	get := func() {
		t.Helper()
		resp, err := open.Get("https://" + h.safe + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != 200 {
			t.Errorf("%d %v", resp.StatusCode, err)
		}
	}
	get()
	cert, key := issued(t, "hotspot.example.org", "365")
	h.reload(func(c *config.Config) { c.LAN.HTTPS.CertFile, c.LAN.HTTPS.KeyFile = cert, key })
	first := h.until(func(st v1.Status) bool { return st.Certificate != own }).Certificate
	if resp, _ := askAs(t, "GET", "https://"+h.safe+"/assets/icon.svg", "hotspot.example.org"); resp.StatusCode != 200 {
		t.Errorf("the certificate's own name: %d", resp.StatusCode)
	}
	get()
	// Renewed in place, a week before its end.
	next, nextKey := issued(t, "hotspot.example.org", "7")
	move(t, next, cert)
	move(t, nextKey, key)
	h.reload(func(*config.Config) {})
	st := h.until(func(st v1.Status) bool { return st.Certificate != first })
	if !strings.Contains(strings.Join(st.Notices, " "), "expires on") {
		t.Errorf("notices: %v", st.Notices)
	}
	get()
	// A key that does not fit changes nothing.
	_, other := issued(t, "hotspot.example.org", "365")
	h.reload(func(c *config.Config) { c.LAN.HTTPS.KeyFile = other })
	bad := h.until(func(st v1.Status) bool { return strings.Contains(strings.Join(st.Notices, " "), "does not go with") })
	if bad.Certificate != st.Certificate {
		t.Error("another certificate is served")
	}
	get()
	h.reload(func(c *config.Config) { c.LAN.HTTPS.CertFile, c.LAN.HTTPS.KeyFile = "", "" })
	h.until(func(st v1.Status) bool { return st.Certificate == own })
	get()
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// oneConnection dials once: a second time is an error.
func oneConnection(t *testing.T) func(context.Context, string, string) (net.Conn, error) {
	var dials int
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dials++; dials > 1 {
			return nil, errors.New("the connection was dropped")
		}
		d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
		return d.DialContext(ctx, network, addr)
	}
}

// TestUnusableAtStart goes on with the router's own certificate.
func TestUnusableAtStart(t *testing.T) {
	h := newTLSHouse(t, func(c *config.Config) {
		c.LAN.HTTPS.CertFile, c.LAN.HTTPS.KeyFile = "/nonexistent/c.pem", "/nonexistent/k.pem"
	})
	st := h.made()
	if text := strings.Join(st.Notices, " "); !strings.Contains(text, "/nonexistent/c.pem") {
		t.Errorf("notices: %s", text)
	}
	if resp, _ := askAs(t, "GET", "https://"+h.safe+"/healthz", ""); resp.StatusCode != 200 || resp.ProtoMajor != 2 {
		t.Errorf("%d over %s", resp.StatusCode, resp.Proto)
	}
}

// TestSilentTLS fills the port with connections that never speak: those who do
// are served.
func TestSilentTLS(t *testing.T) {
	h := newTLSHouse(t, nil)
	h.made()
	for range 3 * httpsConns {
		c, err := net.Dial("tcp", h.safe)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
	for range 3 {
		if resp, _ := askAs(t, "GET", "https://"+h.safe+"/healthz", ""); resp.StatusCode != 200 {
			t.Errorf("%d", resp.StatusCode)
		}
	}
	// Plain HTTP at the port for HTTPS is answered in words.
	c, err := net.Dial("tcp", h.safe)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = c.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
	b, _ := io.ReadAll(c)
	if !bytes.Contains(b, []byte("400")) {
		t.Errorf("plain HTTP: %q", b)
	}
}
