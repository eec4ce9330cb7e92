package cloud_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TestOperations: the figures are in Prometheus's form, they count, and health
// says when the relay stops.
func TestOperations(t *testing.T) {
	h := newHouse(t, nil)
	id, token := h.online(echo)
	for range 3 {
		if status, _ := h.post(id.Host, "{}"); status != 200 {
			t.Error(status)
		}
	}
	h.ask("GET", "/v1/account", token, "")
	h.ask("GET", "/v1/account", "wrong", "")
	h.post("0000000000.cloud.test", "{}")
	// The router was up before the relay had said all that it says to it.
	until(t, "the tunnel counts", func() bool { return strings.Contains(h.metrics(), "vouchsafe_cloud_tunnels_total 1\n") })
	text := h.metrics()
	for _, want := range []string{"vouchsafe_cloud_routers 1\n", `vouchsafe_cloud_requests_total{kind="router",status="2xx"} 3` + "\n", `{kind="router",status="4xx"} 1` + "\n",
		`{kind="account",status="4xx"} 1` + "\n", "vouchsafe_cloud_request_duration_seconds_count 4\n", "vouchsafe_cloud_tunnels_total 1\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if !regexp.MustCompile(`(?m)^vouchsafe_cloud_certificate_expires_seconds [1-9][0-9]{9}$`).MatchString(text) {
		t.Error("it is not said when the certificate ends")
	}
	form := regexp.MustCompile(`^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+)$`)
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		if !form.MatchString(line) {
			t.Errorf("%q", line)
		}
	}
	if strings.Contains(text, id.Host[:10]) {
		t.Error("a router's host is in the figures")
	}
	health := func() (int, string) {
		w := httptest.NewRecorder()
		h.relay.Operations().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	if code, body := health(); code != 200 || body != `{"status":"ok","routers":1}` {
		t.Errorf("%d %s", code, body)
	}
	h.stop()
	if code, body := health(); code != 503 || !strings.Contains(body, "stopping") {
		t.Errorf("%d %s", code, body)
	}
	log := h.log.String()
	for _, want := range []string{`call="GET /v1/account"`, "token=first", "router="} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	if strings.Contains(log, token) || strings.Contains(log, "0000000000") {
		t.Errorf("a token, or what led nowhere, is in the log:\n%s", log)
	}
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLastSeen: what the account is told of its routers is current while they
// are here, and right after they have gone.
func TestLastSeen(t *testing.T) {
	h := newHouse(t, nil)
	_, token := h.account("acme")
	id, err := h.enrol(token)
	if err != nil {
		t.Fatal(err)
	}
	view := func() map[string]any {
		_, v := h.ask("GET", "/v1/account/routers", token, "")
		return v["routers"].([]any)[0].(map[string]any)
	}
	if v := view(); v["lastSeen"] != -1.0 || v["online"] != false {
		t.Errorf("never here: %v", v)
	}
	tun, stop := h.router(id, echo)
	until(t, "the router is up", up(tun))
	began := float64(time.Now().Unix() - 1)
	if v := view(); v["lastSeen"].(float64) < began || v["online"] != true || v["version"] != "1.2.3" {
		t.Errorf("here: %v", v)
	}
	until(t, "it knows its latency", func() bool { return tun.State().Latency > 0 })
	stop()
	until(t, "it is gone, and was seen just now", func() bool { v := view(); return v["online"] == false && v["lastSeen"].(float64) >= began })
}

// TestCatalogue: it is read again when it changes, and what is wrong changes
// nothing.
func TestCatalogue(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "products.json")
	at := int64(1)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		at++
		if err := os.Chtimes(path, time.Time{}, time.Unix(at, 0)); err != nil {
			t.Fatal(err)
		}
	}
	item := func(slug string) string {
		return `{"slug":"` + slug + `","name":"Warm","version":"1.0","sha256":"` + strings.Repeat("0f", 32) + `","url":"https://example.com/warm.zip"}`
	}
	if _, err := cloud.OpenCatalogue(dir, discard()); err == nil {
		t.Error("there is no catalogue")
	}
	write(`{"themes":[` + item("warm") + `]}`)
	c, err := cloud.OpenCatalogue(dir, discard())
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, func(cfg *cloud.Config) { cfg.Products = c.Products })
	_, token := h.account("acme")
	_, v := h.ask("GET", "/v1/account", token, "")
	products := v["products"].(map[string]any)
	if themes := products["themes"].([]any); len(themes) != 1 || themes[0].(map[string]any)["slug"] != "warm" || len(products["plugins"].([]any)) != 0 {
		t.Errorf("%v", v)
	}
	for _, wrong := range []string{"", "{", `{"themes":[` + item("UPPER") + `]}`, `{"themes":[` + item("a") + "," + item("a") + `]}`, `{"themes":1}`,
		`{"plugins":[` + strings.Replace(item("a"), "https:", "http:", 1) + `]}`} {
		write(wrong)
		c.LookNow()
		if p := c.Products(); len(p.Themes) != 1 || len(p.Plugins) != 0 {
			t.Errorf("%s: %+v", wrong, p)
		}
	}
	write(`{"plugins":[` + item("a") + "," + item("b") + `]}`)
	c.LookNow()
	if p := c.Products(); len(p.Themes) != 0 || len(p.Plugins) != 2 {
		t.Errorf("%+v", p)
	}
}

// TestPanic: a mistake of ours is one client's 500, and a line in the log.
func TestPanic(t *testing.T) {
	h := newHouse(t, func(c *cloud.Config) { c.Products = func() cloud.Products { panic("a mistake") } })
	_, token := h.account("acme")
	if status, v := h.ask("GET", "/v1/account", token, ""); status != 500 || v["message"] == nil {
		t.Errorf("%d %v", status, v)
	}
	if status, _ := h.ask("GET", "/v1/account/tokens", token, ""); status != 200 {
		t.Errorf("afterwards: %d", status)
	}
	h.stop()
	if log := h.log.String(); !strings.Contains(log, "a mistake") || !strings.Contains(log, "status=500") {
		t.Error(log)
	}
}
