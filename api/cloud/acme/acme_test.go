package acme

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/google/go-cmp/cmp"
	"github.com/letsencrypt/pebble/v2/wfe"
	acmez "github.com/mholt/acmez/v3/acme"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/acme/acmetest"
)

const wildcard = "*." + domain

// TestIssue: a relay gets the certificate and serves it; the next start does not
// ask again; and whatever names clients come with, no other one is ever ordered.
func TestIssue(t *testing.T) {
	t.Parallel()
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
	before := w.authority.Orders()
	stop()
	again, _, _ := w.manager(nil)
	if again.Problem() != "" {
		t.Error(again.Problem())
	}
	if c, err := w.shake(w.relay(again), "api."+domain); err != nil || !c.Equal(first) {
		t.Error(err)
	}
	for _, names := range w.authority.Orders() {
		if diff := cmp.Diff([]string{"dns " + wildcard}, names); diff != "" {
			t.Error(diff)
		}
	}
	if n := len(w.authority.Orders()); n != len(before) {
		t.Errorf("%d orders, and %d after the next start", len(before), n)
	}
	record := "_acme-challenge." + domain + "."
	if diff := cmp.Diff([]string{"+ " + record, "- " + record}, w.dns.Changes()[:2]); diff != "" {
		t.Error(diff)
	}
	w.once(1, log)
	for _, want := range []string{"asking for the certificate", "the authority has issued a certificate", "the certificate is in force"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	if strings.Contains(log.String(), "PRIVATE KEY") || strings.Contains(log.String(), acmetest.KeySecret) {
		t.Error("a key is in the log")
	}
}

// TestRenewal: certificates are renewed after a second, while clients connect
// all the time, and none of them meets a bad one.
func TestRenewal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Hour)
	m, _, _ := w.manager(func(c *Config) { c.Left = 1 - 1.0/3600 })
	until(t, "there is a certificate", func() bool { return m.Problem() == "" })
	addr := w.relay(m)
	met := map[string]bool{}
	limit := time.Now().Add(patience)
	n := 0
	for ; len(met) < 3; n++ {
		c, err := w.shake(addr, "api."+domain)
		if err != nil {
			t.Fatalf("handshake %d: %v", n, err)
		}
		met[c.SerialNumber.String()] = true
		if time.Now().After(limit) {
			t.Fatalf("%d certificates in %d handshakes", len(met), n)
		}
	}
	t.Logf("%d handshakes met %d certificates", n, len(met))
}

// TestWrongKey: the error says what is wrong, the relay goes on trying, and it
// gets the certificate once the key is right.
func TestWrongKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Hour)
	wrong, err := NewUpdate(w.dns.Addr, acmetest.KeyName, Algorithms[0], "YW5vdGhlciBzaXh0ZWVuIGJ5dGVz")
	if err != nil {
		t.Fatal(err)
	}
	m, log, stop := w.manager(func(c *Config) { c.DNS.Provider = wrong })
	until(t, "it has tried three times", func() bool { return strings.Count(log.String(), "there is no certificate yet; it is tried again") >= 3 })
	if p := m.Problem(); !strings.Contains(p, "the secret of the key "+acmetest.KeyName+" is not the one") {
		t.Error(p)
	}
	if _, err := m.Certificate(nil); err == nil {
		t.Error("there is a certificate")
	}
	if _, err := w.shake(w.relay(m), "api."+domain); err == nil {
		t.Error("a handshake without a certificate")
	}
	stop()
	right, _, _ := w.manager(nil)
	until(t, "there is a certificate", func() bool { return right.Problem() == "" })
}

