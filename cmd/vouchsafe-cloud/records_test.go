package main

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/bolt"
)

// movedIn makes the records of a single relay and copies them to etcd. It returns a
// licence of that relay.
func movedIn(t *testing.T, data, etcd string) string {
	t.Helper()
	for _, args := range [][]string{{"account", "create", "--name", "acme"}, {"account", "list"}} {
		if out, err := run(t, append(args, "--data", data)...); err != nil {
			t.Fatalf("%q: %s %v", args, out, err)
		}
	}
	license, err := run(t, "license", "issue", "--limit", "5", "--data", data)
	if err != nil {
		t.Fatal(err)
	}
	to := []string{"--data", data, "--etcd", etcd}
	// One that was interrupted: nothing else begins before it has ended.
	at := place{data, etcdOptions{endpoints: []string{etcd}}}
	db, err := at.connect(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Commit(t.Context(), cloud.Transaction{Put: []cloud.Entry{{Key: "copying"}}}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, append([]string{"account", "list"}, to...)...); err == nil || !strings.Contains(err.Error(), "run it again") {
		t.Errorf("before the copy has ended: %s %v", out, err)
	}
	for _, want := range []string{
		"all 4 records are in etcd, 4 of them copied now: accounts 1, tokens 1, routers 0, the key of licences\n",
		"all 4 records are in etcd, 0 of them copied now: accounts 1, tokens 1, routers 0, the key of licences\n",
	} {
		if out, err := run(t, append([]string{"records", "copy"}, to...)...); err != nil || out != want {
			t.Fatalf("%q %v", out, err)
		}
	}
	return strings.TrimSpace(license)
}

// TestCopyRefused: what cannot be copied is said before etcd is asked.
func TestCopyRefused(t *testing.T) {
	t.Parallel() // it waits for a lock
	busy, used := t.TempDir(), t.TempDir()
	relay(t, busy)
	s, err := bolt.Open(filepath.Join(used, recordsFile))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, tc := range []struct {
		want string
		args []string
	}{
		{"say with --etcd", []string{"--data", used}},
		{"stop it first", []string{"--data", busy, "--etcd", "http://127.0.0.1:1"}},
		{"stop the relay, or", []string{"--data", used, "--etcd", "http://127.0.0.1:1"}},
		{"single relay's records", []string{"--data", t.TempDir(), "--etcd", "http://127.0.0.1:1"}},
	} {
		if out, err := run(t, append([]string{"records", "copy"}, tc.args...)...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: %s %v", tc.args, out, err)
		}
	}
}

// TestTelling: a long copy says now and then how far it is.
func TestTelling(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	tell := telling(&out, func() time.Time { return now })
	for i := range 10 {
		tell(i, 10)
		now = now.Add(400 * time.Millisecond)
	}
	if want := "3 of 10 records\n6 of 10 records\n9 of 10 records\n"; out.String() != want {
		t.Error(out.String())
	}
}
