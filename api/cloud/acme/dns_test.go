package acme

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/libdns/libdns"
	acmez "github.com/mholt/acmez/v3/acme"

	"github.com/vouchsafe/vouchsafe/api/cloud/acme/acmetest"
)

// nobody is where nobody listens: no port that somebody could be given.
const nobody = "127.0.0.1:1"

func challenge(token string) acmez.Challenge {
	return acmez.Challenge{Type: acmez.ChallengeTypeDNS01, Token: token, KeyAuthorization: token + ".key",
		Identifier: acmez.Identifier{Type: "dns", Value: domain}}
}

// TestProof: two proofs are in the zone at once, and each is taken out alone.
func TestProof(t *testing.T) {
	ns := acmetest.NewNameServer(t, domain+".")
	for _, algorithm := range Algorithms {
		update, err := NewUpdate(ns.Addr, strings.TrimSuffix(acmetest.KeyName, "."), algorithm, acmetest.KeySecret)
		if err != nil {
			t.Fatal(err)
		}
		s := newSolver(DNS{Provider: update, Resolvers: []string{ns.Addr}, Servers: []string{ns.Addr}}, slog.New(slog.DiscardHandler))
		s.pause = time.Millisecond
		one, two := challenge("one"), challenge("two")
		for _, c := range []acmez.Challenge{one, two} {
			if err := errors.Join(s.Present(t.Context(), c), s.Wait(t.Context(), c)); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]string{one.DNS01KeyAuthorization(), two.DNS01KeyAuthorization()}, ns.Texts("_acme-challenge."+domain+".")); diff != "" {
			t.Error(diff)
		}
		if err := s.CleanUp(t.Context(), one); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{two.DNS01KeyAuthorization()}, ns.Texts("_acme-challenge."+domain+".")); diff != "" {
			t.Error(diff)
		}
		if err := errors.Join(s.CleanUp(t.Context(), two), s.CleanUp(t.Context(), two)); err != nil {
			t.Error(err)
		}
	}
}

// TestRefusals: each says what to do.
func TestRefusals(t *testing.T) {
	ns := acmetest.NewNameServer(t, domain+".")
	for name, tc := range map[string]struct {
		server, key, secret, zone, record string
		want                              string
	}{
		"secret":       {secret: "YW5vdGhlciBzaXh0ZWVuIGJ5dGVz", want: "BADSIG): the secret of the key " + acmetest.KeyName + " is not"},
		"key":          {key: "other", want: "BADKEY): it has no key named other. for hmac-sha256"},
		"zone":         {zone: "test", want: "not the primary server of the zone test."},
		"no such zone": {zone: "elsewhere.test", want: "_acme-challenge.cloud.test. is not in the zone elsewhere.test."},
		"policy":       {record: "www." + domain, want: "REFUSED): allow the key"},
		"no zone":      {record: "proof.nowhere.example", want: "the zone of proof.nowhere.example. cannot be found, so name it"},
		"nobody":       {server: nobody, want: "connection refused"},
	} {
		or := func(a, b string) string {
			if a != "" {
				return a
			}
			return b
		}
		update, err := NewUpdate(or(tc.server, ns.Addr), or(tc.key, acmetest.KeyName), "hmac-sha256", or(tc.secret, acmetest.KeySecret))
		if err != nil {
			t.Fatal(err)
		}
		s := newSolver(DNS{Provider: update, Record: tc.record, Zone: tc.zone, Resolvers: []string{ns.Addr}}, slog.New(slog.DiscardHandler))
		if err := s.Present(t.Context(), challenge("x")); err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), acmetest.KeySecret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := ns.Changes(); len(got) != 0 {
		t.Error(got)
	}
}

// TestPropagation: the authority is not asked before all name servers have the
// record; the one that never gets it is named; one out of reach is left alone.
func TestPropagation(t *testing.T) {
	primary, secondary := acmetest.NewNameServer(t, domain+"."), acmetest.NewNameServer(t, domain+".")
	update, err := NewUpdate(primary.Addr, acmetest.KeyName, "hmac-sha256", acmetest.KeySecret)
	if err != nil {
		t.Fatal(err)
	}
	s := newSolver(DNS{Provider: update, Resolvers: []string{primary.Addr}, Servers: []string{primary.Addr, secondary.Addr}, Wait: 3 * time.Second}, slog.New(slog.DiscardHandler))
	s.pause = time.Millisecond
	c := challenge("x")
	if err := s.Present(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	until(t, "it is told who lacks the record", func() bool { // the other one, too, if it had no time to answer
		err := s.Wait(t.Context(), c)
		if err == nil {
			t.Fatal("it did not wait")
		}
		return strings.Contains(err.Error(), "still lack the record _acme-challenge.cloud.test.: "+secondary.Addr+";")
	})
	s.at.Wait = 90 * time.Second
	waited := make(chan error, 1)
	go func() { waited <- s.Wait(t.Context(), c) }()
	select {
	case err := <-waited:
		t.Errorf("it did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	secondary.Add(t, "_acme-challenge."+domain+`. 60 IN TXT "`+c.DNS01KeyAuthorization()+`"`)
	if err := <-waited; err != nil {
		t.Error(err)
	}
	s.at.Servers = []string{primary.Addr, nobody}
	if err := s.Wait(t.Context(), c); err != nil {
		t.Error(err)
	}
}

// TestNameServers: those of the zone are asked, unless others are named.
func TestNameServers(t *testing.T) {
	ns := acmetest.NewNameServer(t, domain+".")
	s := newSolver(DNS{Resolvers: []string{ns.Addr}, Zone: domain}, slog.New(slog.DiscardHandler))
	if _, err := s.servers(t.Context(), "_acme-challenge."+domain+"."); err == nil || !strings.Contains(err.Error(), "name those that must have the record") {
		t.Error(err)
	}
	ns.Add(t, domain+". 60 IN NS localhost.")
	if got, err := s.servers(t.Context(), "_acme-challenge."+domain+"."); err != nil || len(got) != 1 || got[0] != "127.0.0.1:53" {
		t.Errorf("%q %v", got, err)
	}
}

// TestUpdateMistakes: what cannot work is refused at the start.
func TestUpdateMistakes(t *testing.T) {
	for want, args := range map[string][4]string{
		"host:port":  {"ns1.example.com", "k", "hmac-sha256", acmetest.KeySecret},
		"key's name": {"ns1:53", "", "hmac-sha256", acmetest.KeySecret},
		"algorithm":  {"ns1:53", "k", "hmac-md5", acmetest.KeySecret},
		"16 bytes":   {"ns1:53", "k", "hmac-sha256", "c2hvcnQ="},
		"in base64":  {"ns1:53", "k", "hmac-sha256", "not base64 at all!"},
	} {
		if _, err := NewUpdate(args[0], args[1], args[2], args[3]); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), args[3]) {
			t.Errorf("%q: %v", args, err)
		}
	}
	update, err := NewUpdate("127.0.0.1:1", "k", "hmac-sha256", acmetest.KeySecret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := update.AppendRecords(t.Context(), "a.test.", []libdns.Record{libdns.CNAME{Name: "x", Target: "y."}}); err == nil || !strings.Contains(err.Error(), "no record for a proof") {
		t.Error(err)
	}
}
