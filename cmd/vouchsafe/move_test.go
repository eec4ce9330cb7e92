package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A house moves to another router: vouchers by a file, and then all of it by a
// backup, with and without a running daemon.
func TestMoveHouse(t *testing.T) {
	old, next := filepath.Join(t.TempDir(), "old"), filepath.Join(t.TempDir(), "next")
	csv, snap := filepath.Join(t.TempDir(), "v.csv"), filepath.Join(t.TempDir(), "b.vsnap")
	file := "username;passcode;full_name;note;valid_for;valid_from;download_limit;upload_limit;devices;disabled\r\n" +
		"Room 7;'+49;;\"two\nlines; and 'more'\";7 days;2031-01-31 18:00;1 GB;1048577 B;4;yes\r\n" +
		"=x;p;Anna;;always;;;;;\r\n;;;drawn;;;;;;\r\n"
	if err := os.WriteFile(csv, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	stop := startDaemon(t, old)
	if got := vs(t, "--data", old, "voucher", "import", csv); got != "3 vouchers made\n" {
		t.Errorf("import: %q", got)
	}
	exported := vs(t, "--data", old, "voucher", "export")
	for _, want := range []string{"Room 7,'+49,,\"two\r\nlines; and 'more'\",7 days,2031-01-31T18:00:00", ",1 GB,1048577 B,unlimited,4,yes\r\n", "=x,p,Anna,,always,,unlimited,unlimited,unlimited,0,no\r\n"} {
		if !strings.Contains(exported, want) {
			t.Errorf("%q is not in the export:\n%s", want, exported)
		}
	}
	for i, args := range [][]string{
		{"voucher", "import", csv}, // the names are taken
		{"voucher", "edit", "room 7", "nobody", "--enable"}, {"voucher", "remove", "--all"}, {"restore", csv, "--yes"},
	} {
		if _, errs, code := vsCode(t.Context(), append([]string{"--data", old}, args...)...); code == 0 || errs == "" {
			t.Errorf("%d: %d %q", i, code, errs)
		}
	}
	if got := vs(t, "--data", old, "voucher", "export"); got != exported {
		t.Errorf("refusals changed something:\n%s", got)
	}
	vs(t, "--data", old, "backup", snap)
	key := vs(t, "--data", old, "key", "show")

	// The new router has vouchers of its own, which the backup replaces.
	if err := os.WriteFile(csv, []byte(exported), 0o600); err != nil {
		t.Fatal(err)
	}
	vs(t, "--data", next, "voucher", "import", csv)
	if got := vs(t, "--data", next, "voucher", "export"); got != exported {
		t.Errorf("moved by a file:\n%s\nwant:\n%s", got, exported)
	}
	if got := vs(t, "--data", next, "voucher", "edit", "--where", "note=*LINES*", "--note", "x", "--yes"); got != "1 voucher changed\n" {
		t.Errorf("edit: %q", got)
	}
	vs(t, "--data", next, "restore", snap, "--yes")
	if got := vs(t, "--data", next, "voucher", "export"); got != exported {
		t.Errorf("restored without a daemon:\n%s", got)
	}
	if _, errs, code := vsCode(t.Context(), "--data", next, "key", "show"); code == 0 || !strings.Contains(errs, "regenerate") && !strings.Contains(errs, "log") {
		t.Errorf("a key of another router: %d %q", code, errs)
	}

	vs(t, "--data", old, "voucher", "create", "--count", "5")
	if got := vs(t, "--data", old, "restore", snap, "--yes"); !strings.HasPrefix(got, "Restored 3 vouchers") {
		t.Errorf("restore: %q", got)
	}
	if got := vs(t, "--data", old, "voucher", "export"); got != exported {
		t.Errorf("restored under a daemon:\n%s", got)
	}
	if vs(t, "--data", old, "key", "show") != key {
		t.Error("the key changed")
	}
	if got := vs(t, "--data", old, "restore", filepath.Join(old, "before-restore.vsnap"), "--dry-run"); !strings.Contains(got, "8 vouchers") {
		t.Errorf("what was replaced: %q", got)
	}
	stop()
	if got := vs(t, "--data", old, "voucher", "remove", "--all", "--yes"); got != "3 vouchers removed\n" {
		t.Errorf("remove: %q", got)
	}
}

// More than a batch, through the real store.
func TestImportMany(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	var b strings.Builder
	b.WriteString("username,note\n")
	for i := range 12_000 {
		fmt.Fprintf(&b, "guest%05d,n\n", i)
	}
	csv := filepath.Join(t.TempDir(), "v.csv")
	if err := os.WriteFile(csv, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	vs(t, "--data", dir, "voucher", "create", "--username", "guest11999")
	if _, errs, code := vsCode(t.Context(), "--data", dir, "voucher", "import", csv); code != exitFailed || !strings.Contains(errs, "line 12001, column username") || !strings.Contains(errs, "nothing was imported") {
		t.Errorf("%d %q", code, errs)
	}
	if got := vs(t, "--data", dir, "voucher", "import", csv, "--on-conflict", "update"); got != "11999 vouchers made, 1 updated\n" {
		t.Errorf("import: %q", got)
	}
	if got := vs(t, "--data", dir, "voucher", "remove", "--where", "username=guest119*", "--yes"); got != "100 vouchers removed\n" {
		t.Errorf("remove: %q", got)
	}
	if got := vs(t, "--data", dir, "voucher", "list", "--where", "note=n"); strings.Count(got, "\n") != 11_901 {
		t.Errorf("%d lines are left", strings.Count(got, "\n"))
	}
}
