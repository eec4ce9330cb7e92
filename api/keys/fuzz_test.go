package keys_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/keys"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
)

// FuzzKey presents arbitrary keys: none but the right one opens anything.
func FuzzKey(f *testing.F) {
	ctx := f.Context()
	s, err := keys.LoadOrCreateSecret(filepath.Join(f.TempDir(), "secret"))
	if err != nil {
		f.Fatal(err)
	}
	k := newKeys(f, hotspottest.NewStore(), s)
	right, err := k.DeviceKey(ctx)
	if err != nil {
		f.Fatal(err)
	}
	for _, key := range []string{"", " ", right[:39], right + " ", right + "\x00", "\x00", "Bearer " + right} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if _, err := k.Check(t.Context(), key, home); key != right && !errors.Is(err, api.ErrWrongKey) {
			t.Errorf("%q: %v", key, err)
		}
	})
}

// FuzzSealed puts arbitrary bytes where the store and the file hold the sealed
// key and the device secret: they are refused, with a remedy, and nothing is
// overwritten.
func FuzzSealed(f *testing.F) {
	ctx := f.Context()
	path := filepath.Join(f.TempDir(), "secret")
	s, err := keys.LoadOrCreateSecret(path)
	if err != nil {
		f.Fatal(err)
	}
	store := hotspottest.NewStore()
	k := newKeys(f, store, s)
	if _, err := k.DeviceKey(ctx); err != nil {
		f.Fatal(err)
	}
	var good []byte
	if err := store.View(ctx, func(r hotspot.Reader) (err error) { good, err = r.Secret("api.key"); return err }); err != nil {
		f.Fatal(err)
	}
	f.Add(good, []byte("short"))
	f.Add(good[1:], make([]byte, 32))
	f.Add(append([]byte{2}, good[1:]...), make([]byte, 33))
	f.Add([]byte{1}, []byte{})
	f.Fuzz(func(t *testing.T, sealed, file []byte) {
		if string(sealed) != string(good) {
			st := hotspottest.NewStore()
			if err := st.Update(t.Context(), func(tx hotspot.Tx) error { return tx.PutSecret("api.key", sealed) }); err != nil {
				t.Fatal(err)
			}
			k := newKeys(t, st, s)
			if key, err := k.DeviceKey(t.Context()); !errors.Is(err, keys.ErrUnreadable) {
				t.Errorf("%x opens as %q, %v", sealed, key, err)
			}
		}
		p := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(p, file, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := keys.LoadOrCreateSecret(p)
		if got, rerr := os.ReadFile(p); rerr != nil || string(got) != string(file) {
			t.Errorf("the file of %d bytes was changed: %v", len(file), rerr)
		}
		if (err == nil) != (len(file) == 32) || err != nil && !errors.Is(err, keys.ErrSecretDamaged) {
			t.Errorf("a file of %d bytes: %v", len(file), err)
		}
	})
}
