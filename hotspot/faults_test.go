package hotspot_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// The tests of this file let something happen at the worst moment.

// moments calls back once around a gate's or a store's work.
type moments struct {
	hotspot.Gate
	hotspot.Store
	afterRead, beforeSet, beforeUpdate func()
	inView                             func(context.Context, func(hotspot.Reader) error) error
}

func once(f *func()) {
	if g := *f; g != nil {
		*f = nil
		g()
	}
}

func (m *moments) Read(ctx context.Context) (hotspot.Tally, error) {
	t, err := m.Gate.Read(ctx)
	once(&m.afterRead)
	return t, err
}

func (m *moments) Set(ctx context.Context, p ...hotspot.Pass) error {
	once(&m.beforeSet)
	return m.Gate.Set(ctx, p...)
}

func (m *moments) Update(ctx context.Context, f func(hotspot.Tx) error) error {
	once(&m.beforeUpdate)
	return m.Store.Update(ctx, f)
}

func (m *moments) View(ctx context.Context, f func(hotspot.Reader) error) error {
	if g := m.inView; g != nil {
		m.inView = nil
		return g(ctx, f)
	}
	return m.Store.View(ctx, f)
}

// timed gives the house a service whose gate and store call back.
func timed(t *testing.T, h *house) *moments {
	t.Helper()
	m := &moments{Gate: h.gate, Store: h.store}
	h.Service = hotspot.New(hotspot.Config{Store: m, Gate: m, Hosts: h.hosts, Clock: h.clock,
		Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), Zone: time.UTC})
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

// offline is a service on the same store without the gate, as the command line
// has while no daemon runs.
func (h *house) offline() *hotspot.Service {
	h.t.Helper()
	other := newHouse(h.t)
	s := hotspot.New(hotspot.Config{Store: h.store, Gate: other.gate, Hosts: other.hosts, Clock: h.clock,
		Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), Zone: time.UTC})
	if err := s.Load(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	return s
}

func TestTakeoverWhileTheGateFails(t *testing.T) {
	h := newHouse(t)
	h.set("voucher.takeover", "on")
	v, a, b := h.voucher(hotspot.VoucherSpec{}), h.device(10), h.device(11)
	h.login(a, v)
	h.gate.Fail(errors.New("busy"))
	_, err := h.tryLogin(b, v)
	h.refused(err, hotspot.CodeUnavailable)
	h.gate.Fail(nil)
	h.poll()
	h.login(b, v)
	h.wantDown(a, 1000, 0)
	h.wantDown(b, 1000, 1000)
}

func TestGuestHangsUpDuringLogin(t *testing.T) {
	h := newHouse(t)
	m := timed(t, h)
	v, d := h.voucher(hotspot.VoucherSpec{}), h.device(10)
	ctx, cancel := context.WithCancel(t.Context())
	m.beforeSet = cancel
	_, _ = h.Login(ctx, d, hotspot.Claim{Method: hotspot.MethodVoucher, Voucher: v.ID, Login: v.Username})
	h.wantDown(d, 1000, 1000)
}

func TestOneRefusedAccountKeepsNobodyOut(t *testing.T) {
	h := newHouse(t)
	v, a, b := h.voucher(hotspot.VoucherSpec{Devices: 2}), h.device(10), h.device(11)
	b.Addrs = b.Addrs[:0]
	h.login(a, v)
	h.gate.Fail(errors.New("no"))
	_, _ = h.tryLogin(b, h.voucher(hotspot.VoucherSpec{}))
	h.gate.Fail(nil)
	h.restart()
	h.wantDown(a, 1000, 1000)
}

func TestClockStepAndCrash(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{ValidFor: hours(24)}), h.device(10)
	h.login(d, v)
	h.flush()
	h.clock.Set(start.Add(-5*24*time.Hour), true)
	h.poll()
	h.restart() // before the next flush
	if st, _ := h.Status(t.Context(), d); !st.Online || st.TimeLeft != 24*time.Hour {
		t.Errorf("online %v, %v left: the step was applied twice", st.Online, st.TimeLeft)
	}
}

