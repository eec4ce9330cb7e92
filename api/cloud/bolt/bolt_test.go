package bolt

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/cloudtest"
)

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStore(t *testing.T) {
	cloudtest.TestStore(t, func(t *testing.T) cloud.Store { return open(t, filepath.Join(t.TempDir(), "relay.db")) })
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "relay.db")
	s := open(t, path)
	if err := s.Commit(t.Context(), cloud.Transaction{Put: []cloud.Entry{{Key: "a", Value: []byte("b")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if e, err := open(t, path).Get(t.Context(), "a"); err != nil || string(e.Value) != "b" {
		t.Errorf("%+v %v", e, err)
	}
}
