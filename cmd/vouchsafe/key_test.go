package main

import (
	"encoding/json"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
)

// keyLab is a lab with three API keys, one of them hostile.
func keyLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t)
	l.serve(filepath.Join(l.dir, "control.sock"))
	l.must("key", "create", "Till at the bar", "--expires", "Never", "--scopes", "vouchers,live", "--viewable")
	l.must("key", "create", "hotel")
	l.must("key", "create", "evil\x1b[2J\u202e")
	l.service.Used("hotel", l.service.Time.Add(-time.Hour), netip.MustParseAddr("192.168.10.9"))
	return l
}

func TestGoldenKeys(t *testing.T) {
	for _, tc := range []struct{ name, line string }{{"key_list", "key list"}, {"key_list_json", "key list --json"}} {
		t.Run(tc.name, func(t *testing.T) {
			got := keyLab(t).must(strings.Fields(tc.line)...)
			if strings.ContainsAny(got, "\x1b\u202e") && !strings.Contains(tc.line, "--json") {
				t.Errorf("a terminal would obey: %q", got)
			}
			golden(t, tc.name, got)
		})
	}
}

func TestKeys(t *testing.T) {
	l := keyLab(t)
	secret := "vs_KEY01" + strings.Repeat("A", 47) + "\n"
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"key", "create", "new", "--expires", "30"}, "vs_KEY04" + strings.Repeat("A", 47) + "\n"},
		{[]string{"key", "show", "till AT the bar"}, secret},
		{[]string{"key", "show", "000000000000000000000001"}, secret},
		{[]string{"key", "show"}, "device-key-0\n"},
		{[]string{"key", "rename", "hotel", "Hotel desk"}, ""},
		{[]string{"token", "create", "hotel desk"}, "token-000000000000000000000002\n"},
		{[]string{"token", "create"}, "token-000000000000000000000000\n"},
		{[]string{"token", "revoke", "Hotel desk"}, ""},
		{[]string{"token", "revoke"}, ""},
		{[]string{"key", "revoke", "Hotel desk"}, ""},
		{[]string{"key", "revoke", "000000000000000000000003"}, ""},
	} {
		if got := l.must(c.args...); got != c.want {
			t.Errorf("%q printed %q, want %q", c.args, got, c.want)
		}
	}
	if got := l.service.EndedTokens(); len(got) != 2 || got[0] != (api.ID{11: 2}) || got[1] != (api.ID{}) {
		t.Errorf("tokens ended of %v", got)
	}
	if got := l.must("key", "list"); strings.Count(got, "\n") != 3 || strings.Contains(got, "otel") {
		t.Errorf("left over:\n%s", got)
	}
}

func TestKeyErrors(t *testing.T) {
	l := keyLab(t)
	var b strings.Builder
	for _, args := range [][]string{
		{"key", "show", "nobody"}, {"key", "show", "hotel"}, {"key", "show", "a", "b"}, {"key", "create"}, {"key", "create", "bad"},
		{"key", "create", "hotel"}, {"key", "revoke"}, {"key", "revoke", "nobody"}, {"key", "rename", "hotel"}, {"token"}, {"token", "create", "nobody"},
		{"token", "list"},
	} {
		out, errs, code := l.run(args...)
		if len(args) == 1 {
			continue // shows help
		}
		if out != "" || code == 0 {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", args, code, out, errs)
		}
		b.WriteString("$ vouchsafe " + strings.Join(args, " ") + "\n" + errs + map[int]string{exitFailed: "(1: failed)\n\n", exitUsage: "(2: usage)\n\n"}[code])
	}
	golden(t, "key_errors", b.String())
}

func TestKeyJSON(t *testing.T) {
	l := keyLab(t)
	for _, line := range []string{"key create x", "key list", "key show hotel2", "key rename x y", "token create y", "token create", "token revoke y", "token revoke", "key revoke y"} {
		if line == "key show hotel2" {
			l.must("key", "create", "hotel2", "--viewable")
		}
		if got := l.must(append(strings.Fields(line), "--json")...); !json.Valid([]byte(got)) {
			t.Errorf("%s printed no JSON: %q", line, got)
		}
	}
	l.completes("key revoke ", func(out string) bool { return strings.Contains(out, "hotel\n") })
}
