package hotspot_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// undoable runs a change whose undo is kept.
func (h *house) undoable(ctx context.Context, do func(ctx context.Context) error) hotspot.UndoNote {
	h.t.Helper()
	var u hotspot.Undo
	if err := do(hotspot.WithUndo(ctx, &u)); err != nil {
		h.t.Fatal(err)
	}
	note, ok, err := h.KeepUndo(ctx, &u)
	if err != nil || !ok {
		h.t.Fatalf("kept %v, %v", ok, err)
	}
	return note
}

func (h *house) undo(id string, restored, left int) hotspot.UndoResult {
	h.t.Helper()
	res, err := h.Undo(h.t.Context(), id)
	if err != nil || res.Restored != restored || res.Left != left {
		h.t.Fatalf("undone: %+v, %v; want %d restored and %d left", res, err, restored, left)
	}
	return res
}

// A removed voucher comes back as it was, with what its guest had used at the
// very end, and its guest may log in again.
func TestUndoRemoval(t *testing.T) {
	h := newHouse(t)
	v := h.voucher(hotspot.VoucherSpec{Username: "anna", ValidFor: hours(48), Limit: hotspot.Usage{Down: 10_000}})
	other := h.voucher(hotspot.VoucherSpec{Username: "berta"})
	phone := h.device(1)
	h.login(phone, v)
	h.wantDown(phone, 4_000, 4_000)
	note := h.undoable(t.Context(), func(ctx context.Context) error {
		_, err := h.RemoveVouchers(ctx, ids(v, other), nil)
		return err
	})
	if note.Vouchers != 2 || !note.Until.Equal(start.Add(hotspot.UndoTime)) {
		t.Errorf("note %+v", note)
	}
	h.undo(note.ID, 2, 0)
	got := h.view(v)
	if got.ID != v.ID || got.Used.Down != 4_000 || got.MAC() != phone.MAC || got.Status != hotspot.VoucherActive {
		t.Errorf("put back: %+v", got)
	}
	if h.Online(phone.MAC) {
		t.Error("the guest is in without a login")
	}
	h.login(phone, v)
	h.wantDown(phone, 10_000, 6_000)
	if _, err := h.Undo(t.Context(), note.ID); !errors.Is(err, hotspot.ErrNotFound) {
		t.Errorf("undone twice: %v", err)
	}
	rows, err := h.Audit(t.Context(), 0, 1)
	if err != nil || rows[0].Action != hotspot.AuditVoucherRestored || rows[0].Subject != "2 vouchers" {
		t.Errorf("audit log: %+v, %v", rows, err)
	}
}

// A name that somebody has taken meanwhile stays theirs.
func TestUndoRemovalOfTakenName(t *testing.T) {
	h := newHouse(t)
	a, b := h.voucher(hotspot.VoucherSpec{Username: "anna"}), h.voucher(hotspot.VoucherSpec{Username: "berta"})
	note := h.undoable(t.Context(), func(ctx context.Context) error {
		_, err := h.RemoveVouchers(ctx, ids(a, b), nil)
		return err
	})
	new := h.voucher(hotspot.VoucherSpec{Username: "ANNA"})
	if res := h.undo(note.ID, 1, 1); !cmp.Equal(res.Names, []string{"anna"}) {
		t.Errorf("left: %q", res.Names)
	}
	if got := h.view(a); got.ID != new.ID {
		t.Errorf("anna is voucher %d", got.ID)
	}
}

