package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// manyFlags say which vouchers a command is about, where they are not named.
type manyFlags struct {
	selection
	all, yes, dryRun bool

	n     int
	items []any
}

func (m *manyFlags) add(cmd *cobra.Command) {
	m.selection.add(cmd)
	f := cmd.Flags()
	f.BoolVar(&m.all, "all", false, "every voucher")
	f.BoolVar(&m.yes, "yes", false, "do not ask")
	f.BoolVar(&m.dryRun, "dry-run", false, "show which vouchers it would be, and do nothing")
}

// args wants names, or a selection, or --all.
func (m *manyFlags) args(cmd *cobra.Command, args []string) error {
	ways := 0
	for _, given := range []bool{len(args) > 0, m.given(), m.all} {
		if given {
			ways++
		}
	}
	switch {
	case ways == 0:
		return usage(cmd, "USERNAME is missing; or select with --where, or with --all")
	case ways > 1:
		return usage(cmd, "usernames, --where and --all do not go together")
	case slices.Contains(args, ""):
		return usage(cmd, "USERNAME must not be empty")
	}
	return nil
}

// take remembers what was done.
func (m *manyFlags) take(a *app, vouchers []v1.Voucher) {
	m.n += len(vouchers)
	for _, v := range vouchers {
		if a.json {
			m.items = append(m.items, v)
		}
	}
}

// bulk is what is done to many vouchers.
type bulk struct {
	verb, done string // "change", "changed"
	// named does it to vouchers by their names, all or none.
	named func(c *v1.Client, names []string) error
	// selected does it to one batch of those selected, and returns the cursor
	// of the next.
	selected func(c *v1.Client, sel *v1.Selection, cursor string) (next string, err error)
}

// many does something to the vouchers that are named or selected.
func (a *app) many(cmd *cobra.Command, names []string, m *manyFlags, b bulk) error {
	sel, err := m.parse(cmd)
	if err != nil {
		return err
	}
	sel.All = m.all
	return a.with(cmd.Context(), reads, func(c *v1.Client) error {
		var err error
		switch {
		case m.dryRun:
			return a.rehearse(cmd, c, names, sel, b)
		case len(names) > 0:
			err = m.eachName(c, names, b)
		default:
			err = a.eachBatch(cmd, c, m, sel, b)
		}
		if err != nil {
			return err
		}
		if a.json {
			return listJSON(a.stdout, m.items)
		}
		if len(names) == 0 {
			_, err = fmt.Fprintln(a.stdout, vouchers(m.n), b.done)
		}
		return err
	})
}

func (m *manyFlags) eachName(c *v1.Client, names []string, b bulk) error {
	for batch := range slices.Chunk(names, v1.MaxNames) {
		if err := b.named(c, batch); err != nil {
			done := "nothing was " + b.done
			if m.n > 0 {
				done = vouchers(m.n) + " " + b.done + " before"
			}
			return remedy(err, hotspot.CodeNotFound, "%s; %s", done, noVoucherRemedy)
		}
	}
	return nil
}

func (a *app) eachBatch(cmd *cobra.Command, c *v1.Client, m *manyFlags, sel v1.Selection, b bulk) error {
	total := 0
	for _, err := range c.Vouchers(cmd.Context(), sel) {
		if err != nil {
			return err
		}
		total++
	}
	if total == 0 {
		return nil
	}
	if err := a.confirm(cmd, m.yes, "%s %s?", upper(b.verb), vouchers(total)); err != nil {
		return err
	}
	bar := a.progress(b.done, total)
	defer bar.end()
	for cursor := ""; ; {
		next, err := b.selected(c, &sel, cursor)
		if err != nil {
			if m.n > 0 {
				err = &remedied{err, vouchers(m.n) + " " + b.done + " before; do it again for the rest"}
			}
			return err
		}
		bar.at(m.n)
		if next == "" {
			return nil
		}
		cursor = next
	}
}

// rehearse shows the vouchers that something would be done to.
func (a *app) rehearse(cmd *cobra.Command, c *v1.Client, names []string, sel v1.Selection, b bulk) error {
	list := c.Vouchers(cmd.Context(), sel)
	if len(names) > 0 {
		list = func(yield func(v1.Voucher, error) bool) {
			for _, name := range names {
				v, err := c.Voucher(cmd.Context(), name)
				if !yield(v, remedy(err, hotspot.CodeNotFound, noVoucherRemedy)) {
					return
				}
			}
		}
	}
	n, err := a.printVouchers(list)
	if err == nil && !a.json {
		_, err = fmt.Fprintln(a.stdout, vouchers(n), "would be", b.done)
	}
	return err
}

// confirm asks before something that cannot be undone. Where nobody can be
// asked, it is refused: a script says --yes.
func (a *app) confirm(cmd *cobra.Command, yes bool, question string, args ...any) error {
	if yes {
		return nil
	}
	text := fmt.Sprintf(question, args...)
	if a.asks {
		fmt.Fprint(a.stderr, text+" [y/N] ")
		line, err := bufio.NewReader(io.LimitReader(a.stdin, 100)).ReadString('\n')
		if answer := strings.ToLower(strings.TrimSpace(line)); answer == "y" || answer == "yes" {
			return nil
		} else if err == nil {
			return fmt.Errorf("nothing was done")
		}
	}
	return usage(cmd, "%s Nothing was done; say --yes to do it, or --dry-run to see what it would be", text)
}

// vouchers writes a number of vouchers.
func vouchers(n int) string {
	if n == 1 {
		return "1 voucher"
	}
	return fmt.Sprintf("%d vouchers", n)
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (a *app) voucherRemove() *cobra.Command {
	var many manyFlags
	cmd := &cobra.Command{
		Use: "remove USERNAME... | --where CONDITION | --all", Short: "Remove vouchers and end their sessions at once",
		Long: "Remove the vouchers that are named, all or none, or those that are selected, and\nend their sessions at once.\n\n" + whereHelp,
		Example: `  vouchsafe voucher remove room7 room8
  vouchsafe voucher remove --where status=expired --where "created-before=30 days" --yes`,
		DisableFlagsInUseLine: true,
		Args:                  many.args,
		ValidArgsFunction:     a.complete(voucherNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			remove := func(c *v1.Client, r v1.RemoveVouchers) (string, error) {
				page, err := c.RemoveVouchers(cmd.Context(), r)
				many.n += len(page.Items)
				for _, name := range page.Items {
					many.items = append(many.items, name)
				}
				return page.Next, err
			}
			return a.many(cmd, args, &many, bulk{
				verb: "remove", done: "removed",
				named: func(c *v1.Client, names []string) error {
					_, err := remove(c, v1.RemoveVouchers{Usernames: names})
					return err
				},
				selected: func(c *v1.Client, sel *v1.Selection, cursor string) (string, error) {
					return remove(c, v1.RemoveVouchers{Where: sel, Cursor: cursor})
				},
			})
		},
	}
	many.add(cmd)
	return cmd
}
