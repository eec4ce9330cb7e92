package hotspot_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

func ids(vs ...hotspot.Voucher) (out []uint64) {
	for _, v := range vs {
		out = append(out, v.ID)
	}
	return out
}

// One change reaches guests and vouchers in a drawer alike; what does not match
// when its turn comes, or is gone, is left alone.
func TestEditMany(t *testing.T) {
	h := newHouse(t)
	a, b, c := h.voucher(hotspot.VoucherSpec{Note: "x"}), h.voucher(hotspot.VoucherSpec{Note: "x"}), h.voucher(hotspot.VoucherSpec{Note: "y"})
	phone := h.device(1)
	h.login(phone, a)
	off := true
	edited, err := h.EditVouchers(t.Context(), []uint64{c.ID, b.ID, a.ID, a.ID, 999},
		func(v hotspot.VoucherView) bool { return v.Note == "x" }, hotspot.VoucherEdit{Disabled: &off})
	if err != nil || len(edited) != 2 || edited[0].ID != a.ID || edited[1].Status != hotspot.VoucherDisabled {
		t.Fatalf("%+v, %v", edited, err)
	}
	if h.Online(phone.MAC) || len(h.gate.Admitted()) != 0 {
		t.Error("the guest of a disabled voucher passes")
	}
	if v, _ := h.Voucher(t.Context(), c.Username); v.Disabled {
		t.Error("a voucher that does not match was changed")
	}
	on := false
	if _, err := h.EditVouchers(t.Context(), ids(a, b), nil, hotspot.VoucherEdit{Disabled: &on}); err != nil || !h.Online(phone.MAC) {
		t.Errorf("enabled again: %v, online %v", err, h.Online(phone.MAC))
	}
	if _, err := h.EditVouchers(t.Context(), make([]uint64, hotspot.MaxBulk+1), nil, hotspot.VoucherEdit{}); !errors.Is(err, hotspot.ErrInvalid) {
		t.Errorf("too many: %v", err)
	}
}

func TestEditManyAllOrNone(t *testing.T) {
	h := newHouse(t)
	a, b := h.voucher(hotspot.VoucherSpec{}), h.voucher(hotspot.VoucherSpec{})
	name := "same"
	if _, err := h.EditVouchers(t.Context(), ids(a, b), nil, hotspot.VoucherEdit{Username: &name}); !errors.Is(err, hotspot.ErrUsernameTaken) {
		t.Fatalf("got %v", err)
	}
	if v, err := h.Voucher(t.Context(), a.Username); err != nil || v.ID != a.ID {
		t.Errorf("half of an edit was kept: %v", err)
	}
}

// One direction of a limit changes and the other stays.
func TestEditOneDirection(t *testing.T) {
	h := newHouse(t)
	v := h.voucher(hotspot.VoucherSpec{Limit: hotspot.Usage{Down: 10, Up: 20}})
	up := uint64(5)
	got, err := h.EditVoucher(t.Context(), v.Username, hotspot.VoucherEdit{LimitUp: &up})
	if err != nil || got.Limit != (hotspot.Usage{Down: 10, Up: 5}) {
		t.Errorf("%+v, %v", got.Limit, err)
	}
}

func TestRemoveMany(t *testing.T) {
	h := newHouse(t)
	a, b, c := h.voucher(hotspot.VoucherSpec{}), h.voucher(hotspot.VoucherSpec{}), h.voucher(hotspot.VoucherSpec{Note: "keep"})
	phone := h.device(1)
	h.login(phone, a)
	gone, err := h.RemoveVouchers(t.Context(), ids(a, b, c), func(v hotspot.VoucherView) bool { return v.Note != "keep" })
	if err != nil || !slices.Equal(ids(gone...), ids(a, b)) {
		t.Fatalf("%+v, %v", gone, err)
	}
	if h.Online(phone.MAC) {
		t.Error("the guest of a removed voucher is online")
	}
	if x, err := h.Logins(t.Context(), 0, 1); err != nil || x[0].Reason != hotspot.EndRemoved {
		t.Errorf("%+v, %v", x, err)
	}
	left, err := h.Vouchers(t.Context(), 0, 10)
	if err != nil || len(left) != 1 || left[0].ID != c.ID {
		t.Errorf("left: %+v, %v", left, err)
	}
	if gone, err := h.RemoveVouchers(t.Context(), ids(a), nil); err != nil || len(gone) != 0 {
		t.Errorf("a second time: %v, %v", gone, err)
	}
}

