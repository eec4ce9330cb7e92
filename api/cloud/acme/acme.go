package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/mail"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	acmez "github.com/mholt/acmez/v3/acme"
	"go.uber.org/zap"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// LetsEncrypt is the directory of the authority that is asked by default.
const LetsEncrypt = certmagic.LetsEncryptProductionCA

// Config is what a Manager is made of.
type Config struct {
	Store  cloud.Store  // keeps the certificate and its key; must not be nil
	Domain string       // the certificate is for all names right below it
	Log    *slog.Logger // must not be nil
	DNS    DNS

	// Email is that of the account at the authority. Must not be empty.
	Email string
	// Agreed says that the operator agrees to the authority's terms.
	Agreed bool
	// Directory is the authority's; empty: LetsEncrypt.
	Directory string
	// Roots are trusted for the directory; nil: the system's.
	Roots *x509.CertPool
	// Binding ties the account to one that the operator has at the authority
	// already; nil: there is none.
	Binding *acmez.EAB

	// Look is how often the certificate's age is looked at; 0: ten minutes.
	Look time.Duration
	// Left is the part of the certificate's life that is left when it is renewed,
	// unless the authority asks for it earlier; 0: a third.
	Left float64
	// Pause is how long to wait after the first attempt that failed, as long as
	// there is no certificate; 0: one minute. It doubles, up to an hour.
	Pause time.Duration
}

// TermsError says that the authority has terms that nobody has agreed to.
type TermsError struct{ URL string }

// Error implements error.
func (e *TermsError) Error() string {
	return fmt.Sprintf("the certificate authority has terms (%s): read them, and say that you agree", e.URL)
}

// Manager has the certificate, and renews it.
type Manager struct {
	cfg     Config
	name    string // on the certificate
	log     *slog.Logger
	storage *storage
	cache   *certmagic.Cache
	library *certmagic.Config
	now     func() time.Time
	useless bool // what is in the records, as Run finds it
	failure atomic.Pointer[string]
	terms   atomic.Pointer[TermsError]
}

// New returns a manager that has the certificate of the records, if there is
// one. Run must be called; it cleans up.
func New(ctx context.Context, cfg Config) (*Manager, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	log := cfg.Log.With("component", "certificate")
	m := &Manager{cfg: cfg, name: "*." + cfg.Domain, log: log, now: time.Now, storage: newStorage(ctx, cfg.Store, log)}
	details := newLibraryLog(log)
	m.cache = certmagic.NewCache(certmagic.CacheOptions{RenewCheckInterval: cfg.Look, Logger: details,
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return m.library, nil }})
	// Authorities do without OCSP by now, and the addresses in certificates are
	// not for us to call. On-demand issuance stays off: it would order names that
	// clients make up.
	m.library = certmagic.New(m.cache, certmagic.Config{Storage: m.storage, Logger: details, OCSP: certmagic.OCSPConfig{DisableStapling: true},
		RenewalWindowRatio: cfg.Left, OnEvent: m.event})
	m.library.Issuers = []certmagic.Issuer{m.issuer(details)}
	if err := m.load(ctx); err != nil {
		m.close(ctx)
		return nil, fmt.Errorf("the certificate in the records: %w", err)
	}
	return m, nil
}

func (c *Config) complete() error {
	if c.Directory == "" {
		c.Directory = LetsEncrypt
	}
	if c.Look == 0 {
		c.Look = certmagic.DefaultRenewCheckInterval
	}
	if c.Pause == 0 {
		c.Pause = time.Minute
	}
	if u, err := url.Parse(c.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("the authority's directory %q: write its https address", c.Directory)
	}
	if a, err := mail.ParseAddress(c.Email); err != nil || a.Address != c.Email {
		return fmt.Errorf("the e-mail address %q: write one such as admin@example.com, for the account at the authority", c.Email)
	}
	if !certmagic.SubjectQualifiesForCert("*." + c.Domain) {
		return fmt.Errorf("no authority gives a certificate for *.%s", c.Domain)
	}
	return nil
}

func (m *Manager) issuer(details *zap.Logger) *certmagic.ACMEIssuer {
	return certmagic.NewACMEIssuer(m.library, certmagic.ACMEIssuer{CA: m.cfg.Directory, Email: m.cfg.Email, Agreed: m.cfg.Agreed,
		ExternalAccount: m.cfg.Binding, TrustedRoots: m.cfg.Roots, DNS01Solver: newSolver(m.cfg.DNS, m.log), Logger: details,
		DisableHTTPChallenge: true, DisableTLSALPNChallenge: true, NewAccountFunc: m.consent})
}

