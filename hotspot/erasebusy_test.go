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
	stop := make(chan struct{})
	var busy sync.WaitGroup
	again := func(f func() error) {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := f(); err != nil && !errors.Is(err, hotspot.ErrNotFound) {
					t.Error(err)
					return
				}
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
	for range 40 {
		_, err := l.Erase(t.Context(), hotspot.Who{Key: annaMail})
		// Who comes back faster than sessions end makes it say "try again".
		var refusal *hotspot.Error
		if again := errors.As(err, &refusal) && refusal.Code == hotspot.CodeUnavailable; err != nil && !again && !errors.Is(err, hotspot.ErrNotFound) {
			t.Error(err)
		}
	}
	close(stop)
	busy.Wait()
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
