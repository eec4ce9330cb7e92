package sheet_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/hotspot/sheet"
)

// TestTableWriter: what is written reads back, and no cell begins as a formula.
func TestTableWriter(t *testing.T) {
	var b strings.Builder
	w := sheet.NewTableWriter(&b, "a", "b")
	rows := [][]string{{"=1+1", "@x"}, {"plain, with \"quotes\"\nand lines", ""}, {"-5", "'quoted"}}
	for _, r := range rows {
		if err := w.Write(r...); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	got, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	want := [][]string{{"a", "b"}, {"'=1+1", "'@x"}, {"plain, with \"quotes\"\nand lines", ""}, {"'-5", "''quoted"}}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
}
