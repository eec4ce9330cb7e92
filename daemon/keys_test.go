package daemon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/daemon/config"
)

// ask sends a form and returns the status and the answer.
func ask(t *testing.T, method, url, token string, form url.Values) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(b, &answer); err != nil {
		t.Fatalf("%v in %q", err, b)
	}
	return resp.StatusCode, answer
}

// TestKeysOfADaemon goes the way of an integration, over the wire: a key for a
// token, the token for a key of its own, that key for vouchers; and it ends
// when the key is revoked on the command line.
func TestKeysOfADaemon(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	d := startDaemon(t, data)
	ctl := v1.NewClient(v1.DialUnix(d.Control))
	device, err := ctl.DeviceKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ctl.SetSetting(t.Context(), "api.post", "on"); err != nil {
		t.Fatal(err)
	}
	code, answer := ask(t, "POST", d.API+"token?key="+device, "", nil)
	token := fmt.Sprint(answer["access_token"])
	if code != http.StatusOK {
		t.Fatalf("%d %v", code, answer)
	}
	code, answer = ask(t, "POST", d.API+"apikey", token, url.Values{"label": {"Test 123"}, "expires": {"One Month"}})
	key := fmt.Sprint(answer["api_key"])
	if code != http.StatusOK || answer["code"] != "ADDED" {
		t.Fatalf("%d %v", code, answer)
	}
	create := url.Values{"api-key": {key}, "action": {"create_voucher"}}
	if code, answer := ask(t, "POST", d.API, "", create); code != http.StatusOK || answer["error"] != false {
		t.Errorf("%d %v", code, answer)
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}

	d = startDaemon(t, data)
	defer func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	}()
	ctl = v1.NewClient(v1.DialUnix(d.Control))
	list, err := ctl.APIKeys(t.Context())
	if err != nil || len(list) != 1 || list[0].Label != "Test 123" || list[0].CreatedBy != "device key" ||
		list[0].LastUsed == nil || list[0].LastUsedFrom != "127.0.0.1" {
		t.Fatalf("after a restart: %+v, %v", list, err)
	}
	code, answer = ask(t, "GET", d.API+"apikey", token, nil)
	if total := answer["total"]; code != http.StatusOK || total != 1.0 {
		t.Errorf("a token from before the restart: %d %v", code, answer)
	}
	if err := ctl.RemoveAPIKey(t.Context(), list[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, answer := ask(t, "POST", d.API, "", create); answer["message"] != "API Key is incorrect" {
		t.Errorf("after it was revoked: %v", answer)
	}
	if code, answer := ask(t, "POST", d.API+"token?key="+key, "", nil); code != http.StatusUnauthorized || answer["error"] != true {
		t.Errorf("after it was revoked: %d %v", code, answer)
	}
	if code := get(t, strings.TrimSuffix(d.Portal, "/")+"/api/token"); code == http.StatusOK || code == http.StatusMethodNotAllowed {
		t.Errorf("the guests' port knows of tokens: %d", code)
	}
}

// openDaemon is a daemon that serves nobody.
func openDaemon(t testing.TB, log *slog.Logger) *hotspotDaemon {
	t.Helper()
	cfg := config.Default()
	cfg.Data, cfg.Network.Backend = t.TempDir(), config.BackendMemory
	d := &hotspotDaemon{opts: Options{Log: log}, log: log}
	d.live.Store(&cfg)
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	if err := d.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestKeysStayOutOfTheLog: the log says who called, and never with what.
func TestKeysStayOutOfTheLog(t *testing.T) {
	var log bytes.Buffer
	d := openDaemon(t, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	device, err := d.keys.DeviceKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h := d.lanHandler(d.restAPI())
	for _, target := range []string{"/api/token?key=" + device, "/api/token?key=SECRET", "/api/token?key=SECRET%zz"} {
		r, _ := http.NewRequest(http.MethodPost, target, http.NoBody)
		h.ServeHTTP(&blackhole{}, r)
	}
	if text := log.String(); strings.Contains(text, device) || strings.Contains(text, "SECRET") || !strings.Contains(text, `caller="device key"`) {
		t.Errorf("%s", text)
	}
}

// blackhole takes an answer.
type blackhole struct{ header http.Header }

func (b *blackhole) Header() http.Header {
	if b.header == nil {
		b.header = http.Header{}
	}
	return b.header
}
func (b *blackhole) Write(p []byte) (int, error) { return len(p), nil }
func (b *blackhole) WriteHeader(int)             {}

// TestFlushStoresUses: a running daemon stores when a key was used with the
// usage, so that a power cut loses the last minutes only.
func TestFlushStoresUses(t *testing.T) {
	d := openDaemon(t, slog.New(slog.DiscardHandler))
	device, err := d.keys.DeviceKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.keys.Check(t.Context(), device, netip.MustParseAddr("192.168.10.7")); err != nil {
		t.Fatal(err)
	}
	before := d.db.Stats().Commits
	if err := d.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := d.db.Stats().Commits - before; n != 1 {
		t.Errorf("%d commits", n)
	}
	again, err := openKeys(d.conf().Data, d.db, nil, func() (time.Time, bool) { return d.service.Now() }, d.opts.Log)
	if err != nil {
		t.Fatal(err)
	}
	if at, _, err := again.DeviceUse(t.Context()); err != nil || at.IsZero() {
		t.Errorf("stored use: %v, %v", at, err)
	}
}

// TestKeysInABackup: on another router, named keys work, the device key asks
// to be made anew, and tokens of the first router are refused.
func TestKeysInABackup(t *testing.T) {
	ctx := t.Context()
	first := startDaemon(t, t.TempDir())
	ctl := v1.NewClient(v1.DialUnix(first.Control))
	made, err := ctl.CreateAPIKey(ctx, v1.NewAPIKey{Label: "till", Viewable: true})
	if err != nil {
		t.Fatal(err)
	}
	token, err := ctl.CreateToken(ctx, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	if err := ctl.Backup(ctx, &backup); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(backup.String(), made.Secret) {
		t.Error("the backup holds the key")
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}

	data := t.TempDir()
	h, closeStore, err := Offline(ctx, config.Config{Data: data, Zone: time.UTC}, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v1.NewClient(v1.InProcess(h)).Restore(ctx, &backup, false); err != nil {
		t.Fatal(err)
	}
	_ = closeStore() // the restore has closed it
	second := startDaemon(t, data)
	defer func() {
		if err := second.stop(); err != nil {
			t.Error(err)
		}
	}()
	if code, answer := ask(t, "POST", second.API+"token?key="+made.Secret, "", nil); code != http.StatusOK {
		t.Errorf("the named key: %d %v", code, answer)
	}
	if code, _ := ask(t, "GET", second.API+"apikey", token.Token, nil); code != http.StatusUnauthorized {
		t.Errorf("a token of the first router: %d", code)
	}
	ctl = v1.NewClient(v1.DialUnix(second.Control))
	if _, err := ctl.DeviceKey(ctx); err == nil || !strings.Contains(err.Error(), "vouchsafe key regenerate") {
		t.Errorf("showing the device key of another router: %v", err)
	}
	if _, err := ctl.ViewAPIKey(ctx, made.ID); err == nil || !strings.Contains(err.Error(), "device secret") {
		t.Errorf("showing a viewable key: %v", err)
	}
	if _, err := ctl.RegenerateKey(ctx); err != nil {
		t.Error(err)
	}
}
