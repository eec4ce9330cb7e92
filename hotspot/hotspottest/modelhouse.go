package hotspottest

import (
	"context"
	"fmt"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// makeVoucher makes a voucher, unless the place is taken.
func (h *modelHouse) makeVoucher(s Step) error {
	if h.model.vouchers[s.Voucher] != nil {
		return nil
	}
	h.made++
	valid := hotspot.Validity(s.For)
	spec := hotspot.VoucherSpec{Username: fmt.Sprintf("voucher-%d", h.made), ValidFor: &valid, Limit: s.Limit, LimitTotal: s.Total, Devices: s.Devices}
	a := &mAccount{voucher: s.Voucher, validFor: s.For, limit: limitsOf(s.Limit, s.Total), devices: s.Devices}
	switch fromStart := h.model.set.VoucherFromStart; {
	case fromStart:
		a.span = h.model.begin()
	case s.From != 0:
		now, _ := h.svc.Now()
		spec.ValidFrom = now.Add(s.From)
		a.dated, a.from = true, h.model.t+h.model.shift+s.From
	}
	vs, err := h.svc.CreateVouchers(h.ctx, spec)
	if err != nil {
		return err
	}
	h.ids[s.Voucher], h.names[s.Voucher] = vs[0].ID, vs[0].Username
	h.model.vouchers[s.Voucher] = a
	return nil
}

// editOf makes the edit of a step.
func (h *modelHouse) editOf(s Step) (e hotspot.VoucherEdit) {
	switch s.Switch {
	case "on", "off":
		off := s.Switch == "off"
		e.Disabled = &off
	case "unbind":
		e.Unbind = true
	case "reset":
		// A voucher that runs from its making does so again.
		e.Reset = !h.model.set.VoucherFromStart
	case "limit":
		e.Limit, e.LimitTotal = &s.Limit, &s.Total
	case "topup":
		e.TopUp, e.TopUpTotal = &s.TopUp, s.TopUpTotal
	case "time":
		v := hotspot.Validity(s.For)
		e.ValidFor = &v
	case "devices":
		e.Devices = &s.Devices
	}
	return e
}

func (h *modelHouse) edit(s Step) error {
	e := h.editOf(s)
	if a := h.model.vouchers[s.Voucher]; a != nil && e.Reset {
		delete(h.lowest, a)
	}
	want := h.model.edit(s.Voucher, e)
	_, err := h.svc.EditVoucher(h.ctx, h.nameOf(s.Voucher), e)
	return sameCode(want, err)
}

func (h *modelHouse) setting(key, value string) error {
	if err := h.svc.SetSetting(h.ctx, key, value); err != nil {
		return err
	}
	h.model.set = h.svc.Settings()
	h.model.expire()
	return h.poll()
}

// traffic offers packets until one is refused. used is the quota that they used
// up.
func (h *modelHouse) traffic(s Step) (used quotaOf, err error) {
	addr := s.Addr - 1
	if s.Addr == 0 {
		addr = h.model.devices[s.Device].addrs[0]
	}
	for range s.Packets {
		want, used := h.model.packet(s.Device, addr, direction(s.Up), s.Size)
		got := h.world.Packet(modelMAC(s.Device), modelAddr(addr), directionOf(s.Up), s.Size)
		if got != want {
			return used, fmt.Errorf("passed: %v, want %v", got, want)
		}
		if used.account != nil || !got {
			return used, nil
		}
	}
	return used, nil
}

// report hands the gate's event to the service, as the daemon does.
func (h *modelHouse) report(q quotaOf) error {
	t, err := h.gate().Read(h.ctx)
	if err != nil {
		return err
	}
	for _, d := range t.Depleted {
		if d.Account == h.accountID(q.account) && d.Direction == q.direction() {
			return h.svc.GateEvent(h.ctx, hotspot.GateEvent{Depletion: d})
		}
	}
	return fmt.Errorf("the gate does not say that the quota is used up")
}

func (h *modelHouse) gate() hotspot.Gate { return h.world.Gate() }

// accountID finds what the service calls an account.
func (h *modelHouse) accountID(a *mAccount) hotspot.AccountID {
	for _, d := range h.model.devices {
		if s := d.session; s != nil && s.account == a {
			if x, err := h.row(s.id); err == nil {
				return x.Account
			}
		}
	}
	if a.voucher >= 0 {
		return hotspot.AccountID{Method: hotspot.MethodVoucher, ID: h.ids[a.voucher]}
	}
	for i, d := range h.model.devices {
		if d.free != a {
			continue
		}
		var id hotspot.AccountID
		_ = h.store.View(h.ctx, func(r hotspot.Reader) error {
			u, err := r.UserByKey(hotspot.MethodFree, modelMAC(i).String())
			id = u.Account()
			return err
		})
		return id
	}
	return hotspot.AccountID{}
}

func (h *modelHouse) row(id uint64) (x hotspot.Session, err error) {
	err = h.store.View(h.ctx, func(r hotspot.Reader) error {
		x, err = r.Session(id)
		return err
	})
	return x, err
}

// crash kills the program. Packets or time go on without it.
func (h *modelHouse) crash(s Step) error {
	used, err := h.traffic(s)
	if err != nil {
		return err
	}
	if s.Packets == 0 && s.Switch == "" {
		h.machine(s.For)
		h.model.t += s.For
		h.model.awake += s.For
		if err := h.checkDead(); err != nil {
			return err
		}
	}
	if s.Switch != "" {
		if err := h.editDead(s); err != nil {
			return err
		}
	}
	h.model.rejudge()
	h.model.restart(used)
	if err := h.start(h.world.Restart()); err != nil {
		return err
	}
	return h.seeAll()
}

// editDead edits a voucher while no daemon runs, as the command line does.
func (h *modelHouse) editDead(s Step) error {
	e := h.editOf(s)
	want := hotspot.CodeNotFound
	if a := h.model.vouchers[s.Voucher]; a != nil {
		want = ""
		h.model.editDead(a, e)
		if e.Reset {
			delete(h.lowest, a)
		}
	}
	cfg := h.config(noGate{})
	cfg.Hosts = &Hosts{} // it sees nobody either
	svc := hotspot.New(cfg)
	if err := svc.Load(h.ctx); err != nil {
		return err
	}
	if err := svc.Tick(h.ctx); err != nil {
		return err
	}
	_, err := svc.EditVoucher(h.ctx, h.nameOf(s.Voucher), e)
	return sameCode(want, err)
}

// noGate is the gate of a program that has none.
type noGate struct{}

func (noGate) Set(context.Context, ...hotspot.Pass) error           { return nil }
func (noGate) Read(context.Context) (hotspot.Tally, error)          { return hotspot.Tally{}, nil }
func (noGate) Forget(context.Context, ...uint64) error              { return nil }
func (noGate) Watch(context.Context, func(hotspot.GateEvent)) error { return nil }

// reboot cuts the power.
func (h *modelHouse) reboot(s Step) error {
	h.boots++
	h.truth = h.truth.Add(s.For)
	h.clock.Reboot(h.truth.Add(s.Off), fmt.Sprintf("boot-%d", h.boots+1))
	h.model.reboot()
	if err := h.start(h.world.Reboot()); err != nil {
		return err
	}
	if err := h.adopt("power cut"); err != nil {
		return err
	}
	return h.seeAll()
}

// lose takes the gate's rules away, with what they counted.
func (h *modelHouse) lose() error {
	h.world.Lose()
	if err := h.svc.GateEvent(h.ctx, hotspot.GateEvent{Lost: true}); err != nil {
		return err
	}
	return h.adopt("loss of the gate")
}

// adopt takes over into the model what the service still knows of what was
// used, after checking that no more was forgotten than may be.
func (h *modelHouse) adopt(after string) error {
	t, err := h.gate().Read(h.ctx)
	if err != nil {
		return err
	}
	for _, s := range h.model.sessions(nil) {
		x := amount{}
		for _, m := range t.Meters {
			if m.Session == s.id {
				x = amountOf(m.Used)
			}
		}
		for d := range x {
			if x[d] < s.kept[d] || x[d] > s.used[d] {
				return fmt.Errorf("after a %s session %d has used %d, not between %d and %d", after, s.id, x[d], s.kept[d], s.used[d])
			}
		}
		h.model.forget(s, x)
		delete(h.lowest, s.account)
	}
	return nil
}
