package sheet_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/sheet"
)

func p[T any](v T) *T { return &v }

// hard are vouchers that a careless format would change.
func hard() []sheet.Voucher {
	texts := []string{"plain", "", "'", "''", "'=1", "=1+1", "+49", "-1", "@sum", "'tis", "a,b", "a;b", "say \"x\"", "two\nlines", "\nfirst", " outer ", "ü ✓ 漢", "\uff1dfull", "0012", "1e5", "#", "a'b", "'+", "''-"}
	var all []sheet.Voucher
	for i, s := range texts {
		limit := []uint64{0, 1, 1023, 1024, 5 * hotspot.MB, 3 << 30, hotspot.MB + 1, hotspot.MaxLimitMB * hotspot.MB}[i%8]
		all = append(all, sheet.Voucher{Username: p("u" + s), Passcode: p("p" + s), FullName: p(s), Note: p(s + s),
			ValidFor: p("2 days"), ValidFrom: p("2026-01-31T18:00:00+01:00"), DownloadLimit: p(limit), UploadLimit: p(uint64(i)), TotalLimit: p(min(2*limit, hotspot.MaxLimitMB*hotspot.MB)), Devices: p(i), Disabled: p(i%2 == 0)})
	}
	return all
}

func read(t *testing.T, rows iter.Seq2[sheet.Row, error]) []sheet.Voucher {
	t.Helper()
	var all []sheet.Voucher
	for row, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, row.Voucher)
	}
	return all
}

