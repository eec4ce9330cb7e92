package tunnel

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Membership is what a router that has enrolled asks its relay with: its
// certificate says who asks.
type Membership struct {
	Identity Identity
	Address  string         // https://router.<domain>
	Roots    *x509.CertPool // as in [Enrolment]
	Proxy    *url.URL
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
}

// Rotate gets another host for this router. The one before leads nowhere from
// then on.
func Rotate(ctx context.Context, m Membership) (host string, err error) {
	b, err := m.ask(ctx, http.MethodPost, "/v1/router/rotate")
	if err != nil {
		return "", err
	}
	var a struct{ Host string }
	if err := json.Unmarshal(b, &a); err != nil || !isHost(a.Host) {
		return "", errors.New("the relay's answer is not complete")
	}
	return a.Host, nil
}

// Leave takes this router out of its account. Its identity opens nothing from
// then on.
func Leave(ctx context.Context, m Membership) error {
	_, err := m.ask(ctx, http.MethodDelete, "/v1/router")
	return err
}

func (m Membership) ask(ctx context.Context, method, path string) ([]byte, error) {
	cfg, err := m.Identity.TLS(m.Roots)
	if err != nil {
		return nil, err
	}
	cfg.ServerName = "" // that of the address
	return ask(ctx, method, m.Address+path, nil, cfg, m.Proxy, m.Dial)
}

// askWithin bounds a request to a relay.
const askWithin = 30 * time.Second

// ask makes one request of a relay, and returns the body of its answer.
func ask(ctx context.Context, method, address string, body io.Reader, cfg *tls.Config, proxy *url.URL,
	dial func(context.Context, string, string) (net.Conn, error)) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, fmt.Errorf("the relay's address: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	t := &http.Transport{TLSClientConfig: cfg, DialContext: dial, DisableKeepAlives: true, MaxResponseHeaderBytes: 16 << 10}
	if proxy != nil {
		t.Proxy = http.ProxyURL(proxy)
	}
	resp, err := t.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("the relay cannot be reached: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("the relay's answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		var refusal struct{ Message string }
		if json.Unmarshal(b, &refusal) != nil || refusal.Message == "" || len(refusal.Message) > 500 {
			refusal.Message = resp.Status
		}
		return nil, &RefusedError{Status: resp.StatusCode, Message: refusal.Message}
	}
	return b, nil
}
