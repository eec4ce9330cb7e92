package main

import (
	"encoding/json"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/vouchsafe/vouchsafe/api/v1/v1test"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// fill gives the lab two guests and four vouchers, one of them hostile.
func (l *lab) fill() {
	now := l.service.Time
	mac := hotspot.MAC{2, 0, 0x5e, 0x10, 0, 1}
	voucher := func(id uint64, name string, status hotspot.VoucherStatus, f func(*hotspot.VoucherView)) {
		v := hotspot.VoucherView{Status: status, Voucher: hotspot.Voucher{
			ID: id, Username: name, Passcode: "K7QM2W", FullName: "Quiet Heron", Created: now.Add(-48 * time.Hour),
			Allowance: hotspot.Allowance{ValidFor: hotspot.Validity(24 * time.Hour)}}}
		f(&v)
		l.service.Put(v)
	}
	voucher(1, "H4XW9P", hotspot.VoucherNew, func(*hotspot.VoucherView) {})
	voucher(2, "Anna", hotspot.VoucherOnline, func(v *hotspot.VoucherView) {
		v.Note, v.Devices, v.Bound, v.Online = "room 7", 2, []hotspot.MAC{mac}, 1
		v.Limit, v.LimitTotal = hotspot.Usage{Down: 1 << 30, Up: 512 * hotspot.MB}, 1280*hotspot.MB
		v.Used = hotspot.Usage{Down: 300*hotspot.MB + 700_000, Up: 900}
		v.FirstUse, v.LastUse = now.Add(-3*time.Hour), now.Add(-time.Hour)
		v.ExpiresAt = now.Add(21 * time.Hour)
	})
	voucher(3, "forever", hotspot.VoucherActive, func(v *hotspot.VoucherView) { v.ValidFor = hotspot.Always })
	voucher(4, "evil\x1b[2J\u202e", hotspot.VoucherPending, func(v *hotspot.VoucherView) {
		v.Note = "line\nbreak\t" + strings.Repeat("x", 50)
		v.ValidFrom = now.Add(72 * time.Hour)
	})
	host := hotspot.Host{MAC: mac, Name: "phone\x07", Age: 4 * time.Hour, Idle: 3 * time.Second, Addrs: []netip.Addr{
		netip.MustParseAddr("192.168.0.23"), netip.MustParseAddr("fd00::23")}}
	l.service.Guest = []hotspot.Guest{{
		Session: hotspot.Session{Account: hotspot.AccountID{Method: hotspot.MethodVoucher, ID: 2}, Login: "Anna", MAC: mac, Addrs: host.Addrs,
			Started: now.Add(-time.Hour), Used: hotspot.Usage{Down: 5 * hotspot.MB, Up: 900},
			Deadline: now.Add(21 * time.Hour), DeadlineReason: hotspot.EndExpired},
		Host: host, Name: host.Name, Uptime: time.Hour, Idle: 3 * time.Second,
		Allowance: hotspot.Allowance{Limit: hotspot.Usage{Down: 1 << 30}, Used: hotspot.Usage{Down: 300 * hotspot.MB}},
	}}
	l.service.SetSessions(
		hotspot.Session{ID: 9, Account: hotspot.AccountID{Method: hotspot.MethodVoucher, ID: 2}, Login: "Anna", MAC: mac, Addrs: host.Addrs,
			Started: now.Add(-time.Hour), Used: hotspot.Usage{Down: 5 * hotspot.MB, Up: 900}},
		hotspot.Session{ID: 8, Account: hotspot.AccountID{Method: hotspot.MethodFree, ID: 1}, Login: "02:00:5E:10:00:02", MAC: hotspot.MAC{2, 0, 0x5e, 0x10, 0, 2},
			Started: now.Add(-2 * time.Hour), Ended: now.Add(-time.Hour), Reason: hotspot.EndIdle})
	l.service.Known = []hotspot.User{
		{ID: 1, Method: hotspot.MethodFree, Key: "02:00:5E:10:00:02", MAC: hotspot.MAC{2, 0, 0x5e, 0x10, 0, 2}, Visits: 3, Created: now, LastLogin: now},
		{ID: 1, Method: hotspot.MethodEmail, Key: "a@example.com", Name: "evil\x1b[2J", MAC: mac, Visits: 1, Verified: true, Created: now},
	}
	l.service.Stats = v1test.Stats{
		Now: hotspot.LiveStats{Time: now, Online: 1, Rate: hotspot.Rate{Down: 300_000, Up: 900},
			Guests: []hotspot.GuestRate{{MAC: mac, Login: "evil\x1b[2J", Rate: hotspot.Rate{Down: 300_000, Up: 900}}}},
		Counted: []hotspot.HistoryPoint{
			{Start: now.Add(-90 * time.Minute), Used: hotspot.Usage{Down: 1 << 30}, Logins: hotspot.Logins{2, 1}, Peak: 2},
			{Start: now.Add(-30 * time.Minute), Provisional: true}},
		Top: []hotspot.TopVoucher{{ID: 2, Username: "Anna", FullName: "Quiet\nHeron", Used: hotspot.Usage{Down: 5 * hotspot.MB, Up: 900}}},
	}
	l.service.Hosts = []hotspot.GuestHost{
		{Host: host, Guest: &l.service.Guest[0]},
		{Host: hotspot.Host{MAC: hotspot.MAC{2, 0, 0x5e, 0x10, 0, 2}, Age: 90 * time.Second}},
	}
}

func TestGolden(t *testing.T) {
	for _, tc := range []struct{ name, line string }{
		{"voucher_list", "voucher list"},
		{"voucher_list_json", "voucher list --json"},
		{"voucher_show", "voucher show anna"},
		{"voucher_show_json", "voucher show anna --json"},
		{"voucher_create", "voucher create --count 3 --valid-for always"},
		{"voucher_create_json", "voucher create --username Bo --passcode p --download 5 --json"},
		{"guest_list", "guest list"},
		{"guest_list_json", "guest list --json"},
		{"guest_list_all", "guest list --all"},
		{"guest_list_all_json", "guest list --all --json"},
		{"settings_list", "settings list"},
		{"settings_list_json", "settings list --json"},
		{"status", "status"},
		{"status_json", "status --json"},
		{"stats", "stats --by hour"},
		{"stats_json", "stats --json"},
		{"log", "log"},
		{"log_json", "log --voucher anna --json"},
		{"user_list", "user list"},
		{"user_list_json", "user list --method email --json"},
		{"user_show", "user show 02-00-5e-10-00-02"},
		{"user_show_json", "user show email-1 --json"},
		{"user_delete", "user delete a@example.com --yes"},
		{"voucher_list_where", "voucher list --where status=online,new"},
		{"version", "version"},
		{"version_flag", "--version"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLab(t)
			l.fill()
			l.serve(filepath.Join(l.dir, "control.sock"))
			got := l.must(strings.Fields(tc.line)...)
			if strings.Contains(tc.line, "--json") && !json.Valid([]byte(got)) {
				t.Errorf("not JSON: %s", got)
			}
			if strings.ContainsAny(got, "\x1b\x07\u202e") && !strings.Contains(tc.line, "--json") {
				t.Errorf("a terminal would obey: %q", got)
			}
			golden(t, tc.name, got)
		})
	}
}

