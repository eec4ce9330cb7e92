package v1

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

func TestCursors(t *testing.T) {
	for _, p := range []hotspot.VoucherPlace{{ID: 1}, {ID: ^uint64(0), Num: -1 << 63}, {ID: 7, Num: 1<<63 - 1, Text: "ann\x00ä\xff"}} {
		c := cursorOf(p, "vouchers", "q", "")
		got, err := parseCursor(c, "vouchers", "q", "")
		if d := cmp.Diff(p, got); err != nil || d != "" {
			t.Errorf("%v\n%s", err, d)
		}
		for i := range len(c) {
			if _, err := parseCursor(c[:i]+string(c[i]^1)+c[i+1:], "vouchers", "q", ""); !errors.Is(err, hotspot.ErrInvalid) {
				t.Errorf("changed at %d: %v", i, err)
			}
		}
		for _, other := range [][]string{{"logins", "q", ""}, {"vouchers", "Q", ""}, {"vouchers", "", "q"}, {"vouchers", "q"}} {
			if _, err := parseCursor(c, other[0], other[1:]...); !errors.Is(err, hotspot.ErrInvalid) {
				t.Errorf("in the list %q: %v", other, err)
			}
		}
	}
	if p, err := parseCursor("", "vouchers"); err != nil || p != (hotspot.VoucherPlace{}) {
		t.Errorf("none: %v, %v", p, err)
	}
}

func FuzzCursor(f *testing.F) {
	f.Add(cursorOf(hotspot.VoucherPlace{ID: 7, Num: -3, Text: "x"}, "vouchers", "q"))
	f.Add("AQEAAAAAAA")
	f.Add("7")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseCursor(text, "vouchers", "q")
		if err == nil && text != "" && cursorOf(p, "vouchers", "q") != text {
			t.Errorf("%q is %+v, which is another cursor", text, p)
		}
	})
}
