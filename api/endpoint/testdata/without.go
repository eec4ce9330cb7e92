// Package endpoint is what is left of a router that can be reached through no
// cloud: scripts/cloudcost.sh builds the program with it, to see what the
// endpoint adds.
package endpoint

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

type Sealer interface {
	Seal(plain []byte) []byte
	Open(sealed []byte) ([]byte, error)
}

type Config struct {
	Store   hotspot.Store
	Sealer  Sealer
	Handler http.Handler
	Now     func() (t time.Time, believed bool)
	Log     *slog.Logger
	Version string
	Proxy   func() *url.URL
	Roots   func() (*x509.CertPool, error)
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
}

type Endpoint struct{}

func New(context.Context, Config) (*Endpoint, error)            { return &Endpoint{}, nil }
func (*Endpoint) Run(ctx context.Context) error                 { <-ctx.Done(); return nil }
func (*Endpoint) Status() api.CloudStatus                       { return api.CloudStatus{} }
func (*Endpoint) Enrol(context.Context, api.NewEnrolment) error { return nil }
func (*Endpoint) Switch(context.Context, bool) error            { return nil }
func (*Endpoint) Rotate(context.Context) error                  { return nil }
func (*Endpoint) Leave(context.Context) (bool, error)           { return true, nil }
