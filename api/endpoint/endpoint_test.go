package endpoint_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/bolt"
	"github.com/vouchsafe/vouchsafe/api/endpoint"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
)

// plain seals nothing, but marks what it sealed.
type plain struct{}

func (plain) Seal(b []byte) []byte { return append([]byte("sealed"), b...) }
func (plain) Open(b []byte) ([]byte, error) {
	if rest, ok := strings.CutPrefix(string(b), "sealed"); ok {
		return []byte(rest), nil
	}
	return nil, errors.New("not sealed")
}

// patience is longer than anything takes.
const patience = 90 * time.Second

// world is a relay, and a router's store.
type world struct {
	t        *testing.T
	accounts *cloud.Accounts
	account  cloud.Account
	cfg      endpoint.Config
	roots    *x509.CertPool
}

func newWorld(t *testing.T) *world {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	draft := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"*.cloud.test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, draft, draft, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	records, err := bolt.Open(filepath.Join(t.TempDir(), "relay.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { records.Close() })
	w := &world{t: t, accounts: cloud.NewAccounts(cloud.AccountsConfig{Store: records})}
	if w.account, _, err = w.accounts.Create(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	relay, err := cloud.NewRelay(t.Context(), cloud.Config{Accounts: w.accounts, Domain: "cloud.test", Log: slog.New(slog.DiscardHandler),
		// No limit of the relay's is what ends a test on a slow machine.
		Limits: cloud.Limits{PerClient: 1e6, PerPrefix: 1e6, Handshake: patience, Read: patience, Answer: patience, PingWait: patience, Stall: patience, Crowded: patience},
		Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := relay.Serve(ctx, ln); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	w.roots = roots
	w.cfg = endpoint.Config{Store: hotspottest.NewStore(), Sealer: plain{}, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Version: "1.2.3", Roots: func() (*x509.CertPool, error) { return roots, nil },
		Now: func() (time.Time, bool) { return time.Now(), true },
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, ln.Addr().String())
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "answer to "+r.RemoteAddr)
		})}
	return w
}

// start runs an endpoint until the test or stop ends it.
func (w *world) start() (e *endpoint.Endpoint, stop func()) {
	w.t.Helper()
	e, err := endpoint.New(w.t.Context(), w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := e.Run(ctx); err != nil {
			w.t.Error(err)
		}
	})
	stop = func() {
		cancel()
		wg.Wait()
	}
	w.t.Cleanup(stop)
	return e, stop
}

func (w *world) code() string {
	w.t.Helper()
	code, _, err := w.accounts.NewClaim(w.t.Context(), w.account.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// post asks a host, and returns no status if there is no answer.
func (w *world) post(host string) (int, string) {
	w.t.Helper()
	tr := &http.Transport{DialContext: w.cfg.Dial, TLSClientConfig: &tls.Config{RootCAs: w.roots}}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr}).Post("https://"+host+"/api/", "application/json", strings.NewReader("{}"))
	if err != nil {
		w.t.Log(err)
		return 0, ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Log(err)
		return 0, ""
	}
	return resp.StatusCode, string(b)
}

// answers waits until a host answers so: a router whose link was taken for dead
// comes back.
func (w *world) answers(host string, status int, body string) {
	w.t.Helper()
	until(w.t, fmt.Sprintf("%s answers %d %s", host, status, body), func() bool {
		got, text := w.post(host)
		return got == status && (body == "" || text == body)
	})
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	limit, tick := time.NewTimer(2*patience), time.NewTicker(2*time.Millisecond)
	defer limit.Stop()
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("never: %s", what)
		}
	}
}

