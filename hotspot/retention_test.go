package hotspot_test

import (
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// forgetful is a lobby in which everybody has gone, but the guest of a voucher.
func forgetful(t *testing.T, days string) *lobby {
	l := newLobby(t)
	l.set("session.idle_timeout", "0s")
	l.set("people.keep_days", days)
	l.set("log.keep_days", "0")
	return l
}

func (l *lobby) leave(hosts ...hotspot.Host) {
	l.t.Helper()
	for _, d := range hosts {
		if err := l.Logout(l.t.Context(), d.MAC); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *lobby) passDays(n int) {
	l.t.Helper()
	for range n {
		l.clock.Pass(24 * time.Hour)
		l.poll()
		l.flush()
		if err := l.Look(l.t.Context()); err != nil {
			l.t.Fatal(err)
		}
	}
}

func TestPeopleAreForgotten(t *testing.T) {
	l := forgetful(t, "30")
	l.leave(l.annaTablet, l.shared, l.bobPhone)
	l.passDays(29)
	l.wantSome(annaMail, "bob@example.org")
	l.loginAs(l.bobPhone, hotspot.MethodEmail, "bob@example.org", "Bob")
	l.passDays(3)
	l.wantNo(annaMail, "Rossi", l.annaTablet.MAC.String())
	// What Anna's phone did as a guest of a voucher has the voucher's periods.
	l.wantSome("bob@example.org", l.annaPhone.MAC.String())
	if rows, err := l.Logins(t.Context(), 0, 100); err != nil || len(rows) != 9 {
		t.Errorf("%d logins, %v", len(rows), err)
	}
	l.passDays(40) // Bob's period ended long ago, and he with it
	l.wantNo("bob@example.org")
}

func TestPeopleAreKept(t *testing.T) {
	for name, f := range map[string]func(*lobby){
		"for ever":   func(l *lobby) { l.set("people.keep_days", "0") },
		"not so old": func(l *lobby) { l.set("people.keep_days", "100") },
		"online": func(l *lobby) {
			l.set("free.duration", "0s")
			l.loginAs(l.annaPhone, hotspot.MethodEmail, annaMail, annaName)
		},
		"their period counts": func(l *lobby) { l.set("free.every", "744h") },
	} {
		t.Run(name, func(t *testing.T) {
			l := forgetful(t, "3")
			l.leave(l.annaTablet, l.annaPhone)
			f(l)
			l.passDays(10)
			want := annaMail
			if name == "their period counts" {
				want = l.annaTablet.MAC.String()
			}
			l.wantSome(want)
		})
	}
}

// A clock that was just set by years deletes nobody.
func TestNobodyIsForgottenByAClockSetWrong(t *testing.T) {
	l := forgetful(t, "30")
	l.leave(l.annaTablet, l.shared, l.bobPhone)
	now, _ := l.Now()
	l.clock.Set(now.AddDate(5, 0, 0), true)
	l.poll()
	l.flush()
	l.wantSome(annaMail, "bob@example.org")
	l.clock.Set(now, true)
	l.poll()
	l.passDays(2)
	l.wantSome(annaMail, "bob@example.org")
}

// Many who are forgotten at once are forgotten in several goes.
func TestManyAreForgotten(t *testing.T) {
	h := newHouse(t)
	h.set("people.keep_days", "0")
	err := h.store.Update(t.Context(), func(tx hotspot.Tx) error {
		for i := range 900 {
			u := hotspot.User{Method: hotspot.MethodFree, Key: hotspot.MAC{2, 1, 0, 0, byte(i >> 8), byte(i)}.String(), Created: start, LastLogin: start}
			if err := tx.PutUser(&u); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h.set("people.keep_days", "1")
	h.clock.Pass(72 * time.Hour)
	for range 6 {
		h.flush()
	}
	if left, err := h.Users(t.Context(), hotspot.MethodFree, 0, 1000); err != nil || len(left) > 0 {
		t.Errorf("%d are left, %v", len(left), err)
	}
}
