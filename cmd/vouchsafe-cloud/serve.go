package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	domain, listen, tls, cert, key string
	metrics, catalogue             string
	perRouter, perClient           float64
	verbose                        bool
	acme                           acmeOptions
	peer                           peerOptions
}

func serveCommand(at *place) *cobra.Command {
	var o serveOptions
	c := &cobra.Command{Use: "serve", Short: "Relay, until interrupted", Args: cobra.NoArgs,
		Long: "Serve https://<prefix>.<domain>/api/ for routers, https://api.<domain>/v1/ and the account page\n" +
			"https://api.<domain>/ for accounts, and tunnel.<domain> for routers' tunnels, all on one port. The domain and all names below it must\n" +
			"lead here.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			level := slog.LevelInfo
			if o.verbose {
				level = slog.LevelDebug
			}
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
			if os.Getenv("GOGC") == "" {
				debug.SetGCPercent(idleGC)
			}
			return serve(cmd.Context(), *at, o, log, nil)
		}}
	f := c.Flags()
	f.StringVar(&o.domain, "domain", "", "the domain, such as cloud.example.com")
	f.StringVar(&o.listen, "listen", ":443", "address and port to listen on")
	f.StringVar(&o.tls, "tls", "files", "the certificate for *.<domain>: files, acme (from an authority), or selfsigned for trying things out")
	f.StringVar(&o.cert, "cert", "", "with --tls files: the certificate and its chain, in PEM")
	f.StringVar(&o.key, "key", "", "with --tls files: its key, in PEM")
	f.StringVar(&o.metrics, "metrics", "", "address and port for /ready, /healthz and /metrics, over plain HTTP; not for the internet")
	f.StringVar(&o.catalogue, "catalogue", "", "directory with products.json: what accounts may install on their routers")
	f.Float64Var(&o.perRouter, "per-router", 20, "requests a second that a router gets, with bursts of ten times as many")
	f.Float64Var(&o.perClient, "per-client", 10, "requests a second that a client may make, with bursts of ten times as many")
	f.BoolVar(&o.verbose, "verbose", false, "log failed handshakes and requests that led nowhere, too")
	o.acme.flags(f)
	o.peer.flags(f)
	must(c.MarkFlagRequired("domain"))
	return c
}

// idleGC is the garbage collector's target (GOGC), in percent: idle tunnels are
// nearly all that a relay has in memory, and what is collected seldom is memory
// that it takes for nothing.
const idleGC = 50

// serve runs a relay until ctx ends. listening is told where; nil: nobody is.
func serve(ctx context.Context, at place, o serveOptions, log *slog.Logger, listening func(net.Addr)) (err error) {
	domain := strings.ToLower(strings.Trim(o.domain, "."))
	if !isDomain(domain) {
		return fmt.Errorf("--domain %q: write a name such as cloud.example.com", o.domain)
	}
	if o.perRouter < 0 || o.perClient < 0 {
		return errors.New("--per-router and --per-client: more than 0")
	}
	s, err := at.open(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	key, err := at.licenseKey(ctx, s)
	if err != nil {
		return err
	}
	certificate, err := certificates(ctx, at.data, domain, o, s, log)
	if err != nil {
		return err
	}
	ctx, stopRenewing := certificate.start(ctx)
	defer func() {
		if failed := stopRenewing(); failed != nil {
			err = failed // whatever else there is follows from it
		}
	}()
	accounts := cloud.NewAccounts(cloud.AccountsConfig{Store: s, LicenseKey: publicKey(key)})
	cfg := cloud.Config{Accounts: accounts, Domain: domain, Certificate: certificate.find, Log: log,
		Limits: cloud.Limits{PerPrefix: o.perRouter, PerClient: o.perClient}}
	leave, err := join(ctx, s, o.peer, &cfg)
	if err != nil {
		return err
	}
	defer leave()
	relay, err := newRelay(ctx, accounts, cfg, o)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", o.listen)
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("--listen: %w: give the relay CAP_NET_BIND_SERVICE, or choose a port above 1023", err)
	}
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	stop, err := besides(at.data, o, accounts, relay, certificate, log)
	if err != nil {
		ln.Close()
		return err
	}
	defer stop()
	log.Info("listening", "address", ln.Addr(), "domain", domain, "version", version)
	if listening != nil {
		listening(ln.Addr())
	}
	return relay.Serve(ctx, ln)
}

// isDomain reports whether a name can be one that routers' hosts are below of.
func isDomain(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return strings.Contains(s, ".") && len(s) <= 200
}

// besides serves the operator's side and, if they are asked for, figures and
// health.
func besides(data string, o serveOptions, accounts *cloud.Accounts, relay *cloud.Relay, c certificate, log *slog.Logger) (stop func(), err error) {
	stopControl, err := control(data, cloud.Control(accounts, relay))
	if err != nil || o.metrics == "" {
		return stopControl, err
	}
	stopOperations, err := operations(o.metrics, c.health(relay.Operations()), log)
	if err != nil {
		stopControl()
		return nil, err
	}
	return func() {
		stopControl()
		stopOperations()
	}, nil
}

// newRelay makes the relay with what the flags ask for.
func newRelay(ctx context.Context, accounts *cloud.Accounts, cfg cloud.Config, o serveOptions) (*cloud.Relay, error) {
	if o.catalogue != "" {
		c, err := cloud.OpenCatalogue(o.catalogue, cfg.Log)
		if err != nil {
			return nil, fmt.Errorf("--catalogue: %w", err)
		}
		cfg.Products = c.Products
	}
	var relay *cloud.Relay
	pages, err := accountPages(ctx, accounts, func() *cloud.Relay { return relay }, cfg.Domain, cfg.Log)
	if err != nil {
		return nil, err
	}
	cfg.Pages = pages
	relay, err = cloud.NewRelay(ctx, cfg)
	return relay, err
}

// operations serves what those who run the relay watch.
func operations(addr string, h http.Handler, log *slog.Logger) (stop func(), err error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--metrics: %w", err)
	}
	log.Info("figures and health", "address", ln.Addr())
	return serving(&http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10}, ln), nil
}

// serving serves until stop.
func serving(srv *http.Server, ln net.Listener) (stop func()) {
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(ln) }) // ends with Close
	return func() {
		_ = srv.Close() // whoever asks at this moment asks again
		wg.Wait()
	}
}

// control serves the operator's side on a socket in the data directory.
func control(data string, h http.Handler) (stop func(), err error) {
	path := filepath.Join(data, socketFile)
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	// Records in etcd have no lock that would tell.
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return nil, fmt.Errorf("another relay runs with %s: give each its own --data", data)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		ln.Close()
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return serving(&http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}, ln), nil
}
