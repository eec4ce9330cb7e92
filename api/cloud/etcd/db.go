package etcd

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// Config is what a DB is made of.
type Config struct {
	// Endpoints are where etcd's members take clients: https://host:2379, or
	// host:2379. At least one; all of them, so that any may fail.
	Endpoints []string
	// TLS are this relay's certificate for etcd and the authorities that etcd's
	// certificates are from, each of which must be for its endpoint's name; nil:
	// etcd is spoken to in plain text.
	TLS    *tls.Config
	Prefix string           // of all keys; "": "vouchsafe/"
	Log    *slog.Logger     // must not be nil
	Now    func() time.Time // nil: time.Now

	// Timeout bounds each call; 0: 5 s.
	Timeout time.Duration
	// TTL is how long a relay that is silent counts as alive, in whole seconds;
	// 0: 5 s. etcd makes it longer if its own elections take longer.
	TTL time.Duration
	// CacheBytes bounds what is kept in memory of records; 0: 1 GiB, which is room
	// for a million routers. It is only of routers that there are.
	CacheBytes int64
	// Resync is after how long without etcd all that is known is read again, within
	// as long a time once etcd is back; 0: 30 s.
	Resync time.Duration
	// Forget is after how long the routers' keys of a relay that is gone are
	// removed; 0: 10 min.
	Forget time.Duration
}

// Bounds and defaults.
const (
	defaultPrefix  = "vouchsafe/"
	defaultTimeout = 5 * time.Second
	defaultTTL     = 5 * time.Second
	defaultCache   = 1 << 30
	defaultResync  = 30 * time.Second
	defaultForget  = 10 * time.Minute
	maxEndpoints   = 64
	maxPrefix      = 64 // bytes
)

// ErrClosed says that the records have been closed.
var ErrClosed = errors.New("the records are closed")

// endpoints checks where etcd is said to be, and completes it.
func (cfg Config) endpoints() ([]string, error) {
	if len(cfg.Endpoints) == 0 || len(cfg.Endpoints) > maxEndpoints {
		return nil, fmt.Errorf("etcd: 1 to %d endpoints are needed, such as https://etcd1.example.com:2379", maxEndpoints)
	}
	var out []string
	for _, e := range cfg.Endpoints {
		scheme, host, ok := strings.Cut(e, "://")
		if !ok {
			host, scheme = e, "http"
			if cfg.TLS != nil {
				scheme = "https"
			}
		}
		host = strings.TrimSuffix(host, "/")
		if scheme != "https" && scheme != "http" || host == "" || strings.ContainsAny(host, "/ \t\r\n") {
			return nil, fmt.Errorf("etcd: %q is no endpoint; write one such as https://etcd1.example.com:2379", e)
		}
		if scheme == "http" && cfg.TLS != nil {
			return nil, fmt.Errorf("etcd: %s is plain text, but a certificate for etcd is given; write https://", e)
		}
		out = append(out, scheme+"://"+host)
	}
	return out, nil
}

// DB is a cloud.Store in etcd. It is safe for concurrent use.
type DB struct {
	cfg      Config
	client   *clientv3.Client
	log      *slog.Logger
	cache    *cache
	watchers watchers

	ctx  context.Context // of what goes on by itself; ends with Close
	end  context.CancelFunc
	mu   sync.Mutex // guards what follows
	over bool
	work sync.WaitGroup
}

var _ cloud.Store = (*DB)(nil)

// Open connects to etcd, and fails if etcd does not answer.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	endpoints, err := cfg.endpoints()
	if err != nil {
		return nil, err
	}
	cfg.Prefix = cmp.Or(cfg.Prefix, defaultPrefix)
	if len(cfg.Prefix) > maxPrefix || !strings.HasSuffix(cfg.Prefix, "/") {
		return nil, fmt.Errorf("etcd: the prefix of keys has at most %d bytes and ends with /", maxPrefix)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Timeout = cmp.Or(cfg.Timeout, defaultTimeout)
	cfg.TTL = cmp.Or(cfg.TTL, defaultTTL)
	cfg.CacheBytes = cmp.Or(cfg.CacheBytes, int64(defaultCache))
	cfg.Resync = cmp.Or(cfg.Resync, defaultResync)
	cfg.Forget = cmp.Or(cfg.Forget, defaultForget)
	reconnect := backoff.Config{BaseDelay: 4 * waitLeast, Multiplier: 1.6, Jitter: 0.4, MaxDelay: waitMost} // gRPC's own goes up to two minutes
	client, err := clientv3.New(clientv3.Config{
		Endpoints:            endpoints,
		TLS:                  cfg.TLS,
		Context:              context.WithoutCancel(ctx), // Close ends it
		DialTimeout:          cfg.Timeout,
		DialKeepAliveTime:    keepAliveEvery,
		DialKeepAliveTimeout: keepAliveWithin,
		PermitWithoutStream:  true,
		MaxUnaryRetries:      1, // what to ask again is decided here
		Logger:               zap.NewNop(),
		DialOptions: []grpc.DialOption{grpc.WithStatsHandler(sentHandler{}),
			grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: cfg.Timeout})},
	})
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	d := &DB{cfg: cfg, client: client, log: cfg.Log.With("component", "etcd"), cache: newCache(cfg.CacheBytes, cfg.Now)}
	d.ctx, d.end = context.WithCancel(context.WithoutCancel(ctx))
	if err := d.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("etcd at %s: %w", strings.Join(endpoints, ", "), err), d.Close())
	}
	return d, nil
}

// begin makes sure that etcd answers, and follows the records.
func (d *DB) begin(ctx context.Context) error {
	if _, err := d.revision(ctx); err != nil {
		return fmt.Errorf("%w (%v)", err, d.reason(ctx))
	}
	started := make(chan struct{})
	d.task(func() { d.newFeed("record/", "record0", records{d}).run(d.ctx, func() { close(started) }) })
	select {
	case <-started:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reason asks etcd something past the client, which keeps to itself why
// connections cannot be made, such as a certificate that is not accepted.
func (d *DB) reason(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Timeout/attempts)
	defer cancel()
	_, err := pb.NewKVClient(d.client.ActiveConnection()).Range(ctx, &pb.RangeRequest{Key: []byte(d.recordKey("none"))})
	return err
}

// task does something that Close waits for. It reports whether it does.
func (d *DB) task(do func()) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.over {
		d.work.Go(do)
	}
	return !d.over
}

// Store returns the records, which are the DB itself.
func (d *DB) Store() cloud.Store { return d }

// Close implements cloud.Store.
func (d *DB) Close() error {
	d.mu.Lock()
	d.over = true
	d.mu.Unlock()
	d.end()
	d.work.Wait()
	if err := d.client.Close(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("etcd: %w", err)
	}
	return nil
}
