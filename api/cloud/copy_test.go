package cloud_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/bolt"
	"github.com/vouchsafe/vouchsafe/api/cloud/cloudtest"
)

// counted is a store whose transactions are counted, and can fail.
type counted struct {
	cloud.Store
	commits int
	most    int // bytes of a transaction's values
	commit  func(n int, commit func() error) error
}

func (c *counted) Commit(ctx context.Context, t cloud.Transaction) error {
	size := 0
	for _, e := range t.Put {
		size += len(e.Value)
	}
	c.commits, c.most = c.commits+1, max(c.most, size)
	do := func() error { return c.Store.Commit(ctx, t) }
	if c.commit != nil {
		return c.commit(c.commits, do)
	}
	return do()
}

func put(t *testing.T, s cloud.Store, entries ...cloud.Entry) {
	t.Helper()
	for len(entries) > 0 {
		n := min(len(entries), cloud.MaxChanges)
		if err := s.Commit(t.Context(), cloud.Transaction{Put: entries[:n]}); err != nil {
			t.Fatal(err)
		}
		entries = entries[n:]
	}
}

func everything(t *testing.T, s cloud.Store) []cloud.Entry {
	t.Helper()
	all, err := s.List(t.Context(), "", "", 10000)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// same reports whether two stores have the same records.
func same(a, b []cloud.Entry) bool {
	return slices.EqualFunc(a, b, func(a, b cloud.Entry) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) })
}

// someRecords are more than a page, and some of the largest that there can be.
func someRecords(t *testing.T) cloud.Store {
	t.Helper()
	s := cloudtest.NewMemory()
	all := []cloud.Entry{{Key: "authority", Value: []byte("it")}}
	for i := range 450 {
		all = append(all, cloud.Entry{Key: fmt.Sprintf("router/%03d", i), Value: fmt.Append(nil, i)})
	}
	for i := range 12 {
		all = append(all, cloud.Entry{Key: fmt.Sprintf("acme/file/%d", i), Value: bytes.Repeat([]byte{byte(i)}, cloud.MaxValue)})
	}
	put(t, s, all...)
	return s
}

