package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFiles: another certificate takes the place of the one in force. Half of one,
// and one for another name, do not, and the log says so once.
func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.pem")
	if err := makeSelfSigned(path, "one.test"); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	at := time.Now()
	f := &files{cert: path, key: path, domain: "one.test", now: func() time.Time { return at }, log: slog.New(slog.NewTextHandler(&log, nil))}
	c, err := fromFiles(f)
	if err != nil {
		t.Fatal(err)
	}
	changes := int64(0)
	put := func(write func() error) {
		t.Helper()
		if err := write(); err != nil {
			t.Fatal(err)
		}
		changes++ // a clock may be too coarse to tell
		if err := os.Chtimes(path, time.Time{}, time.Unix(changes, 0)); err != nil {
			t.Fatal(err)
		}
	}
	serial := func() string {
		t.Helper()
		at = at.Add(lookAgain)
		got, err := c.find(nil)
		if err != nil {
			t.Fatal(err)
		}
		return got.Leaf.SerialNumber.String()
	}
	first := serial()
	for name, tc := range map[string]struct {
		write func() error
		say   string
	}{
		"half of one":      {func() error { return os.WriteFile(path, []byte("half"), 0o600) }, "PEM"},
		"for another name": {func() error { return makeSelfSigned(path, "two.test") }, "must be for *.one.test"},
		"gone":             {func() error { return os.Remove(path) }, "no such file"},
	} {
		log.Reset()
		if name == "gone" {
			if err := tc.write(); err != nil {
				t.Fatal(err)
			}
		} else {
			put(tc.write)
		}
		for range 4 {
			if got := serial(); got != first {
				t.Errorf("%s: another certificate is in force", name)
			}
		}
		if n := strings.Count(log.String(), "cannot be used"); n != 1 || !strings.Contains(log.String(), tc.say) {
			t.Errorf("%s: %d lines in\n%s", name, n, log.String())
		}
	}
	log.Reset()
	put(func() error { return makeSelfSigned(path, "one.test") })
	if serial() == first || strings.Count(log.String(), "the certificate is in force") != 1 {
		t.Errorf("the new one is not in force\n%s", log.String())
	}
	if p := c.problem(); p != "" {
		t.Error(p)
	}
	at = at.AddDate(20, 0, 0)
	if p := c.problem(); p != "the certificate has ended" {
		t.Errorf("%q", p)
	}
	log.Reset()
	if _, err := fromFiles(f); err != nil || !strings.Contains(log.String(), "cannot connect") {
		t.Errorf("at the start: %v %s", err, log.String())
	}
	if _, err := fromFiles(&files{cert: path, key: path, domain: "two.test", now: time.Now, log: f.log}); err == nil || !strings.Contains(err.Error(), "must be for *.two.test") {
		t.Errorf("a certificate for another name: %v", err)
	}
}
