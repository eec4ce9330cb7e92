package etcd

import (
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

const (
	// maxTurns bounds how often a write is made again because the key was not as
	// it was known to be.
	maxTurns = 20
	// lateAfter is how long after a router came another relay that has noted it
	// meanwhile counts as the newer one.
	lateAfter = time.Second
)

// outcome is what has become of a write.
type outcome struct {
	done bool
	rev  int64            // done: of the change
	kv   *mvccpb.KeyValue // not done: the key as it is; nil: there is none
}

// settle takes in what has become of a write. It reports whether another relay
// has the router instead, and which.
func (r *Registry) settle(w write, o outcome) (to cloud.Node, lost bool) {
	s := r.claims
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.all[w.router]
	c.busy = false
	here := o.kv != nil && string(o.kv.Value) == r.self.ID
	switch {
	case o.done && w.want:
		c.mine, c.base, c.left = o.rev, o.rev, 0
	case o.done: // it is gone, or was not there
		c.mine, c.base = 0, 0
		if w.on != 0 {
			c.left = o.rev
		}
	case here: // by a write that was not answered
		c.mine, c.base = o.kv.ModRevision, o.kv.ModRevision
	case o.kv != nil:
		c.mine, c.base = 0, o.kv.ModRevision
	default:
		c.mine, c.base = 0, 0
	}
	if !w.want && c.mine == 0 {
		c.clean = o.rev
	}
	if c.mine != 0 {
		r.places.Load().set(w.router, r.self.ID, c.mine, r.d.cfg.Now())
	}
	if c.call != w.call { // something else is wanted by now
		c.answer(w.call, nil)
		s.enqueue(w.router, c)
		return cloud.Node{}, false
	}
	switch {
	case w.want && c.mine != 0:
		to, lost = r.held(w.router, c, o.rev)
	case w.want: // others were faster
		to, lost = r.again(w, c, o)
	default:
		r.released(w.router, c)
	}
	if lost {
		r.lose(w.router, c)
	}
	return to, lost
}

// held goes on from a router's key that is this relay's as of a revision, that of
// the answer to a write. The watch may know of something later. claims.mu is held.
func (r *Registry) held(router string, c *claim, at int64) (to cloud.Node, lost bool) {
	if to, lost = r.reconcile(router, c); lost {
		return to, true
	}
	if c.told > max(c.mine, at) && c.mine != 0 { // somebody has deleted it
		c.mine, c.base, c.late = 0, 0, true
		r.claims.enqueue(router, c)
	}
	if c.mine != 0 {
		c.answer(c.call, nil)
	}
	return to, false
}

// released goes on from a router's key that is not this relay's any more.
// claims.mu is held.
func (r *Registry) released(router string, c *claim) {
	switch {
	case c.mine != 0: // it is there after all
		r.claims.enqueue(router, c)
		return
	case c.seen > c.clean: // it is there again, by a write that was held up
		c.mine, c.base = c.seen, c.seen
		r.claims.enqueue(router, c)
		return
	}
	c.answer(c.call, nil)
	if c.told >= c.left {
		r.claims.forget(router, c)
	}
}

// again decides whether a router is noted after another relay has been faster:
// who connects is the newest, but who has been out of reach since is not.
func (r *Registry) again(w write, c *claim, o outcome) (to cloud.Node, lost bool) {
	c.turns++
	if o.kv != nil {
		node, alive := r.places.Load().node(string(o.kv.Value))
		late := c.late || r.d.cfg.Now().Sub(c.since) > lateAfter
		if c.turns >= maxTurns || late && alive && o.kv.ModRevision > w.on {
			return node, true
		}
	}
	r.claims.enqueue(w.router, c)
	return cloud.Node{}, false
}

// lose ends the claim on a router that another relay has. claims.mu is held.
func (r *Registry) lose(router string, c *claim) {
	c.want, c.mine, c.base = false, 0, 0
	c.answer(c.call, cloud.ErrMoved)
	r.claims.forget(router, c)
}

// reconcile compares a claim, about which nothing is under way, with what is
// known of the key. It reports whether another relay has the router.
// claims.mu is held.
func (r *Registry) reconcile(router string, c *claim) (to cloud.Node, lost bool) {
	node, alive, rev := r.places.Load().of(router)
	switch {
	case rev <= c.mine:
	case node.ID == r.self.ID:
		c.mine, c.base = rev, rev
	case alive:
		return node, true
	default: // it was another's, who is dead
		c.mine, c.base = 0, rev
		r.claims.enqueue(router, c)
	}
	return cloud.Node{}, false
}

// overtaken takes in that a relay has noted a router. It reports whether the
// others are to be told that the router has moved, and where to.
func (r *Registry) overtaken(router, owner string, rev int64, news bool) (to cloud.Node, tell bool) {
	s := r.claims
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.all[router]
	if owner == r.self.ID {
		r.own(router, c, rev)
		return to, false
	}
	if c != nil {
		c.told = max(c.told, rev)
	}
	if c != nil && c.want {
		if c.busy || c.queued {
			return to, false // the write will show
		}
		if to, tell = r.reconcile(router, c); tell {
			r.lose(router, c)
		}
		return to, tell
	}
	if c != nil && rev >= c.left {
		s.forget(router, c)
	}
	to, _ = r.places.Load().node(owner)
	return to, news
}

// own takes in that this relay has noted a router. If nobody wants that any more,
// the write was held up on its way. claims.mu is held.
func (r *Registry) own(router string, c *claim, rev int64) {
	if c == nil {
		c = r.claims.get(router)
	}
	c.told, c.seen = max(c.told, rev), max(c.seen, rev)
	switch {
	case c.busy || rev <= c.mine || rev <= c.clean:
	case c.want:
		c.mine, c.base = rev, rev
	default:
		c.mine, c.base = rev, rev
		r.claims.enqueue(router, c)
	}
}

// deleted takes in that a router's key has been deleted.
func (r *Registry) deleted(router string, rev int64) {
	s := r.claims
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.all[router]
	if c == nil {
		return
	}
	c.told = max(c.told, rev)
	switch {
	case c.busy || c.queued:
	case c.want && rev > c.mine: // by others, who took this relay for dead
		c.mine, c.base, c.late = 0, 0, true
		s.enqueue(router, c)
	case !c.want && rev >= c.left:
		s.forget(router, c)
	}
}

// compare puts what has been read, as of a revision, in the place of what was
// known, and compares all claims with it. back says that etcd has been put back to
// a backup: what it had answered since then is not so any more. It returns the
// routers that other relays have instead.
func (r *Registry) compare(p *places, rev int64, back bool) map[string]cloud.Node {
	s := r.claims
	s.mu.Lock()
	defer s.mu.Unlock()
	r.places.Store(p)
	lost := map[string]cloud.Node{}
	for router, c := range s.all {
		if back {
			c.mine, c.left, c.clean, c.told, c.seen = 0, 0, 0, 0, 0
		}
		c.told = max(c.told, rev)
		_, _, known := p.of(router)
		switch {
		case c.busy || c.queued:
		case !c.want && c.left <= rev:
			s.forget(router, c)
		case !c.want:
		case known < c.mine && c.mine <= rev, back: // it is gone, or was put back
			c.mine, c.base, c.late = 0, known, !back
			s.enqueue(router, c)
		default:
			if to, is := r.reconcile(router, c); is {
				lost[router] = to
				r.lose(router, c)
			}
		}
	}
	p.on(r.self.ID, func(router string, rev int64) bool {
		r.own(router, s.all[router], rev)
		return true
	})
	return lost
}
