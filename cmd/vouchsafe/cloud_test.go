package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestCloud(t *testing.T) {
	l := newLab(t)
	if _, stderr, code := l.run("cloud", "enrol", "--domain", "cloud.test", "--code", "A"); code == 0 || !strings.Contains(stderr, "no daemon is running") {
		t.Errorf("without a daemon: %d %s", code, stderr)
	}
	l.serve(filepath.Join(l.dir, "control.sock"))
	for _, tc := range []struct{ line, want string }{
		{"cloud status", "not enrolled at a cloud; `vouchsafe cloud enrol` makes it one of an account's\n"},
		{"cloud enrol --domain cloud.test\x1b[2J --code A --name Lobby", "endpoint  https://2b080b3af6.cloud.test�[2J/api/\nrelay     cloud.test�[2J\nstate     up\n"},
		{"cloud off", "endpoint  https://2b080b3af6.cloud.test�[2J/api/\nrelay     cloud.test�[2J\nstate     off\n"},
		{"cloud leave", ""},
		{"cloud enrol --domain cloud.test --code A", "endpoint  https://2b080b3af6.cloud.test/api/\nrelay     cloud.test\nstate     up\n"},
		{"cloud rotate", "endpoint  https://0123456789.cloud.test/api/\nrelay     cloud.test\nstate     up\n"},
		{"cloud leave --json", "{\n  \"told\": true\n}\n"},
	} {
		if got := l.must(strings.Fields(tc.line)...); got != tc.want {
			t.Errorf("%s printed %q, want %q", tc.line, got, tc.want)
		}
	}
	for line, want := range map[string]string{
		"cloud rotate": "cloud enrol` makes it",
		"cloud enrol --domain cloud.test --code WRONG": "code: the claim code is wrong",
		"cloud enrol": "domain",
	} {
		if _, stderr, code := l.run(strings.Fields(line)...); code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: %d %q, want %q", line, code, stderr, want)
		}
	}
}
