package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// How many logins are shown where it is not said.
const (
	logLimit    = 100
	followLimit = 10
)

func (a *app) logCommand() *cobra.Command {
	var (
		filter v1.LoginFilter
		follow bool
	)
	cmd := &cobra.Command{
		Use: "log", Short: "Show who logged in, when, and how much was used", Args: noArgs,
		Long: `Show logins, newest first: who, with which device, from when to when, how much
was used, and why the session ended. With --follow, the newest ones oldest
first, and then every login and every end as it comes.`,
		Example: `  vouchsafe log --since "2 days" --voucher room7
  vouchsafe log --since 2026-01-31 --until 2026-02-01 --limit 0
  vouchsafe log --follow`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case filter.Limit < 0:
				return usage(cmd, "--limit must be 0 (all) or more")
			case follow && filter.Until != "":
				return usage(cmd, "--follow and --until do not go together")
			case !cmd.Flags().Changed("limit") && follow:
				filter.Limit = followLimit
			}
			if filter.MAC != "" {
				mac, err := hotspot.ParseMAC(strings.TrimSpace(filter.MAC))
				if err != nil {
					return usage(cmd, "--mac: %v", err)
				}
				filter.MAC = mac.String()
			}
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				if follow {
					return a.followLog(cmd.Context(), c, filter)
				}
				return a.printLog(limited(c.Logins(cmd.Context(), filter), filter.Limit))
			})
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&follow, "follow", "f", false, "go on with what happens")
	f.StringVar(&filter.Since, "since", "", "logins from this `time` on: \"2026-01-31 18:00\", or so long ago: \"2 days\", \"90m\"")
	f.StringVar(&filter.Until, "until", "", "logins before this `time`")
	f.StringVar(&filter.Voucher, "voucher", "", "logins with the voucher of this `username`")
	f.StringVar(&filter.MAC, "mac", "", "logins of the device with this `MAC`")
	f.IntVar(&filter.Limit, "limit", logLimit, "show at most this `number`; 0 for all")
	_ = cmd.RegisterFlagCompletionFunc("voucher", a.complete(voucherNames))
	return cmd
}

// limited ends a list after n items; 0: where it ends.
func limited[T any](items iter.Seq2[T, error], n int) iter.Seq2[T, error] {
	if n == 0 {
		return items
	}
	return func(yield func(T, error) bool) {
		left := n
		for item, err := range items {
			if !yield(item, err) {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}

func (a *app) printLog(logins iter.Seq2[v1.Login, error]) error {
	columns := []string{"LOGIN", "SINCE", "UNTIL", "MAC", "ADDRESS", "DOWNLOAD", "UPLOAD", "METHOD", "WHY IT ENDED"}
	n, err := printList(a, logins, columns, func(x v1.Login) []string {
		return []string{clip(x.Login, 40), clockTime(x.Started, "-"), clockTime(x.Ended, "online"), x.MAC.String(), first(x.Addresses),
			size(x.DownloadUsed), size(x.UploadUsed), x.Method, x.Reason}
	})
	return a.orNone(n, err, "Nobody logged in.")
}

// follower tells of logins and ends that it has not told of.
type follower struct {
	a      *app
	filter v1.LoginFilter
	last   uint64              // the newest login told
	open   map[uint64]struct{} // logins told whose end was not
}

func (a *app) followLog(ctx context.Context, c *v1.Client, filter v1.LoginFilter) error {
	// Following a stopped daemon's store would keep the daemon from starting.
	if st, err := c.Status(ctx); err != nil || !st.Running {
		return errors.Join(err, errors.New("no daemon runs whose logins could be followed; start it, or leave --follow out"))
	}
	f := &follower{a: a, filter: filter, open: map[uint64]struct{}{}}
	if err := f.look(c.Logins(ctx, filter), filter.Limit); err != nil {
		return err
	}
	// From now on everything counts, also the ends of what began before.
	f.filter.Since, f.filter.Limit = "", 0
	tick := time.NewTicker(a.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := f.look(c.Logins(ctx, f.filter), 0); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return &remedied{err, "is the daemon still running? see: vouchsafe status"}
		}
	}
}

// look reads back to the oldest login of which there may be news, and tells the
// news in order.
func (f *follower) look(logins iter.Seq2[v1.Login, error], limit int) error {
	oldest := f.last
	for id := range f.open {
		oldest = min(oldest, id-1)
	}
	var news []v1.Login
	for x, err := range limited(logins, limit) {
		if err != nil {
			return err
		}
		if x.ID <= oldest {
			break
		}
		if _, open := f.open[x.ID]; x.ID > f.last || open && x.Ended != nil {
			news = append(news, x)
		}
	}
	var errs []error
	for i := len(news) - 1; i >= 0; i-- {
		errs = append(errs, f.tell(news[i]))
	}
	return errors.Join(errs...)
}

func (f *follower) tell(x v1.Login) error {
	if x.ID > f.last {
		f.last = x.ID
		f.open[x.ID] = struct{}{}
		if err := f.event("login", x.Started, x, ""); err != nil {
			return err
		}
	}
	if x.Ended == nil {
		return nil
	}
	delete(f.open, x.ID)
	return f.event("end", x.Ended, x, "  "+x.Reason+", "+size(x.DownloadUsed)+" down, "+size(x.UploadUsed)+" up")
}

func (f *follower) event(what string, when *time.Time, x v1.Login, more string) error {
	if f.a.json { // one object per line, since there is no end
		enc := json.NewEncoder(f.a.stdout)
		enc.SetEscapeHTML(false)
		return enc.Encode(struct {
			Event string `json:"event"`
			v1.Login
		}{what, x})
	}
	line := fmt.Sprintf("%s  %-5s  %s  %s  %s%s", clockTime(when, "-"), what, x.MAC, first(x.Addresses), clip(x.Login, 40), more)
	_, err := io.WriteString(f.a.stdout, printable(line)+"\n")
	return err
}
