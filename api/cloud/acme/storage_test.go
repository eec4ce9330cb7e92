package acme

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

func stored(t *testing.T, store cloud.Store) *storage {
	t.Helper()
	s := newStorage(t.Context(), store, slog.New(slog.DiscardHandler))
	s.poll = 5 * time.Millisecond
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestFiles: what the library asks of a store of files, on records.
func TestFiles(t *testing.T) {
	s, ctx := stored(t, records(t)), t.Context()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s.now = func() time.Time { return now }
	long := "certificates/authority/" + strings.Repeat("a", 300)
	files := map[string]string{"a/b/c.crt": "one", "a/b/c.key": "two\nlines\x00", "a/d": "", "ab": "four", long + "/1.crt": "five", long + "/2.crt": "six"}
	for name, value := range files {
		if err := s.Store(ctx, name, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range files {
		b, err := s.Load(ctx, name)
		if err != nil || string(b) != value || !s.Exists(ctx, name) {
			t.Errorf("%s: %q %v", name, b, err)
		}
		info, err := s.Stat(ctx, name)
		if diff := cmp.Diff(certmagic.KeyInfo{Key: name, Modified: now, Size: int64(len(value)), IsTerminal: true}, info); diff != "" || err != nil {
			t.Errorf("%s %v", diff, err)
		}
	}
	for _, dir := range []string{"a", "a/b", "certificates", long} {
		if info, err := s.Stat(ctx, dir); err != nil || info.IsTerminal || !info.Modified.Equal(now) || !s.Exists(ctx, dir) {
			t.Errorf("%s: %+v %v", dir, info, err)
		}
	}
	for _, name := range []string{"a/b/c", "b", "a/b/c.crt/x", "", long + "/3.crt"} {
		_, err := s.Load(ctx, name)
		_, statErr := s.Stat(ctx, name)
		if !errors.Is(err, fs.ErrNotExist) || name != "" && (!errors.Is(statErr, fs.ErrNotExist) || s.Exists(ctx, name)) {
			t.Errorf("%q: %v %v", name, err, statErr)
		}
	}
	list := func(dir string, recursive bool, want ...string) {
		t.Helper()
		got, err := s.List(ctx, dir, recursive)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %s %v", dir, diff, err)
		}
	}
	list("a", false, "a/b", "a/d")
	list("a/", true, "a/b/c.crt", "a/b/c.key", "a/d")
	list(long, true, long+"/1.crt", long+"/2.crt")
	list("", false, "a", "ab", "certificates")
	list("nowhere", true)
	for range 2 { // what is not there need not be deleted
		if err := errors.Join(s.Delete(ctx, "a"), s.Delete(ctx, long+"/1.crt")); err != nil {
			t.Fatal(err)
		}
	}
	list("", true, "ab", long+"/2.crt")
	if err := s.Store(ctx, "large", make([]byte, 48<<10)); err != nil {
		t.Error(err)
	}
	if err := s.Store(ctx, "large", make([]byte, cloud.MaxValue)); err == nil {
		t.Error("a file that is too large was stored")
	}
}

// TestManyFiles: a directory may have more than one page, and more than one
// transaction.
func TestManyFiles(t *testing.T) {
	s, ctx := stored(t, records(t)), t.Context()
	const n = 150
	var puts []cloud.Entry
	for i := range n {
		name := "many/" + strings.Repeat("x", i+1)
		puts = append(puts, cloud.Entry{Key: recordKey(filesPrefix, name), Value: []byte(`{"name":"` + name + `"}` + "\n1")})
	}
	for some := range slices.Chunk(puts, cloud.MaxChanges) {
		if err := s.store.Commit(ctx, cloud.Transaction{Put: some}); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := s.List(ctx, "many", true); err != nil || len(all) != n {
		t.Errorf("%d %v", len(all), err)
	}
	if err := s.Delete(ctx, "many"); err != nil || s.Exists(ctx, "many") {
		t.Error(err)
	}
}

// TestLocks: one holder at a time among the goroutines of two relays, for each
// of the locks; one lock may be taken while another is held.
func TestLocks(t *testing.T) {
	store := records(t)
	relays := []*storage{stored(t, store), stored(t, store)}
	var inside [2]atomic.Int32
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			s, ctx := relays[i%2], t.Context()
			for j, name := range []string{"outer", "inner"} {
				if err := s.Lock(ctx, name); err != nil {
					t.Error(err)
					return
				}
				if inside[j].Add(1) != 1 {
					t.Errorf("two hold %s", name)
				}
			}
			for j, name := range []string{"outer", "inner"} {
				inside[j].Add(-1)
				if err := s.Unlock(ctx, name); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if left, err := store.List(t.Context(), locksPrefix, "", 10); err != nil || len(left) != 0 {
		t.Errorf("%v %v", left, err)
	}
}

// TestLease: a lock is kept for as long as its holder lives, and outlives it by
// the lease; and what a relay held when it stopped is free at once.
func TestLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, ctx := records(t), t.Context()
		a, b := stored(t, store), stored(t, store)
		if ok, err := a.TryLock(ctx, "x"); !ok || err != nil {
			t.Fatal(ok, err)
		}
		within, cancel := context.WithTimeout(ctx, 10*a.lease)
		defer cancel()
		if err := b.Lock(within, "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error("two hold it", err)
		}
		// a dies: it renews no more, and deletes nothing.
		a.mu.Lock()
		dead := a.held["x"]
		a.mu.Unlock()
		dead.stop()
		<-dead.done
		began := time.Now()
		if err := b.Lock(ctx, "x"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < a.lease*2/3 || took > 2*a.lease {
			t.Errorf("taken over after %s", took)
		}
		// It comes to again, and takes nothing from b.
		if err := a.Unlock(ctx, "x"); err != nil {
			t.Error(err)
		}
		if ok, err := a.TryLock(ctx, "x"); ok || err != nil {
			t.Error("two hold it", err)
		}
		if err := b.Close(ctx); err != nil {
			t.Error(err)
		}
		if ok, err := a.TryLock(ctx, "x"); !ok || err != nil {
			t.Error("it was not released at the end", err)
		}
		if _, err := b.TryLock(ctx, "y"); err == nil {
			t.Error("locked after the end")
		}
		if err := b.Lock(ctx, "y"); err == nil {
			t.Error("locked after the end")
		}
		if err := b.Unlock(ctx, "never"); err != nil {
			t.Error(err)
		}
	})
}

// TestLostAnswer: a write whose answer was lost is no conflict with ourselves.
func TestLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &forgetful{Store: records(t)}
		s, other := stored(t, store), stored(t, store)
		if ok, err := s.TryLock(t.Context(), "x"); !ok || err != nil {
			t.Fatal(ok, err)
		}
		store.lose.Store(true)
		until(t, "answers were lost", func() bool { return store.lost.Load() >= 3 })
		store.lose.Store(false)
		within, cancel := context.WithTimeout(t.Context(), 10*s.lease)
		defer cancel()
		if err := other.Lock(within, "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error("it was not renewed after that", err)
		}
		if err := s.Unlock(t.Context(), "x"); err != nil {
			t.Error(err)
		}
		if e, err := store.Get(t.Context(), recordKey(locksPrefix, "x")); err != nil || e.Revision != 0 {
			t.Errorf("%+v %v", e, err)
		}
	})
}

// forgetful loses answers to transactions that took place.
type forgetful struct {
	cloud.Store
	lose atomic.Bool
	lost atomic.Int64
}

// Commit implements cloud.Store.
func (f *forgetful) Commit(ctx context.Context, t cloud.Transaction) error {
	err := f.Store.Commit(ctx, t)
	if err == nil && f.lose.Load() {
		f.lost.Add(1)
		return errors.New("the answer was lost")
	}
	return err
}
