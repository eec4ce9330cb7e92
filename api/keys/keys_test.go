package keys_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/keys"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
)

func secret(t *testing.T, path string) keys.Secret {
	t.Helper()
	s, err := keys.LoadOrCreateSecret(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newKeys(t testing.TB, store hotspot.Store, s keys.Secret) *keys.Keys {
	t.Helper()
	k, err := keys.New(keys.Config{Store: store, Secret: s, Now: func() (time.Time, bool) { return day, true }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// day is when most tests take place, and home where their calls come from.
var (
	day  = time.Date(2021, 5, 3, 16, 57, 20, 261000000, time.UTC)
	home = netip.MustParseAddr("192.168.10.7")
)

// lastUsed tells when the device key was last used.
func lastUsed(t *testing.T, k *keys.Keys) time.Time {
	t.Helper()
	at, _, err := k.DeviceUse(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestDeviceKey(t *testing.T) {
	ctx := t.Context()
	store := hotspottest.NewStore()
	s := secret(t, filepath.Join(t.TempDir(), "secret"))
	k := newKeys(t, store, s)
	key, err := k.DeviceKey(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{39}$`).MatchString(key) {
		t.Errorf("%q is not 40 URL-safe characters", key)
	}
	if again, err := k.DeviceKey(ctx); again != key || err != nil {
		t.Errorf("second time %q, %v", again, err)
	}
	// After a restart it is the same one, read from the store.
	k = newKeys(t, store, s)
	if again, err := k.DeviceKey(ctx); again != key || err != nil {
		t.Errorf("after a restart %q, %v", again, err)
	}
	if store.Updates() != 1 {
		t.Errorf("%d writes, want 1", store.Updates())
	}
	// The store alone does not give it away.
	err = store.View(ctx, func(r hotspot.Reader) error {
		sealed, err := r.Secret("api.key")
		if strings.Contains(string(sealed), key) || strings.Contains(fmt.Sprintf("%x", sealed), fmt.Sprintf("%x", key)) {
			t.Error("the key is in the store in the clear")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	ctx := t.Context()
	store := hotspottest.NewStore()
	k := newKeys(t, store, secret(t, filepath.Join(t.TempDir(), "secret")))
	key, err := k.DeviceKey(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"", "x", key[:39], key + "x", strings.ToUpper(key) + strings.ToLower(key), " " + key} {
		if p, err := k.Check(ctx, wrong, home); !errors.Is(err, api.ErrWrongKey) || p.May(api.ScopeVouchers) {
			t.Errorf("%q: %+v, %v", wrong, p, err)
		}
	}
	if !lastUsed(t, k).IsZero() {
		t.Error("wrong keys count as use")
	}
	p, err := k.Check(ctx, key, home)
	if err != nil || !p.May(api.ScopeAll) || p.Name != keys.DeviceKeyName {
		t.Errorf("%+v, %v", p, err)
	}
	if lastUsed(t, k).IsZero() {
		t.Error("use was not noticed")
	}
	next, err := k.Regenerate(ctx)
	if err != nil || next == key {
		t.Fatalf("%q, %v", next, err)
	}
	if _, err := k.Check(ctx, key, home); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("the old key after regeneration: %v", err)
	}
	if _, err := k.Check(ctx, next, home); err != nil {
		t.Errorf("the new key: %v", err)
	}
}

// TestCheckReadsOnce: requests cost no access to the store.
func TestCheckReadsOnce(t *testing.T) {
	store := &countingStore{Store: hotspottest.NewStore()}
	k := newKeys(t, store, secret(t, filepath.Join(t.TempDir(), "secret")))
	key, err := k.DeviceKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Check(t.Context(), key, home); err != nil { // the first reads the named keys
		t.Fatal(err)
	}
	before := store.n
	for range 100 {
		if _, err := k.Check(t.Context(), key, home); err != nil {
			t.Fatal(err)
		}
		_, _ = k.Check(t.Context(), "wrong", home)
	}
	if store.n != before {
		t.Errorf("%d accesses", store.n-before)
	}
}

type countingStore struct {
	hotspot.Store
	n    int
	fail error
}

func (s *countingStore) View(ctx context.Context, f func(hotspot.Reader) error) error {
	s.n++
	return s.Store.View(ctx, f)
}

func (s *countingStore) Update(ctx context.Context, f func(hotspot.Tx) error) error {
	s.n++
	if s.fail != nil {
		return s.fail
	}
	return s.Store.Update(ctx, f)
}

// TestLostSecret: no key is made in silence, and regeneration heals.
func TestLostSecret(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	store := hotspottest.NewStore()
	first := secret(t, filepath.Join(dir, "a"))
	key, err := newKeys(t, store, first).DeviceKey(ctx)
	if err != nil {
		t.Fatal(err)
	}
	writes := store.Updates()
	k := newKeys(t, store, secret(t, filepath.Join(dir, "b")))
	if _, err := k.DeviceKey(ctx); !errors.Is(err, keys.ErrUnreadable) || !strings.Contains(err.Error(), "key regenerate") {
		t.Errorf("showing: %v", err)
	}
	if _, err := k.Check(ctx, key, home); !errors.Is(err, keys.ErrUnreadable) {
		t.Errorf("checking: %v", err)
	}
	if store.Updates() != writes {
		t.Error("something was written")
	}
	if again, err := newKeys(t, store, first).DeviceKey(ctx); again != key || err != nil {
		t.Errorf("with the secret put back: %q, %v", again, err)
	}
	next, err := k.Regenerate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := k.Check(ctx, next, home); err != nil || !p.May(api.ScopeVouchers) {
		t.Errorf("after regeneration: %+v, %v", p, err)
	}
}

func TestDamagedKey(t *testing.T) {
	ctx := t.Context()
	s := secret(t, filepath.Join(t.TempDir(), "secret"))
	for _, sealed := range [][]byte{nil, {}, {1}, {1, 2, 3}, {9}, make([]byte, 69), make([]byte, 1000)} {
		store := hotspottest.NewStore()
		if err := store.Update(ctx, func(tx hotspot.Tx) error { return tx.PutSecret("api.key", sealed) }); err != nil {
			t.Fatal(err)
		}
		if _, err := newKeys(t, store, s).DeviceKey(ctx); !errors.Is(err, keys.ErrUnreadable) {
			t.Errorf("%x: %v", sealed, err)
		}
	}
}

func TestRegenerateFails(t *testing.T) {
	ctx := t.Context()
	store := &countingStore{Store: hotspottest.NewStore()}
	k := newKeys(t, store, secret(t, filepath.Join(t.TempDir(), "secret")))
	key, err := k.DeviceKey(ctx)
	if err != nil {
		t.Fatal(err)
	}
	store.fail = hotspot.ErrUnavailable
	if _, err := k.Regenerate(ctx); !errors.Is(err, hotspot.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if _, err := k.Check(ctx, key, home); err != nil {
		t.Errorf("the key that is still in the store: %v", err)
	}
}

// TestConcurrent: whoever comes first makes the key, and an old one is never
// accepted after the call that replaced it.
func TestConcurrent(t *testing.T) {
	ctx := t.Context()
	k := newKeys(t, hotspottest.NewStore(), secret(t, filepath.Join(t.TempDir(), "secret")))
	var wg sync.WaitGroup
	var first sync.Map
	for range 16 {
		wg.Go(func() {
			key, err := k.DeviceKey(ctx)
			if err != nil {
				t.Error(err)
			}
			first.Store(key, true)
		})
	}
	wg.Wait()
	n := 0
	first.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d keys were made", n)
	}
	for range 4 {
		wg.Go(func() {
			for range 20 {
				if _, err := k.Regenerate(ctx); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 200 {
				if _, err := k.Check(ctx, "wrong", home); !errors.Is(err, api.ErrWrongKey) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	key, err := k.DeviceKey(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Check(ctx, key, home); err != nil {
		t.Error(err)
	}
}