// TestCopy copies real records from a file to another, with the key of licences,
// which is not in the first one.
func TestCopy(t *testing.T) {
	from, err := bolt.Open(filepath.Join(t.TempDir(), "relay.db"))
	if err != nil {
		t.Fatal(err)
	}
	to, err := bolt.Open(filepath.Join(t.TempDir(), "relay.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(from.Close(), to.Close()); err != nil {
			t.Error(err)
		}
	})
	accounts := cloud.NewAccounts(cloud.AccountsConfig{Store: from})
	acc, token, err := accounts.Create(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := accounts.CreateToken(t.Context(), acc.ID, "pms", 1); err != nil {
		t.Fatal(err)
	}
	key := bytes.Repeat([]byte{7}, 32)
	cfg := cloud.CopyConfig{From: from, To: to, Besides: []cloud.Entry{cloud.Kept("license-key", key)}}
	n, err := cloud.Copy(t.Context(), cfg)
	if want := (cloud.Copied{Records: 6, Written: 6, Accounts: 1, Tokens: 2}); err != nil || n != want {
		t.Errorf("%+v %v", n, err)
	}
	there := cloud.NewAccounts(cloud.AccountsConfig{Store: to})
	if got, _, err := there.Open(t.Context(), token); err != nil || got.ID != acc.ID {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := there.Keep(t.Context(), "license-key", make([]byte, 32)); err != nil || !bytes.Equal(got, key) {
		t.Errorf("%x %v", got, err)
	}
	n, err = cloud.Copy(t.Context(), cfg)
	if want := (cloud.Copied{Records: 6, Accounts: 1, Tokens: 2}); err != nil || n != want {
		t.Errorf("again: %+v %v", n, err)
	}
	put(t, from, cfg.Besides...)
	if _, err := cloud.Copy(t.Context(), cfg); err == nil {
		t.Error("a record that there are two of was copied")
	}
}

// TestCopyInterrupted interrupts a copy at each of its transactions, before it takes
// place and after, and goes on.
func TestCopyInterrupted(t *testing.T) {
	from := someRecords(t)
	whole := &counted{Store: cloudtest.NewMemory()}
	var told []int
	n, err := cloud.Copy(t.Context(), cloud.CopyConfig{From: from, To: whole, Progress: func(done, all int) { told = append(told, done, all) }})
	if err != nil || n.Records != 463 || n.Written != 463 || n.Routers != 450 {
		t.Fatalf("%+v %v", n, err)
	}
	if len(told) != 2*(whole.commits-2) || told[len(told)-2] != 463 || told[len(told)-1] != 463 {
		t.Errorf("told %v in %d transactions", told, whole.commits)
	}
	if whole.most > 600<<10 {
		t.Errorf("%d bytes in one transaction", whole.most)
	}
	want := everything(t, from)
	if !same(want, everything(t, whole)) {
		t.Fatal("there are others than there were")
	}
	for at := 1; at <= whole.commits; at++ {
		for _, done := range []bool{false, true} {
			to := cloudtest.NewMemory()
			cut := &counted{Store: to, commit: func(n int, commit func() error) error {
				if n < at {
					return commit()
				}
				if n == at && done {
					if err := commit(); err != nil {
						return err
					}
				}
				return cloud.ErrUncertain
			}}
			if _, err := cloud.Copy(t.Context(), cloud.CopyConfig{From: from, To: cut}); !errors.Is(err, cloud.ErrUncertain) || cut.commits != at {
				t.Fatalf("%d: %v", at, err)
			}
			unfinished := errors.Is(cloud.CheckCopied(t.Context(), to), cloud.ErrUnfinished)
			if begun, ended := at > 1 || done, at == whole.commits && done; unfinished != (begun && !ended) {
				t.Errorf("%d: unfinished: %v", at, unfinished)
			}
			if _, err := cloud.Copy(t.Context(), cloud.CopyConfig{From: from, To: to}); err != nil {
				t.Fatalf("%d: again: %v", at, err)
			}
			if !same(want, everything(t, to)) {
				t.Fatalf("%d: there are others than there were", at)
			}
			if err := cloud.CheckCopied(t.Context(), to); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestCopyConflict: records that are there stay as they are.
func TestCopyConflict(t *testing.T) {
	from := someRecords(t)
	all := everything(t, from)
	other := func(key string) cloud.Entry { return cloud.Entry{Key: key, Value: []byte("other")} }
	half := append([]cloud.Entry{other("copying")}, all[:100]...)
	for name, there := range map[string][]cloud.Entry{
		"one before":                  {other("a")},
		"one between":                 {other("router/100a")},
		"one after":                   {other("z")},
		"another value":               {other("router/100")},
		"a part that nobody began":    all[:100],
		"all but one":                 all[1:],
		"all and one":                 append([]cloud.Entry{other("z")}, all...),
		"begun, and one that differs": append([]cloud.Entry{other("router/449")}, half...),
		"begun, and another one":      append([]cloud.Entry{other("z")}, half...),
	} {
		t.Run(name, func(t *testing.T) {
			to := &counted{Store: cloudtest.NewMemory()}
			put(t, to.Store, there...)
			before := everything(t, to)
			if _, err := cloud.Copy(t.Context(), cloud.CopyConfig{From: from, To: to}); !errors.Is(err, cloud.ErrOtherRecords) {
				t.Error(err)
			}
			if to.commits != 0 || !same(before, everything(t, to)) {
				t.Error("something was written")
			}
		})
	}
}

// TestCopyDisturbed: what happens beside a copy is noticed.
func TestCopyDisturbed(t *testing.T) {
	from := someRecords(t)
	other := cloud.Entry{Key: "router/300", Value: []byte("other")}
	for _, tc := range []struct {
		name string
		want error // nil: any
		do   func(to cloud.Store) error
	}{
		{"another one writes the same record", cloud.ErrConflict, func(to cloud.Store) error {
			return to.Commit(t.Context(), cloud.Transaction{Put: []cloud.Entry{other}})
		}},
		{"a record gets lost", nil, func(to cloud.Store) error {
			return to.Commit(t.Context(), cloud.Transaction{Delete: []string{"acme/file/0"}})
		}},
	} {
		to := &counted{Store: cloudtest.NewMemory()}
		to.commit = func(n int, commit func() error) error {
			if n == 7 {
				if err := tc.do(to.Store); err != nil {
					return err
				}
			}
			return commit()
		}
		if _, err := cloud.Copy(t.Context(), cloud.CopyConfig{From: from, To: to}); err == nil || tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", tc.name, err)
		}
		if err := cloud.CheckCopied(t.Context(), to); !errors.Is(err, cloud.ErrUnfinished) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-ctx.Done()
	if _, err := cloud.Copy(ctx, cloud.CopyConfig{From: from, To: cloudtest.NewMemory()}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
