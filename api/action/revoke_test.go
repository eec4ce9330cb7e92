package action_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/action"
	"github.com/vouchsafe/vouchsafe/api/keys"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
)

// TestRevokedWhileInFlight: a key that is revoked while a long list is sent
// gets no more of it, and one that is revoked while a voucher is made has made
// it. Before the first row, the answer is that of a wrong key.
func TestRevokedWhileInFlight(t *testing.T) {
	secret, err := keys.LoadOrCreateSecret(filepath.Join(t.TempDir(), "secret"))
	if err != nil {
		t.Fatal(err)
	}
	now := func() (time.Time, bool) { return at("2025-01-17 09:00:00"), true }
	k, err := keys.New(keys.Config{Store: hotspottest.NewStore(), Secret: secret, Now: now, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	f := fixture(t)
	srv := httptest.NewServer(action.New(action.Config{Service: f, Keys: k, Log: quiet()}))
	defer srv.Close()
	for _, c := range []struct {
		name, action string
		after        int // pages
		want         string
	}{
		{"list, before the first row", "get_voucher_users", 0, "API Key is incorrect"},
		{"list, in the middle", "get_voucher_users", 2, ""},
		{"create", "create_voucher", 0, "User added successfully"},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, text, err := k.Create(t.Context(), api.Local(), api.NewKey{Label: c.name})
			if err != nil {
				t.Fatal(err)
			}
			revoke := func(ctx context.Context) {
				if err := k.Remove(ctx, api.Local(), id.ID); err != nil {
					t.Error(err)
				}
			}
			pages := 0
			f.vouchers = func(ctx context.Context, after uint64, limit int) ([]hotspot.VoucherView, error) {
				if pages++; pages > c.after {
					revoke(context.WithoutCancel(ctx))
					<-ctx.Done()
					return nil, ctx.Err()
				}
				out := make([]hotspot.VoucherView, limit)
				for i := range out {
					out[i].ID = after + uint64(i) + 1
				}
				return out, nil
			}
			f.create = func(ctx context.Context, specs ...hotspot.VoucherSpec) ([]hotspot.Voucher, error) {
				revoke(ctx)
				if ctx.Err() != nil {
					t.Error("the change was stopped in the middle")
				}
				return echoCreate(ctx, specs...)
			}
			body, err := fetch(t, srv.URL+"/api/?api-key="+text+"&action="+c.action)
			if c.want == "" {
				if err == nil || !strings.Contains(body, `"id":`) || strings.HasSuffix(body, "]}\n") {
					t.Errorf("the list was not cut: %d bytes, %v", len(body), err)
				}
			} else if err != nil || !strings.Contains(body, c.want) {
				t.Errorf("%s, %v", body, err)
			}
			if body, err := fetch(t, srv.URL+"/api/?api-key="+text+"&action="+c.action); err != nil || !strings.Contains(body, "API Key is incorrect") {
				t.Errorf("afterwards: %s, %v", body, err)
			}
		})
	}
}

func fetch(t *testing.T, url string) (string, error) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		return "", fmt.Errorf("get: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}
