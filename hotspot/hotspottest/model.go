package hotspottest

import (
	"slices"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// model restates the session rules as plainly as they can be said: no store, no
// gate, no wall clock, nothing that can fail. Random tests hold the service
// against it.
//
// Its time is a line on which validities are laid end to end. Setting a clock
// does not move anything on it.
type model struct {
	t        time.Duration // now, on the line
	awake    time.Duration // runs while the machine runs; silence is measured on it
	shift    time.Duration // what the house's clock shows is t + shift
	believed bool
	mark     struct{ t, shift time.Duration } // as of the last flush

	set      hotspot.Settings
	vouchers [modelVouchers]*mAccount // nil: not there
	devices  [modelDevices]*mDevice
	log      []*mSession // that ended
}

// The model's world is small, so that everything collides.
const (
	modelVouchers = 3
	modelDevices  = 4
	modelAddrs    = 6
)

// span is something that began on the line of time.
type span struct {
	begun bool
	at    time.Duration
	// provisional: it began before the time was known.
	provisional bool
}

type mAccount struct {
	voucher  int // slot, or -1: a device's free access
	span     span
	validFor time.Duration // 0: without end
	// from is the date, as the house's clock shows it, before which nobody is
	// let in; dated: there is one. Once in use and past it, it stays past it.
	from     time.Duration
	dated    bool
	limit    limits
	used     amount
	kept     amount  // of used: what a power cut cannot take
	spent    [3]bool // the gate said that nothing more fits in
	disabled bool
	devices  int // 0: the setting's number
	bound    []int
	removed  bool
}

// amount is bytes down and up.
type amount [2]uint64

func (a amount) usage() hotspot.Usage { return hotspot.Usage{Down: a[0], Up: a[1]} }

func amountOf(u hotspot.Usage) amount { return amount{u.Down, u.Up} }

// limits are of bytes down, up, and both together; 0: unlimited. Their places
// number the quotas.
type limits [3]uint64

const quotaTotal = 2

func limitsOf(u hotspot.Usage, total uint64) limits { return limits{u.Down, u.Up, total} }

// of returns what counts for a quota.
func (a amount) of(quota int) uint64 {
	if quota == quotaTotal {
		return a[0] + a[1]
	}
	return a[quota]
}

type mDevice struct {
	free      *mAccount // nil: never had any
	account   *mAccount // of the last login
	returning bool
	blocked   bool
	why       hotspot.Reason // of the last end
	session   *mSession      // nil: offline
	addrs     []int          // it holds on the network
}

type mSession struct {
	id        uint64 // as the service numbers it
	device    int
	account   *mAccount
	span      span
	timeout   time.Duration
	active    time.Duration  // of the last byte, on the awake line
	why       hotspot.Reason // it ended
	addrs     []int
	keptAddrs []int // what a restart cannot take
	// heard is active as of the last time that passed: bytes that nobody read
	// before they were lost were not heard.
	heard struct {
		active time.Duration
		used   amount
	}
	used amount
	kept amount
}

func newModel() *model {
	m := &model{believed: true, set: hotspot.DefaultSettings()}
	for i := range m.devices {
		m.devices[i] = &mDevice{}
	}
	return m
}

// begin starts a span now.
func (m *model) begin() span { return span{true, m.t, !m.believed} }

// expired reports whether an account's time is over.
func (m *model) expired(a *mAccount) bool {
	return a.span.begun && a.validFor > 0 && m.t >= a.span.at+a.validFor
}

// refusal says why an account lets nobody in; empty: it does.
func (m *model) refusal(a *mAccount) hotspot.Code {
	switch {
	case a.disabled:
		return hotspot.CodeDisabled
	case a.dated && m.believed && m.t+m.shift < a.from:
		return hotspot.CodeNotYetValid
	case m.expired(a):
		return hotspot.CodeTimeUsed
	case a.full(quotaTotal):
		return hotspot.CodeDataUsed
	case a.full(0):
		return hotspot.CodeDownloadUsed
	case a.full(1):
		return hotspot.CodeUploadUsed
	}
	return ""
}

// full reports whether nothing is left of a quota.
func (a *mAccount) full(q int) bool {
	return a.spent[q] || a.limit[q] > 0 && a.used.of(q) >= a.limit[q]
}

// fits reports whether a quota leaves room for a packet.
func (a *mAccount) fits(q, n int) bool {
	return !a.full(q) && (a.limit[q] == 0 || a.used.of(q)+uint64(n) <= a.limit[q])
}

// setLimit changes limits. What is raised has room again.
func (a *mAccount) setLimit(to limits) {
	for d := range to {
		if to[d] == 0 || to[d] > a.limit[d] {
			a.spent[d] = false
		}
	}
	a.limit = to
}

func (m *model) places(a *mAccount) int {
	if a.devices > 0 {
		return a.devices
	}
	return m.set.VoucherDevices
}

// sessions returns an account's open sessions.
func (m *model) sessions(a *mAccount) []*mSession {
	var out []*mSession
	for _, d := range m.devices {
		if d.session != nil && (a == nil || d.session.account == a) {
			out = append(out, d.session)
		}
	}
	return out
}

// over says why a session is over by the time; empty: it is not.
func (m *model) over(s *mSession) hotspot.Reason {
	end, why := time.Duration(-1), hotspot.Reason("")
	if a := s.account; a.span.begun && a.validFor > 0 {
		end, why = a.span.at+a.validFor, hotspot.EndExpired
	}
	if s.timeout > 0 && (why == "" || s.span.at+s.timeout < end) {
		end, why = s.span.at+s.timeout, hotspot.EndTimeout
	}
	switch {
	case why != "" && m.t >= end:
		return why
	case m.set.SessionIdle > 0 && m.awake-s.active >= m.set.SessionIdle:
		return hotspot.EndIdle
	}
	return ""
}

// end ends a session, for ever.
func (m *model) end(s *mSession, why hotspot.Reason) {
	for d := range s.used {
		s.account.kept[d] += s.used[d] - s.kept[d]
	}
	s.kept = s.used
	switch why {
	case hotspot.EndDownload:
		s.account.spent[0] = true
	case hotspot.EndUpload:
		s.account.spent[1] = true
	case hotspot.EndData:
		s.account.spent[quotaTotal] = true
	}
	dev := m.devices[s.device]
	dev.session, dev.why = nil, why
	s.why, m.log = why, append(m.log, s)
	switch why {
	case hotspot.EndLogout, hotspot.EndKicked, hotspot.EndReplaced, hotspot.EndRemoved, hotspot.EndTimeout:
		dev.returning = false
	}
}

// expire ends what is over by the time.
func (m *model) expire() {
	for _, s := range m.sessions(nil) {
		if why := m.over(s); why != "" {
			m.end(s, why)
		}
	}
}

// endOf is the Reason that goes with a refusal.
var endOf = map[hotspot.Code]hotspot.Reason{
	hotspot.CodeDisabled: hotspot.EndDisabled, hotspot.CodeTimeUsed: hotspot.EndExpired,
	hotspot.CodeDownloadUsed: hotspot.EndDownload, hotspot.CodeUploadUsed: hotspot.EndUpload,
	hotspot.CodeDataUsed:    hotspot.EndData,
	hotspot.CodeNotYetValid: hotspot.EndNotYetValid,
}

// passes says whether a packet may pass.
func (m *model) passes(device, addr, dir, n int) (*mSession, bool) {
	for _, s := range m.sessions(nil) {
		if !slices.Contains(s.addrs, addr) {
			continue
		}
		if dir == 1 && s.device != device || m.expired(s.account) || s.timeout > 0 && m.t >= s.span.at+s.timeout {
			return nil, false
		}
		a := s.account
		return s, a.fits(dir, n) && a.fits(quotaTotal, n)
	}
	return nil, false
}

// packet offers a packet. used: it was the last one of a quota, or the first one
// too many. Of two, that of both directions together is told.
func (m *model) packet(device, addr, dir, n int) (ok bool, used quotaOf) {
	s, ok := m.passes(device, addr, dir, n)
	if s == nil {
		return false, used
	}
	quota := dir
	if s.account.fits(dir, n) && !s.account.fits(quotaTotal, n) {
		quota = quotaTotal
	}
	if ok && n > 0 {
		s.used[dir] += uint64(n)
		s.account.used[dir] += uint64(n)
		s.active = m.awake
	}
	if s.account.full(quotaTotal) {
		quota = quotaTotal
	}
	if n > 0 && (!ok || s.account.full(quota)) {
		return ok, quotaOf{s.account, quota}
	}
	return ok, used
}

// quotaOf is a quota of an account; zero: none.
type quotaOf struct {
	account *mAccount
	quota   int
}

// direction is what the service calls the quota.
func (q quotaOf) direction() hotspot.Direction {
	return [...]hotspot.Direction{hotspot.Down, hotspot.Up, hotspot.Total}[q.quota]
}

// deplete ends the sessions of an account whose quota the gate found used up.
func (m *model) deplete(q quotaOf) {
	q.account.spent[q.quota] = true
	for _, s := range m.sessions(q.account) {
		m.end(s, [...]hotspot.Reason{hotspot.EndDownload, hotspot.EndUpload, hotspot.EndData}[q.quota])
	}
}
