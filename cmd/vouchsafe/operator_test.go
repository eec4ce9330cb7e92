package main

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// operatorLab is a lab with two operators, one of them signed in with a hostile
// browser.
func operatorLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t)
	l.serve(filepath.Join(l.dir, "control.sock"))
	l.must("operator", "add", "--email", "anna@example.com", "--role", "owner", "--password", "rain falls on tin")
	l.stdin = "rain falls on zinc\r\nmore"
	l.must("operator", "add", "--email", "bob@example.com", "--name", "Bob\x1b[2J", "--role", "manager", "--password-stdin")
	l.operators.SignedIn(api.Session{ID: api.ID{11: 7}, Operator: api.ID{11: 2}, Created: l.service.Time.Add(-time.Hour), LastSeen: l.service.Time,
		From: netip.MustParseAddr("192.168.1.20"), Agent: "evil\x1b[2J\u202e"})
	l.service.SetAudit(
		hotspot.AuditRow{ID: 3, Time: l.service.Time, Actor: hotspot.Actor{Kind: hotspot.ActorOperator, Name: "bob@example.com", Role: "manager", Addr: netip.MustParseAddr("192.168.1.20")},
			Action: hotspot.AuditVoucherEdited, Subject: "room7", Changes: []hotspot.Change{{Field: "note", Old: "a\x1b[2J", New: "b"}, {Field: "passcode"}}},
		hotspot.AuditRow{ID: 2, Time: l.service.Time.Add(-time.Hour), Actor: hotspot.Actor{Kind: hotspot.ActorDevice, Name: "device key", Token: true},
			Action: hotspot.AuditVoucherRemoved, Subject: "room8"},
		hotspot.AuditRow{ID: 1, Time: l.service.Time.Add(-72 * time.Hour), Provisional: true, Actor: hotspot.Actor{Kind: hotspot.ActorLocal, Name: "command line"},
			Action: hotspot.AuditSettingChanged, Subject: "venue.name", Changes: []hotspot.Change{{Field: "venue.name", New: "Café"}}})
	return l
}

func TestGoldenOperators(t *testing.T) {
	for name, line := range map[string]string{
		"operator_list": "operator list", "operator_list_json": "operator list --json",
		"operator_sessions": "operator sessions bob@example.com", "operator_sessions_json": "operator sessions bob@example.com --json",
		"audit": "audit", "audit_json": "audit --json",
	} {
		t.Run(name, func(t *testing.T) {
			got := operatorLab(t).must(strings.Fields(line)...)
			if strings.ContainsAny(got, "\x1b\u202e") && !strings.Contains(line, "--json") {
				t.Errorf("a terminal would obey: %q", got)
			}
			golden(t, name, got)
		})
	}
}

func TestOperators(t *testing.T) {
	l := operatorLab(t)
	if got := l.operators.Password("bob@example.com"); got != "rain falls on zinc" {
		t.Errorf("%q", got)
	}
	for _, c := range []struct{ line, want string }{
		{"operator role BOB@example.com viewer", ""},
		{"operator password bob@example.com --password", ""},
		{"operator totp-off 000000000000000000000002", ""},
		{"operator sessions bob@example.com --end 000000000000000000000007", ""},
		{"operator sessions bob@example.com --end all", ""},
		{"operator sessions bob@example.com", "No browser is signed in.\n"},
		{"operator remove bob@example.com", ""},
		{"audit --actor anna@example.com", "Nothing was changed.\n"},
	} {
		args := strings.Fields(c.line)
		if args[len(args)-1] == "--password" {
			args = append(args, "the moon is made of it")
		}
		if got := l.must(args...); got != c.want {
			t.Errorf("%s printed %q, want %q", c.line, got, c.want)
		}
		if args[1] == "password" && l.operators.Password("bob@example.com") != "the moon is made of it" {
			t.Error("the password is the old one")
		}
	}
	if got := l.must("audit", "--action", "voucher", "--since", "2 days"); strings.Count(got, "\n") != 3 {
		t.Errorf("%s", got)
	}
}

func TestOperatorMistakes(t *testing.T) {
	l := operatorLab(t)
	for line, want := range map[string]string{
		"operator add --role owner --password x":                              "--email is missing",
		"operator add --email a@b --password x":                               "--role is missing",
		"operator add --email a@b --role god --password x":                    "is not owner, manager or viewer",
		"operator add --email a@b --role owner":                               "nobody can be asked",
		"operator add --email a@b --role owner --password-stdin --password x": "do not go together",
		"operator add --email a@b --role owner --password short":              "at least 10 characters",
		"operator role nobody@example.com owner":                              "vouchsafe operator list",
		"operator sessions bob@example.com --end rubbish":                     "no such session",
		"audit --limit -1": "--limit must be",
	} {
		if _, text, code := l.run(strings.Fields(line)...); code == 0 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %q, want %q", line, code, text, want)
		}
	}
}

// TestAskedPassword: it is asked for twice, and not shown by us.
func TestAskedPassword(t *testing.T) {
	l := operatorLab(t)
	l.asks = true
	l.stdin = "the moon is made of it\nthe moon is made of it\n"
	if _, text, code := l.run("operator", "password", "anna@example.com"); code != 0 || strings.Contains(text, "moon") {
		t.Errorf("%d %q", code, text)
	}
	if got := l.operators.Password("anna@example.com"); got != "the moon is made of it" {
		t.Errorf("%q", got)
	}
	l.stdin = "one two three four\nfive six seven\n"
	if _, text, code := l.run("operator", "password", "anna@example.com"); code == 0 || !strings.Contains(text, "differ") {
		t.Errorf("%d %q", code, text)
	}
}
