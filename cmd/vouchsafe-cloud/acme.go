package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/libdns/cloudflare"
	acmez "github.com/mholt/acmez/v3/acme"
	"github.com/spf13/pflag"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/acme"
)

// acmeOptions are the flags of serve for --tls acme.
type acmeOptions struct {
	email, directory, ca, customer, customerKey                  string
	agree                                                        bool
	dns, server, zone, record, keyName, keyFile, algorithm, wait string
	servers                                                      []string
	look, pause                                                  time.Duration // of tests
}

func (o *acmeOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.email, "acme-email", "", "with --tls acme: the e-mail address of the account at the authority")
	f.BoolVar(&o.agree, "acme-agree", false, "with --tls acme: you have read the authority's terms and agree to them")
	f.StringVar(&o.directory, "acme-directory", acme.LetsEncrypt, "with --tls acme: the authority's directory")
	f.StringVar(&o.ca, "acme-ca", "", "with --tls acme: certificates, in PEM, that are trusted for the directory instead of the system's")
	f.StringVar(&o.customer, "acme-eab-id", "", "with --tls acme: your id at an authority that wants one (external account binding)")
	f.StringVar(&o.customerKey, "acme-eab-key-file", "", "with --tls acme: file with the key that belongs to the id")
	f.StringVar(&o.dns, "dns", "rfc2136", "with --tls acme: how the proof gets into the DNS: rfc2136 (a name server that takes updates) or cloudflare")
	f.StringVar(&o.server, "dns-server", "", "the name server that takes updates, such as ns1.example.com or 192.0.2.53:5353")
	f.StringVar(&o.keyName, "dns-key-name", "", "the name of the key that it knows")
	f.StringVar(&o.keyFile, "dns-key-file", "", "file with the key's secret in base64, or as tsig-keygen prints it; for cloudflare: with an API token")
	f.StringVar(&o.algorithm, "dns-algorithm", "", "the key's algorithm: "+strings.Join(acme.Algorithms, ", ")+" (default "+acme.Algorithms[0]+")")
	f.StringVar(&o.zone, "dns-zone", "", "the zone that the proof goes into, if it cannot be found")
	f.StringVar(&o.record, "dns-record", "", "the record that takes the proof, if _acme-challenge.<domain> is a CNAME to it")
	f.StringSliceVar(&o.servers, "dns-check", nil, "name servers, as host:port, that must have the proof before the authority looks (default those of the zone)")
	f.StringVar(&o.wait, "dns-wait", "2m", "how long they may take")
}

// fromACME gets the certificate from an authority.
func fromACME(ctx context.Context, domain string, o acmeOptions, store cloud.Store, log *slog.Logger) (certificate, error) {
	cfg := acme.Config{Store: store, Domain: domain, Log: log, Email: o.email, Agreed: o.agree, Directory: o.directory, Look: o.look, Pause: o.pause}
	var err error
	if cfg.DNS, err = o.proof(); err != nil {
		return certificate{}, fmt.Errorf("--tls acme: %w", err)
	}
	if cfg.Roots, err = o.roots(); err != nil {
		return certificate{}, fmt.Errorf("--acme-ca: %w", err)
	}
	if cfg.Binding, err = o.binding(); err != nil {
		return certificate{}, fmt.Errorf("--acme-eab-id and --acme-eab-key-file: %w", err)
	}
	m, err := acme.New(ctx, cfg)
	if err != nil {
		return certificate{}, fmt.Errorf("--tls acme: %w", err)
	}
	return certificate{find: m.Certificate, problem: m.Problem, keep: func(ctx context.Context) error {
		err := m.Run(ctx)
		if terms := (*acme.TermsError)(nil); errors.As(err, &terms) {
			return fmt.Errorf("--acme-agree: %w", err)
		}
		return err
	}}, nil
}

// proof says how the proof gets into the DNS.
func (o *acmeOptions) proof() (acme.DNS, error) {
	d := acme.DNS{Zone: o.zone, Record: o.record, Servers: o.servers}
	var err error
	if d.Wait, err = time.ParseDuration(o.wait); err != nil || d.Wait <= 0 {
		return d, fmt.Errorf("--dns-wait %q: write a time such as 2m", o.wait)
	}
	for _, server := range o.servers {
		if _, _, err := net.SplitHostPort(server); err != nil {
			return d, fmt.Errorf("--dns-check %q: write host:port", server)
		}
	}
	if o.keyFile == "" {
		return d, errors.New("--dns-key-file: the file with the secret that the name server takes changes with")
	}
	b, err := os.ReadFile(o.keyFile)
	if err != nil {
		return d, fmt.Errorf("--dns-key-file: %w", err)
	}
	key := acme.ParseKey(string(b))
	switch o.dns {
	case "cloudflare":
		d.Provider = &cloudflare.Provider{APIToken: key.Secret}
	case "rfc2136":
		if o.server == "" {
			return d, errors.New("--dns-server: the name server that takes updates of the zone")
		}
		server := o.server
		if _, _, err := net.SplitHostPort(server); err != nil {
			server = net.JoinHostPort(strings.Trim(server, "[]"), "53")
		}
		d.Resolvers = []string{server}
		if d.Provider, err = acme.NewUpdate(server, first(o.keyName, key.Name), first(o.algorithm, key.Algorithm, acme.Algorithms[0]), key.Secret); err != nil {
			return d, fmt.Errorf("--dns-server, --dns-key-name, --dns-algorithm and --dns-key-file: %w", err)
		}
	default:
		return d, fmt.Errorf("--dns %q: rfc2136 or cloudflare", o.dns)
	}
	return d, nil
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func (o *acmeOptions) roots() (*x509.CertPool, error) {
	if o.ca == "" {
		return nil, nil
	}
	b, err := os.ReadFile(o.ca)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("%s has no certificate in PEM", o.ca)
	}
	return pool, nil
}

func (o *acmeOptions) binding() (*acmez.EAB, error) {
	if o.customer == "" && o.customerKey == "" {
		return nil, nil
	}
	if o.customer == "" || o.customerKey == "" {
		return nil, errors.New("give both, as the authority did")
	}
	b, err := os.ReadFile(o.customerKey)
	return &acmez.EAB{KeyID: o.customer, MACKey: strings.TrimRight(strings.TrimSpace(string(b)), "=")}, err
}
