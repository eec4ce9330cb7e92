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
	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// movedIn runs a single relay, which a router joins, and copies its records to etcd.
// It returns the account, a licence that the relay has signed, and the router.
func (s *several) movedIn(data string) (account, license string, id tunnel.Identity) {
	t := s.t
	t.Helper()
	single := s.serve(place{data: data}, peerOptions{})
	operator := func(args ...string) string {
		t.Helper()
		out, err := run(t, append(args, "--data", data)...)
		if err != nil {
			t.Fatalf("%q: %s %v", args, out, err)
		}
		return strings.TrimSpace(out)
	}
	account = strings.Fields(operator("account", "create", "--name", "acme"))[1]
	license = operator("license", "issue", "--limit", "5")
	id = s.enrol(single, operator("router", "claim", "--account", account), "Lobby")
	single.stop()
	to := []string{"--data", data, "--etcd", s.etcd}
	// One that was interrupted: nothing else begins before it has ended.
	at := place{data, etcdOptions{endpoints: []string{s.etcd}}}
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
		"all 9 records are in etcd, 9 of them copied now: accounts 1, tokens 1, routers 1, the key of licences\n",
		"all 9 records are in etcd, 0 of them copied now: accounts 1, tokens 1, routers 1, the key of licences\n",
	} {
		if out, err := run(t, append([]string{"records", "copy"}, to...)...); err != nil || out != want {
			t.Fatalf("%q %v", out, err)
		}
	}
	return account, license, id
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
