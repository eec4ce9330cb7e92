package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// Where things are in their namespaces.
const (
	domain      = "cloud.test"
	relayPort   = "8443"
	clientsAt   = "127.0.0.1:" + relayPort // clients are beside the relay
	metricsAt   = "127.0.0.1:9100"
	enrolAtOnce = 8 // accounts, each of which enrols one router at a time
)

// relay is the relay's program at work.
type relay struct {
	in      *space
	program string
	dir     string // of its records
	cmd     *exec.Cmd
	pem     []byte // its certificate and key
	roots   *x509.CertPool
	tokens  []string
}

// newRelay makes records with accounts that may have so many routers each.
func newRelay(ctx context.Context, in *space, program, dir string, accounts, limit int) (*relay, error) {
	r := &relay{in: in, program: program, dir: dir}
	for i := range accounts {
		out, err := r.run(ctx, "account", "create", "--name", "bench"+strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		words := strings.Fields(out) // account <id> (<name>), token: <token>
		if len(words) < 4 {
			return nil, fmt.Errorf("account create: %q", out)
		}
		r.tokens = append(r.tokens, words[len(words)-1])
		license, err := r.run(ctx, "license", "issue", "--limit", strconv.Itoa(limit), "--days", "-1")
		if err != nil {
			return nil, err
		}
		if _, err := r.run(ctx, "license", "set", "--account", words[1], "--license", strings.TrimSpace(license)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// run runs a command of the operator's.
func (r *relay) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, r.program, append(args, "--data", r.dir)...)
	var out, failure bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &failure
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", args[0], err, failure.String())
	}
	return out.String(), nil
}

// start starts the relay and waits until it serves.
func (r *relay) start(ctx context.Context) error {
	r.cmd = exec.CommandContext(ctx, r.program, "serve", "--data", r.dir, "--domain", domain, "--listen", "0.0.0.0:"+relayPort,
		"--tls", "selfsigned", "--metrics", metricsAt, "--per-router", "1000000", "--per-client", "1000000")
	var log lastLines
	r.cmd.Stderr = &log
	if err := r.in.do(r.cmd.Start); err != nil {
		return fmt.Errorf("start the relay: %w", err)
	}
	err := until(ctx, 20*time.Second, func() (bool, error) {
		_, err := r.figure(ctx, "vouchsafe_cloud_routers")
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("the relay does not serve: %w: %s", err, log.String())
	}
	if r.pem, err = os.ReadFile(filepath.Join(r.dir, "selfsigned.pem")); err != nil {
		return err
	}
	r.roots = x509.NewCertPool()
	r.roots.AppendCertsFromPEM(r.pem)
	return nil
}

// stop ends the relay.
func (r *relay) stop() error {
	if r.cmd == nil || r.cmd.Process == nil {
		return nil
	}
	err := r.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(30*time.Second, func() { _ = r.cmd.Process.Kill() })
	defer late.Stop()
	if err == nil {
		err = r.cmd.Wait()
	}
	r.cmd = nil
	return err
}

// figure reads one of the relay's own figures.
func (r *relay) figure(ctx context.Context, name string) (float64, error) {
	t := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return r.in.dial(ctx, metricsAt) }}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+metricsAt+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(v), 64)
		}
	}
	return 0, fmt.Errorf("the relay has no figure %s", name)
}

// client is an HTTP client beside the relay. Its connections are kept if they
// shall be.
func (r *relay) client(keep bool) *http.Client { return clientTo(r.in, clientsAt, r.roots, keep) }

func clientTo(in *space, address string, roots *x509.CertPool, keep bool) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: !keep, DisableCompression: true, TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return in.dial(ctx, address) }}}
}

// enrol makes so many routers.
func (r *relay) enrol(ctx context.Context, n int) ([]tunnel.Identity, error) {
	var mu sync.Mutex
	var all []tunnel.Identity
	client := r.client(true)
	defer client.CloseIdleConnections()
	g, ctx := errgroup.WithContext(ctx)
	for i, token := range r.tokens {
		g.Go(func() error {
			for k := i; k < n; k += len(r.tokens) {
				id, err := r.enrolOne(ctx, client, token)
				if err != nil {
					return fmt.Errorf("enrol a router: %w", err)
				}
				mu.Lock()
				all = append(all, id)
				mu.Unlock()
			}
			return nil
		})
	}
	return all, g.Wait()
}

func (r *relay) enrolOne(ctx context.Context, client *http.Client, token string) (tunnel.Identity, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://api."+domain+"/v1/account/claims", nil)
	if err != nil {
		return tunnel.Identity{}, err
	}
	req.Header.Set("X-Api-Key", token)
	resp, err := client.Do(req)
	if err != nil {
		return tunnel.Identity{}, err
	}
	defer resp.Body.Close()
	var v struct{ Claim struct{ Code string } }
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
		return tunnel.Identity{}, err
	}
	return tunnel.Enrol(ctx, tunnel.Enrolment{API: "https://api." + domain, Code: v.Claim.Code, Name: "bench", Version: "1.0.0", Roots: r.roots,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { return r.in.dial(ctx, clientsAt) }})
}

// until waits for something to become true.
func until(ctx context.Context, limit time.Duration, is func() (bool, error)) error {
	end := time.Now().Add(limit)
	for {
		ok, err := is()
		if ok || err != nil {
			return err
		}
		if time.Now().After(end) {
			return errors.New("it took longer than " + limit.String())
		}
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// wait lets a duration pass, unless ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lastLines keeps the end of what a program says, for its epitaph.
type lastLines struct {
	mu sync.Mutex
	b  []byte
}

// Write implements io.Writer.
func (l *lastLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, p...)
	if len(l.b) > 4<<10 {
		l.b = append(l.b[:0], l.b[len(l.b)-2<<10:]...)
	}
	return len(p), nil
}

func (l *lastLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.b)
}
