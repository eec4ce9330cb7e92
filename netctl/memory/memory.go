// Package memory is a gate without a kernel. It decides about packets that it
// is told of, with the rules and the arithmetic of the nftables backend, so
// that the whole program can be tried on any machine without privileges and
// tests can drive it byte by byte.
package memory

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl"
)

// Gate implements [hotspot.Gate] in memory.
type Gate struct {
	now func() time.Duration

	mu       sync.Mutex // guards all below
	accounts map[hotspot.AccountID]*account
	sessions map[netctl.SessionKey]*session
	owners   map[netip.Addr]*session
	watchers map[*watcher]struct{}
	fault    error
}

// account is what the devices of an account share.
type account struct {
	down, up, total quota
}

// quota counts what was offered; more than limit is refused.
type quota struct {
	limit    uint64 // 0 = unlimited
	consumed uint64
	base     uint64 // the count it started from
	accepted uint64 // what passed, and base
	told     bool   // the depletion was reported
}

func newQuota(limit, used uint64) quota {
	return quota{limit: limit, consumed: used, base: used, accepted: used}
}

func (q *quota) depleted() bool { return q.limit > 0 && q.consumed >= q.limit }

// session is one meter, open while it is granted.
type session struct {
	key      netctl.SessionKey
	open     bool
	mac      hotspot.MAC
	addrs    []netip.Addr
	deadline time.Duration
	forever  bool
	used     hotspot.Usage
}

// Option changes a gate that is being made.
type Option func(*Gate)

// Now makes the gate read the time from f, which must never run backwards.
// Without it the gate uses the process's monotonic clock.
func Now(f func() time.Duration) Option { return func(g *Gate) { g.now = f } }

// New returns a gate that lets nobody pass.
func New(opts ...Option) *Gate {
	start := time.Now()
	g := &Gate{
		now:      func() time.Duration { return time.Since(start) },
		accounts: make(map[hotspot.AccountID]*account),
		sessions: make(map[netctl.SessionKey]*session),
		owners:   make(map[netip.Addr]*session),
		watchers: make(map[*watcher]struct{}),
	}
	for _, o := range opts {
		o(g)
	}
	return g
}

// Fail makes Set, Read and Forget return err until it is called with nil.
func (g *Gate) Fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault = err
}

// Set implements [hotspot.Gate].
func (g *Gate) Set(ctx context.Context, passes ...hotspot.Pass) error {
	passes, err := netctl.Clean(passes)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.ready(ctx); err != nil {
		return err
	}
	g.closeMissing(passes)
	for _, p := range passes {
		g.setQuotas(p)
		for _, gr := range p.Grants {
			g.setGrant(p.Account, gr)
		}
	}
	return nil
}

// ready returns why a call cannot be served. The caller holds mu.
func (g *Gate) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return g.fault
}

// closeMissing ends the sessions that their account's pass does not grant any
// more, and takes from the others the addresses that it does not name.
func (g *Gate) closeMissing(passes []hotspot.Pass) {
	granted := make(map[hotspot.AccountID]map[uint64][]netip.Addr, len(passes))
	for _, p := range passes {
		granted[p.Account] = make(map[uint64][]netip.Addr, len(p.Grants))
		for _, gr := range p.Grants {
			granted[p.Account][gr.Session] = gr.Addrs
		}
	}
	for k, s := range g.sessions {
		told, ok := granted[k.Account]
		if !ok || !s.open {
			continue
		}
		keep, ok := told[k.ID]
		s.open = ok
		for _, a := range slices.Clone(s.addrs) {
			if !slices.Contains(keep, a) {
				g.release(a)
			}
		}
	}
}

// release takes an address from the session that has it.
func (g *Gate) release(a netip.Addr) {
	s, ok := g.owners[a]
	if !ok {
		return
	}
	delete(g.owners, a)
	s.addrs = slices.DeleteFunc(s.addrs, func(b netip.Addr) bool { return a == b })
}

