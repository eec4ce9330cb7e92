package store

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestInspect looks at a store in every state, and leaves its bytes alone.
func TestInspect(t *testing.T) {
	opts, _ := options(t.TempDir())
	if _, err := Inspect(t.Context(), opts.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a store: %v", err)
	}
	db, err := Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	put(t, db, func(tx hotspot.Tx) error {
		v := voucher(1)
		return tx.PutVoucher(&v)
	})
	var locked *LockedError
	if _, err := Inspect(t.Context(), opts.Path); !errors.As(err, &locked) {
		t.Errorf("while it is open: %v", err)
	}
	closeChecked(t, db)
	before, err := os.ReadFile(opts.Path)
	if err != nil {
		t.Fatal(err)
	}
	if migrate, err := Inspect(t.Context(), opts.Path); err != nil || migrate {
		t.Errorf("a good store: %v, %v", migrate, err)
	}
	if after, err := os.ReadFile(opts.Path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed: %v", err)
	}
	if err := os.WriteFile(opts.Path, bytes.Repeat([]byte("x"), len(before)), 0o600); err != nil {
		t.Fatal(err)
	}
	var damaged *DamagedError
	if _, err := Inspect(t.Context(), opts.Path); !errors.As(err, &damaged) {
		t.Errorf("a damaged store: %v", err)
	}
}
