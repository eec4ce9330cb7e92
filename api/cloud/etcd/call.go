package etcd

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

const (
	// A connection to a member that has fallen silent is found by pings. etcd
	// closes connections that ping more often than every 5 s, and gRPC does not
	// ping more often than every 10 s.
	keepAliveEvery  = 10 * time.Second
	keepAliveWithin = 3 * time.Second
	// attempts is how often something that had no effect is asked again, of another
	// member each time, within the time of one call.
	attempts = 3
	// leaderless is how often a member may say at once that it has no leader.
	leaderless = 20
)

// sent says whether a request has been handed to a connection.
type sent struct{ yes atomic.Bool }

type sentKey struct{}

// sentHandler notes which requests have been handed to a connection: of one that
// has not, it is certain that it had no effect.
type sentHandler struct{}

// TagRPC implements stats.Handler.
func (sentHandler) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements stats.Handler.
func (sentHandler) HandleRPC(ctx context.Context, s stats.RPCStats) {
	if _, ok := s.(*stats.OutHeader); ok {
		if to, ok := ctx.Value(sentKey{}).(*sent); ok {
			to.yes.Store(true)
		}
	}
}

// TagConn implements stats.Handler.
func (sentHandler) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (sentHandler) HandleConn(context.Context, stats.ConnStats) {}

// change makes a call that changes something. It is made again only when it is
// certain that it had no effect; the error says whether that is so.
func (d *DB) change(ctx context.Context, call func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), d.cfg.Timeout)
	defer cancel()
	var t tries
	var err error
	for t.more(ctx, err) {
		var s sent
		err = call(context.WithValue(ctx, sentKey{}, &s))
		switch {
		case err == nil:
			return nil
		case refused(err):
			return fmt.Errorf("etcd: %w", err)
		case s.yes.Load() && !errors.Is(err, rpctypes.ErrNoLeader): // a member without a leader asks nobody
			return fmt.Errorf("%w: etcd: %w", cloud.ErrUncertain, err)
		}
	}
	return fmt.Errorf("%w: etcd: %w", cloud.ErrUnreachable, err)
}

// ask makes a call that changes nothing. It is made again, of another member if
// there is one, when there is no answer.
func (d *DB) ask(ctx context.Context, call func(ctx context.Context) error) error {
	return d.askWithin(ctx, d.cfg.Timeout, call)
}

func (d *DB) askWithin(ctx context.Context, within time.Duration, call func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), within)
	defer cancel()
	var t tries
	var err error
	for t.more(ctx, err) {
		if err = attempt(ctx, within/attempts, call); err == nil {
			return nil
		}
		if refused(err) {
			return fmt.Errorf("etcd: %w", err)
		}
	}
	return fmt.Errorf("%w: etcd: %w", cloud.ErrUnreachable, err)
}

// tries counts how often something has been asked.
type tries struct{ n, leaderless int }

// more reports, after a pause, whether something that failed is asked again.
func (t *tries) more(ctx context.Context, err error) bool {
	wait := waitLeast
	switch {
	case err == nil: // it has not been asked
		return true
	case errors.Is(err, rpctypes.ErrNoLeader) && t.leaderless < leaderless:
		t.leaderless++
	default:
		t.n++
		wait = 4 * waitLeast
	}
	return t.n < attempts && pause(ctx, wait) == nil
}

func attempt(ctx context.Context, within time.Duration, call func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return call(ctx)
}

// refused reports whether etcd has answered that it will not do something. All
// other failures leave open what has happened.
func refused(err error) bool {
	var known rpctypes.EtcdError
	code := codes.OK
	if errors.As(err, &known) {
		code = known.Code()
	} else if s, ok := status.FromError(err); ok {
		code = s.Code()
	}
	switch code {
	case codes.InvalidArgument, codes.FailedPrecondition, codes.PermissionDenied, codes.Unauthenticated,
		codes.ResourceExhausted, codes.OutOfRange, codes.NotFound, codes.Unimplemented:
		return true
	}
	return false
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
