package etcd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
)

const (
	// askEvery is how often etcd is asked how far a watch is. That keeps the place
	// of a watch on which nothing happens recent, and shows that it is heard.
	askEvery = time.Second
	// silence is how long a watch may be silent before it is made anew.
	silence = 4 * time.Second
	// waitLeast and waitMost are how long is waited before a watch is made anew,
	// with jitter, and twice as long each time.
	waitLeast = 50 * time.Millisecond
	waitMost  = 2 * time.Second
	// maxAnswer bounds what a watch takes at once; etcd sends 2 MiB at most.
	maxAnswer = 8 << 20
)

var (
	// errPlaceLost says that a watch cannot go on where it was: what it would go
	// on with has been compacted, or is not of this etcd, or may not be.
	errPlaceLost = errors.New("the watch has lost its place")
	errSilent    = errors.New("etcd is silent")
)

// follower is told what changes in a range of keys.
type follower interface {
	// restart reads what there is, and returns as of which revision. first says
	// that nothing was known before.
	restart(ctx context.Context, first bool) (rev int64, err error)
	// put and gone are told one change each, in the order of their revisions; some
	// again when the watch was made anew.
	put(kv *mvccpb.KeyValue)
	gone(key string, rev int64)
}

// feed is a watch that goes on after all that may happen to it. It is not the
// client's own, which keeps what is not taken without a bound, and does not tell
// that etcd has fallen silent.
type feed struct {
	d        *DB
	from, to string // the range of keys
	tells    follower

	first   bool  // nothing has been read yet
	rev     int64 // all changes up to here have been told; 0: all has to be read
	cluster uint64
	heard   time.Time
	quiet   bool      // it has been logged that etcd is silent
	reread  time.Time // when all is read anew although the place is not lost; zero: never
}

func (d *DB) newFeed(from, to string, tells follower) *feed {
	return &feed{d: d, from: d.cfg.Prefix + from, to: d.cfg.Prefix + to, tells: tells, first: true, heard: d.cfg.Now()}
}

// run follows until ctx ends. started is called when all there is has been read.
func (f *feed) run(ctx context.Context, started func()) {
	for wait := waitLeast; ctx.Err() == nil; wait = min(2*wait, waitMost) {
		before := f.heard
		err := f.once(ctx, started)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errPlaceLost) {
			f.rev = 0
		}
		if f.heard != before {
			wait = waitLeast
		}
		if f.d.cfg.Now().Sub(f.heard) >= 2*silence && !f.quiet {
			f.quiet = true
			f.d.log.Warn("etcd does not answer; what is known stays in force", "keys", f.from, "error", err)
		}
		_ = pause(ctx, wait/2+rand.N(wait)) // the loop looks at ctx
	}
}

// once reads what there is, if it has to be, and follows from there.
func (f *feed) once(ctx context.Context, started func()) error {
	if f.rev == 0 {
		rev, err := f.tells.restart(ctx, f.first)
		if err != nil {
			return err
		}
		f.hears()
		f.rev, f.cluster, f.reread = rev, 0, time.Time{}
		if f.first {
			f.first = false
			started()
		}
	}
	return f.follow(ctx)
}

// hears notes that etcd has answered. After a long silence the watch has gone on
// where it was; that etcd is not another one by now is made sure of a little later,
// by each relay at its own time: all of them will have been cut off.
func (f *feed) hears() {
	now := f.d.cfg.Now()
	if now.Sub(f.heard) >= f.d.cfg.Resync {
		f.reread = now.Add(rand.N(f.d.cfg.Resync))
	}
	f.heard = now
	if f.quiet {
		f.quiet = false
		f.d.log.Info("etcd answers again", "keys", f.from)
	}
}

// follow tells what changes, until something fails.
func (f *feed) follow(ctx context.Context) error {
	// Without its leader, a member would tell nothing and not say so.
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	stream, err := pb.NewWatchClient(f.d.client.ActiveConnection()).Watch(ctx, grpc.MaxCallRecvMsgSize(maxAnswer))
	if err != nil {
		cancel()
		return fmt.Errorf("etcd: watch: %w", err)
	}
	answers, failed := make(chan *pb.WatchResponse), make(chan error, 1)
	var receiving sync.WaitGroup
	receiving.Go(func() {
		for {
			r, err := stream.Recv()
			if err != nil {
				failed <- err
				return
			}
			select {
			case answers <- r:
			case <-ctx.Done():
				return
			}
		}
	})
	defer receiving.Wait()
	defer cancel()
	err = stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: &pb.WatchCreateRequest{
		Key: []byte(f.from), RangeEnd: []byte(f.to), StartRevision: f.rev + 1, Fragment: true}}})
	if err != nil {
		return fmt.Errorf("etcd: watch: %w", err)
	}
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	quiet := time.NewTimer(silence)
	defer quiet.Stop()
	for {
		select {
		case r := <-answers:
			quiet.Reset(silence)
			if err := f.take(ctx, r); err != nil {
				return err
			}
		case <-tick.C:
			if err := stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_ProgressRequest{}}); err != nil {
				return fmt.Errorf("etcd: watch: %w", err)
			}
		case err := <-failed:
			return fmt.Errorf("etcd: watch: %w", err)
		case <-quiet.C:
			return errSilent
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take takes one answer of a watch.
func (f *feed) take(ctx context.Context, r *pb.WatchResponse) error {
	if f.cluster == 0 {
		f.cluster = r.Header.GetClusterId()
	}
	switch {
	case r.Header.GetClusterId() != f.cluster, r.CompactRevision != 0:
		return errPlaceLost
	case r.Canceled:
		return fmt.Errorf("etcd: watch: %s", r.CancelReason)
	case !f.reread.IsZero() && f.d.cfg.Now().After(f.reread):
		return errPlaceLost
	case r.Created && r.Header.GetRevision() < f.rev:
		// This member is behind, or etcd has been put back to an older backup.
		now, err := f.d.revision(ctx)
		if err != nil {
			return err
		}
		if now < f.rev {
			return errPlaceLost
		}
	}
	f.hears()
	for _, e := range r.Events {
		if e.Type == mvccpb.Event_DELETE {
			f.tells.gone(string(e.Kv.Key), e.Kv.ModRevision)
		} else {
			f.tells.put(e.Kv)
		}
	}
	switch n := len(r.Events); {
	case r.Created || r.Fragment: // the rest of a revision may be yet to come
	case n > 0:
		f.rev = max(f.rev, r.Events[n-1].Kv.ModRevision)
	default: // nothing up to here
		f.rev = max(f.rev, r.Header.GetRevision())
	}
	return nil
}

// revision asks etcd how far it is.
func (d *DB) revision(ctx context.Context) (int64, error) {
	_, at, err := d.read(ctx, "none")
	return at, err
}