// TestLife goes through the life of an endpoint: enrolment, use, a restart, off
// and on, another address, and the end.
func TestLife(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	e, stop := w.start()
	if st := e.Status(); st.Enrolled || st.Phase != "off" {
		t.Errorf("%+v", st)
	}
	if err := e.Enrol(ctx, api.NewEnrolment{Domain: "https://api.Cloud.test", Code: w.code(), Name: "Lobby"}); err != nil {
		t.Fatal(err)
	}
	var st api.CloudStatus
	up := func() bool { st = e.Status(); return st.Phase == "up" }
	until(t, "the tunnel is up", up)
	if !st.Enrolled || !st.On || st.Domain != "cloud.test" || !strings.HasSuffix(st.Host, ".cloud.test") || !st.Failure.IsZero() {
		t.Errorf("%+v", st)
	}
	w.answers(st.Host, http.StatusOK, "answer to 127.0.0.1:0")
	if err := e.Enrol(ctx, api.NewEnrolment{Domain: "cloud.test", Code: w.code()}); hotspot.CodeOf(err) != hotspot.CodeNameTaken {
		t.Errorf("enrolled twice: %v", err)
	}
	stop()
	e, _ = w.start()
	until(t, "the tunnel is up after a restart", up)
	if err := e.Switch(ctx, false); err != nil {
		t.Fatal(err)
	}
	until(t, "the tunnel is off", func() bool { return e.Status().Phase == "off" })
	w.answers(st.Host, http.StatusServiceUnavailable, "")
	if err := errors.Join(e.Switch(ctx, true), e.Switch(ctx, true)); err != nil {
		t.Fatal(err)
	}
	until(t, "the tunnel is up again", up)
	if err := e.Rotate(ctx); err != nil {
		t.Fatal(err)
	}
	fresh := e.Status().Host
	if fresh == st.Host {
		t.Error("it is the same address")
	}
	w.answers(fresh, http.StatusOK, "")
	w.answers(st.Host, http.StatusNotFound, "")
	if told, err := e.Leave(ctx); !told || err != nil {
		t.Errorf("%t %v", told, err)
	}
	if st := e.Status(); st.Enrolled {
		t.Errorf("%+v", st)
	}
	if routers, err := w.accounts.Routers(ctx, w.account.ID); err != nil || len(routers) != 0 {
		t.Errorf("%v %v", routers, err)
	}
	for name, err := range map[string]error{"switch": e.Switch(ctx, true), "rotate": e.Rotate(ctx)} {
		if hotspot.CodeOf(err) != hotspot.CodeNotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.audited("cloud.left", "cloud.rotated", "cloud.switched", "cloud.switched", "cloud.enrolled")
}

// audited compares the log, newest first.
func (w *world) audited(want ...string) {
	w.t.Helper()
	var got []string
	err := w.cfg.Store.View(w.t.Context(), func(tx hotspot.Reader) error {
		rows, err := tx.Audit(0, 100)
		for _, r := range rows {
			got = append(got, string(r.Action))
		}
		return err
	})
	if err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
		w.t.Errorf("%q %v", got, err)
	}
}

// TestMistakes: nothing is kept, and the words help.
func TestMistakes(t *testing.T) {
	w := newWorld(t)
	e, _ := w.start()
	for name, tc := range map[string]struct {
		n    api.NewEnrolment
		code hotspot.Code
	}{
		"no domain":   {api.NewEnrolment{Code: "A"}, hotspot.CodeInvalid},
		"odd domain":  {api.NewEnrolment{Domain: "cloud.test/x@y", Code: "A"}, hotspot.CodeInvalid},
		"with a port": {api.NewEnrolment{Domain: "cloud.test:8443", Code: "A"}, hotspot.CodeInvalid},
		"no code":     {api.NewEnrolment{Domain: "cloud.test"}, hotspot.CodeInvalid},
		"wrong code":  {api.NewEnrolment{Domain: "cloud.test", Code: "AAAA-AAAA-AAAA-AAAA"}, hotspot.CodeInvalid},
		"other cloud": {api.NewEnrolment{Domain: "other.test", Code: w.code()}, hotspot.CodeUnavailable},
	} {
		if err := e.Enrol(t.Context(), tc.n); hotspot.CodeOf(err) != tc.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if e.Status().Enrolled {
		t.Error("enrolled all the same")
	}
	w.audited()
}

// TestDamaged: an identity that cannot be read is no identity.
func TestDamaged(t *testing.T) {
	w := newWorld(t)
	err := w.cfg.Store.Update(t.Context(), func(tx hotspot.Tx) error { return tx.PutSecret("cloud.endpoint", []byte("damaged")) })
	if err != nil {
		t.Fatal(err)
	}
	e, _ := w.start()
	if st := e.Status(); st.Enrolled {
		t.Errorf("%+v", st)
	}
	if err := e.Enrol(t.Context(), api.NewEnrolment{Domain: "cloud.test", Code: w.code()}); err != nil {
		t.Error(err)
	}
}