// row makes a row of an import from what a new voucher would be.
func row(name string, change func(*hotspot.VoucherEdit)) hotspot.VoucherEdit {
	e := hotspot.VoucherEdit{Username: &name}
	if change != nil {
		change(&e)
	}
	return e
}

func rows(all ...hotspot.VoucherEdit) iter.Seq2[hotspot.VoucherEdit, error] {
	return func(yield func(hotspot.VoucherEdit, error) bool) {
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func TestImport(t *testing.T) {
	h := newHouse(t)
	pass, note, none, off := "p", "n", "", true
	always, limit, devices := hotspot.Always, hotspot.Usage{Down: 7, Up: 8}, 3
	from := start.Add(time.Hour)
	full := row("full", func(e *hotspot.VoucherEdit) {
		*e = hotspot.VoucherEdit{Username: e.Username, Passcode: &pass, FullName: &none, Note: &note, ValidFor: &always, ValidFrom: &from,
			Limit: &limit, Devices: &devices, Disabled: &off}
	})
	got, err := h.ImportVouchers(t.Context(), rows(full, row("", nil), row("bare", nil)), hotspot.ConflictFail, false)
	if err != nil || got != (hotspot.ImportResult{Created: 3}) {
		t.Fatalf("%+v, %v", got, err)
	}
	v, err := h.Voucher(t.Context(), "FULL")
	want := hotspot.Voucher{ID: v.ID, Username: "full", Passcode: "p", Note: "n", Created: v.Created, Modified: v.Modified, ValidFrom: from,
		Disabled: true, Devices: 3, Allowance: hotspot.Allowance{Limit: limit}}
	if d := cmp.Diff(want, v.Voucher); d != "" || err != nil {
		t.Errorf("(-want +got) %v\n%s", err, d)
	}
	if v, err := h.Voucher(t.Context(), "bare"); err != nil || v.Passcode == "" || v.FullName == "" || v.ValidFor == hotspot.Always {
		t.Errorf("defaults: %+v, %v", v, err)
	}
}

func TestImportConflicts(t *testing.T) {
	note := func(s string) func(*hotspot.VoucherEdit) {
		return func(e *hotspot.VoucherEdit) { e.Note = &s }
	}
	for _, tc := range []struct {
		conflict hotspot.OnConflict
		rows     []hotspot.VoucherEdit
		dry      bool
		want     hotspot.ImportResult
		err      error
		notes    string
	}{
		{"fail", []hotspot.VoucherEdit{row("b", nil), row("A", nil)}, false, hotspot.ImportResult{}, hotspot.ErrUsernameTaken, "a=old"},
		{"skip", []hotspot.VoucherEdit{row("b", note("new")), row("A", note("new"))}, false, hotspot.ImportResult{Created: 1, Skipped: 1}, nil, "a=old b=new"},
		{"update", []hotspot.VoucherEdit{row("b", nil), row("a", note("new"))}, false, hotspot.ImportResult{Created: 1, Updated: 1}, nil, "a=new b="},
		{"update", []hotspot.VoucherEdit{row("b", nil), row("a", note("new"))}, true, hotspot.ImportResult{Created: 1, Updated: 1}, nil, "a=old"},
		{"update", []hotspot.VoucherEdit{row("a", nil), row("A", nil)}, false, hotspot.ImportResult{}, hotspot.ErrInvalid, "a=old"},
		{"skip", []hotspot.VoucherEdit{row("b", nil), row("B", nil)}, false, hotspot.ImportResult{}, hotspot.ErrInvalid, "a=old"},
		{"skip", []hotspot.VoucherEdit{row("b", nil), row(" c", nil)}, false, hotspot.ImportResult{}, hotspot.ErrInvalid, "a=old"},
		{"perhaps", nil, false, hotspot.ImportResult{}, hotspot.ErrInvalid, "a=old"},
	} {
		h := newHouse(t)
		h.voucher(hotspot.VoucherSpec{Username: "a", Note: "old"})
		got, err := h.ImportVouchers(t.Context(), rows(tc.rows...), tc.conflict, tc.dry)
		if !errors.Is(err, tc.err) || got != tc.want {
			t.Errorf("%s: %+v, %v", tc.conflict, got, err)
		}
		all, err := h.Vouchers(t.Context(), 0, 10)
		notes := ""
		for _, v := range all {
			notes += " " + v.Username + "=" + v.Note
		}
		if err != nil || notes[1:] != tc.notes {
			t.Errorf("%s, dry %v: left%s, %v", tc.conflict, tc.dry, notes, err)
		}
	}
}

// Guests feel an import that updates their voucher, and what they used stays.
func TestImportUpdatesGuests(t *testing.T) {
	h := newHouse(t)
	a, b := h.voucher(hotspot.VoucherSpec{Username: "a"}), h.voucher(hotspot.VoucherSpec{Username: "b"})
	one, two := h.device(1), h.device(2)
	h.login(one, a)
	h.login(two, b)
	h.wantDown(two, 500, 500)
	off, hour, limit := true, hotspot.Validity(time.Hour), uint64(1000)
	got, err := h.ImportVouchers(t.Context(), rows(
		row("a", func(e *hotspot.VoucherEdit) { e.Disabled = &off }),
		row("b", func(e *hotspot.VoucherEdit) { e.ValidFor, e.LimitDown = &hour, &limit }),
	), hotspot.ConflictUpdate, false)
	if err != nil || got.Updated != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if h.Online(one.MAC) || !h.Online(two.MAC) {
		t.Errorf("online: %v, %v", h.Online(one.MAC), h.Online(two.MAC))
	}
	guests, err := h.Guests(t.Context())
	if err != nil || len(guests) != 1 || !guests[0].Deadline.Equal(start.Add(time.Hour)) || guests[0].Allowance.Used.Down != 500 || guests[0].Allowance.Limit.Down != 1000 {
		t.Errorf("%+v, %v", guests, err)
	}
}

func TestImportStops(t *testing.T) {
	h := newHouse(t)
	broken := errors.New("broken")
	_, err := h.ImportVouchers(t.Context(), func(yield func(hotspot.VoucherEdit, error) bool) {
		_ = yield(row("a", nil), nil) && yield(hotspot.VoucherEdit{}, broken)
	}, hotspot.ConflictFail, false)
	if !errors.Is(err, broken) {
		t.Errorf("error of the rows: %v", err)
	}
	_, err = h.ImportVouchers(t.Context(), func(yield func(hotspot.VoucherEdit, error) bool) {
		for i := 0; yield(row(fmt.Sprint(i), nil), nil); i++ {
		}
	}, hotspot.ConflictFail, false)
	if !errors.Is(err, hotspot.ErrInvalid) {
		t.Errorf("endless rows: %v", err)
	}
	if left, err := h.Vouchers(t.Context(), 0, 10); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// Bulk changes, single ones, imports and logins at once wait for one another
// and never in a circle; what was used is counted once.
func TestBulkAtOnce(t *testing.T) {
	h := newHouse(t)
	var all []uint64
	var vs []hotspot.Voucher
	for i := range 8 {
		v := h.voucher(hotspot.VoucherSpec{Username: fmt.Sprint("v", i)})
		vs, all = append(vs, v), append(all, v.ID)
		h.login(h.device(byte(i+1)), v)
		h.wantDown(h.device(byte(i+1)), 100, 100)
	}
	var wg sync.WaitGroup
	try := func(f func(i int) error) {
		wg.Go(func() {
			for i := range 20 {
				if err := f(i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	ctx := t.Context()
	for range 2 {
		try(func(i int) error {
			note, turned := fmt.Sprint(i), append(slices.Clone(all[i%8:]), all[:i%8]...)
			_, err := h.EditVouchers(ctx, turned, nil, hotspot.VoucherEdit{Note: &note})
			return err
		})
	}
	try(func(i int) error {
		limit := uint64(1000 + i)
		_, err := h.EditVoucher(ctx, vs[i%8].Username, hotspot.VoucherEdit{LimitDown: &limit})
		return err
	})
	try(func(i int) error {
		_, err := h.ImportVouchers(ctx, rows(row("v1", nil), row("v2", nil), row(fmt.Sprint("new", i), nil)), hotspot.ConflictUpdate, i%2 == 0)
		return err
	})
	try(func(i int) error {
		_, err := h.tryLogin(h.device(byte(i%8+1)), vs[i%8])
		return err
	})
	try(func(int) error { return h.Poll(ctx) })
	try(func(int) error { return h.Tick(ctx) })
	wg.Wait()
	for _, v := range vs {
		if x := h.view(v); x.Used.Down != 100 || x.Online != 1 {
			t.Errorf("%s: used %d, online %d", x.Username, x.Used.Down, x.Online)
		}
	}
}
