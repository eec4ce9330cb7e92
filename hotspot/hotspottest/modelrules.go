package hotspottest

import (
	"cmp"
	"slices"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// leave ends a device's stay on another account: it changes accounts.
func (m *model) leave(d *mDevice, a *mAccount) {
	if d.session != nil && d.session.account != a {
		m.end(d.session, hotspot.EndLogout)
	}
}

// login lets a device in on a voucher, or says why not.
func (m *model) login(device, slot int) hotspot.Code {
	return m.loginOn(device, m.vouchers[slot])
}

func (m *model) loginOn(device int, a *mAccount) hotspot.Code {
	d := m.devices[device]
	m.leave(d, a)
	if d.blocked {
		return hotspot.CodeBlocked
	}
	if a == nil || a.removed {
		return hotspot.CodeUnknownCode
	}
	if code := m.refusal(a); code != "" {
		return code
	}
	if !slices.Contains(a.bound, device) {
		if code := m.bind(a, device); code != "" {
			return code
		}
	}
	if !a.span.begun {
		a.span = m.begin()
	}
	m.enter(device, a)
	return ""
}

// bind makes room for a device: the oldest ones go if they may be made to.
func (m *model) bind(a *mAccount, device int) hotspot.Code {
	for len(a.bound) >= m.places(a) {
		if !m.set.VoucherTakeover {
			return hotspot.CodeOtherDevice
		}
		out := m.devices[a.bound[0]]
		a.bound = a.bound[1:]
		if out.account == a {
			out.returning = false
		}
		if out.session != nil && out.session.account == a {
			m.end(out.session, hotspot.EndReplaced)
		}
	}
	a.bound = append(slices.Clone(a.bound), device)
	return ""
}

// enter opens a session, unless the device has it, and claims its addresses.
func (m *model) enter(device int, a *mAccount) {
	d := m.devices[device]
	if d.session == nil {
		d.session = &mSession{device: device, account: a, span: m.begin(), timeout: m.set.SessionMax, active: m.awake}
		d.account, d.returning, d.why = a, true, ""
		d.session.heard.active = m.awake
		d.session.keptAddrs = slices.Clone(d.addrs)
	}
	m.claim(d)
}

// claim gives a guest the addresses that it holds on the network, besides those
// it had. Nobody else keeps them.
func (m *model) claim(d *mDevice) {
	for _, a := range d.addrs {
		for _, s := range m.sessions(nil) {
			if s != d.session {
				s.addrs = slices.DeleteFunc(slices.Clone(s.addrs), func(b int) bool { return a == b })
			}
		}
		if !slices.Contains(d.session.addrs, a) {
			d.session.addrs = append(d.session.addrs, a)
		}
	}
}

// loginFree lets a device in for nothing, or says why not.
func (m *model) loginFree(device int) hotspot.Code {
	d := m.devices[device]
	m.leave(d, d.free)
	if d.blocked {
		return hotspot.CodeBlocked
	}
	a := d.free
	if a == nil {
		a = &mAccount{voucher: -1}
		d.free = a
	}
	judged := *a // a refusal changes nothing
	judged.validFor = m.set.FreeFor
	code := m.refusal(&judged)
	again := m.t >= a.span.at+m.set.FreeEvery
	switch {
	case !a.span.begun, (code != "" || m.set.FreeEvery > 0) && again:
		*a = mAccount{voucher: -1, span: m.begin(), limit: limitsOf(m.set.FreeLimit, 0)}
	case code != "":
		return code
	}
	a.validFor = m.set.FreeFor
	a.setLimit(limitsOf(m.set.FreeLimit, 0))
	m.enter(device, a)
	return ""
}

// unblock lets a device log in again, and back in if it may return by itself.
func (m *model) unblock(device int) hotspot.Code {
	d := m.devices[device]
	if !d.blocked {
		return hotspot.CodeNotFound
	}
	d.blocked = false
	m.comeBack(device)
	return ""
}

// comeBack lets a known device in without the form, if it may.
func (m *model) comeBack(device int) {
	d := m.devices[device]
	if d.session != nil || !d.returning || d.blocked {
		return
	}
	switch {
	case d.account.voucher >= 0:
		if m.set.VoucherReturn {
			m.loginOn(device, d.account)
		}
	case m.set.FreeReturn && m.set.LoginFree && !m.expired(d.account):
		m.loginFree(device)
	}
}

// seen: a device appeared, or has another address.
func (m *model) seen(device int) {
	if d := m.devices[device]; d.session != nil {
		m.claim(d)
	} else {
		m.comeBack(device)
	}
}

// edit changes a voucher.
func (m *model) edit(slot int, e hotspot.VoucherEdit) hotspot.Code {
	a := m.vouchers[slot]
	if a == nil {
		return hotspot.CodeNotFound
	}
	for _, s := range m.sessions(a) {
		s.kept = s.used
	}
	a.kept = a.used
	m.change(a, e)
	if !a.span.begun && len(m.sessions(a)) > 0 {
		a.span = m.begin()
	}
	code := m.refusal(a)
	for _, s := range m.sessions(a) {
		if code != "" {
			m.end(s, endOf[code])
		} else if !slices.Contains(a.bound, s.device) {
			m.end(s, hotspot.EndReplaced)
		}
	}
	for _, d := range slices.Clone(a.bound) {
		m.comeBack(d)
	}
	return ""
}

func (m *model) change(a *mAccount, e hotspot.VoucherEdit) {
	if e.ValidFor != nil {
		a.validFor = time.Duration(*e.ValidFor)
	}
	if e.Devices != nil {
		a.devices = *e.Devices
	}
	if e.Disabled != nil {
		a.disabled = *e.Disabled
	}
	if e.Reset {
		a.span, a.used, a.kept, a.spent = span{}, amount{}, amount{}, [3]bool{}
	}
	limit := a.limit
	if e.Limit != nil {
		limit = limitsOf(*e.Limit, limit[quotaTotal])
	}
	if e.LimitTotal != nil {
		limit[quotaTotal] = *e.LimitTotal
	}
	if e.TopUp != nil {
		for d, more := range limitsOf(*e.TopUp, e.TopUpTotal) {
			if limit[d] > 0 {
				limit[d] += more
			}
		}
	}
	a.setLimit(limit)
	if e.Unbind {
		a.bound = nil
	}
	if e.Devices != nil {
		a.bound = a.bound[:min(len(a.bound), m.places(a))]
	}
}

// remove removes a voucher.
func (m *model) remove(slot int) hotspot.Code {
	a := m.vouchers[slot]
	if a == nil {
		return hotspot.CodeNotFound
	}
	for _, s := range m.sessions(a) {
		m.end(s, hotspot.EndRemoved)
	}
	for _, i := range a.bound {
		if d := m.devices[i]; d.account == a {
			d.returning = false
		}
	}
	a.removed, m.vouchers[slot] = true, nil
	return ""
}

// pass lets time go by, after the counters were read. What is over by then does
// not pass any more, and remains to be ended.
func (m *model) pass(d time.Duration) {
	for _, s := range m.sessions(nil) {
		s.heard.active, s.heard.used = s.active, s.used
	}
	m.t += d
	m.awake += d
}

// forget sets back what a session has used to what is still known of it.
func (m *model) forget(s *mSession, known amount) {
	if known == s.used {
		return
	}
	if known == s.heard.used {
		s.active = s.heard.active
	}
	for d := range known {
		s.account.used[d] -= s.used[d] - known[d]
	}
	s.used = known
}

// flush makes usage and time safe from power cuts.
func (m *model) flush() {
	for _, s := range m.sessions(nil) {
		s.kept, s.account.kept = s.used, s.account.used
		s.keptAddrs = slices.Clone(s.addrs)
	}
	m.storeTime()
}

// storeTime makes the time safe from power cuts. Every start does, and whatever
// corrects the time.
func (m *model) storeTime() { m.mark.t, m.mark.shift = m.t, m.shift }

// recall sets addresses back to those that were stored. One that was stored
// twice is the newest login's.
func (m *model) recall() {
	open := m.sessions(nil)
	slices.SortFunc(open, func(a, b *mSession) int { return cmp.Compare(b.id, a.id) })
	taken := make(map[int]bool)
	for _, s := range open {
		s.addrs = slices.DeleteFunc(slices.Clone(s.keptAddrs), func(a int) bool { return taken[a] })
		for _, a := range s.addrs {
			taken[a] = true
		}
	}
}

// rejudge looks at everybody who is in as if they came now, as a new run of the
// program does, by what the store knows. Whoever asks why hears of the voucher
// first, although the session may have been as long as it may be earlier.
func (m *model) rejudge() {
	m.recall()
	codes := make(map[*mAccount]hotspot.Code)
	for _, a := range m.vouchers {
		if a == nil {
			continue
		}
		if !a.span.begun && len(m.sessions(a)) > 0 {
			a.span = m.begin()
		}
		stored := *a
		stored.used = a.kept
		codes[a] = m.refusal(&stored)
	}
	for _, s := range m.sessions(nil) {
		if code := codes[s.account]; code != "" {
			m.end(s, endOf[code])
		} else if s.account.voucher >= 0 && !slices.Contains(s.account.bound, s.device) {
			m.end(s, hotspot.EndReplaced)
		}
	}
}

// editDead changes a voucher while no daemon runs. A reset then spares what the
// store has not heard of yet.
func (m *model) editDead(a *mAccount, e hotspot.VoucherEdit) {
	m.change(a, e)
	if !e.Reset {
		return
	}
	for _, s := range m.sessions(a) {
		for d := range s.used {
			a.used[d] += s.used[d] - s.kept[d]
		}
	}
}

// restart is a new run of the program: silence is measured anew.
// used are accounts whose quota was used up meanwhile.
func (m *model) restart(used quotaOf) {
	m.storeTime()
	for _, s := range m.sessions(nil) {
		s.active, s.heard.active = m.awake, m.awake
	}
	m.expire()
	for _, s := range m.sessions(nil) {
		for _, q := range [...]int{quotaTotal, 0, 1} {
			x := quotaOf{s.account, q}
			if m.devices[s.device].session == s && (s.account.full(q) || used == x) {
				m.deplete(x)
			}
		}
	}
}

// reboot takes time back to what the store knows. What was used since the last
// flush may be forgotten; how much is left to see.
func (m *model) reboot() {
	m.t, m.shift, m.believed = m.mark.t, m.mark.shift, false
	m.rejudge()
	m.restart(quotaOf{})
}

// maxOff is the longest time without power that is believed.
const maxOff = 400 * 24 * time.Hour

// clock: the wall clock shows a time (on the same scale as t + shift). synced:
// somebody vouches for it.
func (m *model) clock(wall time.Duration, synced bool) {
	off := wall - (m.t + m.shift)
	if !m.believed && !synced || m.believed && off == 0 {
		return
	}
	for _, a := range m.vouchers {
		if a != nil && a.span.begun && !a.span.provisional && m.t+m.shift >= a.from {
			a.dated = false
		}
	}
	if !m.believed && off >= 0 && off <= maxOff {
		// The time without power is over for what began before it.
		m.t += off
		m.eachSpan(func(s *span) {
			if s.provisional {
				s.at += off
			}
		})
	} else {
		m.shift += off
	}
	m.believed = true
	m.eachSpan(func(s *span) { s.provisional = false })
	m.storeTime()
	m.expire()
}

// eachSpan calls f once for everything that has begun.
func (m *model) eachSpan(f func(*span)) {
	accounts := make(map[*mAccount]struct{})
	for _, a := range m.vouchers {
		if a != nil {
			accounts[a] = struct{}{}
		}
	}
	for _, d := range m.devices {
		if d.free != nil {
			accounts[d.free] = struct{}{}
		}
		if d.session != nil {
			f(&d.session.span)
		}
	}
	for a := range accounts {
		f(&a.span)
	}
}