func TestClockStepUnderAChange(t *testing.T) {
	h := newHouse(t)
	m := timed(t, h)
	v, d := h.voucher(hotspot.VoucherSpec{ValidFor: hours(24)}), h.device(10)
	h.login(d, v)
	h.clock.Set(start.Add(10*24*time.Hour), true)
	m.beforeUpdate = func() {
		x := d
		x.Addrs = append(x.Addrs, h.device(50).Addrs...)
		h.hosts.Put(x)
		if err := h.HostChanged(context.Background(), d.MAC); err != nil {
			t.Error(err)
		}
		h.wantDown(d, 1000, 1000)
	}
	if err := h.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.wantDown(d, 1000, 1000)
}

func TestCrashSoonAfterBoot(t *testing.T) {
	h := newHouse(t)
	h.flush()
	h.reboot(time.Unix(0, 0), "boot-2")
	h.clock.Pass(30 * time.Second)
	v, d := h.voucher(hotspot.VoucherSpec{ValidFor: hours(1)}), h.device(10)
	h.login(d, v)
	h.clock.Pass(50 * time.Second)
	h.restart()
	if st, _ := h.Status(t.Context(), d); st.TimeLeft != time.Hour-50*time.Second {
		t.Errorf("%v left after 50 seconds of an hour", st.TimeLeft)
	}
}

func TestUnusedVoucherThatRunsFromADate(t *testing.T) {
	for _, from := range []time.Time{{}, start.Add(-time.Hour)} {
		h := newHouse(t)
		h.set("voucher.validity_from", "valid_from")
		v, d := h.voucher(hotspot.VoucherSpec{ValidFor: hours(24), ValidFrom: from}), h.device(10)
		for _, jump := range []time.Duration{10 * 24 * time.Hour, -20 * 24 * time.Hour} {
			now, _ := h.Now()
			left := h.view(v).ExpiresAt.Sub(now)
			h.clock.Set(now.Add(jump), true)
			h.poll()
			if now, _ = h.Now(); h.view(v).ExpiresAt.Sub(now) != left {
				t.Errorf("jump %v: %v left, want %v", jump, h.view(v).ExpiresAt.Sub(now), left)
			}
		}
		h.login(d, v)
	}
}

func TestFailedEditChangesNothing(t *testing.T) {
	h := newHouse(t)
	h.set("session.idle_timeout", "0s")
	v, d := h.voucher(hotspot.VoucherSpec{ValidFor: hours(24)}), h.device(10)
	h.login(d, v)
	h.clock.Pass(2 * time.Hour)
	h.store.FailUpdate = func() error { return errors.New("disk full") }
	if _, err := h.EditVoucher(t.Context(), v.Username, hotspot.VoucherEdit{ValidFor: hours(1)}); err == nil {
		t.Error("the edit reported success")
	}
	h.store.FailUpdate = nil
	h.poll()
	h.wantWhy(d, "online")
}

func TestTopUpBesideADepletion(t *testing.T) {
	edit := hotspot.VoucherEdit{Limit: &hotspot.Usage{Down: 1 << 30}}
	for name, race := range map[string]func(*house, *moments, hotspot.Voucher){
		"between reading and judging": func(h *house, m *moments, v hotspot.Voucher) {
			m.afterRead = func() { h.edit(v, edit) }
			h.poll()
		},
		"before a late event": func(h *house, _ *moments, v hotspot.Voucher) {
			h.edit(v, edit)
			e := hotspot.GateEvent{Depletion: hotspot.Depletion{Account: v.Account(), Direction: hotspot.Down}}
			if err := h.GateEvent(t.Context(), e); err != nil {
				t.Error(err)
			}
		},
	} {
		h := newHouse(t)
		m := timed(t, h)
		v, d := h.voucher(hotspot.VoucherSpec{Limit: hotspot.Usage{Down: 5000}}), h.device(10)
		h.login(d, v)
		h.wantDown(d, 9000, 5000)
		race(h, m, v)
		if h.wantWhy(d, "online"); t.Failed() {
			t.Fatal(name)
		}
		h.wantDown(d, 1000, 1000)
	}
}

