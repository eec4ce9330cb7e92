package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/api/webhooks"
	"github.com/vouchsafe/vouchsafe/daemon/clock"
	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/hosts"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
	"github.com/vouchsafe/vouchsafe/store"
)

// Offline gives the control API of a data directory whose daemon does not run,
// so that the command line works there too. Of the configuration, the directory,
// the zone and the clock's trust count. Guests that the kernel still lets pass
// are left alone; the daemon applies what was changed when it starts.
func Offline(ctx context.Context, cfg config.Config, version string) (h http.Handler, closeStore func() error, err error) {
	data := cfg.Data
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, nil, fmt.Errorf("data directory: %w", err)
	}
	db, err := openStore(ctx, data, log)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			db.Close()
		}
	}()
	var s *hotspot.Service
	now := func() (time.Time, bool) { return s.Now() }
	people, err := openOperators(data, db, now, log)
	if err != nil {
		return nil, nil, err
	}
	k, err := openKeys(data, db, people, now, log)
	if err != nil {
		return nil, nil, err
	}
	s = hotspot.New(hotspot.Config{Store: db, Gate: memory.New(), Hosts: localHosts{hosts.NewLocal()}, Clock: clock.New(clock.Config{Log: log, Trust: trusted(cfg)}),
		Rand: rand.Reader, Log: log, Zone: cfg.Zone})
	if err := s.Load(ctx); err != nil {
		return nil, nil, err
	}
	if err := s.Tick(ctx); err != nil {
		return nil, nil, err
	}
	hooks, err := openWebhooks(ctx, data, Options{Version: version, Log: log}, webhooks.Config{Store: db, Events: s,
		Local: func() webhooks.Local { return localNet(nil, cfg.Guest.Interface) }})
	if err != nil {
		return nil, nil, err
	}
	info := func(context.Context) v1.Status {
		return v1.Status{Version: version, Notices: notices(db, data).Strings()}
	}
	flush := func(context.Context) error { return nil } // nobody is counted
	b := &backups{db: db, cfg: cfg, now: now, flush: flush, replace: func(ctx context.Context, file string) error {
		defer os.Remove(file)
		at, believed := now()
		by := restorer{hotspot.ActorOf(ctx), at, believed}
		// The command ends after this: it needs the store no more.
		return errors.Join(db.Close(), restoreStore(ctx, cfg, by, file, log))
	}}
	return api.As(api.Local(), v1.New(v1.Config{Service: s, Keys: k, Operators: people, Webhooks: hooks, Log: log, Info: info, Backups: b})), db.Close, nil
}

// notices tells what happened to the store. What this run did not see happen
// shows by the files that were set aside; deleting them acknowledges it.
func notices(db *store.DB, data string) hotspot.Texts {
	if r := db.Recovery(); r != nil {
		return hotspot.Texts{hotspot.Textf("%s", r.Texts())}
	}
	out := hotspot.Texts{}
	if aside, err := filepath.Glob(filepath.Join(data, storeFile+".damaged-*")); err == nil && len(aside) > 0 {
		out.Addf("a damaged store was set aside and replaced by the newest snapshot, or an empty one: compare vouchers and usage, then delete %s", strings.Join(aside, ", "))
	}
	return out
}
