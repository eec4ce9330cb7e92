package main

import (
	"strconv"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
)

// statistics are what `stats` tells.
type statistics struct {
	Live    v1.Live           `json:"live"`
	History []v1.HistoryPoint `json:"history"`
	Top     []v1.TopVoucher   `json:"top"`
}

func (a *app) statsCommand() *cobra.Command {
	var from, to, by string
	var days, limit int
	cmd := &cobra.Command{
		Use: "stats", Short: "Show who is online, logins, traffic and the vouchers that use the most",
		Long: `Show who is online, logins, traffic and the vouchers that use the most.

Bytes belong to the hour in which they were counted, so a session past midnight
is in both days.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), reads, func(c *v1.Client) (err error) {
				var st statistics
				if st.Live, err = c.Live(cmd.Context(), limit); err != nil {
					return err
				}
				if st.History, err = c.History(cmd.Context(), from, to, by); err != nil {
					return err
				}
				if st.Top, err = c.TopVouchers(cmd.Context(), days, limit); err != nil {
					return err
				}
				if a.json {
					return printJSON(a.stdout, st)
				}
				return a.printStats(st, by)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&by, "by", "day", "tell history by this `step`: hour or day")
	f.StringVar(&from, "from", "", "`time`, or so long ago, such as \"7 days\" (default 30 days or 24 hours)")
	f.StringVar(&to, "to", "", "`time`; the same (default now)")
	f.IntVar(&days, "days", 1, "vouchers that used the most on so many `days`, 1 to 30")
	f.IntVar(&limit, "limit", 10, "show so `many` vouchers and guests, at most 100")
	return cmd
}

func (a *app) printStats(st statistics, by string) error {
	t := newTable(a.stdout)
	t.row("Guests online", strconv.Itoa(st.Live.GuestsOnline))
	t.row("Download now", size(st.Live.DownloadRate)+"/s")
	t.row("Upload now", size(st.Live.UploadRate)+"/s")
	for _, g := range st.Live.Guests {
		t.row("  "+g.Login, size(g.DownloadRate)+"/s", size(g.UploadRate)+"/s")
	}
	if err := t.flush(); err != nil {
		return err
	}
	layout := "2006-01-02"
	if by == "hour" {
		layout = "2006-01-02 15:04"
	}
	t = newTable(a.stdout)
	t.row()
	t.row("FROM", "LOGINS", "DOWNLOAD", "UPLOAD", "GUESTS AT MOST")
	for _, p := range st.History {
		start := "-"
		if p.Start != nil {
			start = p.Start.Format(layout)
		}
		if p.Provisional {
			start += "?" // by a clock that was not believed
		}
		t.row(start, strconv.FormatUint(p.Logins, 10), size(p.Download), size(p.Upload), strconv.FormatUint(p.Peak, 10))
	}
	if len(st.Top) > 0 {
		t.row()
		t.row("VOUCHER", "NAME", "DOWNLOAD", "UPLOAD")
	}
	for _, v := range st.Top {
		t.row(v.Username, v.FullName, size(v.Download), size(v.Upload))
	}
	return t.flush()
}
