package hotspot_test

import (
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func TestLimitOfBothTogether(t *testing.T) {
	h := newHouse(t)
	v := h.voucher(hotspot.VoucherSpec{LimitTotal: 9500, Devices: 2})
	a, b := h.device(10), h.device(11)
	h.login(a, v)
	h.login(b, v)
	if got := h.up(a, 4000); got != 4000 {
		t.Errorf("up: %d", got)
	}
	h.poll()
	if left, limited := h.view(v).Left(hotspot.Total); left != 5500 || !limited {
		t.Errorf("%d bytes left, %v", left, limited)
	}
	h.wantDown(b, 9000, 5000) // the packet that would cross the limit does not pass
	h.poll()
	h.wantWhy(a, hotspot.CodeDataUsed)
	h.wantWhy(b, hotspot.CodeDataUsed)
	if got := h.up(a, 1000); got != 0 {
		t.Errorf("%d bytes passed up after the end", got)
	}
	if x := h.lastLogin(); x.Reason != hotspot.EndData || x.Used != (hotspot.Usage{Down: 5000}) {
		t.Errorf("log row %+v", x)
	}
	if view := h.view(v); view.Status != hotspot.VoucherUsedUp || view.Used != (hotspot.Usage{Down: 5000, Up: 4000}) {
		t.Errorf("voucher %q used %+v", view.Status, view.Used)
	}
	_, err := h.tryLogin(a, v)
	h.refused(err, hotspot.CodeDataUsed)
	// A top-up of a limit that is not there changes nothing.
	h.edit(v, hotspot.VoucherEdit{TopUp: &hotspot.Usage{Down: 5000}})
	h.wantWhy(a, hotspot.CodeDataUsed)
	h.edit(v, hotspot.VoucherEdit{TopUpTotal: 2500})
	h.wantWhy(a, "online")
	h.wantDown(a, 9000, 3000)
}

func TestLimitOfBothBesideOthers(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{Limit: hotspot.Usage{Down: 4000}, LimitTotal: 6000}), h.device(10)
	h.login(d, v)
	h.wantDown(d, 9000, 4000)
	h.poll()
	h.wantWhy(d, hotspot.CodeDownloadUsed)
	h.edit(v, hotspot.VoucherEdit{TopUp: &hotspot.Usage{Down: 1500}})
	h.wantDown(d, 9000, 1000)
	h.edit(v, hotspot.VoucherEdit{LimitDown: ptr(uint64(0))})
	h.wantDown(d, 9000, 1000)
	h.poll()
	h.wantWhy(d, hotspot.CodeDataUsed)
	h.edit(v, hotspot.VoucherEdit{LimitTotal: ptr(uint64(0))})
	h.wantWhy(d, "online")
	h.wantDown(d, 50_000, 50_000)
	h.edit(v, hotspot.VoucherEdit{LimitTotal: ptr(uint64(10_000))})
	h.wantWhy(d, hotspot.CodeDataUsed)
}

func TestLimitOfBothSurvives(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{LimitTotal: 10_000}), h.device(10)
	h.login(d, v)
	h.wantDown(d, 4000, 4000)
	h.restart()
	if got := h.up(d, 2000); got != 2000 {
		t.Errorf("up: %d", got)
	}
	if err := h.Extend(t.Context(), d.MAC, hotspot.Extension{Total: 3000}); err != nil {
		t.Fatal(err)
	}
	h.wantDown(d, 9000, 7000)
	h.poll()
	h.wantWhy(d, hotspot.CodeDataUsed)
}

// TestLimitOfBothIsOfVouchers: nobody believes to have given what cannot be had.
func TestLimitOfBothIsOfVouchers(t *testing.T) {
	h := newHouse(t)
	h.set("login.free", "on")
	d := h.device(10)
	if _, err := h.tryFree(d); err != nil {
		t.Fatal(err)
	}
	h.refused(h.Extend(t.Context(), d.MAC, hotspot.Extension{Time: time.Hour, Total: 5}), hotspot.CodeInvalid)
}

func TestLimitOfBothIsSensible(t *testing.T) {
	h := newHouse(t)
	for name, spec := range map[string]hotspot.VoucherSpec{
		"less than one direction": {Limit: hotspot.Usage{Up: 5001}, LimitTotal: 5000},
		"too much":                {LimitTotal: hotspot.MaxLimitMB*hotspot.MB + 1},
	} {
		if _, err := h.CreateVouchers(t.Context(), spec); hotspot.CodeOf(err) != hotspot.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	v := h.voucher(hotspot.VoucherSpec{Username: "anna", Limit: hotspot.Usage{Down: 4000}, LimitTotal: 5000})
	for name, e := range map[string]hotspot.VoucherEdit{
		"lower than download": {LimitTotal: ptr(uint64(3999))}, "download above it": {LimitDown: ptr(uint64(5001))},
	} {
		if _, err := h.EditVoucher(t.Context(), "anna", e); hotspot.CodeOf(err) != hotspot.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := h.Extend(t.Context(), h.device(10).MAC, hotspot.Extension{Total: hotspot.MaxLimitMB*hotspot.MB + 1}); hotspot.CodeOf(err) != hotspot.CodeInvalid {
		t.Errorf("extend: %v", err)
	}
	// A gift may exceed the other limit: it is of use once that one grows.
	var u hotspot.Undo
	ctx := hotspot.WithUndo(t.Context(), &u)
	if _, err := h.EditVouchers(ctx, []uint64{v.ID}, nil, hotspot.VoucherEdit{TopUp: &hotspot.Usage{Down: 2000}, TopUpTotal: 500, Extend: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if view := h.view(v); view.Limit.Down != 6000 || view.LimitTotal != 5500 {
		t.Errorf("limits %+v and %d", view.Limit, view.LimitTotal)
	}
	rows, _, err := h.FindAudit(t.Context(), hotspot.AuditQuery{Limit: 1})
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	found := false
	for _, c := range rows[0].Changes {
		found = found || c == hotspot.Change{Field: "total_limit", Old: "5000 bytes", New: "5500 bytes"}
	}
	if !found {
		t.Errorf("the audit row says %+v", rows[0].Changes)
	}
}
