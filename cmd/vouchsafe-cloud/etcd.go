package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/bolt"
	"github.com/vouchsafe/vouchsafe/api/cloud/etcd"
)

// place is where the relay's records are.
type place struct {
	data string // the directory; with etcd, of what belongs to this relay alone
	etcd etcdOptions
}

// etcdOptions are the flags for records in etcd.
type etcdOptions struct {
	endpoints             []string // none: the records are in the directory
	ca, cert, key, prefix string
}

func (p *place) flags(f *pflag.FlagSet) {
	f.StringVar(&p.data, "data", "/var/lib/vouchsafe-cloud", "directory of the relay's records")
	f.StringSliceVar(&p.etcd.endpoints, "etcd", nil, "keep the records in etcd at these endpoints, such as https://etcd1.example.com:2379; for several relays")
	f.StringVar(&p.etcd.ca, "etcd-ca", "", "certificates, in PEM, that etcd's is from")
	f.StringVar(&p.etcd.cert, "etcd-cert", "", "certificate, in PEM, to show to etcd")
	f.StringVar(&p.etcd.key, "etcd-key", "", "its key, in PEM")
	f.StringVar(&p.etcd.prefix, "etcd-prefix", "", "what the records' keys in etcd begin with (default vouchsafe/)")
}

// shared reports whether the records are in etcd.
func (p *place) shared() bool { return len(p.etcd.endpoints) > 0 }

// records are those of a place.
type records struct {
	cloud.Store
	db *etcd.DB // nil: they are in a file
}

// open opens the records.
func (p *place) open(ctx context.Context, log *slog.Logger) (records, error) {
	if !p.shared() {
		if p.etcd.ca != "" || p.etcd.cert != "" || p.etcd.key != "" || p.etcd.prefix != "" {
			return records{}, errors.New("--etcd-ca, --etcd-cert, --etcd-key and --etcd-prefix belong to --etcd: say where it is")
		}
		s, err := bolt.Open(filepath.Join(p.data, recordsFile))
		return records{Store: s}, err
	}
	db, err := p.connect(ctx, log)
	if err != nil {
		return records{}, err
	}
	if err := cloud.CheckCopied(ctx, db); err != nil {
		if errors.Is(err, cloud.ErrUnfinished) {
			err = fmt.Errorf("%w: let `vouchsafe-cloud records copy` end, or run it again", err)
		}
		return records{}, errors.Join(fmt.Errorf("--etcd: %w", err), db.Close())
	}
	return records{db, db}, nil
}

// connect opens the records in etcd, even if not all of them are there yet.
func (p *place) connect(ctx context.Context, log *slog.Logger) (*etcd.DB, error) {
	cfg, err := p.etcd.tls()
	if err != nil {
		return nil, err
	}
	db, err := etcd.Open(ctx, etcd.Config{Endpoints: p.etcd.endpoints, TLS: cfg, Prefix: p.etcd.prefix, Log: log})
	if err != nil {
		return nil, fmt.Errorf("--etcd: %w", err)
	}
	return db, nil
}

