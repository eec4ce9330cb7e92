package api

import (
	"net/netip"
	"sync"
	"time"
)

// LimiterConfig is what a [FailureLimiter] is made of. Zero fields take the
// defaults named beside them.
type LimiterConfig struct {
	Burst   int              // failures at once: 10
	Every   time.Duration    // one failure is forgiven this often: 6 s
	Sources int              // addresses remembered at most: 4096
	Now     func() time.Time // time.Now
}

// FailureLimiter counts failures per source address and says who must wait.
// Only failures count, so a client with the right key never waits, unless
// others at its own address fail. An IPv6 source is its /64, since one device
// has as many addresses there as it likes.
//
// It is safe for concurrent use. Its memory is bounded: when too many sources
// fail at once, those that failed least are forgotten first.
type FailureLimiter struct {
	cfg LimiterConfig
	mu  sync.Mutex // guards clear
	// clear tells for each source when its last failure will be forgiven. A
	// source is absent when nothing is held against it.
	clear map[netip.Addr]time.Time
}

// NewFailureLimiter returns a limiter that holds nothing against anybody.
func NewFailureLimiter(cfg LimiterConfig) *FailureLimiter {
	if cfg.Burst <= 0 {
		cfg.Burst = 10
	}
	if cfg.Every <= 0 {
		cfg.Every = 6 * time.Second
	}
	if cfg.Sources <= 0 {
		cfg.Sources = 4096
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &FailureLimiter{cfg: cfg, clear: make(map[netip.Addr]time.Time)}
}

// Wait returns how long a source must wait before its next attempt; zero: not
// at all.
func (l *FailureLimiter) Wait(a netip.Addr) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear, ok := l.clear[source(a)]
	if !ok {
		return 0
	}
	// The bucket has room for Burst failures; one more must fit.
	room := time.Duration(l.cfg.Burst-1) * l.cfg.Every
	return max(0, clear.Sub(l.cfg.Now())-room)
}

// Fail holds one failure against a source.
func (l *FailureLimiter) Fail(a netip.Addr) {
	now := l.cfg.Now()
	a = source(a)
	l.mu.Lock()
	defer l.mu.Unlock()
	clear, ok := l.clear[a]
	if !ok && len(l.clear) >= l.cfg.Sources {
		l.makeRoom(now)
	}
	if clear.Before(now) {
		clear = now
	}
	// Attempts that ran side by side may fail beyond the burst; the debt
	// stays bounded all the same.
	most := now.Add(time.Duration(l.cfg.Burst) * l.cfg.Every)
	if clear = clear.Add(l.cfg.Every); clear.After(most) {
		clear = most
	}
	l.clear[a] = clear
}

// Forgive takes one failure back. Whoever counts an attempt as a failure while
// its outcome is not known yet, so that attempts side by side are counted, too,
// forgives it if it succeeds.
func (l *FailureLimiter) Forgive(a netip.Addr) {
	a = source(a)
	l.mu.Lock()
	defer l.mu.Unlock()
	clear, ok := l.clear[a]
	if !ok {
		return
	}
	if clear = clear.Add(-l.cfg.Every); clear.After(l.cfg.Now()) {
		l.clear[a] = clear
	} else {
		delete(l.clear, a)
	}
}

// makeRoom drops what is forgiven and, of a random handful, the source that
// failed least. Looking at a handful keeps the cost flat under attack.
func (l *FailureLimiter) makeRoom(now time.Time) {
	const handful = 32
	var least netip.Addr
	var leastClear time.Time
	dropped, seen := false, 0
	for a, clear := range l.clear {
		if !clear.After(now) {
			delete(l.clear, a)
			dropped = true
		} else if leastClear.IsZero() || clear.Before(leastClear) {
			least, leastClear = a, clear
		}
		if seen++; seen == handful {
			break
		}
	}
	if !dropped {
		delete(l.clear, least)
	}
}

func source(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

// Len returns how many sources are remembered.
func (l *FailureLimiter) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.clear)
}