// TestFailedRenewal: the certificate in force stays in force, and the operator
// is told.
func TestFailedRenewal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Hour)
	// The library remembers failures by name, for the whole process.
	name := strings.ToLower(rand.Text()) + ".test"
	w.dns.Add(t, name+". 60 IN SOA ns."+name+". admin."+name+". 1 60 60 60 60")
	m, _, stop := w.manager(func(c *Config) { c.Domain = name })
	until(t, "there is a certificate", func() bool { return m.Problem() == "" })
	stop()
	wrong, err := NewUpdate(w.dns.Addr, "other", Algorithms[0], acmetest.KeySecret)
	if err != nil {
		t.Fatal(err)
	}
	var ahead atomic.Int64
	m, log, _ := w.managerAt(func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
		func(c *Config) { c.DNS.Provider, c.Domain, c.Left = wrong, name, 1-1e-6 })
	addr := w.relay(m)
	says := func(what string) func() bool { return func() bool { return strings.Contains(log.String(), what) } }
	until(t, "the renewal has failed", says("the certificate could not be renewed; it is tried again"))
	if !says("it has no key named other.")() {
		t.Error("the log does not say why")
	}
	if _, err := w.shake(addr, "api."+name); err != nil || m.Problem() != "" {
		t.Error(err, m.Problem())
	}
	late := "the certificate should have been renewed by now"
	if says(late)() {
		t.Error("it is early")
	}
	ahead.Store(int64(51 * time.Minute))
	until(t, "someone is told", says(late))
	ahead.Store(int64(time.Hour))
	if m.Problem() != "the certificate has ended" {
		t.Error(m.Problem())
	}
}

// TestTwoRelays: two that start at once on the same records order once, and
// serve the same certificate; when one has renewed it, the other has it, too.
func TestTwoRelays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Hour)
	one, logOne, stopOne := w.manager(nil)
	two, logTwo, stopTwo := w.manager(nil)
	until(t, "both have a certificate", func() bool { return one.Problem() == "" && two.Problem() == "" })
	first := one.current().Hash()
	if two.current().Hash() != first {
		t.Error("they have different ones")
	}
	w.once(1, logOne, logTwo)
	stopOne()
	stopTwo()
	soon := func(c *Config) { c.Left = 1 - 5.0/3600 } // five seconds after it was issued
	one, _, _ = w.manager(soon)
	two, _, _ = w.manager(soon)
	until(t, "both have the next one", func() bool { return one.current().Hash() != first && one.current().Hash() == two.current().Hash() })
}

// TestRenewedOnce: two relays that find the certificate old at the same moment
// order one.
func TestRenewedOnce(t *testing.T) {
	t.Parallel()
	const life = 10 * time.Hour
	w := newWorld(t, life)
	began := time.Now()
	first, log, stop := w.manager(nil)
	until(t, "there is a certificate", func() bool { return first.Problem() == "" })
	old := first.current()
	// All of them must have looked before the next one is old: that takes them less
	// time each than one took to get it.
	age := max(5*time.Second, 4*time.Since(began))
	stop()
	until(t, "it is old", func() bool { return time.Since(old.Leaf.NotBefore) > age })
	relays, logs := make([]*Manager, 4), []*journal{log}
	for i := range relays {
		// They look when they are told to.
		c, log := w.config(func(c *Config) { c.Left, c.Look = 1-age.Seconds()/life.Seconds(), 10*time.Minute })
		logs = append(logs, log)
		var err error
		if relays[i], err = New(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		defer relays[i].close(t.Context())
	}
	var wg sync.WaitGroup
	for _, m := range relays {
		wg.Go(func() {
			if err := m.library.RenewCertSync(t.Context(), m.name, false); err != nil {
				t.Error(err)
			}
			if _, err := m.library.CacheManagedCertificate(t.Context(), m.name); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	w.once(2, logs...)
	next := relays[0].current()
	if next.Leaf.Equal(old.Leaf) || next.PrivateKey.(*ecdsa.PrivateKey).Equal(old.PrivateKey) {
		t.Error("it has not been renewed, or has its old key")
	}
	for _, m := range relays[1:] {
		if !m.current().Leaf.Equal(next.Leaf) {
			t.Error("they have different ones")
		}
	}
}

// TestDelegation: the proof goes where a CNAME leads.
func TestDelegation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Hour)
	w.dns.Add(t, "_acme-challenge."+domain+". 60 IN CNAME proof.delegated.test.")
	m, _, _ := w.manager(func(c *Config) { c.DNS.Record = "proof.delegated.test" })
	until(t, "there is a certificate", func() bool { return m.Problem() == "" })
	if diff := cmp.Diff([]string{"+ proof.delegated.test.", "- proof.delegated.test."}, w.dns.Changes()[:2]); diff != "" {
		t.Error(diff)
	}
}

// TestTerms: nobody agrees to the authority's terms but the operator.
func TestTerms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Hour)
	c, log := w.config(func(c *Config) { c.Agreed = false })
	m, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	terms := (*TermsError)(nil)
	if err := m.Run(t.Context()); !errors.As(err, &terms) || terms.URL != wfe.ToSURL {
		t.Errorf("%v\n%s", err, log)
	}
	if n := len(w.authority.Orders()); n != 0 {
		t.Errorf("%d orders", n)
	}
}