// tls is how etcd is met; nil: in plain text, unless an endpoint says https.
func (o etcdOptions) tls() (*tls.Config, error) {
	secure := false
	for _, e := range o.endpoints {
		secure = secure || strings.HasPrefix(e, "https://")
	}
	if o.ca == "" && o.cert == "" && o.key == "" && !secure {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.ca != "" {
		b, err := os.ReadFile(o.ca)
		if err != nil {
			return nil, fmt.Errorf("--etcd-ca: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(b) {
			return nil, fmt.Errorf("--etcd-ca: there is no certificate in %s", o.ca)
		}
	}
	if (o.cert == "") != (o.key == "") {
		return nil, errors.New("--etcd-cert and --etcd-key belong together")
	}
	if o.cert != "" {
		read := func() (*tls.Certificate, error) {
			c, err := tls.LoadX509KeyPair(o.cert, o.key)
			return &c, err
		}
		if _, err := read(); err != nil {
			return nil, fmt.Errorf("--etcd-cert and --etcd-key: %w", err)
		}
		// Whenever it is needed: files are renewed.
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return read() }
	}
	return cfg, nil
}

// licenseSecret is what the key of licences is kept as among the records.
const licenseSecret = "license-key"

// licenseKey returns the key that licences are signed with. That of several
// relays is with their records; it is the one of the first directory that has one.
func (p *place) licenseKey(ctx context.Context, s cloud.Store) (ed25519.PrivateKey, error) {
	if !p.shared() {
		return licenseKey(p.data)
	}
	first := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(first) // never fails
	_, err := os.Stat(filepath.Join(p.data, licenseFile))
	if err == nil {
		key, err := licenseKey(p.data)
		if err != nil {
			return nil, err
		}
		first = key.Seed()
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("key of the licences: %w", err)
	}
	seed, err := cloud.NewAccounts(cloud.AccountsConfig{Store: s}).Keep(ctx, licenseSecret, first)
	if err != nil {
		return nil, fmt.Errorf("key of the licences: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// signingKey is the key that licences are signed with, for who has nothing else to
// do with the records.
func signingKey(ctx context.Context, at place) (_ ed25519.PrivateKey, err error) {
	if !at.shared() {
		return licenseKey(at.data) // a relay that runs has the records
	}
	s, err := at.open(ctx, slog.New(slog.DiscardHandler)) // what fails is told
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return at.licenseKey(ctx, s)
}

// peerOptions are the flags of serve for several relays.
type peerOptions struct {
	address, name string
	notice        time.Duration
}

func (o *peerOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.address, "peer", "", "with --etcd: address and port where the other relays reach this one, such as 10.0.0.5:7443; not for the internet")
	f.StringVar(&o.name, "node", "", "with --etcd: what this relay is called in logs (default the machine's name)")
	f.DurationVar(&o.notice, "notice", 10*time.Second, "with --etcd: how long clients can still connect after SIGTERM, until a balancer has noticed")
}

// leaveWithin bounds how long a relay takes to take itself out of the registry.
const leaveWithin = 5 * time.Second

// join makes the relay one of several, if its records are in etcd. leave takes it
// out again.
func join(ctx context.Context, rec records, o peerOptions, cfg *cloud.Config) (leave func(), err error) {
	if rec.db == nil {
		if o.address != "" || o.name != "" {
			return nil, errors.New("--peer and --node are for several relays, which share their records: add --etcd")
		}
		return func() {}, nil
	}
	id, err := o.id()
	if err != nil {
		return nil, err
	}
	ln, err := o.listen()
	if err != nil {
		return nil, fmt.Errorf("--peer: %w", err)
	}
	reg, err := rec.db.Join(ctx, cloud.Node{ID: id, Peer: ln.Addr().String()})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("--etcd: %w", err), ln.Close())
	}
	cfg.Registry, cfg.Peer, cfg.Notice = reg, cloud.PeerConfig{Listener: ln}, o.notice
	log := cfg.Log
	log.Info("one of several relays", "node", id, "peer", ln.Addr())
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
		defer cancel()
		_ = ln.Close() // the relay has closed it, if it has ever run
		if err := reg.Close(ctx); err != nil {
			log.Warn("could not say goodbye; the others will notice", "node", id, "error", err)
		}
	}, nil
}

// listen listens where the others are told to connect.
func (o peerOptions) listen() (net.Listener, error) {
	at, err := netip.ParseAddrPort(o.address)
	if err != nil || at.Addr().IsUnspecified() {
		return nil, errors.New("write the address and port at which the other relays reach this one, such as 10.0.0.5:7443")
	}
	return net.Listen("tcp", at.String())
}

// maxName bounds the name in a relay's id.
const maxName = 40

// id names this run of the relay. No two have the same.
func (o peerOptions) id() (string, error) {
	const allowed = "abcdefghijklmnopqrstuvwxyz0123456789-"
	name := o.name
	if name == "" {
		host, err := os.Hostname()
		if err != nil {
			return "", fmt.Errorf("--node: %w", err)
		}
		host, _, _ = strings.Cut(strings.ToLower(host), ".")
		name = strings.Map(func(r rune) rune {
			if strings.ContainsRune(allowed, r) {
				return r
			}
			return '-'
		}, host)
		name = name[:min(len(name), maxName)]
	}
	if name == "" || len(name) > maxName || strings.Trim(name, allowed) != "" {
		return "", fmt.Errorf("--node %q: 1 to %d of a-z, 0-9 and -", name, maxName)
	}
	run := make([]byte, 4)
	_, _ = rand.Read(run) // never fails
	return name + "-" + hex.EncodeToString(run), nil
}