// What a stopped daemon and an empty one say.
func TestGoldenEmpty(t *testing.T) {
	l := newLab(t)
	l.service.Believed = false
	l.status.Notices = []string{"the store was damaged; it was restored from the snapshot of 2026-03-03 04:00"}
	var b strings.Builder
	for _, line := range []string{"voucher list", "voucher list --json", "guest list", "guest list --json", "guest list --all", "log", "user list", "voucher list --where status=new", "status", "stats"} {
		b.WriteString("$ vouchsafe " + line + "\n" + l.must(strings.Fields(line)...))
	}
	golden(t, "empty", b.String())
}

func TestGoldenErrors(t *testing.T) {
	l := newLab(t)
	l.fill()
	var b strings.Builder
	for _, args := range [][]string{
		{"vouchers"}, {"vouchr"}, {"voucher", "lst"}, {"voucher", "show"}, {"voucher", "show", "a", "b"}, {"voucher", "show", ""},
		{"voucher", "show", "nobody"}, {"voucher", "remove", "nobody", "noone"}, {"voucher", "remove"},
		{"voucher", "create", "--colour", "red"}, {"voucher", "create", "--count", "0"}, {"voucher", "create", "--count", "two"},
		{"voucher", "create", "--download", "9437185"}, {"voucher", "create", "--username", "ANNA"},
		{"voucher", "create", "--valid-for", "3 weeks"}, {"voucher", "create", "--valid-from", "soon"},
		{"voucher", "create", "--count", "2", "--username", "Bo"},
		{"voucher", "edit", "anna"}, {"voucher", "edit", "anna", "--disable", "--enable"}, {"voucher", "edit", "nobody", "--enable"},
		{"voucher", "list", "--where", "colour=red"}, {"voucher", "list", "--where", "status"}, {"voucher", "list", "--where", "status=odd"},
		{"voucher", "list", "--where", "note=a", "--where", "note=b"}, {"voucher", "list", "--where", "created-before=soon"},
		{"voucher", "edit", "--enable"}, {"voucher", "edit", "anna", "--all", "--enable"}, {"voucher", "remove", "--all"},
		{"voucher", "export", "--format", "xml"}, {"voucher", "import", "gone.csv"}, {"voucher", "import", "gone.csv", "--on-conflict", "ask"},
		{"log", "--mac", "phone"}, {"log", "--since", "soon"}, {"log", "--limit", "-1"}, {"log", "--follow"}, {"log", "--follow", "--until", "now"},
		{"user", "list", "--method", "voucher"}, {"restore", "gone"}, {"restore", "-"}, {"completion", "tcsh"},
		{"guest", "kick", "phone"}, {"guest", "kick", "02:00:5E:10:00:99"},
		{"settings", "get", "no.such"}, {"settings", "set", "no.such", "on"}, {"settings", "set", "api.post"}, {"settings", "set", "api.post", "bad"},
		{"key", "show", "me"}, {"clock", "synced"},
	} {
		out, errs, code := l.run(args...)
		if out != "" || code == 0 || strings.Count(errs, "\n") < 1 {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", args, code, out, errs)
		}
		b.WriteString("$ vouchsafe " + strings.Join(args, " ") + "\n" + errs + map[int]string{exitFailed: "(1: failed)\n\n", exitUsage: "(2: usage)\n\n"}[code])
	}
	golden(t, "errors", b.String())
}

