package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// updateGolden tells to write the dumps in testdata anew. The snapshots there
// never are: they stand for files on routers.
func updateGolden() bool { return flag.Lookup("update").Value.String() == "true" }

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the dumps in testdata anew")
	if child() {
		return
	}
	os.Exit(m.Run())
}

func snapshotOf(t testing.TB, db *DB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := db.Snapshot(context.Background(), &b); err != nil {
		t.Fatalf("snapshot: %v", err)
	}
	return b.Bytes()
}

func TestSnapshotAndRestore(t *testing.T) {
	db := openNew(t)
	fill(t, db)
	snap := snapshotOf(t, db)
	info, err := VerifySnapshot(bytes.NewReader(snap))
	if err != nil || info.Schema != 3 || !info.Created.Equal(at()) || info.Records["vouchers"] != 20 || info.Records["sessions"] != 10 {
		t.Errorf("info %+v, %v", info, err)
	}
	opts, _ := options(t.TempDir())
	if _, err := Restore(t.Context(), opts.Path, bytes.NewReader(snap)); err != nil {
		t.Fatalf("restore: %v", err)
	}
	again := open(t, opts)
	if got, want := dump(t, again), dump(t, db); withoutIDs(got) != withoutIDs(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if again.Recovery() != nil {
		t.Error("a restored store was recovered")
	}
	v, u, s := hotspot.Voucher{}, hotspot.User{Method: hotspot.MethodFree}, hotspot.Session{}
	put(t, again, func(tx hotspot.Tx) error { return errors.Join(tx.PutVoucher(&v), tx.PutUser(&u), tx.PutSession(&s)) })
	if v.ID != 20+idsAhead+1 || u.ID != 10+idsAhead+1 || s.ID != 10+idsAhead+1 {
		t.Errorf("next ids are %d, %d, %d: they may have been given before", v.ID, u.ID, s.ID)
	}
}

// TestRestoreReplaces: the old file stays until the new one is whole.
func TestRestoreReplaces(t *testing.T) {
	opts, _, want := made(t)
	before := read(t, opts.Path)
	snap := read(t, mustNewest(t, opts))
	for _, bad := range [][]byte{nil, []byte("x"), snap[:len(snap)-1], snap[:len(snap)/2], append(bytes.Clone(snap), 0)} {
		_, err := Restore(t.Context(), opts.Path, bytes.NewReader(bad))
		var se *SnapshotError
		if !errors.As(err, &se) {
			t.Errorf("%d bytes: got %v", len(bad), err)
		}
		if !bytes.Equal(before, read(t, opts.Path)) {
			t.Fatal("a failed restore changed the store")
		}
		if _, err := os.Stat(opts.Path + tmpSuffix); !isGone(err) {
			t.Errorf("left behind: %v", err)
		}
	}
	db := open(t, opts)
	addVouchers(t, db, 100, 5)
	closeChecked(t, db)
	if _, err := Restore(t.Context(), opts.Path, bytes.NewReader(snap)); err != nil {
		t.Fatal(err)
	}
	if got := dump(t, open(t, opts)); withoutIDs(got) != withoutIDs(want) {
		t.Errorf("got\n%s", got)
	}
}

func mustNewest(t testing.TB, opts Options) string {
	t.Helper()
	have, err := snapshots(opts.SnapshotDir)
	if err != nil || len(have) == 0 {
		t.Fatalf("snapshots: %v, %v", have, err)
	}
	return have[0].path
}

// TestGoldenSnapshot restores files that were made on amd64, one by each version
// of the schema. It must keep doing so, on every machine.
func TestGoldenSnapshot(t *testing.T) {
	const newest = "testdata/v3.vsnap"
	if _, err := os.Stat(newest); isGone(err) && updateGolden() {
		db := openNew(t)
		fill(t, db)
		write(t, newest, snapshotOf(t, db))
	}
	for schema, name := range map[uint64]string{1: "v1-to-v3", 2: "v2-to-v3", 3: "v3"} {
		opts, _ := options(t.TempDir())
		info, err := Restore(t.Context(), opts.Path, bytes.NewReader(read(t, fmt.Sprintf("testdata/v%d.vsnap", schema))))
		if err != nil {
			t.Fatalf("restore: %v", err)
		}
		if info.Schema != schema || info.Records["vouchers"] != 20 || info.Records["audit"] != min(schema-1, 1) || info.Records["events"] != max(schema, 2)-2 {
			t.Errorf("info %+v", info)
		}
		compareGolden(t, "testdata/"+name+".dump", dump(t, open(t, opts)))
	}
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if updateGolden() {
		write(t, path, []byte(got))
	}
	if want := string(read(t, path)); got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

// TestSnapshotFlippedBits: no flipped bit goes unseen, but for the few that
// mean nothing to gzip.
func TestSnapshotFlippedBits(t *testing.T) {
	opts, _, _ := made(t)
	good := read(t, mustNewest(t, opts))
	for i := range good {
		for _, bit := range []byte{1, 0x10, 0x80} {
			bad := bytes.Clone(good)
			bad[i] ^= bit
			_, err := VerifySnapshot(bytes.NewReader(bad))
			if err == nil && !bytes.Equal(unpacked(t, bad), unpacked(t, good)) {
				t.Errorf("bit %#x of byte %d went unseen", bit, i)
			}
		}
	}
}

// packed makes a snapshot of what is inside, with the right checksum.
func packed(inside []byte) []byte {
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	sum := sha256.Sum256(inside)
	_, _ = gz.Write(inside)
	_, _ = gz.Write(sum[:])
	_ = gz.Close()
	return b.Bytes()
}

func unpacked(t testing.TB, snap []byte) []byte {
	t.Helper()
	gz, err := gzip.NewReader(bytes.NewReader(snap))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(gz)
	if err != nil {
		t.Fatal(err)
	}
	return b[:len(b)-sha256.Size]
}

// rec is a record of a snapshot.
func rec(b bucket, key string, body []byte) []byte {
	v := seal(b, []byte(key), bytes.Clone(body))
	out := append([]byte{byte(b), byte(len(key))}, key...)
	out = append(out, byte(len(v)))
	return append(out, v...)
}

func TestHostileSnapshots(t *testing.T) {
	head := []byte(snapshotMagic + "\x01\x02\x02\x01") // format 1, schema 1
	schema := rec(bktMeta, metaSchema, encodeNumber(1))
	counts := []byte{0, 2, byte(bktMeta) << 1, 1}
	join := func(parts ...[]byte) []byte { return packed(bytes.Join(parts, nil)) }
	if _, err := VerifySnapshot(bytes.NewReader(join(head, schema, counts))); err != nil {
		t.Fatalf("the smallest good one: %v", err)
	}
	id1 := string(idKey(1))
	v := encodeVoucher(&hotspot.Voucher{Username: "x"})
	two := []byte{0, 4, byte(bktMeta) << 1, 1, byte(bktVouchers) << 1, 1}
	for name, snap := range map[string][]byte{
		"nothing":            join(),
		"other magic":        join([]byte("vouchsafe snapshoT\n"), head[len(snapshotMagic):], schema, counts),
		"no schema":          join([]byte(snapshotMagic+"\x01\x00"), schema, counts),
		"schemas differ":     join([]byte(snapshotMagic+"\x01\x02\x02\x01"), rec(bktMeta, metaSchema, encodeNumber(7)), counts),
		"no schema record":   join(head, []byte{0, 0}),
		"huge header":        join([]byte(snapshotMagic+"\x01\xff\xff\xff\xff\x0f"), schema, counts),
		"huge key":           join(head, schema, []byte{byte(bktVouchers), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}),
		"huge value":         join(head, schema, []byte{byte(bktVouchers), 1, 'a', 0xff, 0xff, 0xff, 0x7f}),
		"endless number":     join(head, schema, []byte{byte(bktVouchers)}, bytes.Repeat([]byte{0xff}, 20)),
		"wrong counts":       join(head, schema, []byte{0, 2, byte(bktMeta) << 1, 2}),
		"counts of another":  join(head, schema, []byte{0, 4, byte(bktMeta) << 1, 1, byte(bktUsers) << 1, 1}),
		"unknown bucket":     join(head, schema, rec(20, "a", nil), counts),
		"an index":           join(head, schema, rec(bktUsernames, "X", idKey(1)), counts),
		"twice":              join(head, schema, schema, counts),
		"out of order":       join(head, rec(bktVouchers, id1, v), schema, two),
		"empty key":          join(head, schema, rec(bktVouchers, "", v), two),
		"key of other size":  join(head, schema, rec(bktVouchers, "abc", v), two),
		"id zero":            join(head, schema, rec(bktVouchers, string(idKey(0)), v), two),
		"voucher is rubbish": join(head, schema, rec(bktVouchers, id1, []byte{1, 2, 3}), two),
		"not sealed":         join(head, schema, []byte{byte(bktVouchers), 1, 'a', 5, 1, 2, 3, 4, 5}, two),
		"two in one":         append(join(head, schema, counts), join(head, schema, counts)...),
		"no end":             join(head, schema),
	} {
		opts, _ := options(t.TempDir())
		_, err := Restore(t.Context(), opts.Path, bytes.NewReader(snap))
		var se *SnapshotError
		var de *DamagedError
		var ne *NewerSchemaError
		if !errors.As(err, &se) && !errors.As(err, &de) && !errors.As(err, &ne) {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := os.Stat(opts.Path); !isGone(err) {
			t.Errorf("%s: a store was made", name)
		}
	}
}

// TestBomb unpacks to far more than there may be.
func TestBomb(t *testing.T) {
	r, w := io.Pipe()
	go func() {
		gz := gzip.NewWriter(w)
		_, _ = gz.Write([]byte(snapshotMagic + "\x01\x02\x02\x01\x02"))
		zeros := make([]byte, 1<<20)
		for range 64 {
			if _, err := gz.Write(zeros); err != nil {
				break
			}
		}
		_ = w.CloseWithError(gz.Close())
	}()
	if _, err := VerifySnapshot(r); err == nil {
		t.Error("it was taken")
	}
	_ = r.Close()
}

func TestNewerSnapshot(t *testing.T) {
	for _, head := range []string{snapshotMagic + "\x02", snapshotMagic + "\x01\x02\x02\x05"} {
		_, err := VerifySnapshot(bytes.NewReader(packed([]byte(head))))
		var newer *NewerSchemaError
		if !errors.As(err, &newer) {
			t.Errorf("%q: got %v", head, err)
		}
	}
}

// slow takes a snapshot as slowly as the test wants.
type slow struct{ let chan struct{} }

func (s slow) Write(p []byte) (int, error) { <-s.let; return len(p), nil }

// TestSlowSnapshot: writers go on, and the file does not grow, while somebody
// takes a snapshot over a bad line.
func TestSlowSnapshot(t *testing.T) {
	db := openNew(t)
	addVouchers(t, db, 0, 2000)
	s := slow{make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- db.Snapshot(context.Background(), s) }()
	select {
	case s.let <- struct{}{}: // the first part was taken: the store is not read any more
	case err := <-done:
		t.Fatalf("nothing was taken: %v", err)
	}
	before := db.Stats().Size
	for i := range 200 {
		put(t, db, func(tx hotspot.Tx) error {
			v, err := tx.Voucher(uint64(i + 1))
			if err != nil {
				return err
			}
			v.Used.Down++
			return tx.PutVoucher(&v)
		})
	}
	if after := db.Stats().Size; after > before+growStep {
		t.Errorf("the file grew from %d to %d", before, after)
	}
	close(s.let)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestLargeSnapshot does not fit into the spool's memory.
func TestLargeSnapshot(t *testing.T) {
	db := openNew(t)
	noise := make([]byte, 900<<10)
	x := uint32(1)
	for i := range noise {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	put(t, db, func(tx hotspot.Tx) error {
		return errors.Join(tx.PutSecret("a", noise), tx.PutSecret("b", noise), tx.PutSecret("c", noise))
	})
	snap := snapshotOf(t, db)
	if info, err := VerifySnapshot(bytes.NewReader(snap)); err != nil || len(snap) < 2*spoolMemory || info.Records["secrets"] != 3 {
		t.Errorf("%d bytes, %+v, %v", len(snap), info, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Snapshot(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestRotation(t *testing.T) {
	opts, _ := options(t.TempDir())
	now := at()
	opts.Now = func() time.Time { now = now.Add(-time.Hour); return now } // the clock runs backwards
	db := open(t, opts)
	dir := filepath.Join(filepath.Dir(opts.Path), "snapshots")
	var last string
	for i := range 5 {
		addVouchers(t, db, i, 1)
		path, err := db.SnapshotTo(t.Context(), dir, 3)
		if err != nil {
			t.Fatal(err)
		}
		last = path
	}
	have, err := snapshots(dir)
	if err != nil || len(have) != 3 || have[0].path != last || have[0].number != 5 || have[2].number != 3 {
		t.Errorf("have %v, %v", have, err)
	}
	f, err := os.Open(last)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, err := VerifySnapshot(f); err != nil || info.Records["vouchers"] != 5 {
		t.Errorf("%+v, %v", info, err)
	}
	if fi, _ := os.Stat(last); fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", fi.Mode())
	}
}

func TestBackup(t *testing.T) {
	db := openNew(t)
	fill(t, db)
	path := filepath.Join(t.TempDir(), "backup.vsnap")
	write(t, path, []byte("an older one"))
	info, err := db.Backup(t.Context(), path)
	if err != nil || info.Records["vouchers"] != 20 {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := VerifySnapshot(bytes.NewReader(read(t, path))); err != nil {
		t.Error(err)
	}
	if _, err := db.Backup(t.Context(), filepath.Join(path, "not a directory")); err == nil {
		t.Error("backed up to nowhere")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.Backup(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := VerifySnapshot(bytes.NewReader(read(t, path))); err != nil {
		t.Errorf("a failed backup harmed the one before: %v", err)
	}
}

// TestDamagedStoreMakesNoSnapshot: a copy of damage is no backup.
func TestDamagedStoreMakesNoSnapshot(t *testing.T) {
	opts, _ := options(t.TempDir())
	db, err := Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	w, err := db.engine.begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.apply(op{bktVouchers, idKey(1), []byte("rubbish")}), w.commit()); err != nil {
		t.Fatal(err)
	}
	err = db.Snapshot(t.Context(), io.Discard)
	var damaged *DamagedError
	if !errors.As(err, &damaged) || !strings.Contains(err.Error(), "vouchers") {
		t.Errorf("got %v", err)
	}
	if err := db.Check(); !errors.As(err, &damaged) {
		t.Errorf("check: %v", err)
	}
	err = db.View(t.Context(), func(r hotspot.Reader) error { _, err := r.Voucher(1); return err })
	if !errors.As(err, &damaged) {
		t.Errorf("read: %v", err)
	}
}

func FuzzSnapshot(f *testing.F) {
	db := openNew(f)
	fill(f, db)
	snap := snapshotOf(f, db)
	f.Add(unpacked(f, snap), true)
	f.Add(snap, false)
	f.Add([]byte(snapshotMagic), true)
	f.Fuzz(func(t *testing.T, b []byte, pack bool) {
		if pack {
			b = packed(b)
		}
		_, verr := VerifySnapshot(bytes.NewReader(b))
		if verr != nil {
			return
		}
		opts, _ := options(t.TempDir())
		if _, err := Restore(t.Context(), opts.Path, bytes.NewReader(b)); err != nil {
			return // whole, but not a store: no schema, for example
		}
		open(t, opts)
	})
}
