package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// made makes a filled store with a snapshot, closes it, and returns its
// options, its log and its dump.
func made(t testing.TB) (Options, *logged, string) {
	t.Helper()
	opts, log := options(t.TempDir())
	opts, err := opts.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, opts)
	fill(t, db)
	if _, err := db.SnapshotTo(t.Context(), opts.SnapshotDir, 7); err != nil {
		t.Fatal(err)
	}
	want := dump(t, db)
	closeChecked(t, db)
	return opts, log, want
}

// withoutIDs drops what a restore changes from a dump: the counters of ids.
func withoutIDs(dump string) string {
	var out []string
	for line := range strings.Lines(dump) {
		if !strings.HasPrefix(line, `meta "id/`) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

func TestOpenAgain(t *testing.T) {
	opts, _, want := made(t)
	db := open(t, opts)
	if got := dump(t, db); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if db.Recovery() != nil {
		t.Errorf("recovered: %v", db.Recovery())
	}
	fi, err := os.Stat(opts.Path)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	if s := db.Stats(); s.Schema != 3 || s.Size != uint64(fi.Size()) {
		t.Errorf("stats %+v", s)
	}
}

func TestLoosePermissions(t *testing.T) {
	opts, _, _ := made(t)
	if err := os.Chmod(opts.Path, 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, opts)
	if fi, _ := os.Stat(opts.Path); fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", fi.Mode())
	}
}

func TestLocked(t *testing.T) {
	opts, _, _ := made(t)
	db := open(t, opts)
	opts.LockTimeout = 120 * time.Millisecond
	_, err := Open(t.Context(), opts)
	var locked *LockedError
	if !errors.As(err, &locked) || !strings.Contains(err.Error(), "another daemon") {
		t.Errorf("got %v", err)
	}
	_, err = Restore(t.Context(), opts.Path, bytes.NewReader(nil))
	if !errors.As(err, &locked) {
		t.Errorf("restore under a daemon: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	opts.LockTimeout = time.Hour // not what ends the wait
	if _, err = Open(ctx, opts); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	closeChecked(t, db)
	open(t, opts)
}

func TestOpenErrors(t *testing.T) {
	opts, _ := options(t.TempDir())
	opts.Path = filepath.Join(filepath.Dir(opts.Path), "none", "store.db")
	if _, err := Open(t.Context(), opts); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	if _, err := Open(t.Context(), Options{}); err == nil {
		t.Error("options without a path were taken")
	}
}

func TestNewerSchema(t *testing.T) {
	opts, _, _ := made(t)
	newer := opts
	newer.layout = nextLayout()
	closeChecked(t, open(t, newer))
	before := read(t, opts.Path)
	_, err := Open(t.Context(), opts)
	var schema *NewerSchemaError
	if !errors.As(err, &schema) || schema.Found != 5 || schema.Known != 3 {
		t.Errorf("got %v", err)
	}
	if !bytes.Equal(before, read(t, opts.Path)) {
		t.Error("the file was changed")
	}
	if m, _ := filepath.Glob(opts.Path + ".damaged*"); len(m) != 0 {
		t.Errorf("set aside: %v", m)
	}
}

// TestWrongIndexes damages each index in each way.
func TestWrongIndexes(t *testing.T) {
	opts, log, want := made(t)
	key := func(id uint64) []byte { return idKey(id) }
	for name, o := range map[string]op{
		"username missing":  {bktUsernames, []byte("K00003"), nil},
		"username wrong":    {bktUsernames, []byte("K00003"), key(5)},
		"username too much": {bktUsernames, []byte("NOBODY"), key(5)},
		"mac missing":       {bktVoucherMACs, macKey(hotspot.MAC{2, 0, 0, 0, 0, 1}, 3), nil},
		"mac too much":      {bktVoucherMACs, macKey(hotspot.MAC{2, 0, 0, 0, 0, 9}, 3), []byte{}},
		"user key missing":  {bktUserKeys, userIndexKey(hotspot.MethodFree, "02:00:00:00:00:03"), nil},
		"open missing":      {bktOpenSessions, key(2), nil},
		"open too much":     {bktOpenSessions, key(1), []byte{}},
		"counter":           {bktMeta, []byte(metaVoucherID), seal(bktMeta, []byte(metaVoucherID), encodeNumber(3))},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t, opts)
			w, err := db.engine.begin()
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(w.apply(o), w.commit()); err != nil {
				t.Fatal(err)
			}
			if err := db.Check(); err == nil {
				t.Error("the check does not see it")
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			*log = logged{}
			db = open(t, opts)
			if got := dump(t, db); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if !strings.Contains(log.String(), "built anew") || db.Recovery() != nil {
				t.Errorf("log: %s", log)
			}
			closeChecked(t, db)
		})
	}
}

// damages are ways in which a file comes back from a bad night.
func damages() map[string]func(good []byte) []byte {
	return map[string]func([]byte) []byte{
		"magic": func(b []byte) []byte {
			for _, at := range []int{pageHeader, pageSize + pageHeader} {
				b[at] ^= 0xff
			}
			return b
		},
		"short":         func(b []byte) []byte { return b[:100] },
		"one meta page": func(b []byte) []byte { return b[:pageSize] },
		"cut off":       func(b []byte) []byte { return b[:3*pageSize] },
		"zeros":         func(b []byte) []byte { clear(b); return b },
		"text":          func([]byte) []byte { return bytes.Repeat([]byte("not a database\n"), 1000) },
		"zeros behind metas": func(b []byte) []byte {
			clear(b[2*pageSize:])
			return b
		},
		"other byte order": func(b []byte) []byte {
			for _, at := range []int{pageHeader, pageSize + pageHeader} {
				m := binary.NativeEndian.Uint32(b[at:])
				binary.NativeEndian.PutUint32(b[at:], m>>24|m>>8&0xff00|m<<8&0xff0000|m<<24)
			}
			return b
		},
	}
}

func TestDamaged(t *testing.T) {
	for name, damage := range damages() {
		t.Run(name, func(t *testing.T) {
			opts, log, want := made(t)
			bad := damage(read(t, opts.Path))
			write(t, opts.Path, bad)
			db := open(t, opts)
			if got := dump(t, db); withoutIDs(got) != withoutIDs(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			r := db.Recovery()
			if r == nil {
				t.Fatal("nothing was said")
			}
			if r.Cause == nil || r.Snapshot == "" || !r.SnapshotTime.Equal(at()) || !r.Time.Equal(at()) {
				t.Errorf("recovery %+v", r)
			}
			if !bytes.Equal(read(t, r.SetAside), bad) {
				t.Error("the damaged file was changed")
			}
			if s := log.String(); !strings.Contains(s, "level=ERROR") || !strings.Contains(s, "DAMAGED") {
				t.Errorf("log: %s", s)
			}
			v := hotspot.Voucher{Username: "after"}
			put(t, db, func(tx hotspot.Tx) error { return tx.PutVoucher(&v) })
			if v.ID <= idsAhead {
				t.Errorf("the next id is %d: it may have been given before", v.ID)
			}
			closeChecked(t, db)
			if open(t, opts).Recovery() != nil {
				t.Error("recovered twice")
			}
		})
	}
}

func TestDamagedWithoutSnapshot(t *testing.T) {
	opts, log, _ := made(t)
	if err := os.RemoveAll(opts.SnapshotDir); err != nil {
		t.Fatal(err)
	}
	write(t, opts.Path, []byte("rubbish"))
	db := open(t, opts)
	if r := db.Recovery(); r == nil || r.Snapshot != "" || r.SetAside == "" || !strings.Contains(r.String(), "lost") {
		t.Errorf("recovery %+v", r)
	}
	if !strings.Contains(log.String(), "the store is empty") {
		t.Errorf("log: %s", log)
	}
	addVouchers(t, db, 0, 3)
}

// TestNewestGoodSnapshot has bad snapshots in front of the good one.
func TestNewestGoodSnapshot(t *testing.T) {
	opts, _, want := made(t)
	have, err := snapshots(opts.SnapshotDir)
	if err != nil || len(have) != 1 {
		t.Fatal(have, err)
	}
	good := read(t, have[0].path)
	write(t, filepath.Join(opts.SnapshotDir, "snapshot-00000002-x.vsnap"), good[:len(good)-9])
	write(t, filepath.Join(opts.SnapshotDir, "snapshot-00000010-x.vsnap"), []byte("rubbish"))
	write(t, filepath.Join(opts.SnapshotDir, "snapshot-11-x.tmp"), []byte("not named as one"))
	write(t, opts.Path, []byte("rubbish"))
	db := open(t, opts)
	r := db.Recovery()
	if r == nil || r.Snapshot != have[0].path || len(r.Skipped) != 2 {
		t.Fatalf("recovery %+v", r)
	}
	if got := dump(t, db); withoutIDs(got) != withoutIDs(want) {
		t.Errorf("got\n%s", got)
	}
}

// TestGone: the file is missing or empty, the snapshots are there.
func TestGone(t *testing.T) {
	for _, empty := range []bool{false, true} {
		opts, _, want := made(t)
		if err := os.Remove(opts.Path); err != nil {
			t.Fatal(err)
		}
		if empty {
			write(t, opts.Path, nil)
		}
		db := open(t, opts)
		if r := db.Recovery(); r == nil || r.SetAside != "" || r.Snapshot == "" {
			t.Errorf("recovery %+v", r)
		}
		if got := dump(t, db); withoutIDs(got) != withoutIDs(want) {
			t.Errorf("got\n%s", got)
		}
	}
}

func TestFewAreSetAside(t *testing.T) {
	opts, _, _ := made(t)
	for i := range 6 {
		write(t, opts.Path, []byte{byte(i), 1, 2, 3})
		db := open(t, opts)
		if r := db.Recovery(); r == nil || read(t, r.SetAside)[0] != byte(i) {
			t.Fatalf("%d: recovery %+v", i, r)
		}
		closeChecked(t, db)
	}
	m, err := filepath.Glob(opts.Path + ".damaged-*")
	if err != nil || len(m) != maxSetAside {
		t.Errorf("%v, %v", m, err)
	}
	for _, p := range m {
		if read(t, p)[0] < 3 {
			t.Errorf("%s is not one of the newest", p)
		}
	}
}

// TestFlippedBits flips bits all over the file. Each time the store opens, and
// has all its records: its own if the bit did not matter, the snapshot's
// otherwise.
func TestFlippedBits(t *testing.T) {
	opts, _, want := made(t)
	good := read(t, opts.Path)
	rnd := rand.New(rand.NewPCG(1, 2))
	used := int(binary.NativeEndian.Uint64(good[pageHeader+40:])) * pageSize
	kept, recovered := 0, 0
	for range 400 {
		bad := bytes.Clone(good)
		for range 1 + rnd.IntN(3) {
			bad[rnd.IntN(used)] ^= 1 << rnd.IntN(8)
		}
		write(t, opts.Path, bad)
		db, err := Open(t.Context(), opts)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		if db.Recovery() != nil {
			recovered++
		} else {
			kept++
		}
		if got := dump(t, db); withoutIDs(got) != withoutIDs(want) {
			t.Errorf("recovery %v, got\n%s\nwant\n%s", db.Recovery(), got, want)
		}
		closeChecked(t, db)
	}
	t.Logf("%d files were as good as before, %d were recovered", kept, recovered)
	if kept == 0 || recovered == 0 {
		t.Error("the test does not test both")
	}
}

func TestLeftoversAreCleaned(t *testing.T) {
	opts, _, _ := made(t)
	write(t, opts.Path+tmpSuffix, []byte("half a file"))
	open(t, opts)
	if _, err := os.Stat(opts.Path + tmpSuffix); !isGone(err) {
		t.Errorf("it is still there: %v", err)
	}
}
