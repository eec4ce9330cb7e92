package acme

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const wildcard = "*." + domain

// TestIssue: a relay gets the certificate and serves it; the next start does not
// ask again; and whatever names clients come with, no other one is ever ordered.
func TestIssue(t *testing.T) {
	w := newWorld(t, time.Hour)
	m, log, stop := w.manager(nil)
	addr := w.relay(m)
	if m.Problem() == "" {
		t.Error("it is well without a certificate")
	}
	until(t, "there is a certificate", func() bool { return m.Problem() == "" })
	first, err := w.shake(addr, "api."+domain)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{wildcard}, first.DNSNames); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"0123456789." + domain, "TUNNEL." + domain, "router." + domain} {
		if c, err := w.shake(addr, name); name != "TUNNEL."+domain && (err != nil || !c.Equal(first)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{domain, "a.b." + domain, "elsewhere.test", "*." + domain, "192.0.2.1", strings.Repeat("a", 63) + "." + domain} {
		_, _ = w.shake(addr, name) // what matters is what is ordered
	}
	before := w.authority.orders()
	stop()
	again, _, _ := w.manager(nil)
	if again.Problem() != "" {
		t.Error(again.Problem())
	}
	if c, err := w.shake(w.relay(again), "api."+domain); err != nil || !c.Equal(first) {
		t.Error(err)
	}
	for _, names := range w.authority.orders() {
		if diff := cmp.Diff([]string{"dns " + wildcard}, names); diff != "" {
			t.Error(diff)
		}
	}
	if n := len(w.authority.orders()); n != len(before) {
		t.Errorf("%d orders, and %d after the next start", len(before), n)
	}
	record := "_acme-challenge." + domain + "."
	if diff := cmp.Diff([]string{"+ " + record, "- " + record}, w.dns.changes()); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"asking for the certificate", "the authority has issued a certificate", "the certificate is in force"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	if strings.Contains(log.String(), "PRIVATE KEY") || strings.Contains(log.String(), keySecret) {
		t.Error("a key is in the log")
	}
}
