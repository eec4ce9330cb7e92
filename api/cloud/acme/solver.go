package acme

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/libdns/libdns"
	acmez "github.com/mholt/acmez/v3/acme"
	"github.com/miekg/dns"
	"go.uber.org/zap"
)

// DNS is where the proof goes that the domain is ours: a TXT record that is
// there for as long as the authority looks at it.
type DNS struct {
	// Provider puts records into the zone. Must not be nil.
	Provider certmagic.DNSProvider
	// Record is the record's name; empty: _acme-challenge.<domain>. Another one is
	// of use if that is a CNAME to it.
	Record string
	// Zone is the zone that the record is in; empty: it is looked up.
	Zone string
	// Resolvers are asked for the zone and its name servers, as host:port; none:
	// the system's.
	Resolvers []string
	// Servers are the name servers that must have the record before the authority
	// looks, as host:port; none: those of the zone.
	Servers []string
	// Wait is how long they may take; 0: two minutes.
	Wait time.Duration
}

// ttl is that of the proof. The next proof has another text, so it is short.
const ttl = time.Minute

// solver is what the library asks to prove that the domain is ours.
type solver struct {
	at    DNS
	log   *slog.Logger
	pause time.Duration // between two looks at the name servers
}

func newSolver(d DNS, log *slog.Logger) *solver {
	if d.Wait == 0 {
		d.Wait = 2 * time.Minute
	}
	return &solver{d, log, 2 * time.Second}
}

func (s *solver) name(c acmez.Challenge) string {
	if s.at.Record != "" {
		return dns.CanonicalName(s.at.Record)
	}
	return dns.CanonicalName(c.DNS01TXTRecordName())
}

func (s *solver) resolvers() []string { return certmagic.RecursiveNameservers(s.at.Resolvers) }

// zone returns the zone that a name is in.
func (s *solver) zone(ctx context.Context, name string) (string, error) {
	zone := dns.CanonicalName(s.at.Zone)
	if s.at.Zone == "" {
		var err error
		if zone, err = certmagic.FindZoneByFQDN(ctx, zap.NewNop(), name, s.resolvers()); err != nil {
			return "", fmt.Errorf("the zone of %s cannot be found, so name it: %w", name, err)
		}
	}
	if !dns.IsSubDomain(zone, name) {
		return "", fmt.Errorf("%s is not in the zone %s", name, zone)
	}
	return zone, nil
}

// record returns the proof as a record, and its zone.
func (s *solver) record(ctx context.Context, c acmez.Challenge) (string, libdns.Record, error) {
	name := s.name(c)
	zone, err := s.zone(ctx, name)
	return zone, libdns.TXT{Name: libdns.RelativeName(name, zone), TTL: ttl, Text: c.DNS01KeyAuthorization()}, err
}

// Present implements acmez.Solver.
func (s *solver) Present(ctx context.Context, c acmez.Challenge) error {
	zone, record, err := s.record(ctx, c)
	if err != nil {
		return err
	}
	s.log.Debug("certificate", "step", "putting the proof into the zone", "record", s.name(c), "zone", zone)
	if _, err := s.at.Provider.AppendRecords(ctx, zone, []libdns.Record{record}); err != nil {
		return fmt.Errorf("the record %s cannot be put into the zone %s: %w", s.name(c), zone, err)
	}
	return nil
}

// CleanUp implements acmez.Solver.
func (s *solver) CleanUp(ctx context.Context, c acmez.Challenge) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	zone, record, err := s.record(ctx, c)
	if err != nil {
		return err
	}
	if _, err := s.at.Provider.DeleteRecords(ctx, zone, []libdns.Record{record}); err != nil {
		return fmt.Errorf("the record %s cannot be taken out of the zone %s: %w", s.name(c), zone, err)
	}
	return nil
}

// Wait implements acmez.Waiter: it returns when all name servers have the
// record. The authority may ask any of them, and remembers if there is none.
func (s *solver) Wait(ctx context.Context, c acmez.Challenge) error {
	name, text := s.name(c), c.DNS01KeyAuthorization()
	servers, err := s.servers(ctx, name)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, s.at.Wait)
	defer cancel()
	tick := time.NewTicker(s.pause)
	defer tick.Stop()
	for round := 1; ; round++ {
		var lack, silent []string
		for _, server := range servers {
			switch has, err := ask(ctx, server, name, text); {
			case err != nil:
				s.log.Debug("certificate", "step", "asking a name server", "server", server, "error", err)
				silent = append(silent, server)
			case !has:
				lack = append(lack, server)
			}
		}
		// One that cannot be reached from here may be in the authority's reach.
		if len(lack) == 0 && (len(silent) == 0 || round >= 3) {
			return nil
		}
		select {
		case <-tick.C:
		case <-within.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("after %s these name servers still lack the record %s: %s; see whether they get the zone from the one that has it",
				s.at.Wait, name, strings.Join(lack, ", "))
		}
	}
}

// servers returns the addresses of the name servers that have a name.
func (s *solver) servers(ctx context.Context, name string) ([]string, error) {
	if len(s.at.Servers) > 0 {
		return s.at.Servers, nil
	}
	zone, err := s.zone(ctx, name)
	if err != nil {
		return nil, err
	}
	q := new(dns.Msg).SetQuestion(zone, dns.TypeNS)
	for _, resolver := range s.resolvers() {
		in, err := exchange(ctx, q, resolver)
		if err != nil {
			continue // the next one may answer
		}
		var out []string
		for _, rr := range in.Answer {
			ns, ok := rr.(*dns.NS)
			if !ok {
				continue
			}
			addrs, err := new(net.Resolver).LookupHost(ctx, strings.TrimSuffix(ns.Ns, "."))
			if err != nil {
				s.log.Debug("certificate", "step", "looking up a name server", "server", ns.Ns, "error", err)
				continue
			}
			// All addresses of a server have the same records.
			slices.SortStableFunc(addrs, func(a, b string) int { return strings.Count(a, ":") - strings.Count(b, ":") })
			out = append(out, net.JoinHostPort(addrs[0], "53"))
		}
		if len(out) > 0 {
			return out, nil
		}
	}
	return nil, fmt.Errorf("the name servers of %s cannot be found: name those that must have the record", zone)
}

// ask reports whether a name server has the record with the text.
func ask(ctx context.Context, server, name, text string) (bool, error) {
	q := new(dns.Msg).SetQuestion(name, dns.TypeTXT)
	q.RecursionDesired = false
	in, err := exchange(ctx, q, server)
	if err != nil {
		return false, err
	}
	if in.Rcode != dns.RcodeSuccess && in.Rcode != dns.RcodeNameError {
		return false, errors.New(dns.RcodeToString[in.Rcode])
	}
	for _, rr := range in.Answer {
		if txt, ok := rr.(*dns.TXT); ok && strings.Join(txt.Txt, "") == text {
			return true, nil
		}
	}
	return false, nil
}

// exchange asks by UDP, and by TCP if that does not do.
func exchange(ctx context.Context, q *dns.Msg, server string) (*dns.Msg, error) {
	const within = 3 * time.Second
	in, _, err := (&dns.Client{Net: "udp", Timeout: within}).ExchangeContext(ctx, q, server)
	if err == nil && !in.Truncated || ctx.Err() != nil {
		return in, err
	}
	in, _, err = (&dns.Client{Net: "tcp", Timeout: within}).ExchangeContext(ctx, q, server)
	return in, err
}
