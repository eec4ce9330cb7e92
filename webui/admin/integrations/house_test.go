package integrations_test

import (
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"sync"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/keys"
	"github.com/vouchsafe/vouchsafe/api/v1/v1test"
	"github.com/vouchsafe/vouchsafe/api/webhooks"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
	"github.com/vouchsafe/vouchsafe/webui/admin/integrations"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, integrations.Files) }

// house is the pages with a real hotspot, real keys and real webhooks.
type house struct {
	*paneltest.Site
	service *hotspot.Service
	keys    *keys.Keys
	hooks   *webhooks.Webhooks
	cloud   v1test.Cloud
	fresh   bool
}

func newHouse(t *testing.T, role api.Role) *house {
	t.Helper()
	fine := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	h := &house{fresh: true}
	store := hotspottest.NewStore()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	secret, err := keys.LoadOrCreateSecret(filepath.Join(t.TempDir(), "secret"))
	fine(err)
	s := paneltest.Serve(t, role) // for its clock
	clock := hotspottest.NewClock(s.Now)
	h.service = hotspot.New(hotspot.Config{Store: store, Gate: memory.New(memory.Now(clock.Mono)), Hosts: &hotspottest.Hosts{}, Clock: clock, Rand: rand.Reader, Log: log, Zone: s.Now.Location()})
	fine(h.service.Start(t.Context()))
	fine(h.service.SetSetting(t.Context(), "webhook.local", "on"))
	h.keys, err = keys.New(keys.Config{Store: store, Secret: secret, Log: log, Now: h.service.Now})
	fine(err)
	sealer, err := keys.NewSealer(secret, "webhooks")
	fine(err)
	h.hooks, err = webhooks.New(t.Context(), webhooks.Config{Store: store, Events: h.service, Sealer: sealer, Log: log, Local: func() webhooks.Local { return webhooks.Local{} }})
	fine(err)
	h.Site = paneltest.Serve(t, role, integrations.New(integrations.Config{Service: h.service, Keys: h.keys, Webhooks: h.hooks, Cloud: &h.cloud,
		Fresh: func(*api.Principal) bool { return h.fresh }}))
	return h
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

// receiver is a program that takes webhooks.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex // guards what follows
	status int
	got    []string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{status: http.StatusNoContent}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, string(body))
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// home is an address of the LAN.
var home = netip.MustParseAddr("192.168.1.7")
