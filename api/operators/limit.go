package operators

import (
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
)

// How many known sources are remembered of an operator.
const maxKnown = 8

// limits slow guessing down, per source and per account. Whoever waits does so
// for a moment only, and never if somebody else guesses at the account from
// elsewhere: who signed in from an address is let try again from there.
type limits struct {
	bySource, byAccount, byCode *api.FailureLimiter

	mu    *sync.Mutex // guards known, and keeps Wait and Fail together
	known map[api.ID][]netip.Addr
}

func newLimits(mono func() time.Duration) limits {
	now := func() time.Time { return time.Unix(0, 0).Add(mono()) }
	return limits{
		bySource:  api.NewFailureLimiter(api.LimiterConfig{Burst: 5, Every: 12 * time.Second, Now: now}),
		byAccount: api.NewFailureLimiter(api.LimiterConfig{Burst: 20, Every: 30 * time.Second, Sources: 1024, Now: now}),
		// A code has six digits only. Whoever gets to it has the password.
		byCode: api.NewFailureLimiter(api.LimiterConfig{Burst: 10, Every: 5 * time.Minute, Sources: 1024, Now: now}),
		mu:     &sync.Mutex{}, known: map[api.ID][]netip.Addr{},
	}
}

// accountKey stands for an account among sources: a limiter tells IPv6 sources
// apart by their first half.
func accountKey(account string) netip.Addr {
	sum := sha256.Sum256([]byte(account))
	sum[0] |= 0x80 // it must not look like a mapped IPv4 address
	return netip.AddrFrom16([16]byte(sum[:16]))
}

// sourceOf is what counts as one source: of IPv6, a /64.
func sourceOf(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if p, err := a.Prefix(64); a.Is6() && err == nil {
		return p.Addr()
	}
	return a
}

// remember takes note that an operator was here.
func (l *limits) remember(id api.ID, from netip.Addr) {
	if !from.IsValid() || l.knows(id, from) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	list := append(l.known[id], sourceOf(from))
	l.known[id] = list[max(0, len(list)-maxKnown):]
}

func (l *limits) knows(id api.ID, from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.known[id] {
		if a == sourceOf(from) {
			return true
		}
	}
	return false
}

// forget drops what is remembered of an operator who is gone.
func (l *limits) forget(id api.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.known, id)
}

// attempt counts an attempt before its outcome is known, or says to wait.
func (l *limits) attempt(by *api.FailureLimiter, a netip.Addr) error {
	l.mu.Lock() // or attempts side by side would all be let through
	defer l.mu.Unlock()
	if wait := by.Wait(a); wait > 0 {
		return &api.WaitError{For: wait}
	}
	by.Fail(a)
	return nil
}
