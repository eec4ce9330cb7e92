package e2e

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// rewrite changes the daemon's configuration and has it read again.
func (h *house) rewrite(pairs ...string) {
	h.t.Helper()
	text, err := os.ReadFile(h.config)
	if err != nil {
		h.t.Fatal(err)
	}
	changed := strings.NewReplacer(pairs...).Replace(string(text))
	if changed == string(text) {
		h.t.Fatalf("nothing to change by %q in:\n%s", pairs, text)
	}
	if err := os.WriteFile(h.config, []byte(changed), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.hup()
}

// hup has the configuration read again, and waits until it was.
func (h *house) hup() {
	h.t.Helper()
	read := func() int { return strings.Count(h.daemon.Log(), "the configuration was read again") }
	before := read()
	if err := h.daemon.Signal(syscall.SIGHUP); err != nil {
		h.t.Fatal(err)
	}
	eventually(h.t, "the configuration is read again", func() bool { return read() > before })
}

// TestReload reads the configuration again, and again, and again, while a guest
// downloads: not one byte is lost or uncounted, and everything that has changed
// is in use.
func TestReload(t *testing.T) {
	h := newHouse(t, "reload", netlab.Options{Guests: 2})
	g, stranger := h.Guest(1), h.Guest(2)
	user, pass := h.voucher(nil)
	h.login(g, user, pass)
	before, _ := h.used(user)
	var progress atomic.Uint64
	done := make(chan netlab.FlowResult, 1)
	errs := make(chan error, 1)
	go func() {
		r, err := h.Send(t.Context(), netlab.Flow{Guest: g, Bytes: 30 * mb, Rate: 5 * mb, Time: patience, Progress: &progress})
		done <- r
		errs <- err
	}()
	eventually(t, "the download runs", func() bool { return progress.Load() > mb })

	h.rewrite("portal_port: 2050", "portal_port: 2055", "192.168.10.1:80", "192.168.10.1:81", "level: debug", "level: info", "zone: UTC", "zone: +01:00")
	h.redirected(stranger, ":2055/welcome")
	h.answers("http://192.168.10.1:81/healthz", true)
	h.answers("http://192.168.10.1/healthz", false)
	if st := h.cli("status", "--json"); !strings.Contains(st, "+01:00") {
		t.Errorf("the zone: %s", st)
	}

	h.rewrite("portal_port: 2055", "portal_port: 99999")
	if st := h.cli("status"); !strings.Contains(st, "not in use") || !strings.Contains(st, "portal_port") {
		t.Errorf("a bad configuration is not said: %s", st)
	}
	h.redirected(stranger, ":2055/welcome")

	h.rewrite("portal_port: 99999", "portal_port: 2050", "192.168.10.1:81", "0.0.0.0:81")
	h.answers("http://192.168.10.1:81/healthz", true)
	h.rewrite("0.0.0.0:81", "192.168.10.1:80", "data: ", "data: /elsewhere", "backend: nftables", "backend: memory")
	if log := h.daemon.Log(); strings.Count(log, "waits for a restart") != 2 {
		t.Errorf("what needs a restart is not said")
	}
	if st := h.cli("status"); strings.Contains(st, "not in use") || !strings.Contains(st, "nftables") {
		t.Errorf("status: %s", st)
	}
	h.redirected(stranger, ":2050/welcome")
	for range 20 {
		h.hup()
	}
	r := <-done
	if err := <-errs; err != nil || r.End != netlab.EndComplete {
		t.Fatalf("the download ended as %q after %d bytes, %v", r.End, r.Received, err)
	}
	h.answers("http://192.168.10.1/healthz", true)
	eventually(t, "the count is what arrived", func() bool {
		down, _ := h.used(user)
		return down-before == r.Down
	})
	t.Logf("%d bytes arrived and were counted over 25 readings of the configuration", r.Down)
}

// redirected checks where the web of a guest leads who is not let in.
func (h *house) redirected(g *netlab.Guest, to string) {
	h.t.Helper()
	resp, _, err := h.get(g.Host, "http://"+netlab.ExampleIPv4+"/")
	if err != nil || resp.StatusCode != http.StatusFound || !strings.Contains(resp.Header.Get("Location"), to) {
		h.t.Errorf("%s is led to %v, %v, want %s", g.Name(), resp, err, to)
	}
}

// answers checks whether the operator reaches a page.
func (h *house) answers(url string, want bool) {
	h.t.Helper()
	resp, _, err := h.get(h.LAN(), url)
	if got := err == nil && resp.StatusCode == http.StatusOK; got != want {
		h.t.Errorf("%s answers: %v (%v), want %v", url, got, err, want)
	}
}

// TestMetrics reads the page for Prometheus: off at first, never for guests.
func TestMetrics(t *testing.T) {
	h := newHouse(t, "metrics", netlab.Options{Guests: 2})
	const at = "192.168.10.1:9105"
	h.answers("http://"+at+"/metrics", false)
	text, err := os.ReadFile(h.config)
	if err != nil {
		t.Fatal(err)
	}
	write := func(listen string) {
		t.Helper()
		if err := os.WriteFile(h.config, append(bytes.Clone(text), []byte("metrics:\n  listen: ["+listen+"]\n")...), 0o600); err != nil {
			t.Fatal(err)
		}
		h.hup()
	}
	write("192.168.0.1:9105")
	if st := h.cli("status"); !strings.Contains(st, "guest network") {
		t.Errorf("an address of the guest network: %s", st)
	}
	write(at)
	user, pass := h.voucher(nil)
	h.login(h.Guest(1), user, pass)
	h.post(h.Guest(2), netlab.PortalURL+"/login", map[string][]string{"code": {"nobody"}, "passcode": {"wrong"}})
	_, page, err := h.get(h.LAN(), "http://"+at+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"vouchsafe_guests_online 1\n", `vouchsafe_logins_total{method="voucher",outcome="ok"} 1`,
		`vouchsafe_logins_total{method="voucher",outcome="unknown_code"} 1`, `vouchsafe_http_requests_total{surface="portal",status="3xx"}`,
		`vouchsafe_firewall_seconds_count{call="set"}`, "vouchsafe_clock_believed 1\n", "vouchsafe_store_size_bytes ",
		"# TYPE vouchsafe_logins_total counter\n", `vouchsafe_reloads_total{outcome="refused"} 1`, "process_resident_memory_bytes ",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("not there: %s", want)
		}
	}
	if strings.Contains(page, user) || strings.Contains(page, "02:5a") || strings.Contains(page, "192.168.0.") {
		t.Errorf("the page tells of guests:\n%s", page)
	}
	for _, g := range h.Guests() { // one is let in, one is not
		if resp, _, err := h.get(g.Host, "http://"+at+"/metrics"); err == nil {
			t.Errorf("%s is answered: %s", g.Name(), resp.Status)
		}
	}
}
