package store

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// nextLayout is a schema that this program may have one day: full names are in
// upper case, and then settings begin with "x.".
func nextLayout() *layout {
	return &layout{first: 1, migrations: []migration{
		fromVersion1(),
		fromVersion2(),
		{from: 3, does: "shout", run: func(w writer) error {
			return rewriteAll(w, bktVouchers, func(key []byte, body string) ([]byte, []byte, error) {
				id, _ := keyID(key)
				var v hotspot.Voucher
				err := decodeVoucher(id, body, &v)
				v.FullName = strings.ToUpper(v.FullName)
				return key, encodeVoucher(&v), err
			})
		}},
		{from: 4, does: "prefix settings", run: func(w writer) error {
			return rewriteAll(w, bktSettings, func(key []byte, body string) ([]byte, []byte, error) {
				return append([]byte("x."), key...), []byte(body), nil
			})
		}},
	}}
}

// rewriteAll is what a migration does to a bucket.
func rewriteAll(w writer, b bucket, f func(key []byte, body string) (newKey, newBody []byte, err error)) error {
	type row struct {
		key  []byte
		body string
	}
	var rows []row
	err := eachRecord(w, b, func(key []byte, body string) error {
		rows = append(rows, row{slices.Clone(key), body})
		return nil
	})
	for _, r := range rows {
		if err != nil {
			return err
		}
		var key, body []byte
		if key, body, err = f(r.key, r.body); err == nil {
			err = errors.Join(w.apply(op{b, r.key, nil}), w.apply(op{b, key, seal(b, key, body)}))
		}
	}
	return err
}

// TestMigration goes from the golden snapshot of version 1 to version 5, once
// while it is restored and once when an old file is opened.
func TestMigration(t *testing.T) {
	golden := read(t, "testdata/v1.vsnap")
	opts, log := options(t.TempDir())
	if _, err := Restore(t.Context(), opts.Path, bytes.NewReader(golden)); err != nil {
		t.Fatal(err)
	}
	opts.layout = nextLayout()
	db := open(t, opts)
	compareGolden(t, "testdata/v1-to-v5.dump", dump(t, db))
	if db.Stats().Schema != 5 || !strings.Contains(log.String(), "store migrated") {
		t.Errorf("schema %d, log %s", db.Stats().Schema, log)
	}
	closeChecked(t, db)

	// The snapshot from before the migration is there, and in the schema that
	// it was restored in.
	opts, err := opts.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(mustNewest(t, opts))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, err := VerifySnapshot(f); err != nil || info.Schema != 3 || info.Records["vouchers"] != 20 {
		t.Errorf("%+v, %v", info, err)
	}

	// A damaged file of the new schema is recovered from the old snapshot.
	write(t, opts.Path, []byte("rubbish"))
	db = open(t, opts)
	if db.Recovery() == nil || db.Recovery().Snapshot == "" {
		t.Errorf("recovery %+v", db.Recovery())
	}
	if got, want := withoutIDs(dump(t, db)), withoutIDs(string(read(t, "testdata/v1-to-v5.dump"))); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestFailedMigration leaves the last whole version.
func TestFailedMigration(t *testing.T) {
	opts, _, want := made(t)
	next := opts
	next.layout = nextLayout()
	fine := next.layout.migrations[3].run
	next.layout.migrations[3].run = func(w writer) error { return errors.Join(fine(w), errTest) }
	if _, err := Open(t.Context(), next); !errors.Is(err, errTest) || !strings.Contains(err.Error(), "4 to 5") {
		t.Errorf("got %v", err)
	}
	next.layout.migrations[3].run = fine
	db := open(t, next)
	got := dump(t, db)
	if got == want || !strings.Contains(got, "AMBER FALCON") || !strings.Contains(got, `"x.api.post"`) {
		t.Errorf("got\n%s", got)
	}
	if strings.Contains(got, `"x.x.`) {
		t.Error("a migration ran twice")
	}
}
