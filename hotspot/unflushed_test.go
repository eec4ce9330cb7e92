package hotspot_test

import (
	"context"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// stale reads a voucher and its session as they were.
type stale struct {
	hotspot.Reader
	voucher hotspot.Voucher
	session *hotspot.Session // nil: not there yet
}

func (s stale) VoucherByUsername(string) (hotspot.Voucher, error) { return s.voucher, nil }

func (s stale) Session(id uint64) (hotspot.Session, error) {
	if s.session == nil {
		return hotspot.Session{}, hotspot.ErrNotFound
	}
	return *s.session, nil
}

func (s stale) Sessions(uint64, int) ([]hotspot.Session, error) {
	return []hotspot.Session{*s.session}, nil
}

// meanwhile lets something happen between the moment that a reader sees and what
// it does with it.
func (m *moments) meanwhile(t *testing.T, v hotspot.Voucher, session bool, what func()) {
	t.Helper()
	was := stale{}
	err := m.Store.View(t.Context(), func(r hotspot.Reader) (err error) {
		if was.voucher, err = r.VoucherByUsername(v.Username); err != nil || !session {
			return err
		}
		all, err := r.Sessions(0, 1)
		was.session = &all[0]
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	m.inView = func(ctx context.Context, f func(hotspot.Reader) error) error {
		what()
		return m.Store.View(ctx, func(r hotspot.Reader) error {
			was.Reader = r
			return f(was)
		})
	}
}

// TestUsageNeverRunsBack: who looks at a voucher while a session of it ends or
// begins sees all that was used.
func TestUsageNeverRunsBack(t *testing.T) {
	const flushed, more = 3000, 5000
	h := newHouse(t)
	m := timed(t, h)
	v := h.voucher(hotspot.VoucherSpec{})
	d := h.device(1)
	h.login(d, v)
	h.down(d, flushed)
	h.flush()
	h.down(d, more)
	want := func(when string) {
		t.Helper()
		if used := h.view(v).Used.Down; used != flushed+more {
			t.Errorf("%s: %d bytes", when, used)
		}
		log, err := h.Logins(t.Context(), 0, 1)
		if err != nil || log[0].Used.Down != flushed+more {
			t.Errorf("%s: in the log: %+v, %v", when, log, err)
		}
	}
	logout := func() {
		t.Helper()
		if err := h.Logout(t.Context(), d.MAC); err != nil {
			t.Fatal(err)
		}
	}
	m.beforeUpdate = func() { want("while the end is being stored") }
	m.meanwhile(t, v, true, logout)
	want("read before the end was stored")
	if m.beforeUpdate != nil {
		t.Fatal("nothing was stored")
	}
	m.meanwhile(t, v, true, func() {})
	want("read before the end was stored, and later")
	h.clock.Pass(time.Minute)
	h.poll()
	h.poll()
	want("afterwards")

	v = h.voucher(hotspot.VoucherSpec{})
	m.meanwhile(t, v, false, func() {
		h.login(d, v)
		h.down(d, 700)
		h.poll()
	})
	if used := h.view(v).Used.Down; used != 700 {
		t.Errorf("read before the login: %d bytes", used)
	}
}
