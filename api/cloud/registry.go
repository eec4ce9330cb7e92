package cloud

import (
	"context"
	"errors"
)

// Node is one of several relays that serve the same routers.
type Node struct {
	ID   string `json:"id"`   // of this run of it
	Peer string `json:"peer"` // host:port where it takes requests of the others
}

// ErrNowhere says that no relay that lives has the router.
var ErrNowhere = errors.New("the router is on no relay")

// ErrMoved says that another relay has noted the router meanwhile.
var ErrMoved = errors.New("another relay has the router")

// Registry says which of several relays a router is connected to. It is safe for
// concurrent use. A relay alone needs none.
type Registry interface {
	// Self is this relay.
	Self() Node
	// Enter notes that the router is here from now on, whoever had it before. An
	// error says that it is not noted yet: that is tried again until Leave, or
	// until another relay turns out to have noted the router, which Moved tells.
	// ErrMoved is that other relay's note while this one was on its way.
	Enter(ctx context.Context, router string) error
	// Leave takes that back, unless another relay has noted the router since. An
	// error says that it is tried again.
	Leave(ctx context.Context, router string) error
	// Where returns the relay that has the router, or ErrNowhere. It answers from
	// memory what is known there, also while the records cannot be reached.
	Where(ctx context.Context, router string) (Node, error)
	// Nodes are the relays that live, with this one.
	Nodes() []Node
	// Watch tells what others do until ctx ends. It returns at once.
	Watch(ctx context.Context, w Watcher)
	// Close takes this relay out, and what is noted of its routers with it.
	Close(ctx context.Context) error
}

// Watcher is told what happens elsewhere. Its functions must return soon.
type Watcher struct {
	// Moved: another relay has noted the router, and this one has not since.
	Moved func(router string, to Node)
	// Changed: somebody, maybe this relay, has changed or removed a record.
	Changed func(key string)
	// Missed: there may have been changes that nobody told; all that is known has
	// to be looked at again. Where knows of them by then.
	Missed func()
}
