package etcd

import (
	"sync"
	"time"
)

// claim is what this relay wants of one router's key, and what it knows of it.
type claim struct {
	want bool // the router is here; otherwise the key has to go
	call int  // counts Enter and Leave: what they want may change while etcd is asked

	// mine is the revision of the key as this relay has written it; 0: it has not,
	// as far as is known.
	mine int64
	// base is the revision of the key that the next write is made on; 0: there
	// must be no key.
	base int64
	// late says that a write has failed since the router came at the moment since,
	// so that another relay that has the key may have been faster than this one.
	late  bool
	since time.Time
	// left is the revision in which this relay has deleted the key, which the watch
	// has not told yet; clean is the last one of which an answer said that the key
	// was not this relay's: what the watch tells from before that is old.
	left, clean int64
	// told is the last revision of the key that the watch has told of, and seen
	// the last of those that this relay has written.
	told, seen int64

	queued, busy bool
	turns        int // that others had the key when it was to be written
	waiting      []waiter
}

// waiter waits for what one Enter or Leave, or a later one, comes to.
type waiter struct {
	call int
	done chan<- error // has room for one
}

// answer tells those who wait for a call, or for one before it.
func (c *claim) answer(call int, err error) {
	rest := c.waiting[:0]
	for _, w := range c.waiting {
		if w.call <= call {
			w.done <- err
		} else {
			rest = append(rest, w)
		}
	}
	clear(c.waiting[len(rest):])
	c.waiting = rest
}

// claims are the routers that this relay has, and those that it has to write
// something of.
type claims struct {
	mu    sync.Mutex // guards what follows
	all   map[string]*claim
	queue []string
	over  bool          // nothing is written any more
	wake  chan struct{} // has room for one
}

func newClaims() *claims { return &claims{all: map[string]*claim{}, wake: make(chan struct{}, 1)} }

// get returns the claim on a router, which there is from now on. s.mu is held.
func (s *claims) get(router string) *claim {
	c := s.all[router]
	if c == nil {
		c = &claim{}
		s.all[router] = c
	}
	return c
}

// enqueue has something written. s.mu is held.
func (s *claims) enqueue(router string, c *claim) {
	if c.queued || c.busy {
		return
	}
	c.queued = true
	s.queue = append(s.queue, router)
	select {
	case s.wake <- struct{}{}:
	default: // it is going to look
	}
}

// ask changes what is wanted of a router's key. base is what is known of the key.
func (s *claims) ask(router string, want bool, base int64, now time.Time) <-chan error {
	done := make(chan error, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		done <- ErrClosed
		return done
	}
	c := s.get(router)
	c.want, c.late, c.turns, c.since = want, false, 0, now
	c.call++
	if !c.busy {
		c.base = max(base, c.mine)
	}
	c.waiting = append(c.waiting, waiter{c.call, done})
	s.enqueue(router, c)
	return done
}

// write is a change of one router's key.
type write struct {
	router string
	want   bool
	call   int
	on     int64 // the revision of the key that it is made on; 0: there must be none
}

// take returns at most n writes that are to be made.
func (s *claims) take(n int) (out []write) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(out) < n && len(s.queue) > 0 {
		router := s.queue[0]
		s.queue = s.queue[1:]
		c := s.all[router]
		c.queued, c.busy = false, true
		w := write{router, c.want, c.call, c.base}
		if !w.want {
			w.on = c.mine
		}
		out = append(out, w)
	}
	if len(s.queue) == 0 {
		s.queue = nil
	}
	return out
}

// fail tells those who wait that writes have failed.
func (s *claims) fail(writes []write, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range writes {
		c := s.all[w.router]
		c.late = true
		c.answer(w.call, err)
	}
}

// again has writes that have failed made again.
func (s *claims) again(writes []write) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range writes {
		c := s.all[w.router]
		c.busy = false
		s.enqueue(w.router, c)
	}
}

// forget ends a claim of which nothing is left to know. s.mu is held.
func (s *claims) forget(router string, c *claim) {
	if !c.queued && !c.busy && len(c.waiting) == 0 {
		delete(s.all, router)
	}
}

// has reports whether this relay has a router, or is about to note that.
func (s *claims) has(router string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.all[router]
	return c != nil && c.want
}
