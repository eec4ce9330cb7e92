package hotspot_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestEraseWhileBusy: people log in, sessions end and are counted while somebody
// is deleted again and again. Nothing waits for ever, and in the end nothing is
// left.
func TestEraseWhileBusy(t *testing.T) {
	l := newLobby(t, hotspot.EventTypes()...)
	// Each of the busy ones goes round so often for every deletion, and no oftener:
	// however slow that is, the login log that it reads stays short, and however
	// fast, it meets them.
	const rounds, deletions = 10, 40
	var turns []func()
	var busy sync.WaitGroup
	again := func(f func() error) {
		turn, gone := make(chan struct{}), make(chan struct{})
		busy.Go(func() {
			defer close(gone)
			for range deletions {
				<-turn
				for range rounds {
					if err := f(); err != nil && !errors.Is(err, hotspot.ErrNotFound) {
						t.Error(err)
						return
					}
				}
			}
		})
		turns = append(turns, func() {
			select {
			case turn <- struct{}{}:
			case <-gone:
			}
		})
	}
	claim := func(m hotspot.Method, key string) hotspot.Claim {
		return hotspot.Claim{Method: m, Login: key, User: hotspot.User{Method: m, Key: key, Name: annaName}}
	}
	enter := func(d hotspot.Host, c hotspot.Claim) func() error {
		return func() error { _, err := l.Login(t.Context(), d, c); return err }
	}
	again(enter(l.annaPhone, claim(hotspot.MethodEmail, annaMail)))
	again(enter(l.annaTablet, claim(hotspot.MethodEmail, annaMail)))
	again(enter(l.annaTablet, claim(hotspot.MethodFree, l.annaTablet.MAC.String())))
	again(enter(l.annaPhone, hotspot.Claim{Method: hotspot.MethodVoucher, Voucher: l.voucher.ID, Login: l.voucher.Username}))
	again(func() error { return l.Poll(t.Context()) })
	again(func() error { return l.Flush(t.Context()) })
	again(func() error { return l.Look(t.Context()) })
	note := "x"
	again(func() error {
		_, err := l.EditVouchers(t.Context(), []uint64{l.voucher.ID}, nil, hotspot.VoucherEdit{Note: &note})
		return err
	})
	for range deletions {
		for _, begin := range turns {
			begin()
		}
		_, err := l.Erase(t.Context(), hotspot.Who{Key: annaMail})
		// Who comes back faster than sessions end makes it say "try again".
		var refusal *hotspot.Error
		if again := errors.As(err, &refusal) && refusal.Code == hotspot.CodeUnavailable; err != nil && !again && !errors.Is(err, hotspot.ErrNotFound) {
			t.Error(err)
		}
	}
	busy.Wait()
	// An end that met an erasure is carried out by the next poll, as the daemon's is.
	if err := l.Poll(t.Context()); err != nil {
		t.Error(err)
	}
	for _, w := range []string{annaMail, l.annaPhone.MAC.String(), l.annaTablet.MAC.String()} {
		who, err := hotspot.ParseWho(w)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Erase(t.Context(), who); err != nil && !errors.Is(err, hotspot.ErrNotFound) {
			t.Error(err)
		}
	}
	l.wantNo(l.annas()...)
}

// TestAccountGone: a session whose account is not stored any more ends, and does
// not keep others from being looked after.
func TestAccountGone(t *testing.T) {
	h := newHouse(t)
	v, other := h.voucher(hotspot.VoucherSpec{}), h.voucher(hotspot.VoucherSpec{})
	d, e := h.device(1), h.device(2)
	h.login(d, v)
	h.login(e, other)
	err := h.store.Update(t.Context(), func(tx hotspot.Tx) error { return tx.DeleteVoucher(v.ID) })
	if err != nil {
		t.Fatal(err)
	}
	h.restart()
	h.poll()
	if x, err := h.Logins(t.Context(), 0, 2); err != nil || x[1].Open() || x[1].Reason != hotspot.EndRemoved || !x[0].Open() {
		t.Errorf("%+v, %v", x, err)
	}
	h.wantDown(d, 1000, 0)
	h.wantDown(e, 1000, 1000)
}
