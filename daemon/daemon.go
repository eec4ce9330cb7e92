package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vouchsafe/vouchsafe/api"
	cloudend "github.com/vouchsafe/vouchsafe/api/endpoint"
	"github.com/vouchsafe/vouchsafe/api/keys"
	"github.com/vouchsafe/vouchsafe/api/operators"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/api/webhooks"
	"github.com/vouchsafe/vouchsafe/daemon/certs"
	"github.com/vouchsafe/vouchsafe/daemon/clock"
	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/login"
	"github.com/vouchsafe/vouchsafe/netctl/links"
	"github.com/vouchsafe/vouchsafe/store"
)

// Options are what the command line adds to the configuration.
type Options struct {
	Version string
	Log     *slog.Logger // must not be nil
	// ConfigFile is where the configuration comes from; empty: from flags alone.
	ConfigFile string
	// Portal is where the portal listens when the memory backend has no guest
	// interface; empty: PortalPort at the first LAN address.
	Portal string
	// Reload says that the configuration is to be read again; nil: never.
	Reload <-chan os.Signal
	// Reread reads it; must not be nil if Reload is not.
	Reread func() (config.Config, error)
	// Level is the log's, if it can be changed; may be nil.
	Level *slog.LevelVar
	// Ready is told once everything listens; nil: nobody is told.
	Ready func(Ready)
	// StopWithin bounds a stop: requests in flight have so long, and then the disk
	// has; 0: 5 s.
	StopWithin time.Duration

	ring *logRing // has the newest lines of Log
}

// Ready tells where a running daemon is reached.
type Ready struct {
	API     string // the action API
	HTTPS   string // the LAN's pages over TLS; empty: not served
	Portal  string // the guests' pages
	Control string // the control socket
}

// The files of the data directory.
const (
	storeFile    = "vouchsafe.db"
	secretFile   = "secret"
	snapshotsDir = "snapshots"
)

// stopWithin bounds each half of a clean stop, unless the options say otherwise.
// The init script waits for both.
const stopWithin = 5 * time.Second

// stop is how long each half of a stop may take.
func (o *Options) stop() time.Duration {
	if o.StopWithin > 0 {
		return o.StopWithin
	}
	return stopWithin
}

// hotspotDaemon is one run.
type hotspotDaemon struct {
	live    atomic.Pointer[config.Config] // see conf
	opts    Options
	log     *slog.Logger
	started time.Time

	db       *store.DB
	keys     *keys.Keys
	people   *operators.Operators
	webhooks *webhooks.Webhooks
	cloud    *cloudend.Endpoint
	clock    *clock.Clock
	gate     gate
	hosts    watcher
	service  *hotspot.Service
	receipts *v1.Receipts
	backups  *backups
	health   *health
	checks   *api.HealthWatch
	served   bool  // it was up
	preset   int64 // limit of the memory that the environment gives
	limiter  *login.Limiter
	metrics  *metrics
	certs    *certs.Keeper

	servers   *servers
	links     chan links.State // the newest state
	state     links.State      // taken up last; takeChanges' own from then on
	guests    guestLinks       // the same
	unfit     bool             // the same: the network could not be set up for the state
	said      []string         // the same: notices that were logged
	view      atomic.Pointer[view]
	badConfig atomic.Pointer[hotspot.Text] // why the configuration that was read again is not in use

	run           int         // counts up with every restore
	restorer      restorer    // who asked for it, before restart takes the backup
	restart       chan string // takes the backup that the next run shall begin with
	restoring     string      // that backup, once the run is over
	restoreFailed error       // why this run did not begin with its backup
}

// Run serves until ctx ends, which is the only nil return, or until a part
// fails for good.
func Run(ctx context.Context, cfg config.Config, opts Options) error {
	preset := debug.SetMemoryLimit(-1)
	opts.keepLog()
	var failed error // of the restore that a run begins with
	for run := 1; ; run++ {
		d := &hotspotDaemon{opts: opts, log: opts.Log.With("component", "daemon"), started: time.Now(),
			run: run, restoreFailed: failed, restart: make(chan string, 1),
			preset: preset, links: make(chan links.State, 1), limiter: login.NewLimiter(time.Now)}
		d.live.Store(&cfg)
		d.limitMemory(&cfg)
		err := d.open(ctx)
		if err == nil {
			err = d.serve(ctx)
		}
		if err = errors.Join(err, d.close()); err != nil {
			return err
		}
		cfg = *d.conf() // it may have been read again
		var again bool
		if again, failed = d.restored(ctx); !again {
			return nil
		}
	}
}

