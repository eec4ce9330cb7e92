package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/bolt"
)

func recordsCommand(at *place) *cobra.Command {
	c := &cobra.Command{Use: "records", Short: "The relay's records as a whole"}
	c.AddCommand(&cobra.Command{Use: "copy", Short: "Copy a single relay's records to etcd, for several relays", Args: cobra.NoArgs,
		Long: "Copy all records of a single relay, which must be stopped, from the data directory to etcd, where\n" +
			"there must be none, with the key that licences are signed with, and compare them there. What is in the\n" +
			"data directory stays as it is. If it is interrupted, run it again: it goes on where it was.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return copyRecords(cmd.Context(), *at, cmd.OutOrStdout(), cmd.ErrOrStderr())
		}})
	return c
}

// copyRecords copies the records in the data directory to etcd.
func copyRecords(ctx context.Context, at place, out, progress io.Writer) (err error) {
	if !at.shared() {
		return errors.New("say with --etcd where the records go")
	}
	from, err := openStopped(ctx, at.data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	cfg := cloud.CopyConfig{From: from, Progress: telling(progress, time.Now)}
	_, err = os.Stat(filepath.Join(at.data, licenseFile))
	switch {
	case err == nil:
		key, err := licenseKey(at.data)
		if err != nil {
			return err
		}
		cfg.Besides = []cloud.Entry{cloud.Kept(licenseSecret, key.Seed())}
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("key of the licences: %w", err)
	}
	to, err := at.connect(ctx, slog.New(slog.DiscardHandler)) // what fails is told
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	cfg.To = to
	n, err := cloud.Copy(ctx, cfg)
	switch {
	case errors.Is(err, cloud.ErrOtherRecords):
		prefix := cmp.Or(at.etcd.prefix, "vouchsafe/")
		return fmt.Errorf("the records were not copied: below %s in etcd, %w. If those are of relays that run, leave them. Copy these to another --etcd-prefix, "+
			"or, if nobody needs those in etcd any more, remove them (etcdctl del --prefix %s) and copy again", prefix, err, prefix)
	case err != nil:
		return fmt.Errorf("the copy is not complete: %w. Run it again: it goes on where it was", err)
	}
	license := "the key of licences"
	if len(cfg.Besides) == 0 {
		license = "no key of licences, as there is no " + licenseFile
	}
	_, err = fmt.Fprintf(out, "all %d records are in etcd, %d of them copied now: accounts %d, tokens %d, routers %d, %s\n",
		n.Records, n.Written, n.Accounts, n.Tokens, n.Routers, license)
	return err
}

// openStopped opens the records of a single relay that does not run, and keeps it
// from starting.
func openStopped(ctx context.Context, data string) (*bolt.Store, error) {
	if c, err := new(net.Dialer).DialContext(ctx, "unix", filepath.Join(data, socketFile)); err == nil {
		c.Close()
		return nil, fmt.Errorf("a relay runs with %s: stop it first", data)
	}
	path := filepath.Join(data, recordsFile)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("--data is the directory of the single relay's records: %w", err)
	}
	s, err := bolt.Open(path)
	if errors.Is(err, bolt.ErrInUse) {
		err = fmt.Errorf("%w: stop the relay, or let the command end that uses them", err)
	}
	return s, err
}

// telling tells how far a copy is, once a second.
func telling(w io.Writer, now func() time.Time) func(done, all int) {
	last := now()
	return func(done, all int) {
		if t := now(); t.Sub(last) >= time.Second {
			last = t
			fmt.Fprintf(w, "%d of %d records\n", done, all)
		}
	}
}
