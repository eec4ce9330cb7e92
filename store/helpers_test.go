package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// logged collects log lines.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// at is the time in all tests.
func at() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// options are for a store in a directory; what it logs is in the result too.
func options(dir string) (Options, *logged) {
	l := &logged{}
	return Options{
		Path: filepath.Join(dir, "store.db"),
		Log:  slog.New(slog.NewTextHandler(l, nil)),
		Now:  at,
	}, l
}

// open opens a store, and closes and checks it with the test.
func open(t testing.TB, opts Options) *DB {
	t.Helper()
	db, err := Open(context.Background(), opts)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { closeChecked(t, db) })
	return db
}

// closeChecked checks a store in every way, and closes it. A store that is
// closed already is not looked at.
func closeChecked(t testing.TB, db *DB) {
	t.Helper()
	d := db.engine.(*direct)
	if d.db == nil {
		return
	}
	if d.db.NoSync || d.db.NoGrowSync || d.temporary {
		t.Error("commits are not synced")
	}
	if err := db.Check(); err != nil {
		t.Errorf("the store is not consistent: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if torn, err := checkFile(db.opts.Path); err != nil || torn {
		t.Errorf("the file is not consistent: %v", err)
	}
}

func openNew(t testing.TB) *DB {
	t.Helper()
	opts, _ := options(t.TempDir())
	return open(t, opts)
}

func put(t testing.TB, db *DB, f func(hotspot.Tx) error) {
	t.Helper()
	if err := db.Update(context.Background(), f); err != nil {
		t.Fatalf("update: %v", err)
	}
}

func look(t testing.TB, db *DB, f func(hotspot.Reader) error) {
	t.Helper()
	if err := db.View(context.Background(), f); err != nil {
		t.Fatalf("view: %v", err)
	}
}

func voucher(i int) hotspot.Voucher {
	created := at().Add(time.Duration(i) * time.Second)
	v := hotspot.Voucher{
		Username: fmt.Sprintf("K%05d", i), Passcode: "H7KQ2M", FullName: "Amber Falcon",
		Created: created, Modified: created,
	}
	v.ValidFor = hotspot.Validity(24 * time.Hour)
	v.Limit = hotspot.Usage{Down: 1 << 30, Up: 1 << 28}
	return v
}

// addVouchers stores n vouchers in one transaction.
func addVouchers(t testing.TB, db *DB, from, n int) {
	t.Helper()
	put(t, db, func(tx hotspot.Tx) error {
		for i := range n {
			v := voucher(from + i)
			if err := tx.PutVoucher(&v); err != nil {
				return err
			}
		}
		return nil
	})
}

// fill writes a little of everything.
func fill(t testing.TB, db *DB) {
	t.Helper()
	addVouchers(t, db, 0, 20)
	put(t, db, func(tx hotspot.Tx) error {
		v, err := tx.Voucher(3)
		if err != nil {
			return err
		}
		v.Bound = []hotspot.MAC{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}}
		v.FirstUse, v.LastUse, v.Started = at(), at(), at()
		v.LimitTotal = 3 << 29
		errs := []error{tx.PutVoucher(&v)}
		for i := range 10 {
			u := hotspot.User{Method: hotspot.MethodFree, Key: fmt.Sprintf("02:00:00:00:00:%02X", i), Created: at()}
			s := hotspot.Session{Account: v.Account(), Login: v.Username, MAC: v.Bound[0], Started: at()}
			if i%2 == 0 {
				s.Ended, s.Reason = at().Add(time.Hour), hotspot.EndLogout
			}
			errs = append(errs, tx.PutUser(&u), tx.PutSession(&s))
		}
		errs = append(errs,
			tx.PutDevice(hotspot.Device{MAC: v.Bound[0], Account: v.Account(), Login: v.Username}),
			tx.PutSetting("api.post", "on"), tx.PutSetting("venue.name", "Café"),
			tx.PutSecret("api", []byte{1, 2, 3, 0, 255}),
			tx.PutClockMark(hotspot.ClockMark{Time: at(), Wall: at(), Mono: time.Minute, Boot: "b", Believed: true}),
			tx.PutAudit(&hotspot.AuditRow{Time: at(), Action: hotspot.AuditSettingChanged, Subject: "api.post",
				Actor:   hotspot.Actor{Kind: hotspot.ActorLocal, Name: "command line"},
				Changes: []hotspot.Change{{Field: "api.post", Old: "off", New: "on"}}}),
			tx.PutEvent(&hotspot.Event{ID: "evt_1", Type: hotspot.EventCreated, Time: at(), Provisional: true, Data: []byte("{}"),
				To: []hotspot.EventTarget{{Endpoint: "a", Attempts: 2, Next: at().Add(time.Minute)}, {Endpoint: "b"}}}),
			tx.PutSighting(v.Bound[0], at()),
			tx.PutBlocked(hotspot.BlockedDevice{MAC: v.Bound[1], Since: at(), By: "owner", Note: "Room 9", Login: v.Username, Name: "phone"}))
		return errors.Join(append(errs, settleIn(tx))...)
	})
}

// settle enters the newest usernames in the index, as a rebuild does: then
// dumps from before and after one can be compared.
func settle(t testing.TB, db *DB) {
	t.Helper()
	put(t, db, settleIn)
}

func settleIn(tx hotspot.Tx) error {
	n, err := tx.(*txn).late()
	if err == nil && n.first != 0 {
		err = n.settle(tx.(*txn))
	}
	return err
}

// dump writes every key of a store as text, indexes included.
func dump(t testing.TB, db *DB) string {
	t.Helper()
	var b bytes.Buffer
	if err := db.engine.view(func(r reader) error { return dumpTo(&b, r) }); err != nil {
		t.Fatalf("dump: %v", err)
	}
	return b.String()
}

func dumpTo(w io.Writer, r reader) error {
	for _, b := range allBuckets() {
		c := r.cursor(b)
		k, v, err := c.first()
		for ; k != nil && err == nil; k, v, err = c.next() {
			if b < bktIndexes {
				body, err := bodyOf(b, k, v)
				if err != nil {
					return err
				}
				v = []byte(body)
			}
			fmt.Fprintf(w, "%s %q = %q\n", b, k, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// waitFor polls a condition that another goroutine or process brings about.
func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(90 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// fixMeta gives a meta page the checksum that fits its content.
func fixMeta(b []byte) {
	h := fnv.New64a()
	_, _ = h.Write(b[:metaSize-8])
	binary.NativeEndian.PutUint64(b[metaSize-8:], h.Sum64())
}
