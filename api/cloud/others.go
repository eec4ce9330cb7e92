package cloud

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud/peer"
	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// PeerConfig is how other relays reach this one, and it them. Zero times take
// their defaults.
type PeerConfig struct {
	// Listener is the peer port. Must not be nil if there is a registry; the relay
	// closes it.
	Listener net.Listener
	// DialWithin bounds how long a connection to another relay may take to be made,
	// and PingAfter and PingWait are after how much silence it is pinged and how long
	// it may take to answer: 3 s, 5 s and 5 s.
	DialWithin, PingAfter, PingWait time.Duration
}

// others are the relays that serve the same routers.
type others struct {
	registry Registry
	self     Node
	log      *slog.Logger
	listener net.Listener
	server   *peer.Server
	pool     *peer.Pool
	presence *presence
	moves    moves
	checks   checks
	requests *counts // by the relay that asks
}

// withOthers makes what a relay needs to work with others.
func (r *Relay) withOthers(ctx context.Context) (*others, error) {
	reg, cfg := r.cfg.Registry, r.cfg.Peer
	if cfg.Listener == nil {
		return nil, errors.New("a relay with a registry needs a peer port")
	}
	a, err := loadAuthority(ctx, r.cfg.Accounts, nodesAuthorityKey)
	if err != nil {
		return nil, err
	}
	o := &others{registry: reg, self: reg.Self(), log: r.log, listener: cfg.Listener, moves: moves{now: r.cfg.Now}, checks: newChecks(),
		requests: newCounts(r.cfg.Limits.Requests, 4*r.cfg.Limits.Requests)}
	id, err := peer.NewIdentity(o.self.ID, a.cert, a.key, r.cfg.Now)
	if err != nil {
		return nil, err
	}
	o.pool = peer.NewPool(peer.PoolConfig{Identity: id, Log: r.log, DialWithin: cfg.DialWithin, PingAfter: cfg.PingAfter, PingWait: cfg.PingWait})
	o.server = peer.NewServer(peer.ServerConfig{Self: o.self.ID, Identity: id, Log: r.log, PingAfter: cfg.PingAfter, PingWait: cfg.PingWait,
		Forward: r.serveOther, Moved: r.letGo})
	o.presence = newPresence(reg, func(router string) bool { return r.links.at(router) != nil }, func(router string) { go r.disputed(router) }, r.log)
	return o, nil
}

// start begins to serve other relays and to hear of what they do. stop ends that
// and what is under way.
func (r *Relay) start() (stop func()) {
	o := r.others
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := o.server.Serve(o.listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			r.log.Error("the peer port has failed; restart the relay", "error", err)
		}
	})
	o.registry.Watch(ctx, Watcher{Moved: r.moved, Changed: r.changed, Missed: r.missed})
	wg.Go(func() { o.checks.run(ctx, r.check) })
	return func() {
		cancel()
		over, done := context.WithTimeout(context.Background(), time.Second)
		o.server.Shutdown(over)
		done()
		o.listener.Close() // it may never have been served
		o.pool.Close()
		wg.Wait()
	}
}

// alone reports whether no other relay lives.
func (r *Relay) alone() bool {
	if r.others == nil {
		return !r.cfg.Elsewhere
	}
	return len(r.others.registry.Nodes()) < 2
}

// node returns a relay that lives.
func (o *others) node(id string) (Node, bool) {
	for _, n := range o.registry.Nodes() {
		if n.ID == id {
			return n, true
		}
	}
	return Node{}, false
}

// arriveWithin bounds how long a router is kept waiting until the other relays
// know that it is here.
const arriveWithin = 5 * time.Second

