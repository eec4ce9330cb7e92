package hotspot_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Rows that cannot be are left out and told; the others are imported.
func TestImportFitting(t *testing.T) {
	h := newHouse(t)
	h.voucher(hotspot.VoucherSpec{Username: "anna"})
	file := func(yield func(hotspot.VoucherEdit, error) bool) {
		for _, row := range []struct {
			e   hotspot.VoucherEdit
			err error
		}{
			{hotspot.VoucherEdit{Username: ptr("berta")}, nil},
			{hotspot.VoucherEdit{Username: ptr("Anna")}, nil},
			{hotspot.VoucherEdit{Username: ptr("berta")}, nil},
			{hotspot.VoucherEdit{}, hotspot.Invalid("devices", "no number")},
			{hotspot.VoucherEdit{Username: ptr(" x")}, nil},
			{hotspot.VoucherEdit{Username: ptr("clara")}, nil},
		} {
			if !yield(row.e, row.err) {
				return
			}
		}
	}
	for _, dry := range []bool{true, false} {
		got, refused, err := h.ImportFitting(t.Context(), file, hotspot.ConflictFail, dry)
		if err != nil || got != (hotspot.ImportResult{Created: 2}) {
			t.Fatalf("dry %v: %+v, %v", dry, got, err)
		}
		var rows []int
		for _, r := range refused {
			rows = append(rows, r.Row)
		}
		if d := cmp.Diff([]int{1, 2, 3, 4}, rows); d != "" || refused[0].Err.Code != hotspot.CodeUsernameTaken || refused[2].Err.Field != "devices" {
			t.Errorf("refused: %+v %s", refused, d)
		}
	}
	if _, err := h.Voucher(t.Context(), "clara"); err != nil {
		t.Error(err)
	}
	all := func(yield func(hotspot.VoucherEdit, error) bool) {
		for yield(hotspot.VoucherEdit{Username: ptr("anna")}, nil) {
		}
	}
	if _, _, err := h.ImportFitting(t.Context(), all, hotspot.ConflictFail, true); hotspot.CodeOf(err) != hotspot.CodeInvalid {
		t.Errorf("a file of nothing else: %v", err)
	}
}