// Edits are taken back field by field, but for vouchers that were changed since.
func TestUndoEdit(t *testing.T) {
	h := newHouse(t)
	a := h.voucher(hotspot.VoucherSpec{Username: "anna", Note: "old", Limit: hotspot.Usage{Down: 2_000}, ValidFor: hours(2)})
	b := h.voucher(hotspot.VoucherSpec{Username: "berta", Note: "old"})
	phone := h.device(1)
	h.login(phone, a)
	h.wantDown(phone, 9_000, 2_000)
	h.poll()
	h.wantWhy(phone, hotspot.CodeDownloadUsed)
	note := h.undoable(t.Context(), func(ctx context.Context) error {
		_, err := h.EditVouchers(ctx, ids(a, b), nil, hotspot.VoucherEdit{Note: ptr("new"), TopUp: &hotspot.Usage{Down: 3_000}, Extend: time.Hour})
		return err
	})
	if !h.Online(phone.MAC) {
		t.Fatal("topped up, and not let in again")
	}
	h.wantDown(phone, 1_000, 1_000)
	h.edit(b, hotspot.VoucherEdit{Note: ptr("mine")})
	if res := h.undo(note.ID, 1, 1); !cmp.Equal(res.Names, []string{"berta"}) {
		t.Errorf("left: %q", res.Names)
	}
	got := h.view(a)
	if got.Note != "old" || got.Limit.Down != 2_000 || got.ValidFor != *hours(2) || got.Used.Down != 3_000 || got.Status != hotspot.VoucherUsedUp {
		t.Errorf("anna: %+v", got)
	}
	if h.Online(phone.MAC) {
		t.Error("anna passes although her quota is what it was")
	}
	if got := h.view(b); got.Note != "mine" {
		t.Errorf("berta's note is %q", got.Note)
	}
	rows, err := h.Audit(t.Context(), 0, 1)
	if err != nil || rows[0].Action != hotspot.AuditVoucherUndone || rows[0].Subject != "anna" || len(rows[0].Changes) == 0 {
		t.Errorf("audit log: %+v, %v", rows, err)
	}
}

// What was forgotten is remembered again, together with what was used since.
func TestUndoReset(t *testing.T) {
	h := newHouse(t)
	v := h.voucher(hotspot.VoucherSpec{Username: "anna", Limit: hotspot.Usage{Down: 10_000}, ValidFor: hours(5)})
	phone := h.device(1)
	h.login(phone, v)
	h.wantDown(phone, 6_000, 6_000)
	h.clock.Pass(time.Hour)
	note := h.undoable(t.Context(), func(ctx context.Context) error {
		_, err := h.EditVoucher(ctx, "anna", hotspot.VoucherEdit{Reset: true})
		return err
	})
	h.wantDown(phone, 1_000, 1_000)
	h.undo(note.ID, 1, 0)
	got := h.view(v)
	if got.Used.Down != 7_000 || !got.ExpiresAt.Equal(start.Add(5*time.Hour)) {
		t.Errorf("after all: used %d, expires %v", got.Used.Down, got.ExpiresAt)
	}
	h.wantDown(phone, 9_000, 3_000)
}

func TestUndoDevices(t *testing.T) {
	h := newHouse(t)
	v := h.voucher(hotspot.VoucherSpec{Username: "anna", Devices: 2})
	one, two, three := h.device(1), h.device(2), h.device(3)
	h.login(one, v)
	h.login(two, v)
	unbind := func(ctx context.Context) error {
		_, err := h.EditVoucher(ctx, "anna", hotspot.VoucherEdit{Unbind: true})
		return err
	}
	h.undo(h.undoable(t.Context(), unbind).ID, 1, 0)
	if got := h.view(v).Bound; len(got) != 2 {
		t.Errorf("bound: %v", got)
	}
	note := h.undoable(t.Context(), unbind)
	h.login(three, v)
	h.undo(note.ID, 1, 0)
	if got := h.view(v).Bound; !cmp.Equal(got, []hotspot.MAC{three.MAC}) {
		t.Errorf("a device that came since was put out: %v", got)
	}
}

// Rename there and back, through two changes under one note.
func TestUndoTwoEditsAtOnce(t *testing.T) {
	h := newHouse(t)
	v := h.voucher(hotspot.VoucherSpec{Username: "anna", Note: "1"})
	note := h.undoable(t.Context(), func(ctx context.Context) error {
		_, err := h.EditVoucher(ctx, "anna", hotspot.VoucherEdit{Username: ptr("berta"), Note: ptr("2")})
		if err == nil {
			_, err = h.EditVoucher(ctx, "berta", hotspot.VoucherEdit{Note: ptr("3")})
		}
		return err
	})
	h.undo(note.ID, 2, 0)
	if got := h.view(v); got.Note != "1" {
		t.Errorf("note %q", got.Note)
	}
	taken := h.undoable(t.Context(), func(ctx context.Context) error {
		_, err := h.EditVoucher(ctx, "anna", hotspot.VoucherEdit{Username: ptr("berta")})
		return err
	})
	h.voucher(hotspot.VoucherSpec{Username: "anna"})
	h.undo(taken.ID, 0, 1)
}

