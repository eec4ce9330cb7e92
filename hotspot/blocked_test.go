package hotspot_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func (h *house) block(d hotspot.Host, note string) hotspot.BlockedDevice {
	h.t.Helper()
	b, err := h.Block(h.t.Context(), d.MAC, note)
	if err != nil {
		h.t.Fatalf("block: %v", err)
	}
	return b
}

// TestBlock: a blocked device is out at once, stays out whatever it tries, and
// comes back by itself once it is unblocked.
func TestBlock(t *testing.T) {
	h := newHouse(t)
	h.set("login.free", "on")
	d, other, v := h.device(1), h.device(2), h.voucher(hotspot.VoucherSpec{Devices: 2})
	h.login(d, v)
	h.login(other, v)
	ctx := hotspot.WithActor(t.Context(), hotspot.Actor{Kind: hotspot.ActorOperator, Name: "Ada"})
	got, err := h.Block(ctx, d.MAC, "Room 9")
	want := hotspot.BlockedDevice{MAC: d.MAC, Since: start, By: "Ada", Note: "Room 9", Login: v.Username, Name: "phone"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatalf("%v (-want +got):\n%s", err, diff)
	}
	h.wantDown(d, 1000, 0)
	h.wantDown(other, 1000, 1000)
	h.wantWhy(d, hotspot.CodeBlocked)
	if last, err := h.Logins(ctx, 2, 1); err != nil || last[0].Reason != hotspot.EndBlocked {
		t.Errorf("the log has %+v, %v", last, err)
	}
	_, err = h.tryLogin(d, v)
	h.refused(err, hotspot.CodeBlocked)
	_, err = h.tryFree(d)
	h.refused(err, hotspot.CodeBlocked)
	if _, ok, err := h.Return(ctx, d); ok || err != nil {
		t.Errorf("returned: %v, %v", ok, err)
	}
	h.restart()
	if err := h.HostChanged(ctx, d.MAC); err != nil {
		t.Error(err)
	}
	h.wantDown(d, 1000, 0)

	if err := h.Unblock(ctx, d.MAC); err != nil {
		t.Fatal(err)
	}
	h.wantWhy(d, "online") // its voucher lasts
	h.wantDown(d, 1000, 1000)
	err = h.Unblock(ctx, d.MAC)
	h.refused(err, hotspot.CodeNotFound)
	rows, err := h.Audit(ctx, 0, 2)
	if err != nil || len(rows) != 2 || rows[0].Action != hotspot.AuditDeviceUnblocked || rows[1].Action != hotspot.AuditDeviceBlocked ||
		rows[1].Actor.Name != "Ada" || rows[1].Subject != d.MAC.String() {
		t.Errorf("the audit log has %+v, %v", rows, err)
	}
}

// TestBlockAgain changes the note, and nothing else.
func TestBlockAgain(t *testing.T) {
	h := newHouse(t)
	d := h.device(1)
	h.block(d, "one")
	h.clock.Pass(time.Hour)
	again := h.block(d, "two")
	if again.Since != start || again.Note != "two" {
		t.Errorf("%+v", again)
	}
	updates := h.store.Updates()
	h.block(d, "two")
	rows, err := h.Audit(t.Context(), 0, 10)
	if err != nil || len(rows) != 2 {
		t.Errorf("%d rows for two changes (%d updates), %v", len(rows), h.store.Updates()-updates, err)
	}
	all, err := h.BlockedDevices(t.Context())
	if diff := cmp.Diff([]hotspot.BlockedDevice{again}, all); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestBlockRefuses what is no device, what does not fit, and more than the list
// is to hold.
func TestBlockRefuses(t *testing.T) {
	h := newHouse(t)
	for _, m := range []hotspot.MAC{{}, {1}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}} {
		_, err := h.Block(t.Context(), m, "")
		h.refused(err, hotspot.CodeInvalid)
	}
	for _, note := range []string{strings.Repeat("x", 201), "a\x00b", "\xff"} {
		_, err := h.Block(t.Context(), hotspot.MAC{2, 1}, note)
		if e := h.refused(err, hotspot.CodeInvalid); e.Field != "note" {
			t.Errorf("the field is %q", e.Field)
		}
	}
	err := h.store.Update(t.Context(), func(tx hotspot.Tx) error {
		for i := range hotspot.MaxBlocked {
			if err := tx.PutBlocked(hotspot.BlockedDevice{MAC: hotspot.MAC{2, 7, 0, 0, byte(i >> 8), byte(i)}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Block(t.Context(), hotspot.MAC{2, 1}, "")
	h.refused(err, hotspot.CodeInvalid)
	h.block(hotspot.Host{MAC: hotspot.MAC{2, 7}}, "one that is on the list")
}

// TestBlockedBetweenRuns: a power cut after the block was stored, or a block by
// the command line beside a stopped daemon, leaves a session open.
func TestBlockedBetweenRuns(t *testing.T) {
	h := newHouse(t)
	d, v := h.device(1), h.voucher(hotspot.VoucherSpec{})
	h.login(d, v)
	err := h.store.Update(t.Context(), func(tx hotspot.Tx) error {
		return tx.PutBlocked(hotspot.BlockedDevice{MAC: d.MAC, Since: start})
	})
	if err != nil {
		t.Fatal(err)
	}
	h.restart()
	h.wantDown(d, 1000, 0)
	h.wantWhy(d, hotspot.CodeBlocked)
	if last := h.lastLogin(); last.Reason != hotspot.EndBlocked {
		t.Errorf("%+v", last)
	}
}

// TestBlockWithBrokenDisk: what could not be stored did not happen.
func TestBlockWithBrokenDisk(t *testing.T) {
	h := newHouse(t)
	d, v := h.device(1), h.voucher(hotspot.VoucherSpec{})
	h.login(d, v)
	broken := errors.New("no space")
	h.store.FailUpdate = func() error { return broken }
	if _, err := h.Block(t.Context(), d.MAC, ""); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	h.store.FailUpdate = nil
	h.wantDown(d, 1000, 1000)
	h.wantWhy(d, "online")
}

// TestBlockRacesLogin: whatever comes first, a blocked device is out in the end.
func TestBlockRacesLogin(t *testing.T) {
	h := newHouse(t)
	v := h.voucher(hotspot.VoucherSpec{Devices: 20})
	for n := byte(1); n <= 20; n++ {
		d := h.device(n)
		done := make(chan error)
		go func() {
			_, err := h.Login(context.Background(), d, hotspot.Claim{Method: hotspot.MethodVoucher, Voucher: v.ID, Login: v.Username})
			if code := hotspot.CodeOf(err); err != nil && code != hotspot.CodeBlocked {
				done <- fmt.Errorf("login: %w", err)
				return
			}
			done <- nil
		}()
		h.block(d, "")
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		h.wantDown(d, 1000, 0)
		h.wantWhy(d, hotspot.CodeBlocked)
	}
}
