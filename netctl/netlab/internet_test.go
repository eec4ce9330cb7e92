package netlab

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// get fetches a page from a host and returns its body.
func get(t *testing.T, h *Host, network, url string) string {
	t.Helper()
	resp, err := h.HTTPClient(ClientOptions{Network: network}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// eventually polls a condition.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	err := poll(testContext(t), 20*time.Millisecond, func() (bool, error) { return f(), nil })
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func TestProbesReachTheirServers(t *testing.T) {
	l := newLabWithLeases(t, Options{Guests: 1})
	for _, p := range Probes() {
		for _, network := range []string{"tcp4", "tcp6"} {
			if p.Host == "ipv6.msftconnecttest.com" && network == "tcp4" {
				continue
			}
			resp, err := l.Guest(1).HTTPClient(ClientOptions{Network: network}).Get(p.URL())
			if err != nil {
				t.Errorf("%s: %v", p.System, err)
				continue
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || resp.StatusCode != p.Status || string(body) != p.Body || resp.Header.Get("Content-Type") != p.Type {
				t.Errorf("%s %s over %s: %s %q %q %v, want %d %q %q", p.System, p.URL(), network,
					resp.Status, resp.Header.Get("Content-Type"), body, err, p.Status, p.Type, p.Body)
			}
		}
	}
}

func TestNames(t *testing.T) {
	l := newLabWithLeases(t, Options{Guests: 1})
	g, ctx := l.Guest(1), testContext(t)
	addrs, err := g.Resolve(ctx, "dns.msftncsi.com")
	want := []netip.Addr{netip.MustParseAddr("131.107.255.255"), netip.MustParseAddr("fd3e:4f5a:5b81::1")}
	if err != nil || !slices.Equal(addrs, want) {
		t.Errorf("dns.msftncsi.com: %v, %v", addrs, err)
	}
	if addrs, err = g.Resolve(ctx, ExampleIPv6); err != nil || len(addrs) != 1 || !addrs[0].Is6() {
		t.Errorf("%s: %v, %v", ExampleIPv6, addrs, err)
	}
	_, err = g.Resolve(ctx, "nobody.example.lab")
	var de *net.DNSError
	if !errors.As(err, &de) || !de.IsNotFound {
		t.Errorf("an unknown name: %v", err)
	}
	// Over IPv6 and from the LAN as well; the answer is the upstream's.
	for _, h := range []struct {
		host   *Host
		server string
	}{{g.Host, RouterGuest6}, {l.LAN(), RouterLAN4}, {l.Router(), Upstream6}} {
		m, err := h.host.Ask(ctx, net.JoinHostPort(h.server, "53"), "nobody.example.lab", dns.TypeA)
		if err != nil || m.Rcode != dns.RcodeNameError {
			t.Errorf("%s asks %s for an unknown name: %v, %v", h.host.Name(), h.server, m, err)
		}
		m, err = h.host.Ask(ctx, net.JoinHostPort(h.server, "53"), ExampleSite, dns.TypeAAAA)
		if err != nil || !slices.Equal(addrsOf(m), l.Internet().Addrs(ExampleSite)[1:]) {
			t.Errorf("%s asks %s for %s: %v, %v", h.host.Name(), h.server, ExampleSite, m, err)
		}
	}
}

func TestExampleSite(t *testing.T) {
	l := newLabWithLeases(t, Options{Guests: 1})
	g := l.Guest(1).Host
	base := "http://" + ExampleSite
	if page := get(t, g, "", base+"/"); !strings.Contains(page, "You are online") {
		t.Errorf("page: %s", page)
	}
	if ip := get(t, g, "tcp4", base+"/ip"); ip != RouterWAN4+"\n" {
		t.Errorf("the internet sees %q", ip)
	}
	if ip := get(t, l.LAN(), "", base+"/ip"); ip != RouterWAN4+"\n" {
		t.Errorf("the internet sees the LAN as %q", ip)
	}
	if n := len(get(t, g, "", base+"/bytes/1234567")); n != 1234567 {
		t.Errorf("%d bytes, want 1234567", n)
	}
	client := g.HTTPClient(ClientOptions{})
	resp, err := client.Post(base+"/sink", "", strings.NewReader(strings.Repeat("x", 70_000)))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || string(answer) != "70000\n" || l.Internet().Sunk() != 70_000 {
		t.Errorf("sink: %q, %v, %d", answer, err, l.Internet().Sunk())
	}
	for path, want := range map[string]int{"/bytes/x": 400, "/bytes/-1": 400, "/stream?rate=0": 400, "/nothing": 404} {
		resp, err := client.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, resp.Status, want)
		}
	}
}

func TestStreamEndsWithItsReader(t *testing.T) {
	l := newLabWithLeases(t, Options{Guests: 1})
	for _, query := range []string{"", "?rate=1000000"} {
		resp, err := l.Guest(1).HTTPClient(ClientOptions{}).Get("http://" + ExampleSite + "/stream" + query)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusOK {
			t.Error(resp.Status)
		}
		if _, err := io.CopyN(io.Discard, resp.Body, 100_000); err != nil {
			t.Error(err)
		}
		_ = resp.Body.Close()
	}
}

func TestClassics(t *testing.T) {
	l := newLabWithLeases(t, Options{Guests: 1})
	for _, network := range []string{"tcp", "udp"} {
		for _, server := range []string{Upstream4, Upstream6} {
			c, err := l.Guest(1).DialContext(testContext(t), network, net.JoinHostPort(server, "7"))
			if err != nil {
				t.Fatal(err)
			}
			_ = c.SetDeadline(time.Now().Add(patience))
			buf := make([]byte, 4)
			if _, err = c.Write([]byte("echo")); err == nil {
				_, err = io.ReadFull(c, buf)
			}
			if err != nil || string(buf) != "echo" {
				t.Errorf("%s %s: %q, %v", network, server, buf, err)
			}
			_ = c.Close()
		}
	}
}
