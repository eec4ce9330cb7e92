package keys_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/vouchsafe/vouchsafe/api/keys"
)

func TestSecretFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	first := secret(t, path)
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 || st.Size() != 32 {
		t.Errorf("%v, %v", st, err)
	}
	if first != secret(t, path) {
		t.Error("another secret the second time")
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if first != secret(t, path) {
		t.Error("another secret after a change of its mode")
	}
	if st, _ = os.Stat(path); st.Mode().Perm() != 0o600 {
		t.Errorf("left open to others: %v", st.Mode())
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	if other := secret(t, filepath.Join(dir, "other")); other == first {
		t.Error("two devices have one secret")
	}
}

func TestSecretDamaged(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	for _, content := range []string{"", "short", strings.Repeat("x", 31), strings.Repeat("x", 33)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.LoadOrCreateSecret(path); !errors.Is(err, keys.ErrSecretDamaged) {
			t.Errorf("%q: %v", content, err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != content {
			t.Errorf("%q was touched", content)
		}
	}
	if _, err := keys.LoadOrCreateSecret(dir); !errors.Is(err, keys.ErrSecretDamaged) {
		t.Errorf("a directory: %v", err)
	}
	if _, err := keys.LoadOrCreateSecret(filepath.Join(dir, "missing", "secret")); err == nil {
		t.Error("a missing directory is no error")
	}
}

func TestSecretTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	got := make([]keys.Secret, 8)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() { got[i], _ = keys.LoadOrCreateSecret(path) })
	}
	wg.Wait()
	for _, s := range got {
		if s != got[0] || s == (keys.Secret{}) {
			t.Fatal("they do not agree")
		}
	}
}

func TestSecretNeverShows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(strings.Repeat("S", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := secret(t, path)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", s, "pointer", &s)
	text := fmt.Sprintf("%v %+v %#v %s %q %v", s, s, s, s, s, []keys.Secret{s}) + log.String()
	// As text, as numbers in three ways of writing lists, in hex, and in base64.
	for _, shown := range []string{"SSS", "83 83", "83,83", "83, 83", "0x53", "535353", "U1NT"} {
		if strings.Contains(text, shown) {
			t.Errorf("%q shows in %s", shown, text)
		}
	}
}
