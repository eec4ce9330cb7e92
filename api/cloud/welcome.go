package cloud

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// welcome makes a link of a router's connection.
func (r *Relay) welcome(ctx context.Context, conn *tls.Conn) {
	state := conn.ConnectionState()
	router, err := r.whose(ctx, &state)
	switch {
	case err != nil:
	case r.draining.Load() && !r.alone():
		err = errStopping
	case state.NegotiatedProtocol != tunnel.Protocol:
		err = errors.New("another protocol")
	case !r.arrivals.take(router.ID):
		err = errors.New("it connects too often")
	}
	if err != nil {
		r.figures.routersRefused.Add(1)
		r.log.Info("router refused", "peer", conn.RemoteAddr(), "error", err)
		conn.Close()
		return
	}
	link, err := r.tunnels.Take(ctx, conn)
	if err != nil {
		r.log.Info("tunnel failed", "router", router.ID, "error", err)
		return
	}
	// Before the router hears that it can be reached, it can be.
	h := r.links.put(router, link)
	id := router.ID
	r.tend(id, link)
	if router, err = r.still(ctx, router, &state); err != nil {
		link.Close()
		r.log.Info("router refused", "peer", conn.RemoteAddr(), "error", err)
		return
	}
	r.missing.forget(router.Prefix)
	r.arrived(ctx, h)
	answer, took, err := r.sayHost(ctx, h)
	if err == nil {
		_, _, err = link.Say(ctx, tunnel.Hello{Latency: took.Microseconds()})
	}
	if err != nil {
		link.Close()
		r.log.Info("tunnel failed", "router", router.ID, "error", err)
		return
	}
	r.figures.tunnels.Add(1)
	r.sightings.note(router.ID, answer.Version, r.cfg.Now())
	r.log.Info("router is here", "router", router.ID, "account", router.Account, "version", clip(answer.Version), "latency", took.Round(time.Microsecond))
}

// measureEvery is how often a round trip to a router is measured.
const measureEvery = 10 * time.Minute

// tend tells a router now and then how long a round trip takes, until its link
// ends. Nobody waits for either: there may be ten thousand.
func (r *Relay) tend(router string, link *tunnel.Link) {
	r.tending.Add(1)
	m := &measuring{link: link, within: r.cfg.Limits.Answer, seen: func() { r.sightings.note(router, "", r.cfg.Now()) }}
	m.again()
	link.AfterEnd(func() {
		defer r.tending.Done()
		m.stop()
		if r.links.drop(router, link) && r.others != nil {
			r.others.presence.touch(router)
		}
		r.sightings.note(router, "", r.cfg.Now())
		r.log.Info("router is gone", "router", router)
	})
}

// measuring measures a link now and then.
type measuring struct {
	link   *tunnel.Link
	within time.Duration
	seen   func()
	mu     sync.Mutex // guards what follows
	timer  *time.Timer
	last   time.Duration
	times  int
	over   bool
}

// seenEvery is at how many measurements a router is noted as seen: a relay that
// dies notes nothing of those it had.
const seenEvery = 6

// again measures some time from now.
func (m *measuring) again() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.over {
		m.timer = time.AfterFunc(measureEvery, m.measure)
	}
}

func (m *measuring) measure() {
	defer m.again()
	m.mu.Lock()
	last := m.last
	m.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), m.within)
	defer cancel()
	_, took, err := m.link.Say(ctx, tunnel.Hello{Latency: last.Microseconds()})
	if err != nil {
		return // there is nothing new, or the link has ended
	}
	m.mu.Lock()
	m.last = took
	m.times++
	due := m.times%seenEvery == 0
	m.mu.Unlock()
	if due {
		m.seen()
	}
}

func (m *measuring) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over = true
	m.timer.Stop()
}

// still looks once more whose link this is, now that it can be found: the router
// may have been removed or renamed while it was greeted.
func (r *Relay) still(ctx context.Context, was Router, state *tls.ConnectionState) (Router, error) {
	now, err := r.whose(ctx, state)
	if err == nil && now.Prefix != was.Prefix {
		r.links.rename(now.ID, now.Prefix)
	}
	return now, err
}

// whose finds out whose connection it is. The fingerprint on record decides, at
// every handshake.
func (r *Relay) whose(ctx context.Context, state *tls.ConnectionState) (Router, error) {
	certs := state.PeerCertificates
	if len(certs) == 0 {
		return Router{}, errors.New("no certificate")
	}
	id, err := r.authority.identify(certs[0])
	if err != nil {
		return Router{}, err
	}
	router, err := r.cfg.Accounts.RouterByID(ctx, id)
	if err != nil {
		return Router{}, err
	}
	if subtle.ConstantTimeCompare([]byte(router.Fingerprint), []byte(fingerprintOf(certs[0].Raw))) != 1 {
		return Router{}, errors.New("the certificate is not the one on record")
	}
	return router, nil
}
