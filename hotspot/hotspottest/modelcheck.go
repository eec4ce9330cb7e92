package hotspottest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// check compares service, store and gate with the model.
func (h *modelHouse) check() error {
	if err := h.checkSessions(); err != nil {
		return err
	}
	if err := h.checkMeters(); err != nil {
		return err
	}
	if err := h.checkVouchers(); err != nil {
		return err
	}
	if err := h.checkLog(); err != nil {
		return err
	}
	return h.checkPackets()
}

// checkSessions compares open sessions, and learns the numbers of new ones.
func (h *modelHouse) checkSessions() error {
	var open []hotspot.Session
	err := h.store.View(h.ctx, func(r hotspot.Reader) (err error) {
		open, err = r.OpenSessions()
		return err
	})
	if err != nil {
		return err
	}
	want := h.model.sessions(nil)
	for _, x := range open {
		i := slices.IndexFunc(want, func(s *mSession) bool { return modelMAC(s.device) == x.MAC })
		if i < 0 {
			return fmt.Errorf("session %d of %s is open in the store", x.ID, x.MAC)
		}
		s := want[i]
		want = slices.Delete(want, i, i+1)
		if s.id != 0 && s.id != x.ID {
			return fmt.Errorf("%s has session %d, want %d", x.MAC, x.ID, s.id)
		}
		s.id = x.ID
		if a := h.accountID(s.account); a != x.Account {
			return fmt.Errorf("session %d is charged to %s, want %s", x.ID, x.Account, a)
		}
	}
	if len(want) > 0 {
		return fmt.Errorf("device %d has no open session in the store", want[0].device)
	}
	return h.checkStatus()
}

// checkStatus compares what devices are told, and what is remembered of them.
func (h *modelHouse) checkStatus() error {
	for i, d := range h.model.devices {
		if online := h.svc.Online(modelMAC(i)); online != (d.session != nil) {
			return fmt.Errorf("device %d is online: %v", i, online)
		}
		if d.account == nil {
			continue
		}
		var x hotspot.Device
		err := h.store.View(h.ctx, func(r hotspot.Reader) (err error) {
			x, err = r.Device(modelMAC(i))
			return err
		})
		if err != nil {
			return err
		}
		if x.LastReason != d.why || x.Returning != d.returning {
			return fmt.Errorf("device %d last ended by %q and may return: %v, want %q and %v", i, x.LastReason, x.Returning, d.why, d.returning)
		}
	}
	return nil
}

// checkMeters compares what the gate holds and counts.
func (h *modelHouse) checkMeters() error {
	t, err := h.gate().Read(h.ctx)
	if err != nil {
		return err
	}
	if len(t.Depleted) > 0 {
		return fmt.Errorf("the gate holds used-up quotas: %v", t.Depleted)
	}
	want := h.model.sessions(nil)
	slices.SortFunc(want, func(a, b *mSession) int { return cmp.Compare(a.id, b.id) })
	meters := slices.SortedFunc(slices.Values(t.Meters), func(a, b hotspot.Meter) int { return cmp.Compare(a.Session, b.Session) })
	if len(want) != len(meters) {
		return fmt.Errorf("the gate holds %d sessions, want %d", len(meters), len(want))
	}
	for i, s := range want {
		if m := meters[i]; m.Session != s.id || m.Used != s.used.usage() {
			return fmt.Errorf("the gate counts %v for session %d, want %v for session %d", m.Used, m.Session, s.used.usage(), s.id)
		}
	}
	return nil
}

// checkVouchers compares vouchers: what they used never runs backwards, and is
// no more than what passed and no less than what cannot be lost.
func (h *modelHouse) checkVouchers() error {
	for slot, a := range h.model.vouchers {
		if a == nil {
			continue
		}
		v, err := h.svc.Voucher(h.ctx, h.names[slot])
		if err != nil {
			return err
		}
		used := amountOf(v.Used)
		for d, low := range h.lowest[a] {
			if used[d] < max(low, a.kept[d]) || used[d] > a.used[d] {
				return fmt.Errorf("voucher %d: used %v, not between %v and %v", slot, used, h.lowest[a], a.used)
			}
		}
		h.lowest[a] = used
		if limitsOf(v.Limit, v.LimitTotal) != a.limit || v.Online != len(h.model.sessions(a)) {
			return fmt.Errorf("voucher %d: limit %v, %d online, want %v, %d", slot, limitsOf(v.Limit, v.LimitTotal), v.Online, a.limit, len(h.model.sessions(a)))
		}
		bound := make([]hotspot.MAC, len(a.bound))
		for i, d := range a.bound {
			bound[i] = modelMAC(d)
		}
		if !slices.Equal(v.Bound, bound) {
			return fmt.Errorf("voucher %d: bound to %v, want %v", slot, v.Bound, bound)
		}
		now, _ := h.svc.Now()
		if left := v.ExpiresAt.Sub(now); a.span.begun && a.validFor > 0 && left != a.span.at+a.validFor-h.model.t {
			return fmt.Errorf("voucher %d: has %v left, want %v", slot, left, a.span.at+a.validFor-h.model.t)
		}
	}
	return nil
}

// checkPackets tries addresses in both directions: all of them, or, where
// packets are dear, those of each device and a foreign one.
func (h *modelHouse) checkPackets() error {
	h.round++
	for d, dev := range h.model.devices {
		addrs := []int{0, 1, 2, 3, 4, 5, modelAddrs + d}
		if h.world.Probe() > 0 {
			addrs = append(slices.Clone(dev.addrs), (h.round+d)%modelAddrs)
		}
		for _, a := range addrs {
			for dir := range 2 {
				if err := h.probe(d, a, dir); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// checkDead tries packets before the program has looked at the clock: the gate
// stops by itself whoever's time is over. It cannot be hurried where time is real.
func (h *modelHouse) checkDead() error {
	if h.world.Probe() > 0 {
		return nil
	}
	if err := h.checkPackets(); err != nil {
		return fmt.Errorf("nobody looked at the clock: %w", err)
	}
	return nil
}

func (h *modelHouse) probe(device, addr, dir int) error {
	want, used := h.model.packet(device, addr, dir, h.world.Probe())
	if got := h.world.Packet(modelMAC(device), modelAddr(addr), directionOf(dir == 1), h.world.Probe()); got != want {
		return fmt.Errorf("device %d at %s, direction %d: passes %v, want %v", device, modelAddr(addr), dir, got, want)
	}
	if used.account == nil {
		return nil
	}
	h.model.deplete(used)
	return h.report(used)
}

// checkLog compares the login log: why sessions ended, and what they used.
func (h *modelHouse) checkLog() error {
	for _, s := range h.model.log {
		if s.id == 0 {
			continue // it came and went within one step
		}
		x, err := h.row(s.id)
		if err != nil {
			return fmt.Errorf("row %d of the log: %w", s.id, err)
		}
		if x.Open() || x.Reason != s.why || x.Used != s.used.usage() || x.Ended.Before(x.Started) {
			return fmt.Errorf("the log says that session %d ended by %q after %v, from %v to %v, want %q after %v",
				s.id, x.Reason, x.Used, x.Started, x.Ended, s.why, s.used.usage())
		}
	}
	h.model.log = nil
	return nil
}
