package daemon

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/action"
	cloudend "github.com/vouchsafe/vouchsafe/api/endpoint"
	"github.com/vouchsafe/vouchsafe/api/keys"
	"github.com/vouchsafe/vouchsafe/daemon/config"
)

// openCloud takes up the address under which the internet reaches this router.
func (d *hotspotDaemon) openCloud(ctx context.Context) error {
	secret, err := keys.LoadOrCreateSecret(filepath.Join(d.conf().Data, secretFile))
	if err != nil {
		return fmt.Errorf("device secret: %w", err)
	}
	sealer, err := keys.NewSealer(secret, "cloud")
	if err != nil {
		return err
	}
	d.cloud, err = cloudend.New(ctx, cloudend.Config{
		Store: d.db, Sealer: sealer, Handler: d.cloudHandler(), Now: d.service.Now, Log: d.opts.Log, Version: d.opts.Version,
		Proxy: func() *url.URL { return cloudProxy(d.conf().Cloud) }, Roots: func() (*x509.CertPool, error) { return cloudRoots(d.conf().Cloud) },
	})
	return err
}

// cloudHandler is what integrations on the internet reach: the action API. What
// it asks for and what its switches say is as on the LAN.
func (d *hotspotDaemon) cloudHandler() http.Handler {
	act := action.New(action.Config{Service: d.service, Keys: d.keys, Log: d.opts.Log})
	return d.counted("cloud", api.LogRequests(d.opts.Log, api.Recover(d.opts.Log, nil, act)))
}

func cloudProxy(c config.Cloud) *url.URL {
	if c.Proxy == "" {
		return nil
	}
	return &url.URL{Scheme: "http", Host: c.Proxy}
}

// cloudRoots are the authorities that the relay's certificate may be from; nil:
// the system's.
func cloudRoots(c config.Cloud) (*x509.CertPool, error) {
	if c.CAFile == "" {
		return nil, nil
	}
	b, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("cloud.ca_file: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // a router may have none of its own
	}
	if !roots.AppendCertsFromPEM(b) {
		return nil, errors.New("cloud.ca_file: there is no certificate in it; it must be PEM")
	}
	return roots, nil
}
