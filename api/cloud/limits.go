package cloud

import (
	"sync"
	"time"
)

// maxRemembered bounds how many sources and prefixes are remembered. Beyond it
// all are forgotten: for an attacker with as many addresses there is no limit by
// address that would help, and the others are not harmed.
const maxRemembered = 100_000

// rates counts requests by name: so many in a second, with bursts of ten times
// as many.
type rates struct {
	each float64
	now  func() time.Time
	mu   sync.Mutex
	by   map[string]*bucket
}

type bucket struct {
	left float64
	at   time.Time
}

func newRates(each float64, now func() time.Time) *rates {
	return &rates{each: each, now: now, by: map[string]*bucket{}}
}

// take reports whether there is room for one more.
func (r *rates) take(name string) bool {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.by[name]
	if b == nil {
		if len(r.by) >= maxRemembered {
			clear(r.by)
		}
		b = &bucket{left: 10 * r.each, at: now}
		r.by[name] = b
	}
	b.left = min(10*r.each, b.left+max(0, now.Sub(b.at).Seconds())*r.each)
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// missingFor is how long it is remembered that there is no router.
const missingFor = time.Second

// missing remembers prefixes that lead nowhere.
type missing struct {
	now func() time.Time
	mu  sync.Mutex
	by  map[string]time.Time
}

func newMissing(now func() time.Time) *missing {
	return &missing{now: now, by: map[string]time.Time{}}
}

func (m *missing) is(prefix string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok := m.by[prefix]
	ago := m.now().Sub(at)
	return ok && ago >= 0 && ago < missingFor
}

func (m *missing) note(prefix string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.by) >= maxRemembered {
		clear(m.by)
	}
	m.by[prefix] = m.now()
}

// clear forgets all.
func (m *missing) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.by)
}

func (m *missing) forget(prefix string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.by, prefix)
}
