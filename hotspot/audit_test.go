package hotspot_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// trail is the audit log since the last look, oldest first.
func (h *house) trail(last *uint64) (out []string) {
	h.t.Helper()
	rows, err := h.Audit(h.t.Context(), 0, 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	top := *last
	for _, r := range rows {
		if r.ID <= top {
			break
		}
		*last = max(*last, r.ID)
		s := fmt.Sprintf("%s %s %s", r.Actor.Name, r.Action, r.Subject)
		for _, c := range r.Changes {
			s += fmt.Sprintf("; %s %q→%q", c.Field, c.Old, c.New)
		}
		out = append([]string{s}, out...)
	}
	return out
}

func TestAuditOfChanges(t *testing.T) {
	h := newHouse(t)
	ctx := hotspot.WithActor(t.Context(), hotspot.Actor{Kind: hotspot.ActorOperator, Name: "anna", Addr: netip.MustParseAddr("192.168.1.2")})
	var last uint64
	want := func(want ...string) {
		t.Helper()
		if got := strings.Join(h.trail(&last), "\n"); got != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
		}
	}
	fine := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := h.CreateVouchers(ctx, hotspot.VoucherSpec{Username: "a", Passcode: "SECRET", FullName: "Ann", ValidFor: hours(1)})
	fine(err)
	want(`anna voucher.created a; valid_for ""→"1 hour"; fullname ""→"Ann"`)
	pass, note := "SECRET2", "room 7"
	_, err = h.EditVoucher(ctx, "a", hotspot.VoucherEdit{Passcode: &pass, Note: &note, Limit: &hotspot.Usage{Down: 5}})
	fine(err)
	want(`anna voucher.edited a; passcode ""→""; note ""→"room 7"; download_limit "unlimited"→"5 bytes"`)
	_, err = h.EditVoucher(ctx, "a", hotspot.VoucherEdit{Note: &note})
	fine(err)
	want() // nothing was changed
	fine(h.SetSetting(ctx, "venue.name", "Café"))
	fine(h.SetSetting(ctx, "venue.name", "Café"))
	want(`anna setting.changed venue.name; venue.name "Guest Wi-Fi"→"Café"`)
	_, err = h.CreateVouchers(ctx, hotspot.VoucherSpec{Username: "b"}, hotspot.VoucherSpec{Username: "c"})
	fine(err)
	want(`anna voucher.created 2 vouchers; usernames ""→"b c"`)
	off := true
	all, err := h.Vouchers(t.Context(), 0, 10)
	fine(err)
	_, err = h.EditVouchers(ctx, []uint64{all[1].ID, all[2].ID}, nil, hotspot.VoucherEdit{Disabled: &off, Passcode: &pass})
	fine(err)
	want(`anna voucher.edited 2 vouchers; usernames ""→"b c"; passcode ""→""; disabled ""→"true"`)
	phone := h.device(1)
	h.login(phone, all[0].Voucher)
	want() // logins are in the login log
	fine(h.Kick(ctx, phone.MAC))
	want(`anna guest.kicked a; mac ""→"02:00:00:00:00:01"; session ""→"1"`)
	fine(h.RemoveVoucher(ctx, "a"))
	want(`anna voucher.removed a`)
	_, err = h.RemoveVouchers(ctx, []uint64{all[1].ID, all[2].ID}, nil)
	fine(err)
	want(`anna voucher.removed 2 vouchers; usernames ""→"b c"`)
	_, err = h.ImportVouchers(ctx, rows(row("d", nil), row("e", nil)), hotspot.ConflictFail, true)
	fine(err)
	want() // a rehearsal
	_, err = h.ImportVouchers(ctx, rows(row("d", nil), row("e", nil)), hotspot.ConflictFail, false)
	fine(err)
	want(`anna voucher.imported 2 vouchers; created ""→"2"; updated ""→"0"; skipped ""→"0"`)
	fine(h.SetSetting(t.Context(), "portal.text", strings.Repeat("x", 1000)))
	if got := h.trail(&last); len(got) != 1 || len(got[0]) > 500 || !strings.HasPrefix(got[0], " setting.changed") {
		t.Errorf("%q", got)
	}
}

// TestAuditWithTheChange: no change without its row, and no row without it.
func TestAuditWithTheChange(t *testing.T) {
	h := newHouse(t)
	var last uint64
	broken := errors.New("the disk is broken")
	h.store.FailUpdate = func() error { return broken }
	if err := h.SetSetting(t.Context(), "venue.name", "x"); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	h.store.FailUpdate = nil
	if got := h.trail(&last); len(got) != 0 {
		t.Errorf("%q", got)
	}
	before := h.store.Updates()
	h.set("venue.name", "x")
	if n := h.store.Updates() - before; n != 1 || len(h.trail(&last)) != 1 {
		t.Errorf("%d transactions", n)
	}
}

func TestAuditIsTrimmed(t *testing.T) {
	h := newHouse(t)
	h.set("audit.keep_rows", "3")
	for i := range 10 {
		h.set("venue.name", fmt.Sprint(i))
	}
	h.flush()
	var last uint64
	if got := h.trail(&last); len(got) != 3 || !strings.Contains(got[2], `"9"`) {
		t.Errorf("%q", got)
	}
	h.set("audit.keep_rows", "0")
	h.set("audit.keep_days", "1")
	h.clock.Pass(25 * time.Hour)
	h.flush()
	last = 0
	if got := h.trail(&last); len(got) != 0 {
		t.Errorf("%q", got)
	}
}