// A note is for whoever made the change, for a while, and as far as memory is
// meant for it.
func TestUndoBounds(t *testing.T) {
	h := newHouse(t)
	anna := hotspot.WithActor(t.Context(), hotspot.Actor{Kind: hotspot.ActorOperator, ID: "anna"})
	remark := func(n int) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			made := make([]hotspot.VoucherSpec, n)
			vs, err := h.CreateVouchers(ctx, made...)
			for len(vs) > 0 && err == nil {
				part := vs[:min(len(vs), hotspot.MaxBulk)]
				vs = vs[len(part):]
				_, err = h.RemoveVouchers(ctx, ids(part...), nil)
			}
			return err
		}
	}
	note := h.undoable(anna, remark(1))
	if _, err := h.Undo(t.Context(), note.ID); !errors.Is(err, hotspot.ErrNotFound) {
		t.Errorf("somebody else: %v", err)
	}
	if _, err := h.Undo(anna, note.ID); err != nil {
		t.Error(err)
	}
	note = h.undoable(anna, remark(2))
	h.clock.Pass(hotspot.UndoTime)
	if _, err := h.Undo(anna, note.ID); !errors.Is(err, hotspot.ErrNotFound) {
		t.Errorf("too late: %v", err)
	}
	var u hotspot.Undo
	if err := remark(hotspot.MaxUndo + 1)(hotspot.WithUndo(anna, &u)); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := h.KeepUndo(anna, &u); ok || err != nil {
		t.Errorf("too many are kept: %v", err)
	}
	first, second := h.undoable(anna, remark(hotspot.MaxUndo)), h.undoable(anna, remark(1))
	if _, err := h.Undo(anna, first.ID); !errors.Is(err, hotspot.ErrNotFound) {
		t.Errorf("what gave way is there: %v", err)
	}
	if _, err := h.Undo(anna, second.ID); err != nil {
		t.Error(err)
	}
}

// A store that fails leaves the note for another try.
func TestUndoAfterFailure(t *testing.T) {
	h := newHouse(t)
	v := h.voucher(hotspot.VoucherSpec{Username: "anna"})
	note := h.undoable(t.Context(), func(ctx context.Context) error { return h.RemoveVoucher(ctx, "anna") })
	h.store.FailUpdate = func() error { return errors.New("disk full") }
	if _, err := h.Undo(t.Context(), note.ID); err == nil {
		t.Fatal("no error")
	}
	h.store.FailUpdate = nil
	h.undo(note.ID, 1, 0)
	h.view(v)
}

// An edit for a voucher as it was looked at is refused once it is another.
func TestEditIfUnchanged(t *testing.T) {
	h := newHouse(t)
	v := h.voucher(hotspot.VoucherSpec{Username: "anna", ValidFor: hours(24)})
	seen := v.Version()
	h.login(h.device(1), v)
	if got := h.edit(v, hotspot.VoucherEdit{If: seen, Note: ptr("x")}); got.Version() == seen {
		t.Error("another note, and the same version")
	}
	_, err := h.EditVoucher(t.Context(), "anna", hotspot.VoucherEdit{If: seen, Note: ptr("y")})
	if h.refused(err, hotspot.CodeChanged); h.view(v).Note != "x" {
		t.Error("it was changed all the same")
	}
	if got := h.edit(v, hotspot.VoucherEdit{Note: ptr("")}); got.Version() != seen {
		t.Error("changed back, and another version")
	}
}

