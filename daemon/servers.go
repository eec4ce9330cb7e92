package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vouchsafe/vouchsafe/netctl/links"
)

// endpoint is where a server shall listen, and how it is made. Endpoints that
// are the same place are one: a server that runs there goes on.
type endpoint struct {
	place
	open  func(ctx context.Context) (net.Listener, error)
	serve func(ctx context.Context, ln net.Listener) (*http.Server, net.Listener, error)
}

// place tells endpoints apart.
type place struct {
	name    string // what listens there, for people
	network string
	address string
	port    uint16 // 0: none, or any
	device  string // network interface that the socket is bound to; may be empty
}

// server is an endpoint that is served.
type server struct {
	endpoint
	http   *http.Server
	ln     net.Listener
	device *deviceListener // nil: not bound to an interface
	stop   context.CancelFunc
}

// servers are all that listen. Its methods are called one after another.
type servers struct {
	base  context.Context // of requests: those that end the run are answered, too
	ctx   context.Context // of the run
	tasks *errgroup.Group
	grace time.Duration // for requests in flight, once a server is to stop
	list  []*server
}

// change makes the wanted endpoints the ones that are served. Those that are
// already are left alone. New ones are opened first; then between is called,
// which may be nil; then the others are closed, with what they are answering
// carried through. If anything fails, all is as before.
func (s *servers) change(wanted []endpoint, between func() error) error {
	fresh, gone := s.compare(wanted)
	early := s.makeWay(fresh, gone)
	made, err := s.openAll(fresh)
	if err == nil && between != nil {
		err = between()
	}
	if err != nil {
		closeServers(made)
		back, again := s.openAll(early)
		s.start(back)
		return errors.Join(err, again)
	}
	s.start(made)
	for _, g := range gone {
		s.remove(g)
	}
	return nil
}

// compare returns the endpoints that are not served yet, and the servers that
// are not wanted any more.
func (s *servers) compare(wanted []endpoint) (fresh []endpoint, gone []*server) {
	want := map[place]bool{}
	for _, e := range wanted {
		want[e.place] = true
	}
	have := map[place]bool{}
	for _, r := range s.list {
		if have[r.place] = true; !want[r.place] {
			gone = append(gone, r)
		}
	}
	for _, e := range wanted {
		if !have[e.place] {
			have[e.place] = true
			fresh = append(fresh, e)
		}
	}
	return fresh, gone
}

// makeWay closes servers whose port an endpoint needs at another address, and
// returns their endpoints: the kernel lets no two overlap. Nobody is served
// there until the new one listens, a moment later.
func (s *servers) makeWay(fresh []endpoint, gone []*server) (closed []endpoint) {
	for _, g := range gone {
		for _, e := range fresh {
			if e.port == g.port && g.port != 0 && e.network == g.network {
				closed = append(closed, g.endpoint)
				s.remove(g)
				break
			}
		}
	}
	return closed
}

func (s *servers) openAll(list []endpoint) (made []*server, err error) {
	for _, e := range list {
		ln, err := e.open(s.base)
		if err != nil {
			closeServers(made)
			return nil, err
		}
		srv, limited, err := e.serve(s.base, ln)
		if err != nil {
			ln.Close()
			closeServers(made)
			return nil, err
		}
		device, _ := ln.(*deviceListener)
		made = append(made, &server{endpoint: e, http: srv, ln: limited, device: device})
	}
	return made, nil
}

// closeServers gives up what nobody serves yet.
func closeServers(list []*server) {
	for _, m := range list {
		m.ln.Close()
	}
}

func (s *servers) start(list []*server) {
	for _, m := range list {
		ctx, cancel := context.WithCancel(s.ctx)
		m.stop = cancel
		s.list = append(s.list, m)
		s.tasks.Go(func() error { return m.run(ctx, s.grace) })
	}
}

// remove stops a server. The socket is closed on return; requests in flight
// are answered by its task.
func (s *servers) remove(gone *server) {
	kept := s.list[:0]
	for _, m := range s.list {
		if m != gone {
			kept = append(kept, m)
		}
	}
	s.list = kept
	gone.stop()
	gone.ln.Close()
}

// linksChanged tells the sockets that are bound to an interface what there is.
func (s *servers) linksChanged(state links.State) {
	for _, m := range s.list {
		if m.device != nil {
			m.device.linksChanged(state)
		}
	}
}

// run serves until ctx ends, then lets requests in flight finish.
func (s *server) run(ctx context.Context, grace time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- s.http.Serve(s.ln) }()
	var failed error
	select {
	case failed = <-done:
		if ctx.Err() == nil {
			return fmt.Errorf("%s: %w", s.name, failed)
		}
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := s.http.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	if failed == nil {
		<-done
	}
	if errors.Is(err, net.ErrClosed) { // remove has closed it
		err = nil
	}
	return err
}

// noDevice reports whether a socket could not be bound to an interface because
// there is none of that name.
func noDevice(err error) bool { return errors.Is(err, syscall.ENODEV) }
