package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
)

func (a *app) auditCommand() *cobra.Command {
	var (
		filter v1.AuditFilter
		follow bool
	)
	cmd := &cobra.Command{
		Use: "audit", Short: "Show who changed what, when and from where", Args: noArgs,
		Long: `Show who changed what, newest first: operators, API keys, the command line. With
--follow, the newest oldest first, and then every change as it comes. Passwords,
passcodes and keys are not in it.`,
		Example: `  vouchsafe audit --since "2 days" --actor anna@example.com
  vouchsafe audit --action voucher.removed --limit 0`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case filter.Limit < 0:
				return usage(cmd, "--limit must be 0 (all) or more")
			case !cmd.Flags().Changed("limit") && follow:
				filter.Limit = followLimit
			}
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				if follow {
					return a.followAudit(cmd.Context(), c, filter)
				}
				return a.printAudit(limited(c.Audit(cmd.Context(), filter), filter.Limit))
			})
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&follow, "follow", "f", false, "go on with what happens")
	f.StringVar(&filter.Since, "since", "", "from this `time` on: \"2026-01-31 18:00\", or so long ago: \"2 days\", \"90m\"")
	f.StringVar(&filter.Actor, "actor", "", "only what was done by this `name`, id, address or kind, such as \"device key\"")
	f.StringVar(&filter.Action, "action", "", "only this `action`, such as voucher.removed, or voucher for all that begin with it")
	f.IntVar(&filter.Limit, "limit", logLimit, "show at most this `number`; 0 for all")
	return cmd
}

func (a *app) printAudit(rows iter.Seq2[v1.AuditRow, error]) error {
	n, err := printList(a, rows, []string{"TIME", "WHO", "FROM", "ACTION", "WHAT", "CHANGES"}, auditCells)
	return a.orNone(n, err, "Nothing was changed.")
}

func auditCells(r v1.AuditRow) []string {
	who := r.Actor.Name
	if who == "" {
		who = r.Actor.Kind
	}
	if r.Actor.Token {
		who += " (token)"
	}
	from := r.Actor.Address
	if from == "" {
		from = "-"
	}
	when := clockTime(r.Time, "-")
	if !r.Clock {
		when += "?"
	}
	return []string{when, clip(who, 40), from, r.Action, clip(r.Subject, 40), clip(changesText(r.Changes), 120)}
}

// changesText writes changes in a line. What is a secret is only named.
func changesText(list []v1.AuditChange) string {
	texts := make([]string, len(list))
	for i, c := range list {
		switch {
		case c.Old == "" && c.New == "":
			texts[i] = c.Field
		case c.Old == "":
			texts[i] = c.Field + ": " + c.New
		default:
			texts[i] = c.Field + ": " + c.Old + " → " + c.New
		}
	}
	return strings.Join(texts, ", ")
}

func (a *app) followAudit(ctx context.Context, c *v1.Client, filter v1.AuditFilter) error {
	// Following a stopped daemon's store would keep the daemon from starting.
	if st, err := c.Status(ctx); err != nil || !st.Running {
		return errors.Join(err, errors.New("no daemon runs whose changes could be followed; start it, or leave --follow out"))
	}
	last, err := a.tellAudit(c.Audit(ctx, filter), 0, filter.Limit)
	if err != nil {
		return err
	}
	filter.Since, filter.Limit = "", 0
	tick := time.NewTicker(a.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if last, err = a.tellAudit(c.Audit(ctx, filter), last, 0); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return &remedied{err, "is the daemon still running? see: vouchsafe status"}
		}
	}
}

// tellAudit prints the rows above an id, in order, and returns the highest id.
func (a *app) tellAudit(rows iter.Seq2[v1.AuditRow, error], last uint64, limit int) (uint64, error) {
	var news []v1.AuditRow
	for r, err := range limited(rows, limit) {
		if err != nil {
			return last, err
		}
		if r.ID <= last {
			break
		}
		news = append(news, r)
	}
	for i := len(news) - 1; i >= 0; i-- {
		r := news[i]
		last = max(last, r.ID)
		if err := a.tellRow(r); err != nil {
			return last, err
		}
	}
	return last, nil
}

func (a *app) tellRow(r v1.AuditRow) error {
	if a.json { // one object per line, since there is no end
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		return enc.Encode(r)
	}
	_, err := fmt.Fprintln(a.stdout, printable(strings.TrimRight(strings.Join(auditCells(r), "  "), " ")))
	return err
}
