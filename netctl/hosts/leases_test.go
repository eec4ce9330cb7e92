package hosts

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

const leaseText = `1795327000 02:00:00:00:00:01 192.168.0.10 phone 01:02:00:00:00:00:01
1795327000 02:00:00:00:00:02 192.168.0.11 * *
0 02:00:00:00:00:03 192.168.0.12 ` + "\x1b[31mred\xff" + ` *
1795327000 06-02:00:00:00:00:04 192.168.0.13 tokenring *
nonsense
1795327000 02:00:00:00:00:05 not-an-address x *
duid 00:01:00:01:31:10:d4:62:02:00:00:00:00:01
1795327000 12345 fd5a::10 phone 00:01:00:01
`

func TestReadLeases(t *testing.T) {
	l := readLeases(strings.NewReader(leaseText))
	if len(l.holder) != 3 || l.holder[ip("192.168.0.10")] != mac(1) || l.holder[ip("192.168.0.12")] != mac(3) {
		t.Errorf("%v", l.holder)
	}
	want := map[hotspot.MAC]string{mac(1): "phone", mac(3): "[31mred"}
	if diff := cmp.Diff(want, l.names); diff != "" {
		t.Error(diff)
	}
	if l := readLeases(strings.NewReader(strings.Repeat("x", 2*maxLeaseFile))); len(l.holder) != 0 {
		t.Error("an endless line is a lease")
	}
}

func TestLeaseFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases")
	now := time.Now()
	f := leaseFile{path: path, now: func() time.Time { return now }}
	expect := func(want bool, n int) {
		t.Helper()
		l, changed, err := f.changed()
		if err != nil || changed != want || len(l.holder) != n {
			t.Errorf("changed %v, %d leases, %v", changed, len(l.holder), err)
		}
	}
	write := func(s string, at time.Time) {
		t.Helper()
		if err := errors.Join(os.WriteFile(path, []byte(s), 0o644), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	expect(false, 0) // there is none yet
	write(leaseText, now)
	expect(true, 3)
	expect(true, 3) // it may be written to within the same tick
	now = now.Add(10 * time.Second)
	expect(true, 3)
	expect(false, 0)
	write(leaseText[:70], now)
	expect(true, 1)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	expect(true, 0)
	expect(false, 0)
}

func FuzzReadLeases(f *testing.F) {
	f.Add([]byte(leaseText))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, name := range readLeases(strings.NewReader(string(b))).names {
			checkName(t, name)
		}
	})
}

func checkName(t *testing.T, name string) {
	t.Helper()
	if len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		t.Errorf("name %q", name)
	}
}

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"phone":                  "phone",
		"Zoë's 📱":                "Zoë's 📱",
		"a\x00b\nc\x1b[0m":       "abc[0m",
		"\xff\xfe":               "",
		" \t ":                   "",
		"evil\u202egnp.exe":      "evilgnp.exe",
		"<script>":               "<script>",
		strings.Repeat("é", 200): strings.Repeat("é", 31),
	} {
		got := cleanName(in)
		if got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
		checkName(t, got)
	}
}

func FuzzCleanName(f *testing.F) {
	f.Add("phone\x00")
	f.Fuzz(func(t *testing.T, s string) { checkName(t, cleanName(s)) })
}
