package v1_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vouchsafe/vouchsafe/api"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/api/v1/v1test"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

func logger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// handler serves the API to the command line.
func handler(s *v1test.Service, log io.Writer) http.Handler {
	return api.As(api.Local(), surface(s, log))
}

func surface(s *v1test.Service, log io.Writer) *v1.API {
	return v1.New(v1.Config{Webhooks: v1test.NewWebhooks(),
		Service: s, Keys: s, Log: logger(log),
		Info: func(context.Context) v1.Status {
			return v1.Status{Version: "1.2.3", Running: true, Backend: "memory", Uptime: 90}
		},
		ClockSynced: func(context.Context) error { s.Believed = true; return nil },
	})
}

func client(t *testing.T) (*v1test.Service, *v1.Client) {
	t.Helper()
	s := v1test.NewService()
	return s, v1.NewClient(v1.InProcess(handler(s, io.Discard)))
}

func TestVouchers(t *testing.T) {
	ctx := t.Context()
	_, c := client(t)
	made, err := c.CreateVouchers(ctx, v1.NewVouchers{
		Username: "Anna", Passcode: "secret", Note: "room 7", ValidFor: "37 days",
		ValidFrom: "2026-05-01 08:00:00", DownloadLimit: 5 << 30, Devices: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 5, 1, 7, 0, 0, 0, time.UTC)
	now := time.Date(2026, 3, 4, 11, 30, 0, 0, time.UTC)
	want := []v1.Voucher{{
		ID: 1, Username: "Anna", Passcode: "secret", FullName: "Quiet Heron", Note: "room 7", Status: "pending",
		Devices: 2, Bound: []hotspot.MAC{}, ValidFor: "37 days", ValidFrom: &from, Created: &now, Modified: &now,
		DownloadLimit: 5 << 30,
	}}
	if d := cmp.Diff(want, made); d != "" {
		t.Errorf("made (-want +got):\n%s", d)
	}
	if _, err := c.CreateVouchers(ctx, v1.NewVouchers{Username: "ANNA"}); !errors.Is(err, hotspot.ErrUsernameTaken) {
		t.Errorf("second Anna: %v", err)
	}
	note := "room 8"
	if v, err := c.EditVoucher(ctx, "anna", v1.VoucherEdit{Note: &note}); err != nil || v.Note != note {
		t.Errorf("edit: %v, %v", v, err)
	}
	if err := c.RemoveVoucher(ctx, "Anna"); err != nil {
		t.Error(err)
	}
	if _, err := c.Voucher(ctx, "Anna"); !errors.Is(err, hotspot.ErrNotFound) {
		t.Errorf("after removal: %v", err)
	}
}

func TestVoucherPages(t *testing.T) {
	ctx := t.Context()
	_, c := client(t)
	if _, err := c.CreateVouchers(ctx, v1.NewVouchers{Count: 2345}); err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	for v, err := range c.Vouchers(ctx, v1.Selection{}) {
		if err != nil {
			t.Fatal(err)
		}
		if v.ID != last+1 {
			t.Fatalf("voucher %d follows %d", v.ID, last)
		}
		last = v.ID
	}
	if last != 2345 {
		t.Errorf("the last voucher is %d", last)
	}
}

// Whatever a username holds, its path must come back as it went out.
func TestUsernamesInPaths(t *testing.T) {
	_, c := client(t)
	for _, name := range []string{"a/b", "..", ".", "a//b", "%41", "a b", "ü", "a?b#c", "a+b", "../../status", "a;b"} {
		if _, err := c.CreateVouchers(t.Context(), v1.NewVouchers{Username: name}); err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if v, err := c.Voucher(t.Context(), name); err != nil || v.Username != name {
			t.Errorf("%q came back as %q: %v", name, v.Username, err)
		}
	}
}

func TestEditLimits(t *testing.T) {
	s, c := client(t)
	s.Put(hotspot.VoucherView{Voucher: hotspot.Voucher{ID: 1, Username: "anna", Allowance: hotspot.Allowance{Limit: hotspot.Usage{Down: 10, Up: 20}}}})
	up, total := uint64(5), uint64(40)
	if _, err := c.EditVoucher(t.Context(), "anna", v1.VoucherEdit{UploadLimit: &up, TopUpDownload: 7, TotalLimit: &total, TopUpTotal: 8}); err != nil {
		t.Fatal(err)
	}
	want := []hotspot.VoucherEdit{{LimitUp: &up, TopUp: &hotspot.Usage{Down: 7}, LimitTotal: &total, TopUpTotal: 8}}
	if d := cmp.Diff(want, s.Edits); d != "" {
		t.Errorf("edits (-want +got):\n%s", d)
	}
}

func TestSettings(t *testing.T) {
	ctx := t.Context()
	_, c := client(t)
	if set, err := c.SetSetting(ctx, "api.post", "on"); err != nil || set.Value != "on" || set.Default != "off" {
		t.Errorf("set: %+v, %v", set, err)
	}
	if set, err := c.Setting(ctx, "api.post"); err != nil || set.Value != "on" {
		t.Errorf("get: %+v, %v", set, err)
	}
	if all, err := c.Settings(ctx); err != nil || len(all) != len(hotspot.SettingKeys()) {
		t.Errorf("list: %d, %v", len(all), err)
	}
	_, err := c.SetSetting(ctx, "api.post", "bad")
	if e := (&hotspot.Error{}); !errors.As(err, &e) || e.Code != hotspot.CodeInvalid || e.Field != "api.post" {
		t.Errorf("bad value: %v", err)
	}
	if _, err := c.Setting(ctx, "no.such"); !errors.Is(err, hotspot.ErrNotFound) {
		t.Errorf("no such setting: %v", err)
	}
	all, err := c.SetSettings(ctx, map[string]string{"login.free": "on", "portal.password": "open sesame"})
	i := slices.IndexFunc(all, func(s v1.Setting) bool { return s.Key == "portal.password" })
	if err != nil || i < 0 || all[i].Value != "open sesame" || !all[i].Secret {
		t.Errorf("several: %+v, %v", all, err)
	}
}

// TestSecretSettings: who may only look does not see what is secret.
func TestSecretSettings(t *testing.T) {
	h := newHouse(t)
	if err := h.service.SetSetting(t.Context(), "portal.password", "open sesame"); err != nil {
		t.Fatal(err)
	}
	for who, p := range map[string]*api.Principal{"owner": {Kind: api.CallerOperator, Scopes: []api.Scope{api.ScopeAll}}, "viewer": {Kind: api.CallerOperator, Scopes: []api.Scope{api.ScopeSettings}, ReadOnly: true}} {
		for _, path := range []string{"/settings", "/settings/portal.password"} {
			w := httptest.NewRecorder()
			api.As(p, h.api).ServeHTTP(w, httptest.NewRequest(http.MethodGet, v1.Prefix+path, nil))
			if shown := strings.Contains(w.Body.String(), "sesame"); w.Code != http.StatusOK || shown != (who == "owner") {
				t.Errorf("%s, %s: %d, shown %v", who, path, w.Code, shown)
			}
		}
	}
}

// TestPasscodes: who may only look at vouchers cannot use them. Not even the
// ETag is shown, by which passcodes could be tried out.
func TestPasscodes(t *testing.T) {
	h := newHouse(t)
	if _, err := h.service.CreateVouchers(t.Context(), hotspot.VoucherSpec{Username: "anna", Passcode: "open-sesame"}); err != nil {
		t.Fatal(err)
	}
	scopes := []api.Scope{api.ScopeVouchers}
	for who, p := range map[string]*api.Principal{"manager": {Kind: api.CallerOperator, Scopes: scopes}, "viewer": {Kind: api.CallerOperator, Scopes: scopes, ReadOnly: true}} {
		for path, status := range map[string]int{"/vouchers": http.StatusOK, "/vouchers?q=anna&sort=username": http.StatusOK, "/vouchers/anna": http.StatusOK, "/print/vouchers.pdf?ids=1": http.StatusForbidden} {
			w := httptest.NewRecorder()
			api.As(p, h.api).ServeHTTP(w, httptest.NewRequest(http.MethodGet, v1.Prefix+path, nil))
			if who == "manager" {
				status = http.StatusOK
			}
			shown, tag := strings.Contains(w.Body.String(), "sesame"), w.Header().Get("ETag") != ""
			if w.Code != status || shown != (who == "manager" && !strings.HasPrefix(path, "/print")) || tag && who != "manager" {
				t.Errorf("%s, %s: %d, passcode %v, ETag %v", who, path, w.Code, shown, tag)
			}
		}
	}
}

func TestGuests(t *testing.T) {
	ctx := t.Context()
	s, c := client(t)
	mac := hotspot.MAC{2, 0, 0x5e, 0x10, 0, 1}
	s.Guest = []hotspot.Guest{{Session: hotspot.Session{MAC: mac, Login: "anna"}, Uptime: 90 * time.Second,
		Allowance: hotspot.Allowance{Limit: hotspot.Usage{Up: 10}, Used: hotspot.Usage{Up: 4}}}}
	s.Hosts = []hotspot.GuestHost{{Host: hotspot.Host{MAC: mac}, Guest: &s.Guest[0]}, {}}
	guests, err := c.Guests(ctx)
	if err != nil || len(guests) != 1 || guests[0].Uptime != 90 || guests[0].DownloadLeft != nil || *guests[0].UploadLeft != 6 {
		t.Errorf("guests: %+v, %v", guests, err)
	}
	if hosts, err := c.Hosts(ctx); err != nil || len(hosts) != 2 || hosts[0].Login != "anna" || hosts[1].Online {
		t.Errorf("hosts: %+v, %v", hosts, err)
	}
	if err := c.Kick(ctx, mac); err != nil || len(s.Kicked) != 1 {
		t.Errorf("kick: %v", err)
	}
	if err := c.Kick(ctx, hotspot.MAC{1}); !errors.Is(err, hotspot.ErrNotFound) {
		t.Errorf("kick a stranger: %v", err)
	}
}

func TestSystem(t *testing.T) {
	ctx := t.Context()
	s, c := client(t)
	s.Believed = false
	st, err := c.Status(ctx)
	if err != nil || st.Version != "1.2.3" || st.ClockBelieved || st.Zone != "CET" || st.Notices == nil {
		t.Errorf("status: %+v, %v", st, err)
	}
	if err := c.ClockSynced(ctx); err != nil || !s.Believed {
		t.Errorf("clock: %v", err)
	}
	old, err := c.DeviceKey(ctx)
	if err != nil {
		t.Error(err)
	}
	if key, err := c.RegenerateKey(ctx); err != nil || key == old {
		t.Errorf("regenerate: %q, %v", key, err)
	}
}

// An error that is not the domain's is logged, and the client learns nothing.
func TestUnknownErrorStaysInside(t *testing.T) {
	s := v1test.NewService()
	var log strings.Builder
	c := v1.NewClient(v1.InProcess(handler(s, &log)))
	s.Err = fmt.Errorf("page 7 of /secret/path is torn")
	_, err := c.Guests(t.Context())
	if hotspot.CodeOf(err) != hotspot.CodeInternal || strings.Contains(err.Error(), "secret") {
		t.Errorf("told: %v", err)
	}
	if !strings.Contains(log.String(), "page 7") || !strings.Contains(log.String(), "list-guests") {
		t.Errorf("logged: %s", log.String())
	}
}

func TestBadInput(t *testing.T) {
	h := handler(v1test.NewService(), io.Discard)
	for _, tc := range []struct {
		name, method, path, body string
		status                   int
		field                    string
	}{
		{"not JSON", "POST", "/vouchers", `{`, 400, ""},
		{"wrong type", "POST", "/vouchers", `{"count":"two"}`, 422, "count"},
		{"unknown field", "POST", "/vouchers", `{"colour":"red"}`, 422, "colour"},
		{"too many", "POST", "/vouchers", `{"count":5001}`, 422, "count"},
		{"negative bytes", "POST", "/vouchers", `{"download_limit":-1}`, 422, "download_limit"},
		{"huge body", "POST", "/vouchers", `{"note":"` + strings.Repeat("x", 1<<20) + `"}`, 413, ""},
		{"too many bytes", "POST", "/vouchers", `{"download_limit":1e30}`, 422, "download_limit"},
		{"too many bytes inside", "POST", "/vouchers/edit", `{"edit":{"top_up_total":1e30}}`, 422, "edit.top_up_total"},
		{"name for many", "POST", "/vouchers", `{"count":2,"username":"a"}`, 422, "username"},
		{"bad validity", "POST", "/vouchers", `{"valid_for":"3 weeks"}`, 422, "valid_for"},
		{"endless validity", "POST", "/vouchers", `{"valid_for":"99999999 days"}`, 422, "valid_for"},
		{"bad time", "PATCH", "/vouchers/x", `{"valid_from":"soon"}`, 422, "valid_from"},
		{"bad cursor", "GET", "/vouchers?cursor=x", ``, 422, "cursor"},
		{"bad limit", "GET", "/vouchers?limit=0", ``, 422, "limit"},
		{"unknown parameter", "GET", "/vouchers?colour=red", ``, 422, "colour"},
		{"bad MAC", "DELETE", "/guests/nobody", ``, 422, "mac"},
		{"clock wrong", "PUT", "/clock", `{"synced":false}`, 422, "synced"},
		{"no path", "GET", "/nothing", ``, 404, ""},
		{"no method", "PATCH", "/guests", ``, 405, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest(tc.method, v1.Prefix+tc.path, strings.NewReader(tc.body))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tc.status || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Fatalf("got %d %s: %s", w.Code, w.Header(), w.Body)
			}
			if tc.field != "" && !strings.Contains(w.Body.String(), `"field":"`+tc.field+`"`) {
				t.Errorf("field %s is not blamed: %s", tc.field, w.Body)
			}
			if body := w.Body.String(); !strings.Contains(body, `"code":"`) || strings.Contains(body, "json: ") || strings.Contains(body, "struct") {
				t.Errorf("no code: %s", w.Body)
			}
		})
	}
}

func TestOverSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := v1test.NewService()
	srv := &http.Server{Handler: handler(s, io.Discard)}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	c := v1.NewClient(v1.DialUnix(path))
	if _, err := c.CreateVouchers(t.Context(), v1.NewVouchers{Username: ".."}); err != nil {
		t.Error(err)
	}
	if v, err := c.Voucher(t.Context(), ".."); err != nil || v.Username != ".." {
		t.Errorf("%+v, %v", v, err)
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	<-done
	if _, err := c.Status(t.Context()); err == nil || strings.Contains(err.Error(), "http://") {
		t.Errorf("without a server: %v", err)
	}
}

func TestOpenAPI(t *testing.T) {
	w := httptest.NewRecorder()
	handler(v1test.NewService(), io.Discard).ServeHTTP(w, httptest.NewRequest(http.MethodGet, v1.Prefix+"/openapi.json", nil))
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Summary     string
			Responses   map[string]struct {
				Content map[string]struct {
					Schema struct {
						Ref string `json:"$ref"`
					}
				}
			}
		}
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != http.StatusOK || !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Fatalf("%d %v", w.Code, err)
	}
	operations := 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			operations++
			ref := op.Responses["default"].Content["application/problem+json"].Schema.Ref
			if op.OperationID == "" || op.Summary == "" || ref != "#/components/schemas/Problem" {
				t.Errorf("%s %s: %+v", method, path, op)
			}
		}
	}
	if _, ok := doc.Components.Schemas["ErrorModel"]; ok || operations < 57 {
		t.Errorf("%d operations, schemas %v", operations, doc.Components.Schemas)
	}
}
