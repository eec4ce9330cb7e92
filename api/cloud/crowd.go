package cloud

import (
	"sync"
	"time"
)

// crowdAt is how many clients of one router may stall for as long as one may: what
// waits for them takes most of what the router may send ahead on its connection,
// and what waits for one more would take the rest, so that all others had to wait.
const crowdAt = 3

// crowds counts, by router, whose answers wait until the client takes a part.
type crowds struct {
	mu sync.Mutex
	by map[string]int
}

// wait counts a client of a router until over is called. If there are too many
// after some time, it is not counted any more, and giveWay is called, before over
// returns.
func (c *crowds) wait(router string, after time.Duration, giveWay func()) (over func()) {
	c.enter(router)
	var mu sync.Mutex // guards counted
	counted := true
	timer := time.AfterFunc(after, func() {
		mu.Lock()
		defer mu.Unlock()
		if counted && c.leaveIf(router, crowdAt) {
			counted = false
			giveWay()
		}
	})
	return func() {
		timer.Stop()
		mu.Lock()
		defer mu.Unlock()
		if counted {
			c.leaveIf(router, 0)
			counted = false
		}
	}
}

func (c *crowds) enter(router string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[string]int{}
	}
	c.by[router]++
}

// leaveIf counts one less if there are more than so many.
func (c *crowds) leaveIf(router string, more int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.by[router]
	switch {
	case n <= more:
		return false
	case n == 1:
		delete(c.by, router)
	default:
		c.by[router] = n - 1
	}
	return true
}