// consent is asked before an account is made at the authority.
func (m *Manager) consent(ctx context.Context, _ *certmagic.ACMEIssuer, account acmez.Account) (acmez.Account, error) {
	if m.cfg.Agreed {
		return account, nil
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: m.cfg.Roots}
	defer transport.CloseIdleConnections()
	client := &acmez.Client{Directory: m.cfg.Directory, HTTPClient: &http.Client{Transport: transport, Timeout: 30 * time.Second}}
	dir, err := client.GetDirectory(ctx)
	if err != nil {
		return account, fmt.Errorf("the authority's directory: %w", err)
	}
	if dir.Meta != nil && dir.Meta.TermsOfService != "" {
		err := &TermsError{dir.Meta.TermsOfService}
		m.terms.Store(err) // the library hands its text on, not the error
		return account, err
	}
	return account, nil
}

// event hears what the library does.
func (m *Manager) event(_ context.Context, event string, data map[string]any) error {
	if event == "cert_obtained" {
		m.log.Info("the authority has issued a certificate", "name", m.name, "renewal", data["renewal"])
	}
	return nil
}

// current returns the certificate that ends last; nil: there is none.
func (m *Manager) current() *certmagic.Certificate {
	var last *certmagic.Certificate
	all := m.cache.AllMatchingCertificates(m.name)
	for i := range all {
		if last == nil || all[i].Leaf.NotAfter.After(last.Leaf.NotAfter) {
			last = &all[i]
		}
	}
	return last
}

var errNone = errors.New("there is no certificate yet")

// Certificate returns the certificate, whatever name a client asks for.
func (m *Manager) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c := m.current()
	if c == nil {
		return nil, errNone
	}
	return &c.Certificate, nil
}

// Problem says why clients cannot be served; empty: they can.
func (m *Manager) Problem() string {
	c := m.current()
	switch reason := m.failure.Load(); {
	case c == nil && reason != nil:
		return errNone.Error() + ": " + *reason
	case c == nil:
		return errNone.Error()
	case m.now().After(c.Leaf.NotAfter):
		return "the certificate has ended"
	}
	return ""
}

// Run gets the certificate if there is none, and renews it until ctx ends. It
// gives up only if the authority has terms that nobody has agreed to.
func (m *Manager) Run(ctx context.Context) error {
	defer m.close(context.WithoutCancel(ctx))
	if m.current() != nil {
		if err := m.cache.RenewManagedCertificates(ctx); err != nil {
			m.log.Warn("the certificate could not be renewed; it is tried again", "error", err)
		}
	} else if err := m.obtain(ctx); err != nil {
		return err
	}
	m.watch(ctx)
	return nil
}

// obtain tries until there is a certificate or ctx ends.
func (m *Manager) obtain(ctx context.Context) error {
	pause := m.cfg.Pause
	// The library tries again at the authority's staging directory, if there is
	// one, so that attempts that fail use up nothing.
	for attempt := 0; ctx.Err() == nil; attempt++ {
		m.log.Info("asking for the certificate", "name", m.name, "directory", m.cfg.Directory, "attempt", attempt+1)
		err := m.attempt(ctx, attempt)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if terms := m.terms.Load(); terms != nil {
			return terms
		}
		reason := err.Error()
		m.failure.Store(&reason)
		m.log.Error("there is no certificate yet; it is tried again", "error", err, "in", pause)
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
		pause = min(2*pause, time.Hour)
	}
	return nil
}

// attemptWithin bounds one attempt, with the wait for another relay's.
const attemptWithin = 15 * time.Minute

func (m *Manager) attempt(ctx context.Context, number int) error {
	ctx, cancel := context.WithTimeout(ctx, attemptWithin)
	defer cancel()
	if m.useless {
		if err := m.repair(ctx); err != nil {
			return err
		}
	}
	return m.library.ManageSync(context.WithValue(ctx, certmagic.AttemptsCtxKey, &number), []string{m.name})
}

// watch tells of the certificate until ctx ends; the library renews it.
func (m *Manager) watch(ctx context.Context) {
	tick := time.NewTicker(min(m.cfg.Look, time.Minute))
	defer tick.Stop()
	last, warned := "", time.Time{}
	for {
		if c := m.current(); c != nil {
			if c.Hash() != last {
				last = c.Hash()
				m.log.Info("the certificate is in force", "name", m.name, "until", c.Leaf.NotAfter)
			}
			// It is renewed when a third is left. Someone should look when it was not.
			now := m.now()
			if c.Leaf.NotAfter.Sub(now) < c.Lifetime()/6 && now.Sub(warned) > 6*time.Hour {
				warned = now
				m.log.Error("the certificate should have been renewed by now", "name", m.name, "until", c.Leaf.NotAfter)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// close stops the upkeep and releases the locks.
func (m *Manager) close(ctx context.Context) {
	m.cache.Stop()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := m.storage.Close(ctx); err != nil {
		m.log.Debug("cannot release the locks", "error", err)
	}
}
