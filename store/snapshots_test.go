package store_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/store"
)

// Snapshots are listed newest first; what is none is not.
func TestSnapshots(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "snapshots")
	if all, err := store.Snapshots(dir); err != nil || len(all) != 0 {
		t.Errorf("without a directory: %v, %v", all, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"snapshot-00000001-20260101T120000Z.vsnap": "a", "snapshot-00000010-20260102T120000Z.vsnap": "abc",
		"snapshot-00000002-lately.vsnap": "ab", "snapshot-x-20260101T120000Z.vsnap": "", "notes.txt": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all, err := store.Snapshots(dir)
	if err != nil || len(all) != 3 {
		t.Fatalf("%+v, %v", all, err)
	}
	if all[0].Size != 3 || !all[0].Made.Equal(time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)) || all[0].Name != "snapshot-00000010-20260102T120000Z.vsnap" {
		t.Errorf("%+v", all[0])
	}
	if !all[1].Made.IsZero() || all[2].Size != 1 {
		t.Errorf("%+v", all[1:])
	}
}

func TestCount(t *testing.T) {
	db, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "db"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(t.Context(), func(tx hotspot.Tx) error {
		for _, name := range []string{"a", "b", "c"} {
			if err := tx.PutVoucher(&hotspot.Voucher{Username: name}); err != nil {
				return err
			}
		}
		return tx.PutSetting("venue.name", "x")
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := db.Count(t.Context())
	if err != nil || got["vouchers"] != 3 || got["settings"] != 1 || got["users"] != 0 {
		t.Errorf("%v, %v", got, err)
	}
}