func (g *Gate) setQuotas(p hotspot.Pass) {
	if len(p.Grants) == 0 {
		delete(g.accounts, p.Account)
		return
	}
	a, ok := g.accounts[p.Account]
	if !ok {
		g.accounts[p.Account] = &account{
			down:  newQuota(p.Limit.Down, p.Used.Down),
			up:    newQuota(p.Limit.Up, p.Used.Up),
			total: newQuota(p.LimitTotal, p.Used.Down+p.Used.Up),
		}
		return
	}
	if sum := p.Used.Down + p.Used.Up; a.total.set(p.LimitTotal, sum) && a.total.accepted == sum {
		// Its figure was believed, so those of the directions can be.
		a.down, a.up = newQuota(p.Limit.Down, p.Used.Down), newQuota(p.Limit.Up, p.Used.Up)
		return
	}
	a.down.set(p.Limit.Down, p.Used.Down)
	a.up.set(p.Limit.Up, p.Used.Up)
}

// set changes the limit of a quota that is held, and reports whether it begins
// again after it was used up.
func (q *quota) set(limit, used uint64) (refilled bool) {
	raised := limit != q.limit && (limit == 0 || limit > q.limit) && q.limit != 0
	if q.depleted() && (raised || used < q.base) {
		*q = newQuota(limit, netctl.Refill(used, q.limit, q.base, q.accepted))
		return true
	}
	if limit != q.limit {
		q.limit, q.told = limit, false
	}
	return false
}

func (g *Gate) setGrant(a hotspot.AccountID, gr hotspot.Grant) {
	k := netctl.SessionKey{ID: gr.Session, Account: a}
	s, ok := g.sessions[k]
	if !ok {
		s = &session{key: k, used: gr.Used}
		g.sessions[k] = s
	}
	s.open, s.mac = true, gr.MAC
	s.forever, s.deadline = gr.Left == 0, g.now()+gr.Left
	for _, ip := range gr.Addrs {
		if g.owners[ip] != s {
			g.release(ip)
			g.owners[ip] = s
			s.addrs = append(s.addrs, ip)
		}
	}
}

// Read implements [hotspot.Gate].
func (g *Gate) Read(ctx context.Context) (hotspot.Tally, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.ready(ctx); err != nil {
		return hotspot.Tally{}, err
	}
	var t hotspot.Tally
	for k, s := range g.sessions {
		t.Meters = append(t.Meters, hotspot.Meter{Session: k.ID, Account: k.Account, Used: s.used})
	}
	sort.Slice(t.Meters, func(i, j int) bool { return t.Meters[i].Session < t.Meters[j].Session })
	for id, a := range g.accounts {
		for d, q := range map[hotspot.Direction]*quota{hotspot.Down: &a.down, hotspot.Up: &a.up, hotspot.Total: &a.total} {
			if q.depleted() {
				t.Depleted = append(t.Depleted, hotspot.Depletion{Account: id, Direction: d})
			}
		}
	}
	sort.Slice(t.Depleted, func(i, j int) bool { return compareDepletions(t.Depleted[i], t.Depleted[j]) < 0 })
	return t, nil
}

func compareDepletions(a, b hotspot.Depletion) int {
	return cmp.Or(cmp.Compare(a.Account.Method, b.Account.Method),
		cmp.Compare(a.Account.ID, b.Account.ID), cmp.Compare(a.Direction, b.Direction))
}

// Forget implements [hotspot.Gate].
func (g *Gate) Forget(ctx context.Context, sessions ...uint64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.ready(ctx); err != nil {
		return err
	}
	ids := make(map[uint64]struct{}, len(sessions))
	for _, id := range sessions {
		ids[id] = struct{}{}
	}
	for k, s := range g.sessions {
		if _, ok := ids[k.ID]; ok && !s.open {
			delete(g.sessions, k)
		}
	}
	return nil
}
