package print

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file, or writes it.
func golden(t *testing.T, got []byte, path ...string) {
	t.Helper()
	file := filepath.Join(path...)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("differs from %s (-want +got; -update writes it anew):\n%s", file, d)
	}
}

// language is one of those that there are.
func language(t testing.TB, tag string) *webui.Language {
	t.Helper()
	ls, err := webui.NewLanguages(Texts())
	if err != nil {
		t.Fatal(err)
	}
	return ls.Negotiate(tag)
}

// venue is a sheet as a usual venue prints it.
func venue(t testing.TB, layout string) Sheet {
	t.Helper()
	l, err := ParseLayout(layout)
	if err != nil {
		t.Fatal(err)
	}
	style, err := Style("/print.css")
	if err != nil {
		t.Fatal(err)
	}
	return Sheet{
		Layout: l, Lang: language(t, "en"), Venue: "Harbour Café", WiFi: WiFi{SSID: "Harbour Guests"},
		Portal: "http://10.20.30.1/", Show: ShowUsual(), Cut: CutMarks, Devices: 2, Style: style.URL(), Icon: webui.Local("/icon.svg", nil),
	}
}

// some makes vouchers.
func some(n int, change func(i int, v *hotspot.VoucherView)) Vouchers {
	return func(yield func(hotspot.VoucherView, error) bool) {
		for i := range n {
			var v hotspot.VoucherView
			v.ID = uint64(i + 1)
			v.Username, v.Passcode, v.FullName = fmt.Sprintf("AB%04d", i), fmt.Sprintf("%04dYZ", i), "Amber Otter"
			v.ValidFor = hotspot.Validity(24 * time.Hour)
			v.Limit.Down = 500 * hotspot.MB
			if change != nil {
				change(i, &v)
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}

// job makes a job of a sheet that must be in order.
func job(t testing.TB, s Sheet) *Job {
	t.Helper()
	j, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return j
}
