package v1_test

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/keys"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/api/v1/v1test"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
)

// house is the API over the real rules and keys, on a store in memory.
type house struct {
	t       *testing.T
	store   *hotspottest.Store
	clock   *hotspottest.Clock
	hosts   *hotspottest.Hosts
	secret  keys.Secret
	service *hotspot.Service
	keys    *keys.Keys
	api     *v1.API
	lan     http.Handler
	backups v1.Backups

	operators *v1test.Operators
	webhooks  *v1test.Webhooks
}

func newHouse(t *testing.T) *house {
	t.Helper()
	secret, err := keys.LoadOrCreateSecret(filepath.Join(t.TempDir(), "secret"))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, operators: v1test.NewOperators(), webhooks: v1test.NewWebhooks(), store: hotspottest.NewStore(), hosts: &hotspottest.Hosts{}, secret: secret,
		clock: hotspottest.NewClock(time.Date(2026, 3, 4, 11, 30, 0, 0, time.UTC))}
	h.restart()
	return h
}

// restart begins a new run of the daemon on the same store.
func (h *house) restart() {
	h.t.Helper()
	log := slog.New(slog.DiscardHandler)
	h.service = hotspot.New(hotspot.Config{Store: h.store, Gate: memory.New(memory.Now(h.clock.Mono)), Hosts: h.hosts,
		Clock: h.clock, Rand: rand.Reader, Log: log, Zone: time.UTC})
	if err := h.service.Start(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	var err error
	if h.keys, err = keys.New(keys.Config{Store: h.store, Secret: h.secret, Now: h.service.Now, Log: log}); err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.keys.DeviceKey(h.t.Context()); err != nil { // as the daemon does
		h.t.Fatal(err)
	}
	h.api = v1.New(v1.Config{Service: h.service, Keys: h.keys, Log: log, Backups: h.backups,
		Receipts:    v1.NewReceipts(h.store, h.service.Now),
		Cloud:       new(v1test.Cloud),
		Webhooks:    hooks{h.webhooks, h.store},
		Operators:   h.operators,
		Health:      api.NewHealthWatch(health),
		PDF:         pdf,
		System:      new(v1test.System),
		ClockSynced: func(context.Context) error { return nil },
		Info:        func(context.Context) v1.Status { return v1.Status{Version: "1.2.3", Running: true, Backend: "memory"} }})
	h.lan = h.api.For(keys.NewAuthenticator(h.keys, nil))
}

// health is what is known of a router with one thing amiss.
func health(context.Context) []v1.HealthFact {
	return []v1.HealthFact{{Check: "uplink", Verdict: "problem", Found: hotspot.Textf("none"), Remedy: hotspot.Textf("plug it in")}, {Check: "memory", Verdict: "ok"}}
}

// key makes a named key and returns it.
func (h *house) key(label string, scopes ...api.Scope) string {
	h.t.Helper()
	_, text, err := h.keys.Create(h.t.Context(), api.Local(), api.NewKey{Label: label, Scopes: scopes})
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

// request is one to the LAN; headers are names and values in turn.
func request(method, path, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, v1.Prefix+path, strings.NewReader(body))
	if body == "" {
		r.Body = http.NoBody
	}
	r.RemoteAddr = "192.168.10.7:40000"
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// do sends a request to the LAN.
func (h *house) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.lan.ServeHTTP(w, request(method, path, body, headers...))
	return w
}

// count is how many vouchers there are.
func (h *house) count() (n int) {
	h.t.Helper()
	for _, err := range v1.NewClient(v1.InProcess(api.As(api.Local(), h.api))).Vouchers(h.t.Context(), v1.Selection{}) {
		if err != nil {
			h.t.Fatal(err)
		}
		n++
	}
	return n
}

// lost is a connection that breaks when the answer is written.
type lost struct{ http.ResponseWriter }

func (lost) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// pdf is a printer that has nothing to print with.
func pdf(_ context.Context, query url.Values, w io.Writer) error {
	if query.Get("ids") == "x" {
		return hotspot.Invalid("ids", "numbers are wanted")
	}
	_, err := io.WriteString(w, "%PDF-1.7")
	return err
}
