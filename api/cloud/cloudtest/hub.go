package cloudtest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// Hub is where several relays in one process register. What one of them does, the
// others hear after a delay, in order, as from a real one.
type Hub struct {
	delay time.Duration

	mu       sync.Mutex // guards what follows
	revision int64
	at       map[string]noted // by router
	members  map[string]*Member
}

// noted says which relay a router is at.
type noted struct {
	node     string // "": none
	revision int64
}

// event is what the others hear of.
type event struct {
	key    string // of a record
	router string // or a router that was noted, or left
	is     noted
	due    time.Time
	missed bool
}

// NewHub returns a hub that also tells of what changes in a store.
func NewHub(store *Memory, delay time.Duration) *Hub {
	h := &Hub{delay: delay, at: map[string]noted{}, members: map[string]*Member{}}
	store.onChange(func(key string) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.tell(event{key: key})
	})
	return h
}

// tell tells every member. mu is held.
func (h *Hub) tell(e event) {
	e.due = time.Now().Add(h.delay)
	for _, m := range h.members {
		m.hear(e)
	}
}

// Join makes a relay a member until the test ends.
func (h *Hub) Join(t *testing.T, self cloud.Node) *Member {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := &Member{hub: h, self: self, alive: true, view: maps.Clone(h.at), news: make(chan struct{}, 1), end: make(chan struct{})}
	h.members[self.ID] = m
	var wg sync.WaitGroup
	wg.Go(m.run)
	t.Cleanup(func() {
		close(m.end)
		wg.Wait()
	})
	return m
}

// Lose ends a relay's membership as if it had been silent for too long.
func (h *Hub) Lose(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.members[id].alive = false
}

// Member is a cloud.Registry.
type Member struct {
	hub  *Hub
	self cloud.Node
	news chan struct{}
	end  chan struct{}

	alive, closed bool // guarded by the hub's mu

	mu      sync.Mutex       // guards what follows; the hub's mu comes before it
	view    map[string]noted // what it knows
	queue   []event
	deaf    bool
	watcher *cloud.Watcher
}

var _ cloud.Registry = (*Member)(nil)

func (m *Member) hear(e event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.deaf {
		return
	}
	m.queue = append(m.queue, e)
	select {
	case m.news <- struct{}{}:
	default:
	}
}

// Deafen keeps from a relay what happens, until it is undone: then it hears that
// it has missed something.
func (m *Member) Deafen(deaf bool) {
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	m.mu.Lock()
	m.deaf = deaf
	if deaf {
		m.queue = nil
	} else {
		m.view = maps.Clone(m.hub.at)
	}
	m.mu.Unlock()
	if !deaf {
		m.hear(event{missed: true})
	}
}

// run tells the watcher what there is to tell, when it is due.
func (m *Member) run() {
	wait := time.NewTimer(0)
	defer wait.Stop()
	for {
		m.mu.Lock()
		var first *event
		if len(m.queue) > 0 {
			first = &m.queue[0]
			wait.Reset(time.Until(first.due))
		}
		m.mu.Unlock()
		if first == nil {
			select {
			case <-m.news:
				continue
			case <-m.end:
				return
			}
		}
		select {
		case <-wait.C:
			m.next()
		case <-m.end:
			return
		}
	}
}

// next handles the first event.
func (m *Member) next() {
	m.mu.Lock()
	if len(m.queue) == 0 { // it has been deafened
		m.mu.Unlock()
		return
	}
	e := m.queue[0]
	m.queue = m.queue[1:]
	w := m.watcher
	news := e.router != "" && e.is.revision > m.view[e.router].revision
	if news {
		m.view[e.router] = e.is
	}
	m.mu.Unlock()
	switch {
	case w == nil:
	case e.missed:
		w.Missed()
	case e.key != "":
		w.Changed(e.key)
	case news && e.is.node != "" && e.is.node != m.self.ID:
		m.hub.mu.Lock()
		to := m.hub.members[e.is.node].self
		m.hub.mu.Unlock()
		w.Moved(e.router, to)
	}
}

// Self implements cloud.Registry.
func (m *Member) Self() cloud.Node { return m.self }

// Enter implements cloud.Registry.
func (m *Member) Enter(ctx context.Context, router string) error {
	return m.note(ctx, router, m.self.ID)
}

// Leave implements cloud.Registry.
func (m *Member) Leave(ctx context.Context, router string) error { return m.note(ctx, router, "") }

func (m *Member) note(ctx context.Context, router, node string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if router == "" || len(router) > 64 || strings.Trim(router, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		return errors.New("not a router's id")
	}
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	if m.closed {
		return errors.New("the registry is closed")
	}
	if node == "" && m.hub.at[router].node != m.self.ID {
		return nil
	}
	m.hub.revision++
	is := noted{node, m.hub.revision}
	m.hub.at[router] = is
	m.mu.Lock()
	m.view[router] = is
	m.mu.Unlock()
	m.hub.tell(event{router: router, is: is})
	return nil
}

// Where implements cloud.Registry.
func (m *Member) Where(ctx context.Context, router string) (cloud.Node, error) {
	if err := ctx.Err(); err != nil {
		return cloud.Node{}, err
	}
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	m.mu.Lock()
	node := m.view[router].node
	m.mu.Unlock()
	if at := m.hub.members[node]; at != nil && at.alive {
		return at.self, nil
	}
	return cloud.Node{}, cloud.ErrNowhere
}

// Nodes implements cloud.Registry.
func (m *Member) Nodes() (out []cloud.Node) {
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	for _, x := range m.hub.members {
		if x.alive {
			out = append(out, x.self)
		}
	}
	slices.SortFunc(out, func(a, b cloud.Node) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Watch implements cloud.Registry.
func (m *Member) Watch(ctx context.Context, w cloud.Watcher) {
	set := func(w *cloud.Watcher) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.watcher = w
	}
	set(&w)
	context.AfterFunc(ctx, func() { set(nil) })
}

// Close implements cloud.Registry.
func (m *Member) Close(context.Context) error {
	m.hub.Lose(m.self.ID)
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	m.closed = true
	return nil
}