// Time that is added to what is over begins now.
func TestExtend(t *testing.T) {
	h := newHouse(t)
	v := h.voucher(hotspot.VoucherSpec{Username: "anna", ValidFor: hours(2)})
	always := h.voucher(hotspot.VoucherSpec{Username: "berta", ValidFor: ptr(hotspot.Always)})
	if got := h.edit(v, hotspot.VoucherEdit{Extend: time.Hour}); got.ValidFor != *hours(3) {
		t.Errorf("unused: %v", got.ValidFor)
	}
	phone := h.device(1)
	h.login(phone, v)
	if got := h.edit(v, hotspot.VoucherEdit{Extend: time.Hour}); !got.ExpiresAt.Equal(start.Add(4 * time.Hour)) {
		t.Errorf("online: %v", got.ExpiresAt)
	}
	h.clock.Pass(10 * time.Hour)
	h.poll()
	h.wantWhy(phone, hotspot.CodeTimeUsed)
	got := h.edit(v, hotspot.VoucherEdit{Extend: time.Hour})
	if !got.ExpiresAt.Equal(start.Add(11*time.Hour)) || !h.Online(phone.MAC) {
		t.Errorf("over: expires %v, online %v", got.ExpiresAt, h.Online(phone.MAC))
	}
	if got := h.edit(always, hotspot.VoucherEdit{Extend: time.Hour}); got.ValidFor != hotspot.Always {
		t.Errorf("unending: %v", got.ValidFor)
	}
	for _, by := range []time.Duration{-1, 1 << 62} {
		_, err := h.EditVoucher(t.Context(), "anna", hotspot.VoucherEdit{Extend: by})
		h.refused(err, hotspot.CodeInvalid)
	}
}

func TestPrefix(t *testing.T) {
	h := newHouse(t)
	if v := h.voucher(hotspot.VoucherSpec{Prefix: "summer-"}); len(v.Username) != 13 || v.Username[:7] != "summer-" {
		t.Errorf("username %q", v.Username)
	}
	for i, spec := range []hotspot.VoucherSpec{{Prefix: "a", Username: "b"}, {Prefix: " a"}, {Prefix: "a\n"}, {Prefix: fmt.Sprintf("%060d", 1)}} {
		_, err := h.CreateVouchers(t.Context(), spec)
		if h.refused(err, hotspot.CodeInvalid).Field != "prefix" {
			t.Errorf("spec %d: %v", i, err)
		}
	}
}

// What is deleted everywhere does not come back.
func TestUndoAfterErasure(t *testing.T) {
	h := newHouse(t)
	v := h.voucher(hotspot.VoucherSpec{Username: "anna"})
	phone := h.device(1)
	h.login(phone, v)
	note := h.undoable(t.Context(), func(ctx context.Context) error { return h.RemoveVoucher(ctx, "anna") })
	if _, err := h.Erase(t.Context(), hotspot.Who{Key: phone.MAC.String()}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Undo(t.Context(), note.ID); !errors.Is(err, hotspot.ErrNotFound) {
		t.Errorf("undone: %v", err)
	}
}

// A voucher that is put back tells nobody that it is used up: that was told.
func TestUndoTellsNothing(t *testing.T) {
	h := newHouse(t)
	h.Subscribe([]hotspot.Subscription{{Endpoint: "x", Types: []hotspot.EventType{hotspot.EventExhausted, hotspot.EventCreated}}})
	v := h.voucher(hotspot.VoucherSpec{Username: "anna", Limit: hotspot.Usage{Down: 1_000}})
	phone := h.device(1)
	h.login(phone, v)
	h.wantDown(phone, 5_000, 1_000)
	h.poll()
	events := func() (n int) {
		t.Helper()
		if err := h.store.View(t.Context(), func(r hotspot.Reader) error {
			list, err := r.Events(0, 100)
			n = len(list)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := events()
	note := h.undoable(t.Context(), func(ctx context.Context) error { return h.RemoveVoucher(ctx, "anna") })
	h.undo(note.ID, 1, 0)
	if got := h.view(v); got.Status != hotspot.VoucherUsedUp || before != 2 || events() != before {
		t.Errorf("%s, %d events, then %d", got.Status, before, events())
	}
}

// With the clock set by much, notes are of another time.
func TestUndoAfterClockWasSet(t *testing.T) {
	h := newHouse(t)
	h.voucher(hotspot.VoucherSpec{Username: "anna"})
	note := h.undoable(t.Context(), func(ctx context.Context) error { return h.RemoveVoucher(ctx, "anna") })
	h.clock.Set(start.Add(100*24*time.Hour), true)
	if err := h.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Undo(t.Context(), note.ID); !errors.Is(err, hotspot.ErrNotFound) {
		t.Errorf("undone: %v", err)
	}
}