func writeCSV(t testing.TB, all []sheet.Voucher) []byte {
	t.Helper()
	var b bytes.Buffer
	w := sheet.NewCSVWriter(&b)
	for _, v := range all {
		if err := w.Write(v); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is written reads back as it was.
func TestRoundTrip(t *testing.T) {
	want := hard()
	file := writeCSV(t, want)
	for name, r := range map[string]io.Reader{
		"CSV": bytes.NewReader(file), "with a BOM": bytes.NewReader(append([]byte("\xef\xbb\xbf"), file...)),
		"byte by byte": iotest.OneByteReader(bytes.NewReader(file)),
	} {
		if d := cmp.Diff(want, read(t, sheet.ReadCSV(r))); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	file, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, read(t, sheet.ReadJSON(bytes.NewReader(file)))); d != "" {
		t.Errorf("JSON (-want +got):\n%s", d)
	}
}

// No cell begins as a formula does, whatever it holds.
func TestNoFormulas(t *testing.T) {
	for _, s := range []string{"=1", "+1", "-1", "@x", "\t=1", "\uff1d1"} {
		file := string(writeCSV(t, []sheet.Voucher{{Username: p(s), Passcode: p(s), FullName: p(s), Note: p(s)}}))
		_, row, _ := strings.Cut(file, "\r\n")
		if !strings.HasPrefix(row, "'"+s+",'"+s+",'"+s+",'"+s+",") {
			t.Errorf("%q is written %q", s, row)
		}
	}
}

// Files as people and their spreadsheets write them.
func TestReadCSV(t *testing.T) {
	always := sheet.Voucher{Username: p("a"), ValidFor: p("always")}
	for name, tc := range map[string]struct {
		file string
		want []sheet.Voucher
	}{
		"semicolons":          {"Username;Valid_For\r\na;always\r\n", []sheet.Voucher{always}},
		"tabs":                {"valid_for\tusername\nalways\ta", []sheet.Voucher{always}},
		"one column":          {"username\na\n", []sheet.Voucher{{Username: p("a")}}},
		"blank rows, columns": {"username;valid_for;;\na;always;;\n;;;\n;;;\n", []sheet.Voucher{always}},
		"blank lines":         {"username,valid_for\n\n\na,always\n\n", []sheet.Voucher{always}},
		"old line ends":       {"username,note\r\na,\"x\r\ny\"\r\n", []sheet.Voucher{{Username: p("a"), Note: p("x\ny")}}},
		"only names":          {"username,passcode\n", nil},
		"random":              {"username,passcode,note\n,,x\n", []sheet.Voucher{{Note: p("x")}}},
		"amounts": {"download_limit,upload_limit,total_limit,devices,disabled\n500,2 GB,,,\nunlimited,1kb,3,3,YES\n, 7 B ,unlimited,0,false\n", []sheet.Voucher{
			{DownloadLimit: p(uint64(500 * hotspot.MB)), UploadLimit: p(uint64(2 << 30)), TotalLimit: p(uint64(0)), Devices: p(0), Disabled: p(false)},
			{DownloadLimit: p(uint64(0)), UploadLimit: p(uint64(1024)), TotalLimit: p(uint64(3 * hotspot.MB)), Devices: p(3), Disabled: p(true)},
			{DownloadLimit: p(uint64(0)), UploadLimit: p(uint64(7)), TotalLimit: p(uint64(0)), Devices: p(0), Disabled: p(false)}}},
	} {
		if d := cmp.Diff(tc.want, read(t, sheet.ReadCSV(strings.NewReader(tc.file)))); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestBadCSV(t *testing.T) {
	many := strings.Repeat("x,", 101)
	for _, tc := range []struct {
		file, column string
		line         int
	}{
		{"", "", 0}, {"\n\n", "", 0}, {",,\n", "", 1}, {"username,color\n", "", 1}, {"username,username\n", "", 1}, {many + "\n", "", 1},
		{"username\na\nb,c\n", "", 3}, {"username,note\na\n", "", 2}, {"username\na\"b\n", "", 2}, {"username\n\"a", "", 2},
		{"username\n\xff\n", "", 2}, {"\xfe\xff\x00u", "", 0},
		{"devices\nx\n", "devices", 2}, {"devices\n99999999999999999999\n", "devices", 2}, {"disabled\nperhaps\n", "disabled", 2},
		{"upload_limit\n1\n-1\n", "upload_limit", 3}, {"upload_limit\n9437185\n", "upload_limit", 2}, {"upload_limit\n99999999999999999999 B\n", "upload_limit", 2},
		{"upload_limit\n18446744073709551615 GB\n", "upload_limit", 2}, {"upload_limit\n1.5 GB\n", "upload_limit", 2},
		{"username\n\"" + strings.Repeat("x", 64<<10) + "\"\n", "", 0}, {strings.Repeat("x", 64<<10), "", 0}, {"username" + strings.Repeat("\n", 64<<10), "", 0},
	} {
		var got *sheet.Error
		n := 0
		for _, err := range sheet.ReadCSV(strings.NewReader(tc.file)) {
			if n++; err != nil && !errors.As(err, &got) {
				t.Fatalf("%.40q: %v", tc.file, err)
			}
		}
		if got == nil || got.Line != tc.line || got.Column != tc.column || got.Text == "" {
			t.Errorf("%.40q: %+v after %d rows", tc.file, got, n)
		}
	}
}

func TestBrokenFile(t *testing.T) {
	broken := errors.New("the stick was pulled out")
	for name, rows := range map[string]iter.Seq2[sheet.Row, error]{
		"CSV":  sheet.ReadCSV(io.MultiReader(strings.NewReader("username\na\n"), iotest.ErrReader(broken))),
		"JSON": sheet.ReadJSON(io.MultiReader(strings.NewReader(`[{"username":"a"},`), iotest.ErrReader(broken))),
	} {
		var last error
		for _, err := range rows {
			last = err
		}
		if !errors.Is(last, broken) {
			t.Errorf("%s: %v", name, last)
		}
	}
}

func TestBadJSON(t *testing.T) {
	for file, line := range map[string]int{
		"": 0, "{}": 0, `"x"`: 0, "[] []": 0, "[]x": 0, "[1]": 1, `[{"id":1}]`: 1, `[{"username":1}]`: 1, `[{"username":"a"}`: 2, `[{"username":"a"},`: 2, `[{},{},{"devices":"x"}]`: 3,
		`[{"download_limit":-1}]`: 1, `[{"download_limit":1e99}]`: 1, `[{"note":"` + strings.Repeat("x", 64<<10) + `"}]`: 1, "[" + strings.Repeat("[", 20<<10): 1,
	} {
		var got *sheet.Error
		for _, err := range sheet.ReadJSON(strings.NewReader(file)) {
			if err != nil && !errors.As(err, &got) {
				t.Fatalf("%.40q: %v", file, err)
			}
		}
		if got == nil || got.Line != line {
			t.Errorf("%.40q: %+v", file, got)
		}
	}
	if all := read(t, sheet.ReadJSON(strings.NewReader("\xef\xbb\xbf [ {} ,{\"username\":\"a\"}]\n"))); len(all) != 2 {
		t.Errorf("%+v", all)
	}
}

func TestLines(t *testing.T) {
	var b bytes.Buffer
	l := &sheet.Lines{}
	for row, err := range sheet.ReadCSV(strings.NewReader("username\n\na\n\nb\n")) {
		if err = errors.Join(err, l.Add(&b, row)); err != nil {
			t.Fatal(err)
		}
	}
	if l.Len() != 2 || b.String() != "{\"username\":\"a\"}\n{\"username\":\"b\"}\n" || l.Of(0) != 3 || l.Of(1) != 5 || l.Of(2) != 0 || l.Of(-1) != 0 {
		t.Errorf("%q, %d, %d", b.String(), l.Of(0), l.Of(1))
	}
}

// FuzzImport reads any file: it ends, errors say what is wrong, and what was
// read is the same once it was written and read again.
func FuzzImport(f *testing.F) {
	f.Add([]byte("username,passcode,note\na,b,\"c\"\"d\n\"\n"))
	f.Add([]byte("\xef\xbb\xbfusername;download_limit;disabled\r\n'=x;5 GB;yes\r\n"))
	f.Add([]byte(`[{"username":"a","devices":3},{"note":"\u0000"}]`))
	f.Add(writeCSV(f, hard()))
	f.Fuzz(func(t *testing.T, file []byte) {
		for name, rows := range map[string]iter.Seq2[sheet.Row, error]{
			"CSV": sheet.ReadCSV(bytes.NewReader(file)), "JSON": sheet.ReadJSON(bytes.NewReader(file)),
		} {
			var all []sheet.Voucher
			for row, err := range rows {
				if err != nil {
					if err.Error() == "" {
						t.Errorf("%s: an error without a text", name)
					}
					break
				}
				all = append(all, row.Voucher)
			}
			if name != "CSV" || len(all) == 0 {
				continue
			}
			once := read(t, sheet.ReadCSV(bytes.NewReader(writeCSV(t, all))))
			twice := read(t, sheet.ReadCSV(bytes.NewReader(writeCSV(t, once))))
			if d := cmp.Diff(once, twice); d != "" {
				t.Errorf("not the same (-once +twice):\n%s", d)
			}
		}
	})
}
