package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

func (a *app) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE|-", Short: "Copy all that is stored to a file", Args: exactly("FILE"),
		Long: `Copy all that is stored to a file, while guests come and go: vouchers with what
was used of them, users, the log of logins, settings, keys. The file is verified
before it gets its name. - writes it to a pipe, unverified.

It can be restored on any router, of any kind. The action API's key in it opens
only beside the secret of this one, a file in the data directory: elsewhere,
make a new key.`,
		Example:           "  vouchsafe backup /tmp/hotspot.vsnap\n  ssh router vouchsafe backup - > hotspot.vsnap",
		ValidArgsFunction: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				if args[0] == "-" {
					if f, ok := a.stdout.(*os.File); ok && terminal(f) {
						return usage(cmd, "a backup is nothing to look at: name a file, or pipe it into something")
					}
					return a.counted(c.Backup, cmd.Context(), a.stdout)
				}
				var got v1.Backup
				err := writeFile(args[0], func(f *os.File) error {
					err := a.counted(c.Backup, cmd.Context(), f)
					if st, e := f.Stat(); err != nil || e != nil || !st.Mode().IsRegular() {
						return errors.Join(err, e)
					}
					if _, err := f.Seek(0, io.SeekStart); err != nil {
						return err
					}
					got, err = c.Restore(cmd.Context(), notOurs(f), true)
					return err
				})
				if err != nil {
					return err
				}
				return a.print(got, "Copied "+contents(got)+" to "+printable(args[0])+"\n")
			})
		},
	}
}

// notOurs hides that a file can be closed from a transport that would.
func notOurs(f *os.File) io.Reader { return io.MultiReader(f) }

// counted shows how many kB were written.
func (a *app) counted(write func(context.Context, io.Writer) error, ctx context.Context, w io.Writer) error {
	bar := a.progress("kB written", 0)
	defer bar.end()
	return write(ctx, &counting{w: w, bar: bar})
}

// counting counts what passes through.
type counting struct {
	w   io.Writer
	r   io.Reader
	bar *progress
	n   int64
}

// Write implements io.Writer.
func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.count(n)
	return n, err
}

// Read implements io.Reader.
func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.count(n)
	return n, err
}

func (c *counting) count(n int) {
	c.n += int64(n)
	c.bar.at(int(c.n >> 10))
}

// contents sums up a backup.
func contents(b v1.Backup) string {
	text := fmt.Sprintf("%s, %d users, %d logins", vouchers(int(b.Records["vouchers"])), b.Records["users"], b.Records["sessions"])
	if b.Created != nil {
		text += " of " + clockTime(b.Created, "")
	}
	return text
}

// restoreWithin is how long a daemon may take to start over.
const restoreWithin = time.Minute

func (a *app) restoreCommand() *cobra.Command {
	var yes, dryRun bool
	cmd := &cobra.Command{
		Use: "restore FILE|-", Short: "Put a backup in place of all that is stored", Args: exactly("FILE"),
		Long: `Put a backup in place of all that is stored. The file is verified whole before
anything is touched. A running daemon starts over on it by itself. Guests stay
online meanwhile if the backup knows of their sessions.

What was stored before is kept as before-restore.vsnap in the data directory:
restore that to go back.`,
		Example:           "  vouchsafe restore hotspot.vsnap --dry-run\n  vouchsafe restore hotspot.vsnap",
		ValidArgsFunction: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "-" && !yes && !dryRun {
				return usage(cmd, "nobody can be asked while the backup is piped in; say --yes, or --dry-run to verify it only")
			}
			in, err := a.open(args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			return a.with(cmd.Context(), writes, func(c *v1.Client) error { return a.restore(cmd, c, in, yes, dryRun) })
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only verify the file")
	return cmd
}

func (a *app) restore(cmd *cobra.Command, c *v1.Client, in io.ReadCloser, yes, dryRun bool) error {
	ctx := cmd.Context()
	if file, ok := in.(*os.File); ok && !dryRun && !yes {
		got, err := c.Restore(ctx, notOurs(file), true)
		if err != nil {
			return err
		}
		if err := a.confirm(cmd, yes, "Replace all that is stored by %s?", contents(got)); err != nil {
			return err
		}
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	bar := a.progress("kB sent", 0)
	got, err := c.Restore(ctx, &counting{r: in, bar: bar}, dryRun)
	bar.end()
	if err != nil {
		return err
	}
	if dryRun {
		return a.print(got, "The backup is good: "+contents(got)+"\n")
	}
	if err := a.startedOver(ctx, c, got.Run); err != nil {
		return err
	}
	return a.print(got, "Restored "+contents(got)+"; what was there before is before-restore.vsnap in the data directory\n")
}

// startedOver waits until a daemon is in a later run, and says what the restore
// left to be done.
func (a *app) startedOver(ctx context.Context, c *v1.Client, run int) error {
	if run == 0 {
		return nil // none runs
	}
	ctx, cancel := context.WithTimeout(ctx, restoreWithin)
	defer cancel()
	tick := time.NewTicker(a.every / 10)
	defer tick.Stop()
	for {
		st, err := c.Status(ctx)
		switch {
		case err == nil && st.RestoreError != "":
			return fmt.Errorf("%s; what was stored before is still in use; the daemon's log says more", st.RestoreError)
		case err == nil && st.Run > run:
			if _, err := c.DeviceKey(ctx); hotspot.CodeOf(err) != "" && err != nil {
				fmt.Fprintln(a.stderr, "vouchsafe: the action API's key is another router's and cannot be used here; make a new one: vouchsafe key regenerate")
			}
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("the daemon did not start over in time; its log says why")
		}
	}
}
