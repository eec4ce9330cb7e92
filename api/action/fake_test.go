package action_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/action"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const testKey = "0123456789abcdefghijklmnopqrstuvwxyzABCD"

// zone is not UTC, so that a time in the wrong zone shows.
var zone = time.FixedZone("venue", 2*60*60)

type ctx = context.Context

// fakeService answers with its functions; a call of one that is nil fails the
// test.
type fakeService struct {
	t        testing.TB
	settings hotspot.Settings
	create   func(ctx context.Context, specs ...hotspot.VoucherSpec) ([]hotspot.Voucher, error)
	remove   func(ctx context.Context, username string) error
	vouchers func(ctx context.Context, after uint64, limit int) ([]hotspot.VoucherView, error)
	users    func(ctx context.Context, m hotspot.Method, after uint64, limit int) ([]hotspot.User, error)
	logins   func(ctx context.Context, before uint64, limit int) ([]hotspot.Session, error)
	guests   func(ctx context.Context) ([]hotspot.Guest, error)
	hosts    func(ctx context.Context) ([]hotspot.GuestHost, error)
}

func (f *fakeService) Settings() hotspot.Settings { return f.settings }
func (f *fakeService) Zone() *time.Location       { return zone }

func (f *fakeService) CreateVouchers(ctx context.Context, s ...hotspot.VoucherSpec) ([]hotspot.Voucher, error) {
	if f.create == nil {
		f.t.Errorf("unexpected CreateVouchers(%+v)", s)
		return nil, hotspot.ErrUnavailable
	}
	return f.create(ctx, s...)
}

func (f *fakeService) RemoveVoucher(ctx context.Context, username string) error {
	if f.remove == nil {
		f.t.Errorf("unexpected RemoveVoucher(%q)", username)
		return hotspot.ErrUnavailable
	}
	return f.remove(ctx, username)
}

func (f *fakeService) Vouchers(ctx context.Context, after uint64, limit int) ([]hotspot.VoucherView, error) {
	if f.vouchers == nil {
		f.t.Errorf("unexpected Vouchers(%d, %d)", after, limit)
		return nil, hotspot.ErrUnavailable
	}
	return f.vouchers(ctx, after, limit)
}

func (f *fakeService) Users(ctx context.Context, m hotspot.Method, after uint64, limit int) ([]hotspot.User, error) {
	if f.users == nil {
		f.t.Errorf("unexpected Users(%s, %d, %d)", m, after, limit)
		return nil, hotspot.ErrUnavailable
	}
	return f.users(ctx, m, after, limit)
}

func (f *fakeService) Logins(ctx context.Context, before uint64, limit int) ([]hotspot.Session, error) {
	if f.logins == nil {
		f.t.Errorf("unexpected Logins(%d, %d)", before, limit)
		return nil, hotspot.ErrUnavailable
	}
	return f.logins(ctx, before, limit)
}

func (f *fakeService) Guests(ctx context.Context) ([]hotspot.Guest, error) {
	if f.guests == nil {
		f.t.Error("unexpected Guests()")
		return nil, hotspot.ErrUnavailable
	}
	return f.guests(ctx)
}

func (f *fakeService) GuestHosts(ctx context.Context) ([]hotspot.GuestHost, error) {
	if f.hosts == nil {
		f.t.Error("unexpected GuestHosts()")
		return nil, hotspot.ErrUnavailable
	}
	return f.hosts(ctx)
}

// fakeKeys knows one key.
type fakeKeys struct {
	scopes []api.Scope
	err    error
	checks int
}

func (k *fakeKeys) Check(_ context.Context, key string, _ netip.Addr) (*api.Principal, error) {
	k.checks++
	switch {
	case k.err != nil:
		return nil, k.err
	case key != testKey:
		return nil, api.ErrWrongKey
	case k.scopes != nil:
		return &api.Principal{Name: "test", Scopes: k.scopes}, nil
	}
	return &api.Principal{Name: "test", Scopes: []api.Scope{api.ScopeAll}}, nil
}

// on has both methods on.
var on = hotspot.Settings{APIPost: true, APIGet: true}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func newHandler(s *fakeService) http.Handler {
	return action.New(action.Config{Service: s, Keys: &fakeKeys{}, Log: quiet()})
}

// get asks for a query string without its api-key.
func get(t testing.TB, h http.Handler, query string) *httptest.ResponseRecorder {
	t.Helper()
	return serve(h, httptest.NewRequest(http.MethodGet, "/api/?api-key="+testKey+"&"+query, nil))
}

func post(h http.Handler, contentType, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/api/", strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return serve(h, r)
}

// postJSON sends an object; members are what follows the api-key.
func postJSON(h http.Handler, members string) *httptest.ResponseRecorder {
	return post(h, "application/json", `{"api-key": "`+testKey+`", `+members+`}`)
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func at(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04:05", s, zone)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func mac(s string) hotspot.MAC {
	m, err := hotspot.ParseMAC(s)
	if err != nil {
		panic(err)
	}
	return m
}

func addrs(ss ...string) (as []netip.Addr) {
	for _, s := range ss {
		as = append(as, netip.MustParseAddr(s))
	}
	return as
}

// echoCreate makes vouchers as they were asked for.
func echoCreate(_ context.Context, specs ...hotspot.VoucherSpec) ([]hotspot.Voucher, error) {
	s := specs[0]
	v := hotspot.Voucher{
		ID: 43, Username: s.Username, Passcode: s.Passcode, FullName: s.FullName,
		Created: at("2025-01-10 12:00:00"), Modified: at("2025-01-10 12:00:00"), ValidFrom: s.ValidFrom,
		Allowance: hotspot.Allowance{ValidFor: hotspot.Validity(24 * time.Hour), Limit: s.Limit},
	}
	if s.ValidFor != nil {
		v.ValidFor = *s.ValidFor
	}
	if v.Username == "" {
		v.Username = "k7pmq3"
	}
	if v.Passcode == "" {
		v.Passcode = "x4wd9h"
	}
	if v.FullName == "" {
		v.FullName = "Quiet Heron"
	}
	if strings.EqualFold(v.Username, "taken") {
		return nil, hotspot.ErrUsernameTaken
	}
	return []hotspot.Voucher{v}, nil
}
