package acme

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/libdns/libdns"
	"github.com/miekg/dns"
)

// Update changes a zone by dynamic updates (RFC 2136) that a shared key signs
// (TSIG, RFC 8945). All common name servers take them.
type Update struct {
	server, key, algorithm, secret string
	now                            func() time.Time
}

var _ certmagic.DNSProvider = (*Update)(nil)

// Algorithms of a key, the default first.
var Algorithms = []string{"hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha224"}

// NewUpdate returns what changes zones at a name server, host:port, with a key
// whose secret is in base64.
func NewUpdate(server, key, algorithm, secret string) (*Update, error) {
	if _, _, err := net.SplitHostPort(server); err != nil {
		return nil, fmt.Errorf("the name server %q: write host:port", server)
	}
	if _, ok := dns.IsDomainName(key); !ok || key == "" {
		return nil, fmt.Errorf("the key's name %q: write it as the name server's configuration does", key)
	}
	if !slices.Contains(Algorithms, algorithm) {
		return nil, fmt.Errorf("the algorithm %q: one of %s", algorithm, strings.Join(Algorithms, ", "))
	}
	if b, err := base64.StdEncoding.DecodeString(secret); err != nil || len(b) < 16 {
		return nil, errors.New("the key's secret: at least 16 bytes in base64, such as tsig-keygen makes")
	}
	return &Update{server, dns.CanonicalName(key), dns.Fqdn(algorithm), secret, time.Now}, nil
}

// AppendRecords implements libdns.RecordAppender.
func (u *Update) AppendRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	return records, u.change(ctx, zone, records, (*dns.Msg).Insert)
}

// DeleteRecords implements libdns.RecordDeleter.
func (u *Update) DeleteRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	return records, u.change(ctx, zone, records, (*dns.Msg).Remove)
}

// change sends one update.
func (u *Update) change(ctx context.Context, zone string, records []libdns.Record, how func(*dns.Msg, []dns.RR)) error {
	m := new(dns.Msg).SetUpdate(dns.CanonicalName(zone))
	for _, r := range records {
		rr := r.RR()
		if rr.Type != "TXT" || len(rr.Data) > 255 {
			return fmt.Errorf("%s is no record for a proof", rr.Name)
		}
		how(m, []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: libdns.AbsoluteName(rr.Name, zone), Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: uint32(rr.TTL.Seconds())},
			Txt: []string{rr.Data}}})
	}
	m.SetTsig(u.key, u.algorithm, 300, u.now().Unix())
	client := &dns.Client{Net: "tcp", Timeout: 10 * time.Second, TsigSecret: map[string]string{u.key: u.secret}}
	answer, _, err := client.ExchangeContext(ctx, m, u.server)
	// A refusal need not be signed.
	if answer != nil && answer.Id == m.Id && answer.Rcode != dns.RcodeSuccess {
		return u.refusal(zone, answer)
	}
	if err != nil {
		return fmt.Errorf("the name server %s: %w", u.server, err)
	}
	if answer.IsTsig() == nil {
		return fmt.Errorf("the name server %s answered without a signature: is it one that checks keys?", u.server)
	}
	return nil
}

// Refusal is a name server's no to an update.
type Refusal struct {
	Server string
	Code   string // as DNS calls it
	Remedy string
}

// Error implements error.
func (r *Refusal) Error() string {
	return fmt.Sprintf("the name server %s refuses the update (%s): %s", r.Server, r.Code, r.Remedy)
}

func (u *Update) refusal(zone string, answer *dns.Msg) error {
	r := &Refusal{Server: u.server, Code: dns.RcodeToString[answer.Rcode]}
	if t := answer.IsTsig(); t != nil && t.Error != dns.RcodeSuccess {
		r.Code += ", " + dns.RcodeToString[int(t.Error)]
		switch int(t.Error) {
		case dns.RcodeBadKey:
			r.Remedy = fmt.Sprintf("it has no key named %s for %s; compare both with its configuration", u.key, strings.TrimSuffix(u.algorithm, "."))
			return r
		case dns.RcodeBadSig:
			r.Remedy = fmt.Sprintf("the secret of the key %s is not the one that it has", u.key)
			return r
		case dns.RcodeBadTime:
			r.Remedy = "its clock and this machine's differ by more than five minutes; set them right"
			return r
		}
	}
	switch answer.Rcode {
	case dns.RcodeNotAuth, dns.RcodeNotZone:
		r.Remedy = fmt.Sprintf("it is not the primary server of the zone %s; name the zone and the server that is", zone)
	case dns.RcodeRefused:
		r.Remedy = fmt.Sprintf("allow the key %s to change TXT records of the zone %s (BIND: update-policy)", u.key, zone)
	default:
		r.Remedy = "see its log"
	}
	return r
}
