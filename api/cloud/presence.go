package cloud

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// presence tells the registry of this relay's routers that come and go, one thing
// at a time for each router, so that what it hears last is so.
type presence struct {
	registry Registry
	here     func(router string) bool
	disputed func(router string) // another relay has noted it meanwhile
	log      *slog.Logger
	room     chan struct{} // for calls at a time
	ctx      context.Context
	end      context.CancelFunc
	work     sync.WaitGroup

	mu     sync.Mutex // guards what follows
	by     map[string]*noting
	over   bool
	warned time.Time
}

// noting is a router that something is being noted of.
type noting struct {
	again   bool            // it has come or gone since the call under way began
	waiting []chan struct{} // closed when the registry knows
}

// notesAtOnce bounds calls at a time, and noteWithin how long each may take.
const (
	notesAtOnce = 256
	noteWithin  = 10 * time.Second
)

func newPresence(registry Registry, here func(string) bool, disputed func(string), log *slog.Logger) *presence {
	p := &presence{registry: registry, here: here, disputed: disputed, log: log, room: make(chan struct{}, notesAtOnce), by: map[string]*noting{}}
	p.ctx, p.end = context.WithCancel(context.Background())
	return p
}

// touch tells that a router has come or gone. What it returns is closed when that
// is on record, or the registry sees to it.
func (p *presence) touch(router string) <-chan struct{} {
	noted := make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.by[router]
	switch {
	case p.over:
		close(noted)
	case n != nil:
		n.again = true
		n.waiting = append(n.waiting, noted)
	default:
		n = &noting{waiting: []chan struct{}{noted}}
		p.by[router] = n
		p.work.Go(func() { p.note(router, n) })
	}
	return noted
}

// settled reports whether nothing is being noted of a router.
func (p *presence) settled(router string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.by[router] == nil
}

// note tells the registry until it knows what is so.
func (p *presence) note(router string, n *noting) {
	for again := true; again; {
		err := p.tell(router)
		p.mu.Lock()
		again, n.again = n.again, false
		if !again {
			delete(p.by, router)
			for _, c := range n.waiting {
				close(c)
			}
		}
		p.mu.Unlock()
		switch {
		case errors.Is(err, ErrMoved) && !again:
			p.disputed(router)
		case err != nil && p.ctx.Err() == nil:
			p.failed(router, err)
		}
	}
}

func (p *presence) tell(router string) error {
	select {
	case p.room <- struct{}{}:
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
	defer func() { <-p.room }()
	ctx, cancel := context.WithTimeout(p.ctx, noteWithin)
	defer cancel()
	if p.here(router) {
		return p.registry.Enter(ctx, router)
	}
	return p.registry.Leave(ctx, router)
}

// failed writes a line now and then: all routers may be meant.
func (p *presence) failed(router string, err error) {
	p.mu.Lock()
	now := time.Now()
	due := now.Sub(p.warned) > 10*time.Second
	if due {
		p.warned = now
	}
	p.mu.Unlock()
	if due {
		p.log.Warn("cannot note where routers are; it is tried again", "router", router, "error", err)
	}
}

// close ends all calls. The registry takes back what is noted of this relay's
// routers when it is closed.
func (p *presence) close() {
	p.mu.Lock()
	p.over = true
	p.mu.Unlock()
	p.end()
	p.work.Wait()
}
