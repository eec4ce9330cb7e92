package cloud

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// links are the routers that are connected. The newest connection of a router
// wins; the one before it lets its requests finish.
type links struct {
	mu       sync.Mutex
	byRouter map[string]*held
	byPrefix map[string]*held
	// finishing are those that another one has taken the place of.
	finishing map[*tunnel.Link]bool
}

type held struct {
	router Router
	link   *tunnel.Link
	// sending is how many requests are about to be sent, or wait for their answer to
	// begin.
	sending *atomic.Int32
	telling *sync.Mutex // held while the router is told its host
}

// release takes back a pick.
func (h *held) release() { h.sending.Add(-1) }

// ended reports whether the link takes no more requests.
func (h *held) ended() bool {
	select {
	case <-h.link.Done():
		return true
	default:
		return false
	}
}

// put makes a link the router's.
func (l *links) put(r Router, link *tunnel.Link) *held {
	l.mu.Lock()
	if l.byRouter == nil {
		l.byRouter, l.byPrefix = map[string]*held{}, map[string]*held{}
		l.finishing = map[*tunnel.Link]bool{}
	}
	old := l.byRouter[r.ID]
	if old != nil {
		delete(l.byPrefix, old.router.Prefix)
		l.finishing[old.link] = true
	}
	h := &held{r, link, new(atomic.Int32), new(sync.Mutex)}
	l.byRouter[r.ID], l.byPrefix[r.Prefix] = h, h
	l.mu.Unlock()
	if old != nil {
		go finish(old)
	}
	return h
}

// finish closes a link that nobody finds any more once what is under way on it is
// done, or has had its time.
func finish(h *held) {
	link := h.link
	limit := time.NewTimer(drainWithin)
	defer limit.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for h.sending.Load() > 0 || link.Busy() > 0 {
		select {
		case <-tick.C:
		case <-link.Done():
			return
		case <-limit.C:
			link.Close()
			return
		}
	}
	link.Close()
}

// drop forgets a link that has ended, and reports whether it was the router's.
func (l *links) drop(router string, link *tunnel.Link) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.finishing, link)
	h := l.byRouter[router]
	if h == nil || h.link != link {
		return false
	}
	delete(l.byRouter, router)
	delete(l.byPrefix, h.router.Prefix)
	return true
}

// detach takes a router's link away from those who look for it: the router is
// elsewhere. What is under way is finished. nil: there was none.
func (l *links) detach(router string) *held {
	l.mu.Lock()
	h := l.byRouter[router]
	if h != nil {
		delete(l.byRouter, router)
		delete(l.byPrefix, h.router.Prefix)
		l.finishing[h.link] = true
	}
	l.mu.Unlock()
	if h != nil {
		go finish(h)
	}
	return h
}

// pick returns the link of a router to send a request by, or nil. It must be
// released when the answer has begun.
func (l *links) pick(router string) *held {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.byRouter[router]
	if h != nil {
		h.sending.Add(1)
	}
	return h
}

// of returns the link of a prefix, or nil.
func (l *links) of(prefix string) *held {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byPrefix[prefix]
}

// at returns the link of a router, or nil.
func (l *links) at(router string) *held {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byRouter[router]
}

// now returns the router of a link as it is now: it may have been renamed.
func (l *links) now(h *held) Router {
	l.mu.Lock()
	defer l.mu.Unlock()
	if x := l.byRouter[h.router.ID]; x != nil && x.link == h.link {
		return x.router
	}
	return h.router
}

// rename makes a router's link that of another prefix, and returns it; nil: it is
// not here.
func (l *links) rename(router, prefix string) *held {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.byRouter[router]
	if h == nil {
		return nil
	}
	delete(l.byPrefix, h.router.Prefix)
	next := &held{h.router, h.link, h.sending, h.telling}
	next.router.Prefix = prefix
	l.byRouter[router], l.byPrefix[prefix] = next, next
	return next
}

// len is how many routers are connected.
func (l *links) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.byRouter)
}

// cut ends a router's link, if there is one: it was removed.
func (l *links) cut(router string) bool {
	l.mu.Lock()
	h := l.byRouter[router]
	if h != nil {
		delete(l.byRouter, router)
		delete(l.byPrefix, h.router.Prefix)
	}
	l.mu.Unlock()
	if h == nil {
		return false
	}
	h.link.Close()
	return true
}

func (l *links) all() (out []*held) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.byRouter {
		out = append(out, h)
	}
	return out
}

// movePace is the longest time between two routers that are asked to move.
const movePace = 20 * time.Millisecond

// move asks all routers to connect anew, one after the other, so that they do not
// all come to the others at once, and waits until they have gone or ctx ends.
func (l *links) move(ctx context.Context) {
	all := l.all()
	if len(all) == 0 {
		return
	}
	pace := time.NewTicker(max(min(movePace, moveWithin/2/time.Duration(len(all))), time.Microsecond))
	defer pace.Stop()
	var wg sync.WaitGroup
	for _, h := range all {
		wg.Go(func() {
			if _, _, err := h.link.Say(ctx, tunnel.Hello{Move: true}); err != nil {
				return // it is gone
			}
			select {
			case <-h.link.Done():
			case <-ctx.Done():
			}
		})
		select {
		case <-pace.C:
		case <-ctx.Done():
		}
	}
	wg.Wait()
}

// close ends all links.
func (l *links) close() {
	l.mu.Lock()
	all := slices.Collect(maps.Keys(l.finishing))
	for _, h := range l.byRouter {
		all = append(all, h.link)
	}
	l.mu.Unlock()
	for _, link := range all {
		link.Close()
	}
}
