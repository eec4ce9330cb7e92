package login

import (
	"container/list"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

const (
	// burst wrong attempts are free, then one each interval. Six characters of
	// 31 and a passcode as long hold out against that for ever, and a guest who
	// mistypes waits half a minute at most.
	burst    = 8
	interval = 30 * time.Second
	// limited bounds the memory: a flood of made-up devices pushes out the
	// oldest entries and, at worst, gives an attacker the burst again.
	limited = 4096
)

// Limiter counts wrong attempts by device and by voucher. The venue shares
// nothing in it: a device that guesses waits by itself, and a voucher that is
// guessed at makes those wait who want to use that voucher, nobody else.
type Limiter struct {
	now func() time.Time

	mu      sync.Mutex // guards all below
	entries map[string]*list.Element
	order   *list.List // of *attempts, least recently used first
}

type attempts struct {
	key   string
	debt  time.Duration // interval per wrong attempt, paid off by time
	since time.Time
}

// NewLimiter returns a limiter. now must not run backwards; time.Now is right.
func NewLimiter(now func() time.Time) *Limiter {
	return &Limiter{now: now, entries: make(map[string]*list.Element), order: list.New()}
}

// Check refuses if any of the keys has too many wrong attempts, and says when
// to try again.
func (l *Limiter) Check(keys ...string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	var wait time.Duration
	for _, k := range keys {
		if e := l.entries[k]; e != nil {
			a := e.Value.(*attempts)
			a.pay(now)
			wait = max(wait, a.debt-(burst-1)*interval)
		}
	}
	if wait <= 0 {
		return nil
	}
	return &hotspot.Error{Code: hotspot.CodeTryLater, Text: "too many wrong attempts", When: now.Add(wait)}
}

// Failed counts a wrong attempt against the keys.
func (l *Limiter) Failed(keys ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for _, k := range keys {
		e := l.entries[k]
		if e == nil {
			e = l.order.PushBack(&attempts{key: k, since: now})
			l.entries[k] = e
		}
		l.order.MoveToBack(e)
		a := e.Value.(*attempts)
		a.pay(now)
		a.debt = min(a.debt+interval, burst*interval)
	}
	for l.order.Len() > limited {
		oldest := l.order.Front()
		delete(l.entries, oldest.Value.(*attempts).key)
		l.order.Remove(oldest)
	}
}

func (a *attempts) pay(now time.Time) {
	a.debt = max(a.debt-now.Sub(a.since), 0)
	a.since = now
}

// Len is the number of keys remembered.
func (l *Limiter) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.order.Len()
}