func TestResetWithoutADaemon(t *testing.T) {
	h := newHouse(t)
	h.set("session.idle_timeout", "0s")
	v, d := h.voucher(hotspot.VoucherSpec{ValidFor: hours(2), Limit: hotspot.Usage{Down: 10_000}}), h.device(10)
	h.login(d, v)
	h.wantDown(d, 8000, 8000)
	h.flush()
	if _, err := h.offline().EditVoucher(t.Context(), v.Username, hotspot.VoucherEdit{Reset: true}); err != nil {
		t.Fatal(err)
	}
	h.clock.Pass(time.Hour)
	h.restart()
	if st, _ := h.Status(t.Context(), d); st.TimeLeft != 2*time.Hour {
		t.Errorf("%v left after the reset", st.TimeLeft)
	}
	h.wantDown(d, 20_000, 10_000)
}

func TestRemovalWithoutADaemon(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{}), h.device(10)
	h.login(d, v)
	h.wantDown(d, 1000, 1000)
	if err := h.offline().RemoveVoucher(t.Context(), v.Username); err != nil {
		t.Fatal(err)
	}
	h.restart()
	h.wantDown(d, 1000, 0)
	h.wantWhy(d, hotspot.CodeRemoved)
}

func TestKickThatFailsMidwayIsNotUndone(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{}), h.device(10)
	h.login(d, v)
	h.store.FailUpdate = func() error { return errors.New("disk full") }
	if err := h.Kick(t.Context(), d.MAC); err == nil {
		t.Error("the kick reported success")
	}
	h.store.FailUpdate = nil
	if err := h.HostChanged(t.Context(), d.MAC); err != nil {
		t.Fatal(err)
	}
	h.poll()
	h.wantWhy(d, hotspot.CodeKicked)
}

func TestNothingIsDueForEverWhileTheGateFails(t *testing.T) {
	h := newHouse(t)
	h.login(h.device(10), h.voucher(hotspot.VoucherSpec{ValidFor: hours(1)}))
	h.clock.Pass(time.Hour)
	h.gate.Fail(errors.New("no answer"))
	if err := h.Poll(t.Context()); err == nil {
		t.Error("the poll reported success")
	}
	if h.Next() < time.Second {
		t.Errorf("next poll in %v", h.Next())
	}
}

func TestAddressThatMovedBackTooLate(t *testing.T) {
	h := newHouse(t)
	m := timed(t, h)
	a := h.device(10)
	v, w := h.voucher(hotspot.VoucherSpec{}), h.voucher(hotspot.VoucherSpec{})
	h.login(a, v)
	b := h.device(11)
	var err error
	done := make(chan struct{})
	m.beforeSet = func() { // the pass that is about to be set names a's addresses
		b.Addrs = a.Addrs
		h.hosts.Put(b)
		go func() {
			defer close(done)
			_, err = h.tryLogin(b, w)
		}()
		for over := false; !over && !h.hosts.Kept(b.MAC); { // until b has claimed them
			select {
			case <-done:
				over = true
			default:
				runtime.Gosched()
			}
		}
	}
	h.edit(v, hotspot.VoucherEdit{Limit: &hotspot.Usage{Down: 1 << 30}})
	if m.beforeSet != nil {
		t.Fatal("the edit did not reach the gate")
	}
	if <-done; err != nil {
		t.Fatal(err)
	}
	h.poll()
	h.wantDown(b, 1000, 1000)
}

func TestOldNumberOfDevicesIsKeptByOtherEdits(t *testing.T) {
	h := newHouse(t)
	h.set("voucher.devices", "2")
	v, a, b := h.voucher(hotspot.VoucherSpec{}), h.device(10), h.device(11)
	h.login(a, v)
	h.login(b, v)
	h.set("voucher.devices", "1")
	h.edit(v, hotspot.VoucherEdit{Note: ptr("paid")})
	h.wantWhy(b, "online")
	h.edit(v, hotspot.VoucherEdit{Devices: ptr(1)})
	h.wantWhy(a, "online")
	h.wantWhy(b, hotspot.CodeReplaced)
}