// TestMistakes: what cannot work is refused at the start.
func TestMistakes(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"https address":  func(c *Config) { c.Directory = "http://example.com/dir" },
		"e-mail address": func(c *Config) { c.Email = "nobody" },
		"admin@":         func(c *Config) { c.Email = "" },
		"no authority":   func(c *Config) { c.Domain = "bad name.test." },
	} {
		c := Config{Store: records(t), Domain: domain, Email: "a@example.com", Log: slog.New(slog.DiscardHandler)}
		change(&c)
		if _, err := New(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestDamage: a certificate that cannot be used is replaced, whatever is wrong
// with it; records that cannot be read are no reason to order another one.
func TestDamage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, time.Hour)
	m, _, stop := w.manager(nil)
	until(t, "there is a certificate", func() bool { return m.Problem() == "" })
	stop()
	entries, err := w.store.List(t.Context(), filesPrefix+"certificates/", "", 10)
	if err != nil || len(entries) != 3 {
		t.Fatalf("%d %v", len(entries), err)
	}
	other, err := certmagic.StandardKeyGenerator{KeyType: certmagic.P256}.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	text, err := certmagic.PEMEncodePrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	key := entries[slices.IndexFunc(entries, func(e cloud.Entry) bool { return strings.HasSuffix(e.Key, ".key") })]
	head, _, _ := bytes.Cut(key.Value, []byte("\n"))
	for _, damaged := range []cloud.Entry{
		{Key: entries[0].Key, Value: []byte("damaged")},
		{Key: key.Key, Value: slices.Concat(head, []byte("\n"), text)}, // a relay died between two writes
		{Key: key.Key, Value: slices.Concat(head, []byte("\nno key"))},
	} {
		if err := w.store.Commit(t.Context(), cloud.Transaction{Put: []cloud.Entry{damaged}}); err != nil {
			t.Fatal(err)
		}
		m, log, stop := w.manager(nil)
		until(t, "there is a certificate again", func() bool { return m.Problem() == "" })
		if !strings.Contains(log.String(), "the certificate in the records cannot be used; another one is asked for") {
			t.Error("nobody is told")
		}
		stop()
	}
	before := w.authority.Orders()
	c, _ := w.config(func(c *Config) { c.Store = unreadable{w.store} })
	if _, err := New(t.Context(), c); err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Error(err)
	}
	if len(w.authority.Orders()) != len(before) {
		t.Error("another one was ordered")
	}
}

// unreadable is a store that is out of order.
type unreadable struct{ cloud.Store }

// Get implements cloud.Store.
func (unreadable) Get(context.Context, string) (cloud.Entry, error) {
	return cloud.Entry{}, errors.New("out of order")
}

// TestBinding: an authority that knows its customers.
func TestBinding(t *testing.T) {
	t.Parallel()
	const id, key = "customer-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
	w := newWorld(t, time.Hour)
	w.authority = acmetest.NewClosedAuthority(t, w.dns.Addr, time.Hour, id, key)
	m, _, stop := w.manager(nil)
	until(t, "it is refused", func() bool { return strings.Contains(m.Problem(), "externalAccountRequired") })
	stop()
	m, _, _ = w.manager(func(c *Config) { c.Binding = &acmez.EAB{KeyID: id, MACKey: key} })
	until(t, "there is a certificate", func() bool { return m.Problem() == "" })
}