// arrived tells the others that a router is here, and the one that had it to let
// go of it. The router is told afterwards, and ends its connection to the other
// one then: by that time, no request is on its way there.
func (r *Relay) arrived(ctx context.Context, h *held) {
	o := r.others
	if o == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, arriveWithin)
	defer cancel()
	router := h.router.ID
	o.moves.forget(router)
	was, err := o.registry.Where(ctx, router)
	select {
	case <-o.presence.touch(router):
	case <-h.link.Done():
		return
	case <-ctx.Done(): // it is tried until it is so
	}
	if err != nil || was.ID == o.self.ID {
		return
	}
	if err := o.pool.Moved(ctx, peer.Node{ID: was.ID, Addr: was.Peer}, router); err != nil {
		r.log.Debug("the relay that had a router was not told", "router", router, "node", was.ID, "error", err)
	}
}

// disputed decides what to do about a router that another relay has noted while it
// was being noted here: the link that lives is the newer one.
func (r *Relay) disputed(router string) {
	h := r.links.at(router)
	if h == nil || r.draining.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), arriveWithin)
	defer cancel()
	if _, _, err := h.link.Say(ctx, tunnel.Hello{}); err != nil {
		h.link.Close()
		return
	}
	r.others.presence.touch(router)
}

// letGoWithin bounds how long a relay waits for requests that a router has not
// begun to answer before it lets go of the router.
const letGoWithin = 3 * time.Second

// letGo is told by another relay that a router is there. It returns when no
// request is about to be sent to the router here.
func (r *Relay) letGo(ctx context.Context, router, to string) {
	n, ok := r.others.node(to)
	if !ok || to == r.others.self.ID {
		return
	}
	r.others.moves.note(router, n)
	h := r.links.detach(router)
	if h == nil {
		return
	}
	r.log.Debug("router has moved", "router", router, "node", to)
	limit, tick := time.NewTimer(letGoWithin), time.NewTicker(time.Millisecond)
	defer limit.Stop()
	defer tick.Stop()
	for h.sending.Load() > 0 {
		select {
		case <-tick.C:
		case <-h.link.Done():
			return
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// moved is told by the registry that a router is at another relay.
func (r *Relay) moved(router string, to Node) {
	if to.ID == r.others.self.ID {
		return
	}
	r.others.moves.forget(router) // the registry knows, and more
	if r.links.detach(router) != nil {
		r.log.Debug("router has moved", "router", router, "node", to.ID)
	}
}

// changed is told that a record has changed.
func (r *Relay) changed(key string) {
	if prefix, ok := strings.CutPrefix(key, prefixKey("")); ok {
		r.missing.forget(prefix)
		return
	}
	if router, ok := strings.CutPrefix(key, routerKey("")); ok && r.links.at(router) != nil {
		r.others.checks.add(router, false)
	}
}

// missed is told that anything may have changed.
func (r *Relay) missed() {
	r.log.Info("looking again at every router that is here", "routers", r.links.len())
	r.missing.clear()
	for _, h := range r.links.all() {
		r.others.checks.add(h.router.ID, true)
	}
}

// check holds a router that is here against its record; and if all is to be
// looked at, against where it is noted to be. It reports whether that could be
// done.
func (r *Relay) check(ctx context.Context, router string, all bool) bool {
	h := r.links.at(router)
	if h == nil {
		return true
	}
	x, err := r.cfg.Accounts.RouterByID(ctx, router)
	var refusal *Error
	switch {
	case errors.As(err, &refusal) && refusal.Status == http.StatusNotFound,
		err == nil && x.Fingerprint != h.router.Fingerprint:
		r.cut(router)
		return true
	case err != nil:
		return false
	case x.Prefix != h.router.Prefix:
		r.renamed(x)
	}
	if !all || !r.others.presence.settled(router) {
		return true
	}
	at, err := r.others.registry.Where(ctx, router)
	if now := r.links.at(router); now == nil || now.link != h.link || !r.others.presence.settled(router) {
		return true // there is news of it already
	}
	switch {
	case errors.Is(err, ErrNowhere):
		r.others.presence.touch(router)
	case err != nil:
		return false
	case at.ID != r.others.self.ID:
		r.moved(router, at)
	}
	return true
}
