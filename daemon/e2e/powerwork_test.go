package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/api/keys"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/store"
)

// powerJob tells a copy of this test program to write to a store in a
// directory, and to say what is acknowledged, until it is killed.
const powerJob = "VOUCHSAFE_POWER_JOB"

// What the job says: a word, then a name or number.
const (
	saysMade    = "made"
	saysRemoved = "removed"
	saysMeter   = "meter"
	saysSecret  = "secret"
	saysCopied  = "copied"
	saysRefused = "refused" // the store says that it could not store something
	saysError   = "error"
)

// meterName is a voucher whose usage only grows.
const meterName = "meter"

// powerChild runs the job, if this process is one that has it.
func powerChild() bool {
	dir := os.Getenv(powerJob)
	if dir == "" {
		return false
	}
	j := &powerWriter{dir: dir, out: os.Stdout}
	for {
		err := j.session()
		switch {
		case errors.Is(err, hotspot.ErrUnavailable), errors.Is(err, unix.EIO): // the latter by a restore
			j.say(saysRefused, strings.ReplaceAll(err.Error(), "\n", "; "))
		case err != nil:
			j.say(saysError, err)
			return true
		}
	}
}

// powerWriter uses a store as the daemon does, in a hurry.
type powerWriter struct {
	dir string
	n   int
	mu  sync.Mutex // guards out
	out io.Writer
}

func (j *powerWriter) say(word string, what any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	fmt.Fprintln(j.out, word, what)
}

func powerStore(dir string) (*store.DB, error) {
	return store.Open(context.Background(), store.Options{Path: filepath.Join(dir, "vouchsafe.db"), Log: slog.New(slog.DiscardHandler)})
}

// session opens the store, works, closes it, and puts a backup in its place.
func (j *powerWriter) session() error {
	db, err := powerStore(j.dir)
	if err != nil {
		return err
	}
	if db.Recovery() != nil {
		return errors.New(db.Recovery().String())
	}
	if _, err := keys.LoadOrCreateSecret(filepath.Join(j.dir, "secret")); err != nil {
		return err
	}
	j.say(saysSecret, "there")
	j.n++
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for g := range errs {
		wg.Go(func() { errs[g] = j.work(db, g) })
	}
	wg.Wait()
	var backup bytes.Buffer
	if err := errors.Join(append(errs, db.Snapshot(context.Background(), &backup), db.Close())...); err != nil {
		return err
	}
	if j.n%2 == 0 { // a restored store gives other ids than before
		_, err = store.Restore(context.Background(), filepath.Join(j.dir, "vouchsafe.db"), &backup)
	}
	return err
}

// work makes vouchers, removes some of them, counts usage, and now and then
// writes the whole store anew or copies it.
func (j *powerWriter) work(db *store.DB, g int) error {
	ctx := context.Background()
	for n := range 60 {
		v := hotspot.Voucher{Username: fmt.Sprintf("%d-%d-%d", j.n, g, n), Passcode: "secret", FullName: strings.Repeat("Amber ", g*8)}
		if n%4 == 3 {
			v.Username = "gone-" + v.Username
		}
		if err := db.Update(ctx, func(tx hotspot.Tx) error { return tx.PutVoucher(&v) }); err != nil {
			return err
		}
		if n%4 == 3 {
			if err := db.Update(ctx, func(tx hotspot.Tx) error { return tx.DeleteVoucher(v.ID) }); err != nil {
				return err
			}
			j.say(saysRemoved, v.Username)
		} else {
			j.say(saysMade, v.Username)
		}
		var err error
		switch {
		case g == 0:
			err = j.count(db)
		case g == 1 && n%30 == 17:
			err = db.Compact(ctx)
		case g == 2 && n%30 == 23:
			var path string
			if path, err = db.SnapshotTo(ctx, "", 2); err == nil {
				j.say(saysCopied, filepath.Base(path))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// count adds to the usage of one voucher.
func (j *powerWriter) count(db *store.DB) error {
	var used uint64
	err := db.Update(context.Background(), func(tx hotspot.Tx) error {
		v, err := tx.VoucherByUsername(meterName)
		if errors.Is(err, hotspot.ErrNotFound) {
			v, err = hotspot.Voucher{Username: meterName, Created: time.Unix(0, 0)}, nil
		}
		if err != nil {
			return err
		}
		v.Used.Down++
		used = v.Used.Down
		return tx.PutVoucher(&v)
	})
	if err == nil {
		j.say(saysMeter, used)
	}
	return err
}
