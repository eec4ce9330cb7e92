package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// fakeBackups answers like a daemon that starts over.
type fakeBackups struct {
	lab      *lab
	restored []string
	fail     string
}

func (b *fakeBackups) Backup(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "snapshot")
	return err
}

func (b *fakeBackups) Restore(_ context.Context, r io.Reader, dryRun bool) (v1.Backup, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return v1.Backup{}, err
	}
	if string(text) != "snapshot" {
		return v1.Backup{}, hotspot.Invalid("", "this is no backup that can be used; nothing was changed")
	}
	out := v1.Backup{Created: &b.lab.service.Time, Schema: 1, Records: map[string]uint64{"vouchers": 12, "users": 3, "sessions": 40}}
	if !dryRun {
		b.restored = append(b.restored, string(text))
		out.Run, b.lab.status.Run, b.lab.status.RestoreError = 1, 2, b.fail
	}
	return out, nil
}

// write makes a file in the lab.
func (l *lab) write(name, text string) string {
	l.t.Helper()
	path := filepath.Join(l.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	return path
}

func TestBackupRestore(t *testing.T) {
	l := newLab(t)
	l.backups = &fakeBackups{lab: l}
	path := filepath.Join(l.dir, "b.vsnap")
	if got := l.must("backup", path); got != "Copied 12 vouchers, 3 users, 40 logins of 2026-03-04 12:30 to "+path+"\n" {
		t.Errorf("printed %q", got)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	if got := l.must("backup", "-"); got != "snapshot" {
		t.Errorf("piped %q", got)
	}
	if got := l.must("restore", path, "--dry-run"); !strings.Contains(got, "good") || len(l.backups.restored) != 0 {
		t.Errorf("dry run: %q", got)
	}
	if _, errs, code := l.run("restore", path); code != exitUsage || !strings.Contains(errs, "--yes") {
		t.Errorf("not asked: %d %q", code, errs)
	}
	l.asks, l.stdin = true, "n\n"
	if _, errs, code := l.run("restore", path); code != exitFailed || !strings.Contains(errs, "Replace all that is stored by 12 vouchers") {
		t.Errorf("said no: %d %q", code, errs)
	}
	l.stdin = "y\n"
	if out, errs, code := l.run("restore", path); code != 0 || !strings.Contains(out, "Restored 12 vouchers") {
		t.Errorf("said yes: %d %q %q", code, out, errs)
	}
	l.stdin = "snapshot"
	if _, errs, code := l.run("restore", "-"); code != exitUsage || !strings.Contains(errs, "--yes") {
		t.Errorf("piped without --yes: %d %q", code, errs)
	}
	l.must("restore", "-", "--yes")
	if len(l.backups.restored) != 2 {
		t.Errorf("restored %d times", len(l.backups.restored))
	}
	l.backups.fail = "restore: the disk is full"
	if _, errs, code := l.run("restore", path, "--yes"); code != exitFailed || !strings.Contains(errs, "still in use") {
		t.Errorf("failed: %d %q", code, errs)
	}
	for _, bad := range []string{l.write("bad", "x"), filepath.Join(l.dir, "gone"), l.dir} {
		if _, errs, code := l.run("restore", bad, "--yes"); code != exitFailed || errs == "" {
			t.Errorf("%s: %d %q", bad, code, errs)
		}
	}
}

// A backup that fails leaves no file, and the one that was there stays.
func TestBackupFails(t *testing.T) {
	l := newLab(t)
	path := l.write("b.vsnap", "old")
	if _, errs, code := l.run("backup", path); code != exitFailed || errs == "" {
		t.Errorf("%d %q", code, errs)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "old" {
		t.Errorf("%q, %v", b, err)
	}
	if left, _ := filepath.Glob(filepath.Join(l.dir, ".b.vsnap*")); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
	if _, errs, code := l.run("backup", filepath.Join(l.dir, "no", "b")); code != exitFailed || !strings.Contains(errs, "written to") {
		t.Errorf("%d %q", code, errs)
	}
}

func TestExportImport(t *testing.T) {
	from, to := newLab(t), newLab(t)
	from.fill()
	for _, name := range []string{"v.csv", "v.json"} {
		path := filepath.Join(from.dir, name)
		from.must("voucher", "export", "-o", path)
		if got := to.must("voucher", "import", path, "--dry-run"); got != "4 vouchers would be made\n" {
			t.Errorf("%s, dry run: %q", name, got)
		}
		if got := to.must("voucher", "import", path); got != "4 vouchers made\n" {
			t.Errorf("%s: %q", name, got)
		}
		if got := to.must("voucher", "import", path, "--on-conflict", "skip"); got != "0 vouchers made, 4 left as it was\n" {
			t.Errorf("%s again: %q", name, got)
		}
		if a, b := from.must("voucher", "export"), to.must("voucher", "export"); a != b {
			t.Errorf("%s: exported\n%s\nand then\n%s", name, a, b)
		}
		to = newLab(t)
	}
	if st, err := os.Stat(filepath.Join(from.dir, "v.csv")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	golden(t, "export_csv", from.must("voucher", "export", "--where", "username=a*"))
	golden(t, "export_json", from.must("voucher", "export", "--json", "--where", "username=a*"))
}

// A file of more than a batch is checked whole before anything of it is kept.
func TestImportInBatches(t *testing.T) {
	var b strings.Builder
	b.WriteString("username\n")
	n := v1.MaxBatch*2 + 1
	for i := range n {
		fmt.Fprintf(&b, "u%d\n", i)
	}
	l := newLab(t)
	_, errs, code := l.run("voucher", "import", l.write("bad.csv", b.String()+"U5\n"))
	if code != exitFailed || !strings.Contains(errs, fmt.Sprintf("line %d, column username: \"U5\" is in the file twice; nothing was imported", n+2)) {
		t.Errorf("twice: %d %q", code, errs)
	}
	l = newLab(t)
	l.stdin = b.String() + "\xff\n"
	if _, errs, code := l.run("voucher", "import", "-"); code != exitFailed || !strings.Contains(errs, "nothing was imported") {
		t.Errorf("%d %q", code, errs)
	}
	if got := l.must("voucher", "list"); !strings.HasPrefix(got, "No vouchers") {
		t.Errorf("half a file was kept: %d bytes", len(got))
	}
	l.stdin = b.String()
	if got := l.must("voucher", "import", "-", "--dry-run"); got != "10001 vouchers would be made\n" {
		t.Errorf("dry run: %q", got)
	}
	if got := l.must("voucher", "import", "-"); got != "10001 vouchers made\n" {
		t.Errorf("printed %q", got)
	}
	if _, errs, code := l.run("voucher", "import", l.write("v.csv", b.String())); code != exitFailed || !strings.Contains(errs, "line 2, column username") {
		t.Errorf("again: %d %q", code, errs)
	}
	if got := l.must("voucher", "import", l.write("v.csv", b.String()), "--on-conflict", "skip"); got != "0 vouchers made, 10001 left as it was\n" {
		t.Errorf("skipped: %q", got)
	}
}

// Errors of a file name the line and the column.
func TestGoldenImportErrors(t *testing.T) {
	var b strings.Builder
	for _, text := range []string{
		"", "username;colour\na;red\n", "username,passcode,valid_for\na,b,1 day\n\nc,d,3 weeks\n", "username,passcode\na,b\nc\n",
		"username,passcode\na,b,c\n", "username,download_limit\na,lots\n", "username,note\n\"a,b\n", "username\na\"b\n",
		"username\n\xff\n", "\xff\xfeu\x00s\x00", "username\nx\nAnna\n", "username,username\na,b\n",
		`[{"username":"a"},{"colour":"red"}]`, `[{"username":"a"},{"devices":"two"}]`, `[{"username":"a","valid_for":"3 weeks"}]`, `[{"username":"a"}`, `{"username":"a"}`,
		"username,note\na,\"" + strings.Repeat("x", 40<<10),
	} {
		l := newLab(t)
		l.fill()
		l.stdin = text
		out, errs, code := l.run("voucher", "import", "-")
		if out != "" || code != exitFailed || strings.Count(errs, "\n") != 1 {
			t.Errorf("%q: %d %q %q", text, code, out, errs)
		}
		if n := strings.Count(l.must("voucher", "export", "--format", "csv"), "\n"); n < 5 {
			t.Errorf("%q: %d lines are left", text, n)
		}
		b.WriteString(strings.ToValidUTF8(text[:min(len(text), 60)], "?") + "\n⇒ " + errs + "\n")
	}
	golden(t, "import_errors", b.String())
}

func TestSelections(t *testing.T) {
	for _, tc := range []struct{ where, want string }{
		{"", "H4XW9P Anna forever evil"},
		{"status=new", "H4XW9P"},
		{"status=online,active", "Anna forever"},
		{"username=*N*", "Anna"},
		{"note=room 7", "Anna"},
		{"note=room", ""},
		{"note=*break*|username=ev*", "evil"},
		{"created-before=2026-03-03", "H4XW9P Anna forever evil"},
		{"created-before=3 days", ""},
		{"created-after=3 days", "H4XW9P Anna forever evil"},
		{"created-after=2026-03-03 00:00", ""},
	} {
		l := newLab(t)
		l.fill()
		args := []string{"voucher", "list", "--json"}
		for _, w := range strings.Split(tc.where, "|") {
			if w != "" {
				args = append(args, "--where", w)
			}
		}
		var got []v1.Voucher
		if err := json.Unmarshal([]byte(l.must(args...)), &got); err != nil {
			t.Fatal(err)
		}
		names := ""
		for _, v := range got {
			names += " " + strings.ToValidUTF8(v.Username, "")
		}
		if names = strings.TrimSpace(names); strings.TrimSuffix(names, "\x1b[2J\u202e") != tc.want {
			t.Errorf("%s: got %q, want %q", tc.where, names, tc.want)
		}
	}
}

func TestMany(t *testing.T) {
	l := newLab(t)
	l.fill()
	if _, errs, code := l.run("voucher", "remove", "--where", "note=room*"); code != exitUsage || !strings.Contains(errs, "Remove 1 voucher? Nothing was done; say --yes") {
		t.Errorf("not asked: %d %q", code, errs)
	}
	if got := l.must("voucher", "remove", "--where", "note=room*", "--dry-run"); !strings.Contains(got, "Anna") || !strings.HasSuffix(got, "1 voucher would be removed\n") {
		t.Errorf("dry run: %q", got)
	}
	if got := l.must("voucher", "edit", "--all", "--note", "all", "--yes"); got != "4 vouchers changed\n" {
		t.Errorf("edit all: %q", got)
	}
	if got := l.must("voucher", "edit", "--where", "note=none", "--disable"); got != "0 vouchers changed\n" {
		t.Errorf("edit nothing: %q", got)
	}
	if got := l.must("voucher", "remove", "anna", "--json"); got != "[\n\"Anna\"\n]\n" {
		t.Errorf("remove: %q", got)
	}
	if _, errs, code := l.run("voucher", "remove", "forever", "nobody"); code != exitFailed || !strings.Contains(errs, "nothing was removed") {
		t.Errorf("half of it: %d %q", code, errs)
	}
	l.asks, l.stdin = true, "yes\n"
	if out, errs, code := l.run("voucher", "remove", "--all"); code != 0 || out != "3 vouchers removed\n" || !strings.Contains(errs, "Remove 3 vouchers? [y/N]") {
		t.Errorf("remove all: %d %q %q", code, out, errs)
	}
}

// Whatever fails says so in JSON, too, and names the remedy.
func TestJSONErrors(t *testing.T) {
	l := newLab(t)
	for _, tc := range []struct {
		line string
		code int
		want failure
	}{
		{"voucher show nobody", exitFailed, failure{Code: "not_found", Remedy: noVoucherRemedy}},
		{"settings set api.post bad", exitFailed, failure{Code: "invalid", Field: "api.post"}},
		{"voucher create --count 0", exitUsage, failure{Code: "usage"}},
		{"nothing", exitUsage, failure{Code: "usage"}},
		{"voucher import gone.csv", exitFailed, failure{Code: "failed"}},
	} {
		out, errs, code := l.run(append(strings.Fields(tc.line), "--json")...)
		var got map[string]failure
		if err := json.Unmarshal([]byte(errs), &got); err != nil || out != "" || code != tc.code {
			t.Errorf("%s: %d %q %q %v", tc.line, code, out, errs, err)
			continue
		}
		e := got["error"]
		if e.Message == "" || e.Remedy != "" && strings.Contains(e.Message, e.Remedy) {
			t.Errorf("%s: %+v", tc.line, e)
		}
		if e.Message = ""; e != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.line, e, tc.want)
		}
	}
	var b strings.Builder
	if code := report(&b, errors.New("x"), true); code != exitFailed || !strings.Contains(b.String(), `"failed"`) {
		t.Errorf("%d %q", code, b.String())
	}
}

// Every command that does something takes --json.
func TestJSONEverywhere(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if f := c.PersistentFlags().Lookup("json"); f == nil && c.InheritedFlags().Lookup("json") == nil {
			t.Errorf("%s does not take --json", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newCommand(parts{}))

	l := newLab(t)
	l.fill()
	l.backups = &fakeBackups{lab: l}
	l.serve(filepath.Join(l.dir, "control.sock"))
	csv, conf, snap := l.write("v.csv", "username\nnew1\n"), l.write("c.yaml", "data: /d\nnetwork:\n  backend: memory\n"), l.write("s", "snapshot")
	for _, line := range []string{
		"version", "status", "key show", "key regenerate", "clock synced", "config check " + conf,
		"settings list", "settings get api.post", "settings set api.post on",
		"voucher create", "voucher list", "voucher show anna", "voucher edit anna --note x", "voucher edit --all --yes --enable", "voucher edit anna --reset --dry-run",
		"voucher export", "voucher import " + csv, "voucher remove --where username=new1 --yes", "voucher remove anna",
		"guest list", "guest list --all", "guest kick 02:00:5e:10:00:01", "user list", "log",
		"backup " + filepath.Join(l.dir, "b"), "restore " + snap + " --dry-run", "restore " + snap + " --yes",
	} {
		if got := l.must(append(strings.Fields(line), "--json")...); !json.Valid([]byte(got)) {
			t.Errorf("%s printed no JSON: %q", line, got)
		}
	}
}

func TestCompletion(t *testing.T) {
	l := newLab(t)
	l.fill()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if got := l.must("completion", shell); !strings.Contains(got, "__complete") {
			t.Errorf("%s: %d bytes", shell, len(got))
		}
	}
	if _, errs, code := l.run("completion", "tcsh"); code != exitUsage || !strings.Contains(errs, "fish") {
		t.Errorf("%d %q", code, errs)
	}
	if out, _, _ := l.run("__complete", "voucher", "show", "A"); strings.Contains(out, "Anna") || l.opened != 0 {
		t.Errorf("a store was opened: %q", out)
	}
	l.serve(filepath.Join(l.dir, "control.sock"))
	for line, want := range map[string]string{
		"voucher show A": "Anna\n:4\n", "voucher edit Anna for": "forever\n:4\n", "voucher show Anna x": ":4\n",
		"guest kick ": "02:00:5E:10:00:01\tAnna\n:4\n", "config check x": ":0\n", "voucher lis": "list\tList vouchers, oldest first\n:4\n",
		"status ": ":4\n", "voucher list --where stat": "status=new\n",
	} {
		l.completes(line, func(out string) bool { return strings.Contains(out, want) })
	}
	for i := range 150 {
		l.service.Put(hotspot.VoucherView{Voucher: hotspot.Voucher{ID: uint64(100 + i), Username: "many" + strings.Repeat("x", i)}})
	}
	l.completes("voucher remove many", func(out string) bool { return strings.Count(out, "many") == completeMost })
}

// completes presses the tab key behind a line, again if the daemon was too slow: a
// shell is not kept waiting for it.
func (l *lab) completes(line string, want func(string) bool) {
	l.t.Helper()
	for limit := time.Now().Add(90 * time.Second); ; {
		begun := time.Now()
		out, _, _ := l.run(append([]string{"__complete"}, strings.Split(line, " ")...)...)
		if want(out) {
			return
		}
		if time.Since(begun) < completeWithin || time.Now().After(limit) {
			l.t.Errorf("%s: %q", line, out)
			return
		}
	}
}

func (*fakeBackups) Snapshots(context.Context) ([]v1.Snapshot, error) { return nil, nil }

func (*fakeBackups) Snapshot(context.Context, string, io.Writer) error { return nil }