// open brings up the parts that need no task of their own.
func (d *hotspotDaemon) open(ctx context.Context) error {
	d.opts.keepLog()
	if err := os.MkdirAll(d.conf().Data, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	var err error
	if d.db, err = openStore(ctx, d.conf().Data, d.opts.Log); err != nil {
		return err
	}
	now := func() (time.Time, bool) { return d.service.Now() }
	if d.people, err = openOperators(d.conf().Data, d.db, now, d.opts.Log); err != nil {
		return err
	}
	if d.keys, err = openKeys(d.conf().Data, d.db, d.people, now, d.opts.Log); err != nil {
		return err
	}
	// The key is made now, so that the panel and the command line only read it.
	// A key that cannot be read is said aloud and keeps nobody offline.
	if _, err := d.keys.DeviceKey(ctx); err != nil {
		d.log.Error("the action API's device key cannot be used", "error", err)
	}
	d.clock = clock.New(clock.Config{Log: d.opts.Log, Trust: trusted(*d.conf())})
	d.health, d.metrics = newHealth(), newMetrics(d)
	d.checks = api.NewHealthWatch(d.facts)
	if d.gate, d.hosts, err = d.network(ctx); err != nil {
		return err
	}
	d.service = hotspot.New(hotspot.Config{Store: d.db, Gate: countedGate{d.gate, d.metrics}, Hosts: d.hosts, Clock: d.clock,
		Rand: rand.Reader, Log: d.opts.Log, Zone: d.conf().Zone})
	d.certs = d.newCerts()
	d.receipts = v1.NewReceipts(d.db, d.service.Now)
	clearStaged(d.conf().Data)
	d.backups = &backups{db: d.db, cfg: *d.conf(), run: d.run, now: d.service.Now, replace: d.startOver, flush: d.flush}
	if err := d.gate.Open(ctx); err != nil {
		return fmt.Errorf("firewall: %w", err)
	}
	// Before anything happens that they are to be told of.
	if d.webhooks, err = openWebhooks(ctx, d.conf().Data, d.opts, webhooks.Config{Store: d.db, Events: d.service, Local: d.local}); err != nil {
		return err
	}
	if err := d.openCloud(ctx); err != nil {
		return err
	}
	if err := d.service.Start(ctx); err != nil {
		return fmt.Errorf("take up sessions: %w", err)
	}
	return nil
}

// conf returns the configuration, which nobody changes: another takes its place.
func (d *hotspotDaemon) conf() *config.Config { return d.live.Load() }

// trusted reports whether the wall clock is believed without further proof. The
// memory backend runs on machines whose owner looks after the clock.
func trusted(cfg config.Config) bool {
	return cfg.Clock.Trust == config.TrustSystem || cfg.Network.Backend == config.BackendMemory
}

// serve listens and runs the tasks until ctx ends or one of them fails.
func (d *hotspotDaemon) serve(ctx context.Context) error {
	base := ctx
	tasks, ctx := errgroup.WithContext(ctx)
	d.servers = &servers{base: base, ctx: ctx, tasks: tasks, grace: d.opts.stop()}
	if err := d.servers.change(d.endpoints(d.conf()), nil); err != nil {
		return err
	}
	d.served = true
	d.goTasks(ctx, tasks)
	tasks.Go(func() error { return d.waitRestart(ctx) })
	d.log.Info("ready", "version", d.opts.Version, "backend", string(d.conf().Network.Backend), "after", time.Since(d.started).Round(time.Millisecond))
	if d.opts.Ready != nil {
		d.opts.Ready(d.ready(d.servers.list))
	}
	if err := tasks.Wait(); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, errRestart) {
		return err
	}
	return nil
}

// close stores what is not stored yet and lets go of the parts. Guests stay
// online: the gate's state is left in the kernel.
func (d *hotspotDaemon) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), d.opts.stop())
	defer cancel()
	var errs []error
	if d.served {
		errs = append(errs, d.flush(ctx))
		if d.conf().Store.Snapshots > 0 {
			errs = append(errs, d.snapshot(ctx))
		}
	}
	if d.gate != nil {
		errs = append(errs, d.gate.Close(), d.hosts.Close())
	}
	if d.db != nil {
		errs = append(errs, d.db.Close())
	}
	return errors.Join(errs...)
}

func openStore(ctx context.Context, data string, log *slog.Logger) (*store.DB, error) {
	db, err := store.Open(ctx, store.Options{
		Path: filepath.Join(data, storeFile), SnapshotDir: filepath.Join(data, snapshotsDir), Log: log,
	})
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return db, nil
}

func openKeys(data string, db *store.DB, people keys.Operators, now func() (time.Time, bool), log *slog.Logger) (*keys.Keys, error) {
	secret, err := keys.LoadOrCreateSecret(filepath.Join(data, secretFile))
	if err != nil {
		return nil, fmt.Errorf("device secret: %w", err)
	}
	return keys.New(keys.Config{Store: db, Secret: secret, Operators: people, Now: now, Log: log})
}