func TestGoldenHelp(t *testing.T) {
	l := newLab(t)
	var b strings.Builder
	var walk func(c *cobra.Command, path []string)
	walk = func(c *cobra.Command, path []string) {
		b.WriteString("$ vouchsafe " + strings.Join(append(path, "--help"), " ") + "\n" + l.must(append(path, "--help")...) + "\n")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" {
				walk(sub, append(path[:len(path):len(path)], sub.Name()))
			}
		}
	}
	walk(newCommand(parts{}), nil)
	golden(t, "help", b.String())
}

func TestEdits(t *testing.T) {
	l := newLab(t)
	l.fill()
	for _, line := range []string{
		"--note= --valid-for=always --valid-from=now --download=0 --devices=0 --enable --unbind --reset",
		"--top-up-download 5 --top-up-upload 6 --top-up-total 7 --total 2000 --disable --passcode x --fullname y --extend 90m",
	} {
		if out := l.must(append([]string{"voucher", "edit", "anna"}, strings.Fields(line)...)...); out != "" {
			t.Errorf("printed %q", out)
		}
	}
	first, second := l.service.Edits[0], l.service.Edits[1]
	if *first.Note != "" || *first.ValidFor != hotspot.Always || !first.ValidFrom.IsZero() || *first.LimitDown != 0 || first.LimitUp != nil ||
		*first.Devices != 0 || *first.Disabled || !first.Unbind || !first.Reset || first.TopUp != nil {
		t.Errorf("first edit: %+v", first)
	}
	if *second.TopUp != (hotspot.Usage{Down: 5 * hotspot.MB, Up: 6 * hotspot.MB}) || !*second.Disabled || *second.Passcode != "x" || *second.FullName != "y" || second.Limit != nil ||
		*second.LimitTotal != 2000*hotspot.MB || second.TopUpTotal != 7*hotspot.MB || second.Extend != 90*time.Minute {
		t.Errorf("second edit: %+v", second)
	}
	l.must("voucher", "remove", "anna", "forever")
	if _, _, code := l.run("voucher", "show", "anna"); code != exitFailed {
		t.Error("anna is still there")
	}
}

func TestKickAndClock(t *testing.T) {
	l := newLab(t)
	l.fill()
	l.service.Believed = false
	l.serve(filepath.Join(l.dir, "control.sock"))
	l.must("guest", "kick", "02-00-5e-10-00-01")
	l.must("clock", "synced")
	l.must("device", "block", "02-00-5e-10-00-01", "--note", "room 9")
	l.must("device", "block", "02:00:5E:10:00:02")
	golden(t, "device_list", l.must("device", "list"))
	l.must("device", "unblock", "02:00:5e:10:00:01")
	l.must("device", "unblock", "02:00:5e:10:00:02", "--json")
	if out := l.must("device", "list"); out != "No device is blocked.\n" {
		t.Errorf("printed %q", out)
	}
	if _, _, code := l.run("device", "unblock", "02:00:5e:10:00:02"); code != exitFailed {
		t.Errorf("unblocking twice: exit code %d", code)
	}
	if len(l.service.Kicked) != 1 || !l.service.Believed {
		t.Errorf("kicked %v, believed %v", l.service.Kicked, l.service.Believed)
	}
}

func TestSizes(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 1: "1 B", 1023: "1023 B", 1024: "1 kB", 1536: "1.5 kB",
		hotspot.MB - 1: "1023.9 kB", 5 * hotspot.MB: "5 MB", hotspot.MaxLimitMB * hotspot.MB: "9216 GB", 1<<64 - 1: "17179869183.9 GB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0s", 59: "59s", 60: "1m", 61: "1m1s", 3600: "1h", 3725: "1h2m", 86400: "1d", 93784: "1d2h", 90000000: "1041d16h"} {
		if got := length(n); got != want {
			t.Errorf("length(%d) = %q, want %q", n, got, want)
		}
	}
}
