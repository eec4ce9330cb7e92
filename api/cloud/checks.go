package cloud

import (
	"context"
	"sync"
	"time"
)

// checks are routers that are to be held against their records.
type checks struct {
	due chan struct{} // there is one

	mu   sync.Mutex // guards what follows
	list []string
	by   map[string]bool // those in the list; true: where they are, too
}

func newChecks() checks { return checks{due: make(chan struct{}, 1), by: map[string]bool{}} }

// add lets a router be looked at soon.
func (c *checks) add(router string, all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was, ok := c.by[router]
	c.by[router] = was || all
	if !ok {
		c.list = append(c.list, router)
	}
	select {
	case c.due <- struct{}{}:
	default:
	}
}

// next takes the first one.
func (c *checks) next() (router string, all, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.list) == 0 {
		c.list = nil
		return "", false, false
	}
	router, c.list = c.list[0], c.list[1:]
	all = c.by[router]
	delete(c.by, router)
	return router, all, true
}

// Paces of checks: the records serve requests, too.
const (
	checkPace  = time.Millisecond
	checkAgain = 2 * time.Second // after one that could not be made
)

// run looks at what is due until ctx ends.
func (c *checks) run(ctx context.Context, look func(ctx context.Context, router string, all bool) bool) {
	pace := time.NewTimer(0)
	defer pace.Stop()
	for {
		select {
		case <-c.due:
		case <-ctx.Done():
			return
		}
		for {
			router, all, ok := c.next()
			if !ok {
				break
			}
			wait := checkPace
			if !look(ctx, router, all) {
				c.add(router, all)
				wait = checkAgain
			}
			pace.Reset(wait)
			select {
			case <-pace.C:
			case <-ctx.Done():
				return
			}
		}
	}
}

// movedFor is how long it is remembered where a router has gone: until the
// registry has told everybody.
const movedFor = 10 * time.Second

// moves remembers where routers that were here have gone.
type moves struct {
	now func() time.Time
	mu  sync.Mutex // guards what follows
	by  map[string]move
}

type move struct {
	to Node
	at time.Time
}

func (m *moves) note(router string, to Node) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if m.by == nil || len(m.by) >= maxRemembered {
		m.by = map[string]move{}
	}
	m.by[router] = move{to, now}
}

// to returns where a router has gone a moment ago.
func (m *moves) to(router string) (Node, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	x, ok := m.by[router]
	ago := m.now().Sub(x.at)
	return x.to, ok && ago >= 0 && ago < movedFor
}

func (m *moves) forget(router string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.by, router)
}
